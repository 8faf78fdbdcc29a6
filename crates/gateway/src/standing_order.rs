//! The order that stands: what is answered to who places a number that is taken, or repeats by its
//! `Idempotency-Key` what was placed and never answered (contract section 4). Nothing is placed here.

use kernel::fault::Fault;
use kernel::id::Id;
use kernel::order::Order;
use kernel::product::Product;
use kernel::state::TradeState;
use store::orders;

use crate::Gateway;
use crate::answered::{Answered, OrderFault};
use crate::callers::Caller;
use crate::learn::Source;
use crate::page::Unbegun;
use crate::place_order::asks_at_once;

impl Gateway {
    /// The answer when `wanted`'s number is taken: by an order, or (never yet seen) only its id.
    pub(crate) async fn standing_order(
        &self,
        caller: &Caller,
        wanted: &Order,
    ) -> Result<Answered, OrderFault> {
        let found =
            orders::by_out_trade_no(&self.0.store, wanted.mch_id, &wanted.out_trade_no).await;
        let found = found.map_err(|error| self.busy("read the standing order", &error))?;
        let Some(order) = found else {
            tracing::error!(order.sn = %wanted.sn(), "an id was made twice");
            return Err(Fault::Busy.into());
        };
        let fault = standing_fault(order.state);
        let is_same = order.product == wanted.product
            && order.total_fee == wanted.total_fee
            && order.discount == wanted.discount;
        if is_same && caller.app.settings.repeat_is_success {
            return Ok(self.answered(order));
        }
        let standing = is_same.then(|| Box::new(self.answered(order)));
        Err(OrderFault { fault, standing })
    }

    /// The answer for the order that a key's earlier request has placed, and whose answer was lost.
    pub(crate) async fn placed_before(
        &self,
        caller: &Caller,
        id: Id,
    ) -> Result<Answered, OrderFault> {
        let found = orders::by_id(&self.0.store, caller.app.mch_id, id).await;
        let found = found.map_err(|error| self.busy("read the order of a key", &error))?;
        let mut order = found.ok_or(Fault::Uncertain)?;
        if is_unopened(&order) {
            order = Box::pin(self.open_again(order)).await?;
        }
        match order.state {
            TradeState::NotPay | TradeState::UserPaying | TradeState::Success => {
                Ok(self.answered(order))
            }
            TradeState::Closed
            | TradeState::PayError
            | TradeState::Revoked
            | TradeState::Refund => {
                let fault = standing_fault(order.state);
                Err(OrderFault { fault, standing: Some(Box::new(self.answered(order))) })
            }
        }
    }

    /// Places an order at its upstream again, under the same number: whoever was to be told what it answered
    /// has died, and the merchant has nothing that a payer could scan.
    async fn open_again(&self, order: Order) -> Result<Order, OrderFault> {
        let (mch_id, id) = (order.mch_id, order.id);
        let failed = |error| self.busy("read the order of a key", &error);
        let standing = self.standing(mch_id, id).await.map_err(failed)?;
        let standing = standing.ok_or(Fault::Uncertain)?;
        let Some(attempt) = standing.live().last().cloned() else { return Ok(order) };
        let opened = self.ask_to_open(standing, attempt, Source::PlaceAgain).await;
        let read = orders::by_id(&self.0.store, mch_id, id).await;
        let order = read.map_err(failed)?.ok_or(Fault::Uncertain)?;
        match opened {
            Err(Unbegun::Fault(fault)) if order.state.is_open() => {
                Err(OrderFault { fault, standing: Some(Box::new(self.answered(order))) })
            }
            Ok(_) | Err(Unbegun::Over | Unbegun::Elsewhere | Unbegun::Fault(_)) => Ok(order),
        }
    }
}

/// Whether an order waits for an upstream's answer that a merchant needs, and that can be asked for again. A
/// code is charged once; and what a page inside a wallet was asked for with is not all kept.
fn is_unopened(order: &Order) -> bool {
    let is_asked_again = order.product != Product::Micropay && !order.product.needs_openid();
    order.state.is_open() && order.pay_text.is_empty() && asks_at_once(order) && is_asked_again
}

/// What a merchant hears when it places a number that an order in `state` has.
fn standing_fault(state: TradeState) -> Fault {
    match state {
        TradeState::NotPay | TradeState::UserPaying => Fault::DuplicateOrder,
        TradeState::Success => Fault::AlreadyPaid,
        TradeState::Closed | TradeState::PayError => Fault::AlreadyClosed,
        TradeState::Revoked => Fault::AlreadyReversed,
        TradeState::Refund => Fault::AlreadyRefunded,
    }
}
