//! Lists of orders and refunds, as they are committed: no upstream is asked for a list.

use kernel::call::ListCall;
use kernel::fault::Fault;
use kernel::id::MchId;
use kernel::refund::RefundState;
use kernel::state::TradeState;
use store::lists::{self, Start, Walk};

use crate::Gateway;
use crate::answered::Answered;
use crate::callers::Caller;
use crate::refund_order::AnsweredRefund;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Its rows, the newest first.
    pub items: Vec<T>,
    /// How many rows all pages have, as far as they are counted.
    pub total: i64,
}

impl Gateway {
    /// A page of the orders of the caller's merchant, whichever application placed them.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn list_orders(
        &self,
        caller: &Caller,
        call: &ListCall<TradeState>,
    ) -> Result<Page<Answered>, Fault> {
        let mch_id = caller.app.mch_id;
        let walk = Walk::of_orders(mch_id, &call.filter);
        let start = self.start(mch_id, &walk, call.walked()).await?;
        let found = lists::orders(&self.0.store, mch_id, call, start).await;
        let found = found.map_err(|error| self.busy("list orders", &error))?;
        self.remember(&walk, found.end);
        self.remember_total(mch_id, &walk, found.total);
        let items = found.items.into_iter().map(|order| self.answered(order));
        Ok(Page { items: items.collect(), total: found.total })
    }

    /// Where a page behind the first `rows` is looked for, and how its list is counted.
    async fn start(&self, mch_id: MchId, walk: &Walk, rows: i64) -> Result<Start, Fault> {
        let place = self.seek(mch_id, walk, rows).await?;
        Ok(Start { place, total: self.total_of(mch_id, walk) })
    }

    /// A page of the refunds that the caller's merchant asked for.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn list_refunds(
        &self,
        caller: &Caller,
        call: &ListCall<RefundState>,
    ) -> Result<Page<AnsweredRefund>, Fault> {
        let mch_id = caller.app.mch_id;
        let walk = Walk::of_refunds(mch_id, &call.filter);
        let start = self.start(mch_id, &walk, call.walked()).await?;
        let found = lists::refunds(&self.0.store, mch_id, call, start).await;
        let found = found.map_err(|error| self.busy("list refunds", &error))?;
        self.remember(&walk, found.end);
        self.remember_total(mch_id, &walk, found.total);
        let items = found
            .items
            .into_iter()
            .map(|(refund, order)| AnsweredRefund { refund, answered: self.answered(order) });
        Ok(Page { items: items.collect(), total: found.total })
    }
}
