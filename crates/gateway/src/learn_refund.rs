//! What an upstream's word does to a refund: planned purely, committed under the order's revision.
//! Only an explicit word ends one; after silence the upstream is asked under the same number.

use channels::{Outcome, Refunded};
use kernel::crash::{self, Point};
use kernel::decide::{Decision, Event, RefundEnd, decide};
use kernel::defect::{self, Defect};
use kernel::ledger::Entry;
use kernel::money::Money;
use kernel::order::{Attempt, Order};
use kernel::refund::{Refund, RefundCause, RefundDone, RefundState};
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::audit::AuditEntry;
use store::messages::Message;
use store::orders::{self, Change};
use store::{StoreError, Written};

use crate::Gateway;
use crate::ask_upstream;
use crate::learn::{REPLANS_MAX, Standing};
use crate::learn_plan::NOT_FOUND_PROVES_AFTER_MS;
use crate::refund_order::question;
use crate::sweeper::{may_be_undone, next_sweep};

/// How a refund's end is known.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Known {
    /// From the first request of it: a refusal ends it.
    First,
    /// From a request repeated when the upstream knew of none, long after the first: as good.
    Repeated,
    /// From anything else: a refusal says nothing of what was asked before.
    Otherwise,
}

/// What changes.
struct Plan {
    order: Order,
    refund: Refund,
    postings: Vec<Entry>,
}

impl Gateway {
    /// Asks the upstream for a refund that it has not heard of, and commits what it says.
    pub(crate) async fn begin_refund(
        &self,
        standing: Standing,
        refund: &Refund,
    ) -> Result<(Standing, Outcome), StoreError> {
        let (outcome, messages) = self.ask_about(&standing, refund, false).await;
        let standing =
            self.learn_refund(standing, refund, (outcome.clone(), Known::First), messages).await?;
        Ok((standing, outcome))
    }

    /// Asks where a refund stands; if the upstream knows of none, asks for it again under its number, but
    /// only when the first request cannot be on its way any more: of two at once, one could be refused
    /// and the other taken.
    pub(crate) async fn ask_refund(
        &self,
        standing: Standing,
        refund: &Refund,
    ) -> Result<(Standing, Outcome), StoreError> {
        let (mut outcome, mut messages) = self.ask_about(&standing, refund, true).await;
        let mut known = Known::Otherwise;
        let age_ms = self.now().millis_since(refund.created_at);
        let is_old = age_ms > NOT_FOUND_PROVES_AFTER_MS;
        if outcome == Outcome::NotFound && is_asked_again(refund) && is_old {
            let (again, more) = self.ask_about(&standing, refund, false).await;
            messages.extend(more);
            (outcome, known) = (again, Known::Repeated);
        }
        let standing =
            self.learn_refund(standing, refund, (outcome.clone(), known), messages).await?;
        Ok((standing, outcome))
    }

    /// Commits what a callback says of a refund.
    pub(crate) async fn hear_of_refund(
        &self,
        standing: Standing,
        refund: &Refund,
        outcome: Outcome,
        messages: Vec<Message>,
    ) -> Result<Standing, StoreError> {
        self.learn_refund(standing, refund, (outcome, Known::Otherwise), messages).await
    }

    /// Asks for every refund of an order that is due, and about every one that is in doubt.
    pub(crate) async fn ask_refunds(&self, mut standing: Standing) -> Result<Standing, StoreError> {
        let live: Vec<_> =
            standing.refunds.iter().filter(|refund| refund.state.is_live()).cloned().collect();
        for refund in live {
            standing = match refund.state {
                RefundState::Due => self.begin_due(standing, &refund).await?,
                RefundState::Asking
                | RefundState::Done
                | RefundState::Closed
                | RefundState::Stuck => self.ask_refund(standing, &refund).await?.0,
            };
        }
        Ok(standing)
    }

