//! Refunding a paid order: reserve it, ask the upstream, commit the answer, tell the merchant.
//!
//! What is reserved stays so until the upstream has said that the refund is done or will not be.
//! Every question about one refund carries the same number, so that no upstream does it twice.

use channels::{Op, Outcome};
use kernel::call::{RefundCall, RefundNumber, RefundRef};
use kernel::crash::{self, Point};
use kernel::decide::{Decision, Event, decide};
use kernel::defect::{self, Defect};
use kernel::fault::{Fault, Wording};
use kernel::money::Money;
use kernel::order::{AttemptState, Order};
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::scheme::Signing;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::orders::{self, Change};
use store::{StoreError, Written, refunds};

use crate::Gateway;
use crate::answered::{Answered, fault_of};
use crate::callers::Caller;
use crate::learn::{REPLANS_MAX, Standing};
use crate::sweeper::next_sweep;

/// How long after its payment an order can be refunded, in milliseconds.
const REFUND_PERIOD_MS: i64 = 365 * 86_400_000;
/// How long a request without a number of its own is answered again, in milliseconds.
const REPEAT_ANSWERED_MS: i64 = 86_400_000;

const UNPAID: Wording = ["订单未支付，不能退款", "the order is not paid"];
const OVER_LEFT: Wording = ["超过可退金额", "is more than is left to be refunded"];

/// A refund with its order as it is then.
#[derive(Clone, Debug)]
pub struct AnsweredRefund {
    /// The refund.
    pub refund: Refund,
    /// Its order.
    pub answered: Answered,
}

/// A refund that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Its number.
    pub(crate) out_refund_no: String,
    /// How much; `None` is all that is left.
    pub(crate) refund_fee: Option<i64>,
    /// Why.
    pub(crate) reason: String,
    /// For whom.
    pub(crate) cause: RefundCause,
    /// How its request was signed.
    pub(crate) sign_form: Signing,
}

impl Gateway {
    /// Refunds an order of the caller, in part or in full.
    ///
    /// # Errors
    /// 4003 and 40100 for its password; 40100 unpaid, 40103–40105 over, 492001 more than is left, 40107 and
    /// 40108 as the upstream says, 493001 for a number that stands for another refund.
    pub async fn refund_order(
        &self,
        caller: &Caller,
        call: RefundCall,
        sign_form: Signing,
    ) -> Result<AnsweredRefund, Fault> {
        self.may_make().await?;
        self.judge_refund_password(caller, call.password.as_ref()).await?;
        let mch_id = caller.app.mch_id;
        let standing = self.find_standing(mch_id, &call.order).await?;
        let (number, is_own) = match call.number {
            RefundNumber::Own(number) => (number, true),
            RefundNumber::OfRequest(number) => (number, false),
        };
        let wish = Wish {
            out_refund_no: number,
            refund_fee: call.refund_fee,
            reason: call.reason,
            cause: RefundCause::Merchant,
            sign_form,
        };
        let known = refunds::by_number(&self.0.store, mch_id, &wish.out_refund_no).await;
        let known = known.map_err(|error| self.busy("read a refund", &error))?;
        let is_too_late = |refund: &Refund| {
            !is_own && self.now().millis_since(refund.created_at) > REPEAT_ANSWERED_MS
        };
        if known.as_ref().is_some_and(is_too_late) {
            return Err(Fault::DuplicateRefund);
        }
        self.give_back(caller, standing, wish).await
    }

    /// Where a refund of the caller stands, after asking its upstream if that is not known.
    ///
    /// # Errors
    /// 492002 if the caller's merchant has no such refund.
    pub async fn query_refund(
        &self,
        caller: &Caller,
        wanted: &RefundRef,
    ) -> Result<AnsweredRefund, Fault> {
        let mch_id = caller.app.mch_id;
        let found = match wanted {
            RefundRef::OutRefundNo(number) => {
                refunds::by_number(&self.0.store, mch_id, number).await
            }
            RefundRef::RefundId(sn) => refunds::by_id(&self.0.store, mch_id, sn.id()).await,
        };
        let found = found.map_err(|error| self.busy("read a refund", &error))?;
        // Surplus money was never the merchant's, and what a reversal gave back is the order's to tell of.
        let found = found.filter(|refund| refund.cause == RefundCause::Merchant);
        let refund = found.ok_or(Fault::NotFound)?;
        let standing = self.standing(mch_id, refund.order_id).await;
        let standing = standing.map_err(|error| self.busy("read an order", &error))?;
        let mut standing = standing.ok_or(Fault::NotFound)?;
        if refund.state.is_live() && self.may_ask(refund.id) {
            crash::reach(Point::RefundQueryBegun);
            match self.ask_refund(standing.clone(), &refund).await {
                Ok((learned, _)) => standing = learned,
                Err(error) => tracing::error!(error = %error, "refund: not committed"),
            }
        }
        self.answered_refund(standing, &refund.out_refund_no)
    }

