//! What an upstream's word does to an order: planned purely, committed under the order's revision,
//! planned anew when another change came first.

use channels::{Doubt, Outcome, RefusalKind};
use kernel::application::LatePayment;
use kernel::crash::{self, Point};
use kernel::decide::{Decision, Event, decide};
use kernel::id::{Id, MchId};
use kernel::ledger::Entry;
use kernel::order::{Attempt, AttemptState, Order, Payment};
use kernel::product::Product;
use kernel::refund::Refund;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::audit::AuditEntry;
use store::messages::Message;
use store::orders::{self, Change};
use store::{StoreError, Written};

use crate::Gateway;
use crate::sweeper::next_sweep;

/// How often a change is planned anew when another one came first.
pub(crate) const REPLANS_MAX: usize = 5;
/// After an unanswered request, "not found" proves something only when it is this old, in
/// milliseconds: until then the request may still be on its way.
const NOT_FOUND_PROVES_AFTER_MS: i64 = 60_000;

/// An order with its attempts, as one reading of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    /// The order.
    pub(crate) order: Order,
    /// Its attempts, by number.
    pub(crate) attempts: Vec<Attempt>,
    /// Its refunds, the oldest first.
    pub(crate) refunds: Vec<Refund>,
}

impl Standing {
    /// Attempts that money may still come through.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.state.is_live())
    }

    /// Attempts that have ended unpaid. What an upstream did not know when it was asked to close it (a
    /// code nobody had scanned, a page nobody had opened) can be paid until it expires; and where a
    /// placing was refused, one that was sent beside it may have been taken.
    pub(crate) fn ended(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.state.has_ended_unpaid())
    }

    /// The attempt of that number.
    pub(crate) fn attempt(&self, no: i64) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.no == no)
    }
}

/// Something learned of one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    /// The attempt's number.
    pub(crate) attempt_no: i64,
    /// What the upstream said.
    pub(crate) outcome: Outcome,
    /// How we came to know: the event's name in the order's history.
    pub(crate) source: Source,
    /// The messages that said it.
    pub(crate) messages: Vec<Message>,
}

/// How something was learned.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The answer to placing for the first time.
    Place,
    /// The answer to placing again under the same number: an earlier request may have been taken.
    PlaceAgain,
    /// The answer to a query.
    Query,
    /// The answer to closing, or a query right after it.
    Closing,
    /// The answer to reversing, or a query right after it.
    Reversing,
    /// The upstream told us unasked.
    Callback,
}

impl Source {
    fn word(self) -> &'static str {
        match self {
            Self::Place | Self::PlaceAgain => "place",
            Self::Query => "query",
            Self::Closing => "close",
            Self::Reversing => "reverse",
            Self::Callback => "callback",
        }
    }
}

/// What changes; the order's row is written even if only an attempt changes, so that the revision
/// guards both.
struct Plan {
    order: Order,
    attempt: Attempt,
    postings: Vec<Entry>,
    notify: Option<TradeState>,
    audit: Option<(&'static str, String)>,
}

impl Gateway {
    /// Reads an order with its attempts.
    pub(crate) async fn standing(
        &self,
        mch_id: MchId,
        id: Id,
    ) -> Result<Option<Standing>, StoreError> {
        let Some(order) = orders::by_id(&self.0.store, mch_id, id).await? else {
            return Ok(None);
        };
        let attempts = store::attempts::of_order(&self.0.store, mch_id, id).await?;
        let refunds = match order.payment {
            Some(_) => store::refunds::of_order(&self.0.store, mch_id, id).await?,
            None => Vec::new(),
        };
        Ok(Some(Standing { order, attempts, refunds }))
    }