    /// Asks the upstream for a refund, or where it stands.
    pub(crate) async fn ask_about(
        &self,
        standing: &Standing,
        refund: &Refund,
        is_query: bool,
    ) -> (Outcome, Vec<Message>) {
        let Some(attempt) = standing.attempt(refund.attempt_no) else {
            tracing::error!(refund.no = %refund.refund_no(), "refund: its attempt is gone");
            return (Outcome::Unknown(channels::Doubt::NotSent(String::new())), Vec::new());
        };
        let account = self.account(attempt.account_id, attempt.account_version).await;
        let notify_url = account.map_or_else(
            |_| String::new(),
            |account| self.callback_url(standing.order.mch_id, &account),
        );
        let trade = ask_upstream::trade(standing, attempt);
        let op = question(self.refund_op(trade, refund, notify_url), is_query);
        let asked = self.ask(&op, attempt).await;
        crash::reach(Point::RefundAnswered);
        (asked.outcome, asked.messages)
    }

    async fn learn_refund(
        &self,
        mut standing: Standing,
        refund: &Refund,
        (outcome, known): (Outcome, Known),
        messages: Vec<Message>,
    ) -> Result<Standing, StoreError> {
        let settings = match self.caller_of(standing.order.app_id).await {
            Ok(caller) => caller.app.settings.clone(),
            Err(_) => return Err(StoreError::Unavailable("the application cannot be read".into())),
        };
        for _ in 0..REPLANS_MAX {
            let now = self.now();
            let Some(plan) = plan(&standing, refund, (&outcome, known), now) else {
                self.record(messages).await?;
                return Ok(standing);
            };
            let rev = standing.refunds.iter().find(|row| row.id == refund.id);
            let rev = rev.map_or(0, |row| row.rev);
            let is_over = plan.order.state != standing.order.state;
            let is_told = is_over && settings.notify_closed;
            let change = Change {
                batch_id: self.next_id().0,
                expected_rev: standing.order.rev,
                from: standing.order.state,
                event: format!("refund {}", plan.refund.state.word()),
                postings: plan.postings,
                notice: is_told.then(|| self.notice(&plan.order, plan.order.state)).flatten(),
                attempts: Vec::new(),
                new_attempts: Vec::new(),
                audit: audit(&plan.refund, now),
                refunds: vec![(plan.refund, rev)],
                new_refunds: Vec::new(),
                messages: messages.clone(),
                at: now,
                order: plan.order,
            };
            crash::reach(Point::RefundPlanned);
            if let Written::Done(_) = self.0.store.write(orders::settle(&change)).await? {
                crash::reach(Point::RefundLearned);
                return Ok(self.committed(standing, change));
            }
            let (mch_id, id) = (standing.order.mch_id, standing.order.id);
            let Some(reread) = self.standing(mch_id, id).await? else {
                return Err(StoreError::Defect("an order is gone".into()));
            };
            standing = reread;
        }
        Err(StoreError::Busy)
    }
}

/// What an outcome changes; `None`: nothing.
fn plan(
    standing: &Standing,
    refund: &Refund,
    (outcome, known): (&Outcome, Known),
    now: Timestamp,
) -> Option<Plan> {
    let refund = standing.refunds.iter().find(|row| row.id == refund.id)?;
    let to = match outcome {
        Outcome::Refunded(done) if is_of(done, refund.amount) => RefundState::Done,
        Outcome::Refunded(done) => {
            tracing::error!(
                refund.no = %refund.refund_no(), expected = %refund.amount, told = %done.amount,
                "the upstream names another amount: nothing was changed, a person must look"
            );
            return None;
        }
        Outcome::RefundClosed(_) => RefundState::Closed,
        Outcome::Refused(_) if known != Known::Otherwise => RefundState::Closed,
        Outcome::RefundStuck => RefundState::Stuck,
        Outcome::Unknown(_) if defect::is_seeded(Defect::RefundDoubtFails) => RefundState::Closed,
        Outcome::Refused(_)
        | Outcome::Opened { .. }
        | Outcome::Paid(_)
        | Outcome::PaidElsewhere
        | Outcome::Unpaid { .. }
        | Outcome::Closed
        | Outcome::Failed(_)
        | Outcome::Reversed
        | Outcome::NotFound
        | Outcome::RefundPending { .. }
        | Outcome::Rates(_)
        | Outcome::Unknown(_)
        | Outcome::Keys(_) => return None,
    };
    // What was never the merchant's is owed until it has gone.
    let to = match (to, refund.cause) {
        (RefundState::Closed, RefundCause::Surplus) => RefundState::Stuck,
        (to, _) => to,
    };
    if !refund.state.may_become(to) {
        if (refund.state, to) == (RefundState::Closed, RefundState::Done) {
            tracing::error!(
                refund.no = %refund.refund_no(),
                "refunded upstream although it had said it would not: a person must look"
            );
        }
        return None;
    }
    let changed = Refund { state: to, done: done(outcome), ..refund.clone() };
    let mut order = standing.order.clone();
    let mut postings = Vec::new();
    match event(standing, refund, to).map(|event| decide(&order, event)) {
        None => {}
        Some(Decision::Surplus { postings: entries }) => postings = entries,
        Some(Decision::Move { to, postings: entries }) => {
            (order.state, postings) = (to, entries);
        }
        Some(Decision::Refund { total_refund_fee, postings: entries }) => {
            (order.total_refund_fee, postings) = (total_refund_fee, entries);
        }
        Some(Decision::Keep) => return None,
    }
    let others = standing.refunds.iter().filter(|row| row.id != refund.id).cloned();
    let refunds: Vec<_> = others.chain([changed.clone()]).collect();
    let attempts: &[Attempt] = &standing.attempts;
    order.sweep_at = next_sweep(&order, attempts, &refunds, now);
    if may_be_undone(&order) && !to.is_live() {
        order.sweep_at = Some(now);
    }
    Some(Plan { order, refund: changed, postings })
}