    /// Reserves a refund, or finds the one that stands under its number, and asks the upstream.
    pub(crate) async fn give_back(
        &self,
        caller: &Caller,
        standing: Standing,
        wish: Wish,
    ) -> Result<AnsweredRefund, Fault> {
        let (standing, refund, is_new) = self.reserve(caller, standing, &wish).await?;
        if !refund.state.is_live() || !(is_new || self.may_ask(refund.id)) {
            return self.answered_refund(standing, &wish.out_refund_no);
        }
        let asked = if is_new {
            self.begin_refund(standing, &refund).await
        } else {
            self.ask_refund(standing, &refund).await
        };
        let (standing, outcome) = asked.map_err(|error| self.uncertain("refund", &error))?;
        crash::reach(Point::RefundTold);
        let answered = self.answered_refund(standing, &wish.out_refund_no)?;
        match (answered.refund.state, outcome) {
            (RefundState::Closed, refusal @ Outcome::Refused(_)) => Err(fault_of(&refusal)),
            (RefundState::Closed, Outcome::RefundClosed(refusal)) => {
                Err(fault_of(&Outcome::Refused(refusal)))
            }
            _ => Ok(answered),
        }
    }

    /// The refund of that number: the one that stands, or a new one, reserved.
    async fn reserve(
        &self,
        caller: &Caller,
        mut standing: Standing,
        wish: &Wish,
    ) -> Result<(Standing, Refund, bool), Fault> {
        for _ in 0..REPLANS_MAX {
            let known = self.refund_of_number(&standing, wish).await?;
            if let Some(refund) = &known
                && refund.state != RefundState::Closed
            {
                return Ok((standing, refund.clone(), false));
            }
            let amount = self.refundable(&standing.order, wish)?;
            let change = self.reservation(caller, &standing, wish, (amount, known))?;
            let number = wish.out_refund_no.clone();
            if defect::is_seeded(Defect::RefundBeforeReservation)
                && let Some(refund) = change.new_refunds.first()
            {
                drop(self.ask_about(&standing, refund, false).await);
            }
            crash::reach(Point::ReservationPlanned);
            match self.0.store.write(orders::settle(&change)).await {
                Ok(Written::Done(_)) => {
                    crash::reach(Point::RefundReserved);
                    let standing = self.committed(standing, change);
                    let refund = find(&standing, &number).ok_or(Fault::Uncertain)?;
                    return Ok((standing, refund, true));
                }
                Ok(Written::Missed) => {}
                Err(error @ (StoreError::Busy | StoreError::Unavailable(_))) => {
                    return Err(self.busy("reserve a refund", &error));
                }
                // It may be reserved, or another order may have taken the number at this moment: look again.
                Err(error) => {
                    self.uncertain("reserve a refund", &error);
                }
            }
            let (mch_id, id) = (standing.order.mch_id, standing.order.id);
            let reread = self.standing(mch_id, id).await;
            let reread = reread.map_err(|error| self.uncertain("read an order", &error))?;
            standing = reread.ok_or(Fault::Uncertain)?;
        }
        Err(Fault::Busy)
    }

    /// The refund that stands under the number.
    async fn refund_of_number(
        &self,
        standing: &Standing,
        wish: &Wish,
    ) -> Result<Option<Refund>, Fault> {
        let mch_id = standing.order.mch_id;
        let found = refunds::by_number(&self.0.store, mch_id, &wish.out_refund_no).await;
        let Some(refund) = found.map_err(|error| self.busy("read a refund", &error))? else {
            return Ok(None);
        };
        let is_same_amount = wish.refund_fee.is_none_or(|fee| fee == refund.amount.minor);
        if refund.order_id != standing.order.id || !is_same_amount {
            return Err(Fault::DuplicateRefund);
        }
        Ok(Some(refund))
    }

    /// How much is to go back, if it may.
    fn refundable(&self, order: &Order, wish: &Wish) -> Result<Money, Fault> {
        match order.state {
            TradeState::NotPay | TradeState::UserPaying | TradeState::PayError => {
                return Err(Fault::NotAllowed(UNPAID));
            }
            TradeState::Closed => return Err(Fault::AlreadyClosed),
            TradeState::Revoked => return Err(Fault::AlreadyReversed),
            TradeState::Refund => return Err(Fault::AlreadyRefunded),
            TradeState::Success => {}
        }
        let paid_at = order.payment.as_ref().map(|payment| payment.paid_at);
        if paid_at.is_some_and(|at| self.now().millis_since(at) > REFUND_PERIOD_MS) {
            return Err(Fault::TooLate);
        }
        let is_broken = defect::is_seeded(Defect::RefundAboveLeft);
        let left = if is_broken { order.pay_amount().minor } else { order.refundable() };
        if left == 0 {
            return Err(Fault::AlreadyRefunded);
        }
        let wanted = wish.refund_fee.unwrap_or(left);
        if wanted > left {
            return Err(Fault::bad_format("refund_fee", OVER_LEFT));
        }
        Ok(Money::new(wanted, order.currency))
    }