    /// Commits what `lesson` says about `standing`, and gives back the order as it is then.
    pub(crate) async fn learn(
        &self,
        mut standing: Standing,
        lesson: Lesson,
    ) -> Result<Standing, StoreError> {
        let app_id = standing.order.app_id;
        let settings = match self.caller_of(app_id).await {
            Ok(caller) => caller.app.settings.clone(),
            Err(_) => return Err(StoreError::Unavailable("the application cannot be read".into())),
        };
        for _ in 0..REPLANS_MAX {
            let now = self.now();
            let Some(plan) = plan(&standing, &lesson, settings.late_payment, now) else {
                self.record(lesson.messages).await?;
                return Ok(standing);
            };
            let change = self.change(&standing, &lesson, plan, settings.notify_closed);
            crash::reach(Point::ChangePlanned);
            if let Written::Done(_) = self.0.store.write(orders::settle(&change)).await? {
                crash::reach(Point::ChangeCommitted);
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

    /// Keeps messages that changed nothing.
    pub(crate) async fn record(&self, messages: Vec<Message>) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        let batch = store::messages::add(&messages);
        self.0.store.write(batch).await.map(|_| ())
    }

    fn change(
        &self,
        standing: &Standing,
        lesson: &Lesson,
        plan: Plan,
        notify_closed: bool,
    ) -> Change {
        let now = self.now();
        let is_told = |state: &TradeState| *state == TradeState::Success || notify_closed;
        let event = plan.notify.filter(is_told);
        let old = standing.attempt(lesson.attempt_no);
        let audit = plan.audit.map(|(action, detail)| AuditEntry {
            at: now,
            actor: "gateway".into(),
            action: action.into(),
            subject: plan.attempt.trade_no(),
            detail,
        });
        Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
            event: lesson.source.word().into(),
            postings: plan.postings,
            notice: event.and_then(|state| self.notice(&plan.order, state)),
            attempts: vec![(plan.attempt, old.map_or(0, |attempt| attempt.rev))],
            new_attempts: Vec::new(),
            refunds: Vec::new(),
            new_refunds: Vec::new(),
            messages: lesson.messages.clone(),
            audit: audit.into_iter().collect(),
            at: now,
            order: plan.order,
        }
    }

    /// Tells those who wait that a change is committed.
    pub(crate) fn committed(&self, before: Standing, change: Change) -> Standing {
        let mut attempts = before.attempts;
        for (attempt, old_rev) in change.attempts {
            if let Some(row) = attempts.iter_mut().find(|row| row.no == attempt.no) {
                *row = Attempt { rev: old_rev + 1, ..attempt };
            }
        }
        attempts.extend(change.new_attempts);
        let mut refunds = before.refunds;
        for (refund, old_rev) in change.refunds {
            if let Some(row) = refunds.iter_mut().find(|row| row.id == refund.id) {
                *row = Refund { rev: old_rev + 1, ..refund };
            }
        }
        refunds.extend(change.new_refunds);
        let order = Order { rev: change.expected_rev + 1, ..change.order };
        if order.state != before.order.state {
            // Nobody may be watching: that is no fault.
            let _ = self.0.changes.send((order.id, order.state));
            tracing::info!(
                order.sn = %order.sn(), mch.id = %order.mch_id,
                from = before.order.state.word(), to = order.state.word(), "order moved"
            );
        }
        if change.notice.is_some() {
            self.0.wake_notifier.notify_one();
        }
        if order.sweep_at.is_some_and(|at| at <= self.now()) {
            self.0.wake_sweeper.notify_one();
        }
        Standing { order, attempts, refunds }
    }
}

/// What a lesson changes; `None`: nothing.
fn plan(standing: &Standing, lesson: &Lesson, late: LatePayment, now: Timestamp) -> Option<Plan> {
    let attempt = standing.attempt(lesson.attempt_no)?;
    let is_barcode = standing.order.product == Product::Micropay;
    let mut plan = match &lesson.outcome {
        Outcome::Opened { pay_text } => opened(&standing.order, attempt, pay_text)?,
        Outcome::Paid(payment) => paid(standing, attempt, payment, late)?,
        Outcome::Unpaid { is_acting: true } => acting(&standing.order, attempt)?,
        Outcome::Refused(refusal) => refused(standing, attempt, refusal.kind, lesson.source)?,
        Outcome::Failed(_) => failed(standing, attempt)?,
        Outcome::Reversed => reversed(standing, attempt)?,
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
            let is_proof =
                attempt.state == AttemptState::Open || age_ms > NOT_FOUND_PROVES_AFTER_MS;
            match lesson.source {
                Source::Closing if is_proof => closed(standing, attempt, lesson.source)?,
                Source::Reversing if is_proof => reversed(standing, attempt)?,
                Source::Place
                | Source::PlaceAgain
                | Source::Query
                | Source::Closing
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
    })
}

fn acting(order: &Order, attempt: &Attempt) -> Option<Plan> {
    let Decision::Move { to, postings } = decide(order, Event::PayerActing) else { return None };
    let order = Order { state: to, ..order.clone() };
    let attempt = Attempt { state: AttemptState::Open, ..attempt.clone() };
    Some(Plan { order, attempt, postings, notify: None, audit: None })
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
            attempt: Attempt { state: AttemptState::Paid, ..attempt.clone() },
            postings,
            notify: Some(to),
            audit: was_late.then(|| ("late payment honoured", detail(payment))),
        },
        Decision::Surplus { postings } => Plan {
            order,
            attempt: Attempt { state: AttemptState::Surplus, ..attempt.clone() },
            postings,
            notify: None,
            audit: Some(("payment marked for refund", detail(payment))),
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
    let event = match standing.order.product {
        Product::Micropay => Event::Failed,
        _ => Event::Closed,
    };
    Some(end_attempt(standing, attempt, (AttemptState::Refused, event)))
}

/// A barcode that failed for good. Where the payer can try again, nothing is over.
fn failed(standing: &Standing, attempt: &Attempt) -> Option<Plan> {
    let is_barcode = standing.order.product == Product::Micropay;
    let is_over = is_barcode && attempt.state.is_live();
    is_over.then(|| end_attempt(standing, attempt, (AttemptState::Refused, Event::Failed)))
}

/// Nothing can be paid upstream any more, and nothing is. A paid order is reversed by a refund of ours.
fn reversed(standing: &Standing, attempt: &Attempt) -> Option<Plan> {
    let is_over = attempt.state.is_live();
    is_over.then(|| end_attempt(standing, attempt, (AttemptState::Closed, Event::Reversed)))
}

fn closed(standing: &Standing, attempt: &Attempt, source: Source) -> Option<Plan> {
    if !attempt.state.is_live() {
        return None;
    }
    // What ends a barcode order upstream is a reversal, also where a query hears of it first.
    let event = match standing.order.product {
        Product::Micropay => Event::Reversed,
        _ => Event::Closed,
    };
    let mut plan = end_attempt(standing, attempt, (AttemptState::Closed, event));
    let is_ours_to_close = source == Source::Closing;
    if standing.order.product == Product::MixedQr && !is_ours_to_close {
        // One wallet's order ended by itself; the payer can still begin with the other.
        plan.order = standing.order.clone();
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

fn detail(payment: &Payment) -> String {
    serde_json::json!({
        "transaction_id": payment.transaction_id,
        "amount": payment.amount.minor,
        "currency": payment.amount.currency.code(),
    })
    .to_string()
}