/// What a refund that becomes `to` is to its order.
fn event(standing: &Standing, refund: &Refund, to: RefundState) -> Option<Event> {
    let amount = refund.amount;
    match (to, refund.cause) {
        (RefundState::Done, RefundCause::Surplus) => Some(Event::SurplusReturned { amount }),
        (RefundState::Done, RefundCause::Merchant | RefundCause::Reversal) => {
            Some(Event::RefundDone { amount, end: end(standing, refund) })
        }
        (RefundState::Closed, _) => Some(Event::RefundClosed { amount }),
        (RefundState::Due | RefundState::Asking | RefundState::Stuck, _) => None,
    }
}

/// Whether it is asked for once more when the upstream knows of none. What is owed is, also after a
/// refusal, which may have been for want of balance.
fn is_asked_again(refund: &Refund) -> bool {
    match refund.state {
        RefundState::Asking => true,
        RefundState::Stuck => refund.cause == RefundCause::Surplus,
        RefundState::Due | RefundState::Done | RefundState::Closed => false,
    }
}

fn is_of(done: &Refunded, amount: Money) -> bool {
    done.amount == amount
}

fn done(outcome: &Outcome) -> Option<RefundDone> {
    let Outcome::Refunded(done) = outcome else { return None };
    Some(RefundDone {
        upstream_no: done.refund_id.clone(),
        cash: done.cash,
        rate: done.rate.clone(),
        at: done.refunded_at,
    })
}

/// What becomes of the order when `refund` is done too.
fn end(standing: &Standing, refund: &Refund) -> RefundEnd {
    let is_given =
        |row: &&Refund| row.state == RefundState::Done && row.cause != RefundCause::Surplus;
    let done = standing.refunds.iter().filter(is_given);
    let given: i64 = done.map(|row| row.amount.minor).sum();
    let is_last = given + refund.amount.minor == standing.order.pay_amount().minor;
    match refund.cause {
        _ if !is_last || standing.order.state != TradeState::Success => RefundEnd::Partial,
        RefundCause::Merchant => RefundEnd::Refunded,
        RefundCause::Reversal => RefundEnd::Reversed,
        RefundCause::Surplus => RefundEnd::Partial,
    }
}

/// A refund that needs a person is an alarm that stays.
fn audit(refund: &Refund, at: Timestamp) -> Vec<AuditEntry> {
    if refund.state != RefundState::Stuck {
        return Vec::new();
    }
    vec![AuditEntry {
        at,
        actor: "gateway".into(),
        action: "refund needs a person".into(),
        subject: refund.refund_no().into_string(),
        detail: serde_json::json!({ "amount": refund.amount.minor }).to_string(),
    }]
}
