//! Closing an unpaid order: at every upstream first, and only then with us.

use channels::{Outcome, RefusalKind};
use kernel::call::OrderRef;
use kernel::crash::{self, Point};
use kernel::decide::{Decision, Event, decide};
use kernel::defect::{self, Defect};
use kernel::fault::Fault;
use kernel::order::{Attempt, Order};
use kernel::state::TradeState;
use store::orders::{self, Change};
use store::{StoreError, Written};

use crate::Gateway;
use crate::answered::Answered;
use crate::ask_upstream;
use crate::callers::Caller;
use crate::learn::{Lesson, Source, Standing};
use crate::sweeper::next_sweep;

impl Gateway {
    /// Closes an order of the caller.
    ///
    /// # Errors
    /// 40101 paid (also if closing finds that out), 40103 closed already, 40104, 40105; 492004 if an
    /// upstream did not say that its order is closed: then ours stays open.
    pub async fn close_order(&self, caller: &Caller, wanted: &OrderRef) -> Result<Answered, Fault> {
        let order = self.find_order(caller.app.mch_id, wanted).await?;
        if let Some(fault) = not_closable(order.state) {
            return Err(fault);
        }
        let found = self.standing(order.mch_id, order.id).await;
        let found = found.map_err(|error| self.busy("read an order", &error))?;
        let standing = found.ok_or(Fault::OrderNotFound)?;
        crash::reach(Point::CloseBegun);
        let closed = self.close_everywhere(standing).await;
        crash::reach(Point::CloseLearned);
        let standing = closed.map_err(|error| self.uncertain("close an order", &error))?;
        match standing.order.state {
            // It was open when this began: a barcode order ends as reversed.
            TradeState::Closed | TradeState::Revoked => Ok(self.answered(standing.order)),
            TradeState::NotPay | TradeState::UserPaying => Err(Fault::TimedOut),
            paid => Err(not_closable(paid).unwrap_or(Fault::Uncertain)),
        }
    }

    /// Closes every live attempt at its upstream, asks once more about those that do not say
    /// "closed", and closes the order with the last of them.
    pub(crate) async fn close_everywhere(
        &self,
        mut standing: Standing,
    ) -> Result<Standing, StoreError> {
        let live: Vec<_> = standing.live().cloned().collect();
        for attempt in live {
            standing = self.close_attempt(standing, &attempt, Source::Closing).await?;
        }
        self.close_if_nothing_is_live(standing).await
    }

    /// Closes one attempt at its upstream, asks once more if it does not say "closed", and commits what
    /// is known then.
    pub(crate) async fn close_attempt(
        &self,
        standing: Standing,
        attempt: &Attempt,
        source: Source,
    ) -> Result<Standing, StoreError> {
        let asked = self.ask(&ask_upstream::close(&standing, attempt), attempt).await;
        let (mut outcome, mut messages) = (asked.outcome, asked.messages);
        if outcome != Outcome::Closed {
            let again = self.ask(&ask_upstream::query(&standing, attempt), attempt).await;
            messages.extend(again.messages);
            let is_over = standing.order.expires_at <= self.now();
            outcome = after_closing(&outcome, again.outcome, is_over);
        }
        self.alarm_if_amount_differs(&standing, &outcome);
        let lesson = Lesson { attempt_no: attempt.no, outcome, source, messages };
        self.learn(standing, lesson).await
    }

    /// Closes an open order that no upstream holds.
    async fn close_if_nothing_is_live(&self, standing: Standing) -> Result<Standing, StoreError> {
        if !standing.order.state.is_open() || standing.live().next().is_some() {
            return Ok(standing);
        }
        let Decision::Move { to, postings } = decide(&standing.order, Event::Closed) else {
            return Ok(standing);
        };
        let mut order = Order { state: to, ..standing.order.clone() };
        order.sweep_at = next_sweep(&order, &standing.attempts, &standing.refunds, self.now());
        let is_told = match self.caller_of(order.app_id).await {
            Ok(caller) => caller.app.settings.notify_closed,
            Err(_) => return Ok(standing),
        };
        let change = Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
            from: standing.order.state,
            event: "close".into(),
            postings,
            notice: is_told.then(|| self.notice(&order, to)).flatten(),
            attempts: Vec::new(),
            new_attempts: Vec::new(),
            refunds: Vec::new(),
            new_refunds: Vec::new(),
            messages: Vec::new(),
            audit: Vec::new(),
            at: self.now(),
            order,
        };
        match self.0.store.write(orders::settle(&change)).await? {
            Written::Done(_) => Ok(self.committed(standing, change)),
            // Somebody was faster: the order as it is now, closed or not.
            Written::Missed => {
                let (mch_id, id) = (standing.order.mch_id, standing.order.id);
                Ok(self.standing(mch_id, id).await?.unwrap_or(standing))
            }
        }
    }
}

/// What a query after an attempt to close proves. Closing that found no order, followed by a query
/// that finds none either, is "not found"; a payment found by the query counts; a query that says
/// the payer is still waiting does not close anything.
///
/// An upstream that closes nothing cannot say "closed" of an order that its payer never opened. Once the
/// order's time is over, that it does not know the order is enough; until then the payer may come.
fn after_closing(closing: &Outcome, queried: Outcome, is_over: bool) -> Outcome {
    match (closing, queried) {
        (_, paid @ Outcome::Paid(_)) => paid,
        (_, Outcome::Closed) => Outcome::Closed,
        (Outcome::NotFound, Outcome::NotFound) => Outcome::NotFound,
        (Outcome::Refused(refusal), Outcome::NotFound)
            if is_over && refusal.kind == RefusalKind::NotSupported =>
        {
            Outcome::NotFound
        }
        (_, other) => match other {
            Outcome::Unpaid { .. } | Outcome::NotFound => Outcome::Unpaid { is_acting: false },
            _ if defect::is_seeded(Defect::DoubtEndsByTimer) => Outcome::Closed,
            doubtful => doubtful,
        },
    }
}

/// Why an order in `state` cannot be closed.
fn not_closable(state: TradeState) -> Option<Fault> {
    match state {
        TradeState::NotPay | TradeState::UserPaying => None,
        TradeState::Success => Some(Fault::AlreadyPaid),
        TradeState::Closed | TradeState::PayError => Some(Fault::AlreadyClosed),
        TradeState::Revoked => Some(Fault::AlreadyReversed),
        TradeState::Refund => Some(Fault::AlreadyRefunded),
    }
}
