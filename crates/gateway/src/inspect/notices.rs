//! I10: a payment has exactly one notice, and what is called delivered was acknowledged; I9: a notice
//! tells of its order, in a state that it had.

use kernel::notice::NoticeState;
use kernel::state::TradeState;
use serde_json::{Map, Value};
use store::inspect::Dossier;
use store::notices::NoticeHistory;

use super::{Found, Invariant, wrong_if};

/// The class of an attempt that the merchant has acknowledged.
const ACKNOWLEDGED: &str = "acknowledged";

/// A paid order with an address has one notice of it, another has none; each is as its attempts say.
pub(super) fn one_for_a_payment(dossier: &Dossier) -> Found {
    let order = &dossier.order;
    let mut found = Vec::new();
    let of_payment = |one: &&NoticeHistory| one.notice.event == TradeState::Success;
    let count = dossier.notices.iter().filter(of_payment).count();
    let expect = usize::from(order.payment.is_some() && !order.notify_url.is_empty());
    wrong_if(&mut found, count != expect, Invariant::I10, || {
        format!("there are {count} notices of its payment, not {expect}")
    });
    for history in &dossier.notices {
        found.extend(is_as_attempted(history));
    }
    found
}

fn is_as_attempted(history: &NoticeHistory) -> Found {
    let mut found = Vec::new();
    let (notice, attempts) = (&history.notice, &history.attempts);
    let id = notice.id;
    let is_numbered = (1..).zip(attempts).all(|(no, attempt): (i64, _)| attempt.no == no);
    wrong_if(&mut found, !is_numbered, Invariant::I11, || {
        let has: Vec<_> = attempts.iter().map(|attempt| attempt.no).collect();
        format!("notice {id} has the attempts {has:?}")
    });
    let counted = usize::try_from(notice.tries).unwrap_or(usize::MAX);
    wrong_if(&mut found, counted > attempts.len(), Invariant::I11, || {
        format!("notice {id} counts {} attempts, and {} are known", notice.tries, attempts.len())
    });
    let is_heard = attempts.iter().any(|attempt| attempt.log.outcome == ACKNOWLEDGED);
    let is_right = match notice.state {
        NoticeState::Delivered => is_heard,
        NoticeState::Parked => !attempts.is_empty(),
        NoticeState::Waiting => true,
    };
    wrong_if(&mut found, !is_right, Invariant::I10, || {
        format!("notice {id} is {}, and no attempt says so", notice.state.word())
    });
    found
}

/// Each notice tells of this order, in the state of its event, to which the order came.
pub(super) fn as_it_was(dossier: &Dossier) -> Found {
    let order = &dossier.order;
    let sn = order.sn();
    let mut found = Vec::new();
    for NoticeHistory { notice, .. } in &dossier.notices {
        let (id, event) = (notice.id, notice.event);
        let came = dossier.history.iter().any(|step| step.to == event && step.from != Some(event));
        wrong_if(&mut found, !came, Invariant::I9, || {
            format!("notice {id} tells of {}, to which the order never came", event.word())
        });
        let facts = (sn.as_str(), order.out_trade_no.as_str(), order.total_fee);
        if let Some(name) = names_another(&notice.facts, facts) {
            wrong_if(&mut found, true, Invariant::I9, || {
                format!("notice {id} tells another {name} than the order has")
            });
        }
        let told = read(&notice.facts);
        let is_told = text(&told, "trade_state") == Some(event.word());
        wrong_if(&mut found, !is_told, Invariant::I9, || {
            format!("notice {id} does not tell that the order is {}", event.word())
        });
        let paid = order.payment.as_ref().map(|payment| payment.transaction_id.as_str());
        let is_payment = event != TradeState::Success || text(&told, "transaction_id") == paid;
        wrong_if(&mut found, !is_payment, Invariant::I9, || {
            format!("notice {id} tells of another payment")
        });
    }
    found
}

/// The name of the first fact that is not the order's: number, merchant's number or amount.
pub(super) fn names_another(
    facts: &str,
    (sn, number, total_fee): (&str, &str, i64),
) -> Option<&'static str> {
    let told = read(facts);
    let fee = told.get("total_fee").and_then(Value::as_i64);
    let all = [
        ("sn", text(&told, "sn") == Some(sn)),
        ("out_trade_no", text(&told, "out_trade_no") == Some(number)),
        ("total_fee", fee == Some(total_fee)),
    ];
    all.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name)
}

/// The facts as they are stored; none, if they are no object.
fn read(facts: &str) -> Map<String, Value> {
    serde_json::from_str(facts).unwrap_or_default()
}

fn text<'a>(told: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    told.get(name).and_then(Value::as_str)
}