    /// The change that reserves a refund, or one again that had been refused.
    fn reservation(
        &self,
        caller: &Caller,
        standing: &Standing,
        wish: &Wish,
        (amount, known): (Money, Option<Refund>),
    ) -> Result<Change, Fault> {
        let amount = known.as_ref().map_or(amount, |refund| refund.amount);
        let decided = decide(&standing.order, Event::RefundAsked { amount });
        let Decision::Refund { total_refund_fee, postings } = decided else {
            return Err(Fault::bad_format("refund_fee", OVER_LEFT));
        };
        let is_paid = |attempt: &&kernel::order::Attempt| attempt.state == AttemptState::Paid;
        let attempt = standing.attempts.iter().find(is_paid).ok_or(Fault::Uncertain)?;
        let now = self.now();
        let (refunds, new_refunds) = match known {
            Some(refund) => {
                let rev = refund.rev;
                let again = Refund { state: RefundState::Asking, created_at: now, ..refund };
                (vec![(again, rev)], Vec::new())
            }
            None => {
                (Vec::new(), vec![self.new_refund(caller, standing, wish, (amount, attempt.no))])
            }
        };
        let mut order = Order { total_refund_fee, sweeps: 0, ..standing.order.clone() };
        let standing_refunds = refunds.iter().map(|(refund, _)| refund).chain(&new_refunds);
        let doubtful: Vec<_> = standing_refunds.cloned().collect();
        order.sweep_at = next_sweep(&order, &standing.attempts, &doubtful, now);
        Ok(Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
            from: standing.order.state,
            event: "refund".into(),
            postings,
            notice: None,
            attempts: Vec::new(),
            new_attempts: Vec::new(),
            refunds,
            new_refunds,
            messages: Vec::new(),
            audit: Vec::new(),
            at: now,
            order,
        })
    }

    fn new_refund(
        &self,
        caller: &Caller,
        standing: &Standing,
        wish: &Wish,
        (amount, attempt_no): (Money, i64),
    ) -> Refund {
        Refund {
            id: self.next_id(),
            mch_id: standing.order.mch_id,
            app_id: caller.app.app_id,
            order_id: standing.order.id,
            attempt_no,
            out_refund_no: wish.out_refund_no.clone(),
            cause: wish.cause,
            state: RefundState::Asking,
            rev: 0,
            amount,
            reason: wish.reason.clone(),
            sign_form: wish.sign_form,
            done: None,
            created_at: self.now(),
        }
    }

    /// The upstream's question about a refund.
    pub(crate) fn refund_op(
        &self,
        trade: channels::Trade,
        refund: &Refund,
        notify_url: String,
    ) -> channels::Refund {
        let is_changed = defect::is_seeded(Defect::RefundNumberChanges);
        let id = if is_changed { self.next_id() } else { refund.id };
        channels::Refund {
            trade,
            refund_no: id.sn().into_string(),
            amount: refund.amount,
            reason: refund.reason.clone(),
            notify_url,
            asked_at: refund.created_at,
        }
    }

    fn answered_refund(&self, standing: Standing, number: &str) -> Result<AnsweredRefund, Fault> {
        let refund = find(&standing, number).ok_or(Fault::Uncertain)?;
        Ok(AnsweredRefund { refund, answered: self.answered(standing.order) })
    }
}

fn find(standing: &Standing, number: &str) -> Option<Refund> {
    standing.refunds.iter().find(|refund| refund.out_refund_no == number).cloned()
}

/// When a refund that is in doubt is asked about next: soon while it is young, and then patiently.
pub(crate) fn next_look(refunds: &[Refund], soon: Timestamp, now: Timestamp) -> Option<Timestamp> {
    /// A refund that is older takes days; a younger one may be kept by an outage, after whose end it is
    /// to be known within minutes.
    const YOUNG_MS: i64 = 86_400_000;
    /// Between two questions about an old one.
    const PATIENCE_MS: i64 = 600_000;
    let live = refunds.iter().filter(|refund| refund.state.is_live());
    let next = live.map(|refund| {
        let is_young = now.millis_since(refund.created_at) < YOUNG_MS;
        match refund.state {
            RefundState::Due => now,
            RefundState::Asking if is_young => soon,
            RefundState::Asking | RefundState::Stuck | RefundState::Done | RefundState::Closed => {
                now.plus_millis(PATIENCE_MS)
            }
        }
    });
    next.min()
}

/// The questions that a refund takes.
pub(crate) fn question(refund: channels::Refund, is_query: bool) -> Op {
    if is_query { Op::QueryRefund(refund) } else { Op::Refund(refund) }
}
