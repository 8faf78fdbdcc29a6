//! Querying an order: what we know, after asking the upstream of an unpaid one.

use channels::Outcome;
use kernel::call::OrderRef;
use kernel::crash::{self, Point};
use kernel::fault::Fault;
use kernel::id::{Id, MchId};
use kernel::order::{Attempt, AttemptState, Order};
use store::standings::{self, Which};
use store::{StoreError, orders};

use crate::Gateway;
use crate::answered::Answered;
use crate::ask_upstream;
use crate::callers::Caller;
use crate::learn::{Lesson, Source, Standing};

impl Gateway {
    /// Where an order of the caller stands.
    ///
    /// # Errors
    /// 40102 if the caller's merchant has no such order.
    pub async fn query_order(&self, caller: &Caller, wanted: &OrderRef) -> Result<Answered, Fault> {
        let standing = self.find_standing(caller.app.mch_id, wanted).await?;
        let order = &standing.order;
        let is_asked_about = order.state.is_open() && standing.live().next().is_some();
        if !is_asked_about || !self.may_ask(order.id) {
            return Ok(self.answered(standing.order));
        }
        let order = order.clone();
        crash::reach(Point::QueryBegun);
        // Boxed: what asking keeps while it waits is large, and most queries ask nobody.
        let learned = Box::pin(self.ask_all(standing)).await;
        match learned {
            Ok(standing) => Ok(self.answered(standing.order)),
            Err(error) => {
                tracing::error!(error = %error, order.sn = %order.sn(), "query: not committed");
                Ok(self.answered(order))
            }
        }
    }

    /// The order that a merchant names, with its attempts and refunds.
    ///
    /// # Errors
    /// 40102 if that merchant has no such order; 4006 if the store does not answer.
    pub(crate) async fn find_standing(
        &self,
        mch_id: MchId,
        wanted: &OrderRef,
    ) -> Result<Standing, Fault> {
        let which = match wanted {
            OrderRef::Sn(sn) => Which::Id(sn.id()),
            OrderRef::OutTradeNo(number) => Which::OutTradeNo(number.clone()),
            OrderRef::TransactionId(number) => Which::TransactionId(number.clone()),
        };
        let found = standings::find(&self.0.store, mch_id, which).await;
        let found = found.map_err(|error| self.busy("read an order", &error))?;
        found.ok_or(Fault::OrderNotFound)
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
        self.0.asked_lately.may_ask(id, self.now())
    }
}
