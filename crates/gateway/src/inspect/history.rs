//! I8: the history has no gap and moves along the table; I15: what is not over is asked about.

use kernel::state::TradeState;
use store::inspect::Dossier;
use store::order_events::{OrderEvent, PLACED};

use super::{Found, Invariant, wrong_if};

/// The revisions are 0, 1, …, each from where the one before came to.
pub(super) fn gapless(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    let Some(first) = dossier.history.first() else {
        wrong_if(&mut found, true, Invariant::I8, || "it has no history".to_owned());
        return found;
    };
    let is_begun = first.rev == 0 && first.from.is_none() && first.event == PLACED;
    wrong_if(&mut found, !is_begun, Invariant::I8, || {
        format!("its history begins with revision {}, {}", first.rev, first.event)
    });
    for pair in dossier.history.windows(2) {
        let [before, after] = pair else { continue };
        wrong_if(&mut found, after.rev != before.rev + 1, Invariant::I8, || {
            format!("revision {} follows revision {}", after.rev, before.rev)
        });
        wrong_if(&mut found, after.from != Some(before.to), Invariant::I8, || {
            format!("revision {} comes from {}, not {}", after.rev, from(after), before.to.word())
        });
    }
    found
}

/// Each move is one of the table's.
pub(super) fn along_the_table(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    for event in &dossier.history {
        let may = event.from.is_none_or(|from| from == event.to || from.may_become(event.to));
        wrong_if(&mut found, !may, Invariant::I8, || {
            let (rev, to) = (event.rev, event.to.word());
            format!(
                "revision {rev} moves from {} to {to}, which is no move of the table",
                from(event)
            )
        });
    }
    found
}

/// The last row of the history is the order as it stands.
pub(super) fn ends_where_the_order_is(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    let Some(last) = dossier.history.last() else { return found };
    let order = &dossier.order;
    wrong_if(&mut found, (last.rev, last.to) != (order.rev, order.state), Invariant::I8, || {
        let (rev, state) = (order.rev, order.state.word());
        let (last_rev, to) = (last.rev, last.to.word());
        format!(
            "it is {state} at revision {rev}, its history ends with {to} at revision {last_rev}"
        )
    });
    found
}

/// Whatever is not over has a time at which somebody looks at it.
pub(super) fn asked_about(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    let order = &dossier.order;
    if order.sweep_at.is_some() {
        return found;
    }
    let waits = order.state.is_open();
    wrong_if(&mut found, waits, Invariant::I15, || {
        format!("it is {}, and nobody will ask about it", order.state.word())
    });
    let live = dossier.attempts.iter().filter(|attempt| attempt.state.is_live());
    for attempt in live.filter(|_| !waits) {
        let (no, state) = (attempt.no, attempt.state.word());
        wrong_if(&mut found, true, Invariant::I15, || {
            format!("attempt {no} is {state}, and nobody will ask about it")
        });
    }
    for refund in dossier.refunds.iter().filter(|refund| refund.state.is_live()) {
        wrong_if(&mut found, true, Invariant::I15, || {
            let (number, state) = (refund.refund_no(), refund.state.word());
            format!("refund {number} is {state}, and nobody will ask about it")
        });
    }
    found
}

fn from(event: &OrderEvent) -> &'static str {
    event.from.map_or("nothing", TradeState::word)
}
