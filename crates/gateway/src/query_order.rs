//! Querying an order: what we know, after asking the upstream of an unpaid one.

use std::collections::HashMap;

use channels::Outcome;
use kernel::call::OrderRef;
use kernel::crash::{self, Point};
use kernel::fault::Fault;
use kernel::id::{Id, MchId};
use kernel::order::{Attempt, AttemptState, Order};
use kernel::time::Timestamp;
use store::{StoreError, orders};

use crate::Gateway;
use crate::answered::Answered;
use crate::ask_upstream;
use crate::callers::Caller;
use crate::learn::{Lesson, Source, Standing};

/// An order's upstream is asked at most this often, in milliseconds.
const ASK_EVERY_MS: i64 = 1_000;
/// Orders whose last question is remembered.
const REMEMBERED_MAX: usize = 10_000;

impl Gateway {
    /// Where an order of the caller stands.
    ///
    /// # Errors
    /// 40102 if the caller's merchant has no such order.
    pub async fn query_order(&self, caller: &Caller, wanted: &OrderRef) -> Result<Answered, Fault> {
        let order = self.find_order(caller.app.mch_id, wanted).await?;
        if !order.state.is_open() || !self.may_ask(order.id) {
            return Ok(self.answered(order));
        }
        let found = self.standing(order.mch_id, order.id).await;
        let found = found.map_err(|error| self.busy("read an order", &error))?;
        let standing = found.ok_or(Fault::OrderNotFound)?;
        crash::reach(Point::QueryBegun);
        let learned = self.ask_all(standing).await;
        match learned {
            Ok(standing) => Ok(self.answered(standing.order)),
            Err(error) => {
                tracing::error!(error = %error, order.sn = %order.sn(), "query: not committed");
                Ok(self.answered(order))
            }
        }
    }

    /// The order that a merchant names.
    ///
    /// # Errors
    /// 40102 if that merchant has no such order; 4006 if the store does not answer.
    pub(crate) async fn find_order(
        &self,
        mch_id: MchId,
        wanted: &OrderRef,
    ) -> Result<Order, Fault> {
        let store = &self.0.store;
        let found = match wanted {
            OrderRef::Sn(sn) => orders::by_id(store, mch_id, sn.id()).await,
            OrderRef::OutTradeNo(number) => orders::by_out_trade_no(store, mch_id, number).await,
            OrderRef::TransactionId(number) => {
                orders::by_transaction_id(store, mch_id, number).await
            }
        };
        let found = found.map_err(|error| self.busy("read an order", &error))?;
        found.ok_or(Fault::OrderNotFound)
    }

    /// Asks the upstream of every live attempt, one after the other, and commits what it says.
    pub(crate) async fn ask_all(&self, mut standing: Standing) -> Result<Standing, StoreError> {
        let live: Vec<_> = standing.live().cloned().collect();
        for attempt in live {
            (standing, _) = self.ask_one(standing, &attempt).await?;
        }
        Ok(standing)
    }

    /// Asks the upstream of every attempt that has ended unpaid whether it was paid after all, and
    /// commits what it says; true if each has answered.
    pub(crate) async fn ask_ended(
        &self,
        mut standing: Standing,
    ) -> Result<(Standing, bool), StoreError> {
        let ended: Vec<_> = standing.ended().cloned().collect();
        let mut is_sure = true;
        for attempt in ended {
            let has_answered;
            (standing, has_answered) = self.ask_one(standing, &attempt).await?;
            is_sure &= has_answered;
        }
        Ok((standing, is_sure))
    }

    /// Asks the upstream of the attempt that was paid whether it still is; true if it has answered.
    pub(crate) async fn ask_paid(
        &self,
        standing: Standing,
    ) -> Result<(Standing, bool), StoreError> {
        let is_paid = |attempt: &&Attempt| attempt.state == AttemptState::Paid;
        match standing.attempts.iter().find(is_paid).cloned() {
            Some(attempt) => self.ask_one(standing, &attempt).await,
            None => Ok((standing, true)),
        }
    }

    /// Asks about one attempt and commits what its upstream says; false if it said nothing definite.
    async fn ask_one(
        &self,
        standing: Standing,
        attempt: &Attempt,
    ) -> Result<(Standing, bool), StoreError> {
        let asked = self.ask(&ask_upstream::query(&standing, attempt), attempt).await;
        self.alarm_if_amount_differs(&standing, &asked.outcome);
        let has_answered = !matches!(asked.outcome, Outcome::Unknown(_));
        let lesson = Lesson {
            attempt_no: attempt.no,
            outcome: asked.outcome,
            source: Source::Query,
            messages: asked.messages,
        };
        Ok((self.learn(standing, lesson).await?, has_answered))
    }

    /// An upstream that has taken another amount than the order's is an alarm: nothing is guessed.
    pub(crate) fn alarm_if_amount_differs(&self, standing: &Standing, outcome: &Outcome) {
        let Outcome::Paid(payment) = outcome else { return };
        let expected = standing.order.pay_amount();
        if payment.amount != expected {
            tracing::error!(
                order.sn = %standing.order.sn(), expected = %expected, told = %payment.amount,
                "the upstream names another amount: nothing was changed, a person must look"
            );
        }
    }

    /// Whether this order's upstream may be asked now; remembers that it was.
    pub(crate) fn may_ask(&self, id: Id) -> bool {
        let now = self.now();
        let mut asked = self.0.last_asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let was_lately = |at: &Timestamp| (0..ASK_EVERY_MS).contains(&now.millis_since(*at));
        if asked.get(&id).is_some_and(was_lately) {
            return false;
        }
        if asked.len() >= REMEMBERED_MAX {
            forget_old(&mut asked, was_lately);
        }
        asked.insert(id, now);
        true
    }
}

fn forget_old(asked: &mut HashMap<Id, Timestamp>, was_lately: impl Fn(&Timestamp) -> bool) {
    asked.retain(|_, at| was_lately(at));
}
