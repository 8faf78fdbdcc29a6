//! What a lesson changes, decided purely from one reading of the order.

use channels::{Doubt, Outcome, RefusalKind};
use kernel::application::LatePayment;
use kernel::decide::{Decision, Event, RefundEnd, decide};
use kernel::defect::{self, Defect};
use kernel::ledger::Entry;
use kernel::money::Money;
use kernel::order::{Attempt, AttemptState, Order, Payment};
use kernel::product::Product;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use crate::learn::{Lesson, Source, Standing};
use crate::sweeper::next_sweep;

/// After an unanswered request, "not found" proves something only when it is this old, in
/// milliseconds: until then the request may still be on its way.
pub(crate) const NOT_FOUND_PROVES_AFTER_MS: i64 = 60_000;

/// What changes; the order's row is written even if only an attempt changes, so that the revision
/// guards both.
pub(crate) struct Plan {
    pub(crate) order: Order,
    pub(crate) attempt: Attempt,
    pub(crate) postings: Vec<Entry>,
    pub(crate) notify: Option<TradeState>,
    pub(crate) audit: Option<(&'static str, String)>,
    /// The order does not want the attempt's payment: it is owed to the payer.
    pub(crate) is_surplus: bool,
    /// What the upstream gave back with the order, unasked by a refund of ours.
    pub(crate) undone: Option<Money>,
}

/// What a lesson changes; `None`: nothing.
pub(crate) fn plan(
    standing: &Standing,
    lesson: &Lesson,
    late: LatePayment,
    now: Timestamp,
) -> Option<Plan> {
    let attempt = standing.attempt(lesson.attempt_no)?;
    let is_barcode = standing.order.product == Product::Micropay;
    let mut plan = match &lesson.outcome {
        Outcome::Opened { pay_text } => opened(&standing.order, attempt, pay_text)?,
        Outcome::Paid(payment) => paid(standing, attempt, payment, late)?,
        Outcome::Unpaid { is_acting: true } => acting(&standing.order, attempt)?,
        Outcome::Refused(refusal) => refused(standing, attempt, refusal.kind, lesson.source)?,
        Outcome::Failed(_) => failed(standing, attempt, lesson.source)?,
        Outcome::Reversed => reversed(standing, attempt)?,
        Outcome::Unknown(_) if is_barcode && defect::is_seeded(Defect::CodeDoubtFails) => {
            failed(standing, attempt, lesson.source)?
        }
        // A barcode may have been charged: what is not known is for a query to tell.
        Outcome::Unknown(doubt) if is_barcode && lesson.source == Source::Place => match doubt {
            Doubt::NotSent(_) => return None,
            Doubt::Timeout
            | Doubt::Empty
            | Doubt::UnknownKey { .. }
            | Doubt::Busy(_)
            | Doubt::Unreadable(_) => acting(&standing.order, attempt)?,
        },
        Outcome::Closed => closed(standing, attempt, lesson.source)?,
        Outcome::NotFound => {
            let age_ms = now.millis_since(attempt.created_at);
            // A barcode is called open although its charge was not answered: it may be on its way.
            let is_held = attempt.state == AttemptState::Open && !is_barcode;
            let is_proof = is_held || age_ms > NOT_FOUND_PROVES_AFTER_MS;
            match lesson.source {
                Source::Closing | Source::Switching if is_proof => {
                    closed(standing, attempt, lesson.source)?
                }
                Source::Reversing if is_proof => reversed(standing, attempt)?,
                Source::Place
                | Source::PlaceAgain
                | Source::Query
                | Source::Closing
                | Source::Switching
                | Source::Reversing
                | Source::Callback => return None,
            }
        }
        Outcome::Unpaid { is_acting: false }
        | Outcome::PaidElsewhere
        | Outcome::Refunded(_)
        | Outcome::RefundPending { .. }
        | Outcome::RefundClosed(_)
        | Outcome::RefundStuck
        | Outcome::Rates(_)
        | Outcome::Unknown(_)
        | Outcome::Keys(_) => return None,
    };
    let mut attempts = standing.attempts.clone();
    if let Some(row) = attempts.iter_mut().find(|row| row.no == plan.attempt.no) {
        *row = plan.attempt.clone();
    }
    plan.order.sweep_at = next_sweep(&plan.order, &attempts, &standing.refunds, now);
    Some(plan)
}

fn opened(order: &Order, attempt: &Attempt, pay_text: &str) -> Option<Plan> {
    if attempt.state == AttemptState::Open && attempt.pay_text == pay_text {
        return None;
    }
    if !attempt.state.is_live() {
        return None;
    }
    let is_mixed = order.product == Product::MixedQr;
    let shown = if is_mixed { String::new() } else { pay_text.to_owned() };
    Some(Plan {
        order: Order { pay_text: shown, ..order.clone() },
        attempt: Attempt {
            state: AttemptState::Open,
            pay_text: pay_text.to_owned(),
            ..attempt.clone()
        },
        postings: Vec::new(),
        notify: None,
        audit: None,
        is_surplus: false,
        undone: None,
    })
}

fn acting(order: &Order, attempt: &Attempt) -> Option<Plan> {
    let Decision::Move { to, postings } = decide(order, Event::PayerActing) else { return None };
    let order = Order { state: to, ..order.clone() };
    let attempt = Attempt { state: AttemptState::Open, ..attempt.clone() };
    Some(Plan {
        order,
        attempt,
        postings,
        notify: None,
        audit: None,
        is_surplus: false,
        undone: None,
    })
}

fn paid(
    standing: &Standing,
    attempt: &Attempt,
    payment: &Payment,
    late: LatePayment,
) -> Option<Plan> {
    let is_known = matches!(attempt.state, AttemptState::Paid | AttemptState::Surplus);
    if is_known || payment.amount != standing.order.pay_amount() {
        return None;
    }
    let attempt = Attempt { transaction_id: payment.transaction_id.clone(), ..attempt.clone() };
    let order = standing.order.clone();
    let event = Event::Paid { amount: payment.amount, late };
    let was_late = !order.state.is_open();
    Some(match decide(&order, event) {
        Decision::Keep | Decision::Refund { .. } => return None,
        Decision::Move { to, postings } => Plan {
            order: Order {
                state: to,
                provider: Some(payment.provider),
                payment: Some(payment.clone()),
                sweeps: 0,
                ..order
            },
            attempt: Attempt { state: AttemptState::Paid, ..attempt },
            postings,
            notify: Some(to),
            audit: was_late.then(|| ("late payment honoured", detail(payment))),
            is_surplus: false,
            undone: None,
        },
        Decision::Surplus { postings } => Plan {
            order,
            attempt: Attempt { state: AttemptState::Surplus, ..attempt },
            postings,
            notify: None,
            audit: Some(("surplus payment", detail(payment))),
            is_surplus: true,
            undone: None,
        },
    })
}

fn refused(
    standing: &Standing,
    attempt: &Attempt,
    kind: RefusalKind,
    source: Source,
) -> Option<Plan> {
    // A refused query or closing says nothing of the order; a used number may even be paid; and
    // what the upstream holds, or may hold since it was asked before, does not end by a refusal.
    let is_first = attempt.state == AttemptState::Asking;
    if source != Source::Place || kind == RefusalKind::NumberUsed || !is_first {
        return None;
    }
    let is_barcode = standing.order.product == Product::Micropay;
    let event = if is_barcode { Event::Failed } else { Event::Closed };
    Some(end_attempt(standing, attempt, (AttemptState::Refused, event)))
}

/// A barcode that failed for good. Where the payer can try again, nothing is over.
fn failed(standing: &Standing, attempt: &Attempt, source: Source) -> Option<Plan> {
    if has_gone_back(standing, attempt, source) {
        return undone(standing, attempt);
    }
    let is_barcode = standing.order.product == Product::Micropay;
    let is_over = is_barcode && attempt.state.is_live();
    is_over.then(|| end_attempt(standing, attempt, (AttemptState::Refused, Event::Failed)))
}

/// Whether an upstream that calls a barcode failed says that its payment has gone back. Not every upstream has
/// a word of its own for what was reversed, and none takes a payment under a number that failed; but only
/// who was asked after the payment was known can mean that.
fn has_gone_back(standing: &Standing, attempt: &Attempt, source: Source) -> bool {
    let is_asked = match source {
        Source::Query | Source::Closing | Source::Switching | Source::Reversing => true,
        Source::Place | Source::PlaceAgain | Source::Callback => false,
    };
    let is_barcode = standing.order.product == Product::Micropay;
    is_asked && is_barcode && attempt.state == AttemptState::Paid
}

/// The upstream has undone the order: nothing is paid there, or everything has gone back. Where a query
/// or a callback was faster to tell of the payment, its money is gone again.
fn reversed(standing: &Standing, attempt: &Attempt) -> Option<Plan> {
    match attempt.state {
        AttemptState::Asking | AttemptState::Open => {
            Some(end_attempt(standing, attempt, (AttemptState::Closed, Event::Reversed)))
        }
        AttemptState::Paid => undone(standing, attempt),
        AttemptState::Refused | AttemptState::Closed | AttemptState::Surplus => None,
    }
}

/// All that stays of the payment went back with the order. Beside refunds that are under way nobody
/// knows how much that was: when they have ended, the upstream is asked again.
fn undone(standing: &Standing, attempt: &Attempt) -> Option<Plan> {
    let mut order = standing.order.clone();
    let amount = order.stays();
    let is_under_way = standing.refunds.iter().any(|refund| refund.state.is_live());
    if order.state != TradeState::Success || is_under_way {
        return None;
    }
    let asked = decide(&order, Event::RefundAsked { amount });
    let Decision::Refund { total_refund_fee, mut postings } = asked else { return None };
    order.total_refund_fee = total_refund_fee;
    let event = Event::RefundDone { amount, end: RefundEnd::Reversed };
    let Decision::Move { to, postings: gone } = decide(&order, event) else { return None };
    postings.extend(gone);
    order.state = to;
    let payment = order.payment.as_ref().map_or_else(String::new, detail);
    Some(Plan {
        order,
        attempt: attempt.clone(),
        postings,
        notify: Some(to),
        audit: Some(("payment reversed upstream", payment)),
        is_surplus: false,
        undone: Some(amount),
    })
}

fn closed(standing: &Standing, attempt: &Attempt, source: Source) -> Option<Plan> {
    if !attempt.state.is_live() {
        return None;
    }
    // What ends a barcode order upstream is a reversal, also where a query hears of it first.
    let is_barcode = standing.order.product == Product::Micropay;
    let event = if is_barcode { Event::Reversed } else { Event::Closed };
    let mut plan = end_attempt(standing, attempt, (AttemptState::Closed, event));
    let is_ours_to_close = source == Source::Closing;
    if standing.order.product == Product::MixedQr && !is_ours_to_close {
        // One wallet's order ended, by itself or for another's; the payer can still begin.
        plan.order = standing.order.clone();
        plan.postings = Vec::new();
        plan.notify = None;
    }
    Some(plan)
}

/// Ends an attempt; the order closes with its last one.
fn end_attempt(
    standing: &Standing,
    attempt: &Attempt,
    (state, event): (AttemptState, Event),
) -> Plan {
    let others_live = standing.live().any(|other| other.no != attempt.no);
    let mut plan = Plan {
        order: standing.order.clone(),
        attempt: Attempt { state, ..attempt.clone() },
        postings: Vec::new(),
        notify: None,
        audit: None,
        is_surplus: false,
        undone: None,
    };
    let is_wallet_of_mixed =
        standing.order.product == Product::MixedQr && state == AttemptState::Refused;
    if others_live || is_wallet_of_mixed {
        return plan;
    }
    if let Decision::Move { to, postings } = decide(&standing.order, event) {
        plan.order.state = to;
        plan.postings = postings;
        plan.notify = Some(to);
    }
    plan
}

/// Whether a lesson tells of a payment of a barcode order that has ended meanwhile: it may be told of a
/// moment before that, and the money may have gone back with a reversal. Only a question asked after it
/// tells.
pub(crate) fn may_be_undone(standing: &Standing, lesson: &Lesson) -> bool {
    let attempt = standing.attempt(lesson.attempt_no);
    matches!(lesson.outcome, Outcome::Paid(_))
        && standing.order.product == Product::Micropay
        && attempt.is_some_and(|attempt| attempt.state.has_ended_unpaid())
}

fn detail(payment: &Payment) -> String {
    serde_json::json!({
        "transaction_id": payment.transaction_id,
        "amount": payment.amount.minor,
        "currency": payment.amount.currency.code(),
    })
    .to_string()
}
