//! Reversing a barcode order (撤销): unpaid it ends at its upstream, paid all of its money goes back.

use channels::{Op, Outcome, RefusalKind};
use kernel::call::ReverseCall;
use kernel::crash::{self, Point};
use kernel::defect::{self, Defect};
use kernel::fault::{Fault, Wording};
use kernel::money::Money;
use kernel::order::{Attempt, Order};
use kernel::product::Product;
use kernel::refund::{Refund, RefundCause, RefundDone, RefundState};
use kernel::scheme::Signing;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::StoreError;

use crate::Gateway;
use crate::answered::Answered;
use crate::ask_upstream;
use crate::callers::Caller;
use crate::learn::{Lesson, Source, Standing};
use crate::refund_order::Wish;

/// A payment older than this is reversed only by a request that was made just now, in milliseconds.
const OLD_AFTER_MS: i64 = 15 * 60 * 1000;

const BARCODES_ONLY: Wording =
    ["只有刷卡订单可以撤销，其他订单请退款", "only barcode orders are reversed; refund this one"];
const TOO_OLD: Wording = [
    "支付超过 15 分钟，撤销须带 timestamp 与 nonce_str",
    "paid over 15 minutes ago: reversing it needs timestamp and nonce_str",
];
/// Why the payer's money goes back.
const REASON: &str = "撤销";

impl Gateway {
    /// Reverses an order of the caller.
    ///
    /// # Errors
    /// 40100 for another product, 40104 if it is reversed already, 40103 and 40105 if it is over;
    /// 492004 if the upstream has not said that it is done: then it is asked on.
    pub async fn reverse_order(
        &self,
        caller: &Caller,
        call: &ReverseCall,
        sign_form: Signing,
    ) -> Result<Answered, Fault> {
        let order = self.find_order(caller.app.mch_id, &call.order).await?;
        if order.product != Product::Micropay {
            return Err(Fault::NotAllowed(BARCODES_ONLY));
        }
        let found = self.standing(order.mch_id, order.id).await;
        let found = found.map_err(|error| self.busy("read an order", &error))?;
        let mut standing = found.ok_or(Fault::OrderNotFound)?;
        crash::reach(Point::ReverseBegun);
        if standing.order.state.is_open() {
            let reversed = self.reverse_everywhere(standing).await;
            crash::reach(Point::ReverseLearned);
            standing = reversed.map_err(|error| self.uncertain("reverse an order", &error))?;
            if standing.order.state == TradeState::Revoked {
                return Ok(self.answered(standing.order));
            }
        }
        match standing.order.state {
            TradeState::Success if is_old(&standing.order, self.now()) && !call.is_fresh => {
                Err(Fault::NotAllowed(TOO_OLD))
            }
            TradeState::Success => self.give_all_back(caller, standing, sign_form).await,
            TradeState::NotPay | TradeState::UserPaying => Err(Fault::TimedOut),
            TradeState::Closed | TradeState::PayError => Err(Fault::AlreadyClosed),
            TradeState::Revoked => Err(Fault::AlreadyReversed),
            TradeState::Refund => Err(Fault::AlreadyRefunded),
        }
    }

    /// The record of what the upstream gave back by itself when it reversed an order that had been paid. Its
    /// number holds a space, which no merchant's number can.
    pub(crate) fn undone(&self, order: &Order, attempt: &Attempt, amount: Money) -> Refund {
        let (upstream_no, rate, at) = (String::new(), String::new(), self.now());
        Refund {
            id: self.next_id(),
            mch_id: order.mch_id,
            app_id: order.app_id,
            order_id: order.id,
            attempt_no: attempt.no,
            out_refund_no: format!("reversal {}", attempt.trade_no()),
            cause: RefundCause::Reversal,
            state: RefundState::Done,
            rev: 0,
            amount,
            reason: REASON.to_owned(),
            sign_form: order.sign_form,
            done: Some(RefundDone { upstream_no, cash: amount, rate, at }),
            created_at: at,
        }
    }

    /// Gives back what is left of a paid order; with the last of it the order is reversed.
    async fn give_all_back(
        &self,
        caller: &Caller,
        standing: Standing,
        sign_form: Signing,
    ) -> Result<Answered, Fault> {
        let wish = Wish {
            // A space, as above: a merchant who had given the number away could never reverse.
            out_refund_no: format!("reverse {}", standing.order.sn()),
            refund_fee: None,
            reason: REASON.to_owned(),
            cause: RefundCause::Reversal,
            sign_form,
        };
        let refunded = self.give_back(caller, standing, wish).await?;
        match refunded.answered.order.state {
            TradeState::Revoked => Ok(refunded.answered),
            TradeState::NotPay
            | TradeState::UserPaying
            | TradeState::PayError
            | TradeState::Success
            | TradeState::Refund
            | TradeState::Closed => Err(Fault::TimedOut),
        }
    }

    /// Reverses every live attempt at its upstream, and asks once more about those that are not said
    /// to be reversed. Where an upstream has no such operation, it is asked to close instead.
    pub(crate) async fn reverse_everywhere(
        &self,
        mut standing: Standing,
    ) -> Result<Standing, StoreError> {
        let live: Vec<Attempt> = standing.live().cloned().collect();
        for attempt in live {
            let trade = ask_upstream::trade(&standing, &attempt);
            let mut asked = self.ask(&Op::Reverse(trade.clone()), &attempt).await;
            let is_offered = !matches!(
                &asked.outcome,
                Outcome::Refused(refusal) if refusal.kind == RefusalKind::NotSupported
            );
            if !is_offered {
                let closing = self.ask(&Op::Close(trade.clone()), &attempt).await;
                asked.messages.extend(closing.messages);
                asked.outcome = closing.outcome;
            }
            if defect::is_seeded(Defect::ReversalBelieved) {
                asked.outcome = Outcome::Reversed;
            }
            if !matches!(asked.outcome, Outcome::Reversed | Outcome::Closed) {
                let again = self.ask(&Op::Query(trade), &attempt).await;
                asked.messages.extend(again.messages);
                asked.outcome = after_reversing(&asked.outcome, again.outcome);
            }
            crash::reach(Point::ReverseAnswered);
            self.alarm_if_amount_differs(&standing, &asked.outcome);
            let lesson = Lesson {
                attempt_no: attempt.no,
                outcome: asked.outcome,
                source: Source::Reversing,
                messages: asked.messages,
            };
            standing = self.learn(standing, lesson).await?;
        }
        Ok(standing)
    }
}

/// What a query after an attempt to reverse proves: a payment found by it counts, and so does the end
/// of the order; that nobody has paid yet proves nothing.
fn after_reversing(reversing: &Outcome, queried: Outcome) -> Outcome {
    match (reversing, queried) {
        (Outcome::NotFound, Outcome::NotFound) => Outcome::NotFound,
        (_, Outcome::NotFound | Outcome::Unpaid { .. }) => Outcome::Unpaid { is_acting: false },
        (_, other) => other,
    }
}

fn is_old(order: &Order, now: Timestamp) -> bool {
    let paid_at = order.payment.as_ref().map(|payment| payment.paid_at);
    paid_at.is_none_or(|at| now.millis_since(at) > OLD_AFTER_MS)
}
