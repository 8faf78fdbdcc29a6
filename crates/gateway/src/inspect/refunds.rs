//! I7: no more goes back than was paid, what is reserved is what lives, and money that no order wants
//! has a refund of its own.

use kernel::order::AttemptState;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;
use store::inspect::Dossier;

use super::{Found, Invariant, of_payment, sum, wrong_if};

/// The order's `total_refund_fee` is what its refunds hold, and no more than was paid.
pub(super) fn reserved_is_what_lives(dossier: &Dossier) -> Found {
    let order = &dossier.order;
    let mut found = Vec::new();
    let is_held = |refund: &&Refund| refund.state != RefundState::Closed;
    let held = sum(of_payment(dossier).filter(is_held).map(|refund| &refund.amount));
    let (said, gross) = (i128::from(order.total_refund_fee), i128::from(order.pay_amount().minor));
    wrong_if(&mut found, held != said, Invariant::I7, || {
        format!("its refunds that have not failed are {held}, and it says {said}")
    });
    let paid = if order.payment.is_some() { gross } else { 0 };
    wrong_if(&mut found, held > paid, Invariant::I7, || {
        format!("{held} go back, and {paid} were paid")
    });
    let is_done = |refund: &&Refund| refund.state == RefundState::Done;
    let done = sum(of_payment(dossier).filter(is_done).map(|refund| &refund.amount));
    let is_all_back = order.payment.is_some() && done == gross;
    let is_over = match order.state {
        TradeState::Refund => true,
        TradeState::Revoked => order.payment.is_some(),
        TradeState::NotPay
        | TradeState::UserPaying
        | TradeState::PayError
        | TradeState::Success
        | TradeState::Closed => false,
    };
    wrong_if(&mut found, is_all_back != is_over, Invariant::I8, || {
        format!("{done} of {gross} went back, and it is {}", order.state.word())
    });
    found
}

/// Each refund is of an attempt that brought the money, in its currency, and has an end if it is done.
pub(super) fn of_a_payment(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    for refund in &dossier.refunds {
        let number = refund.refund_no();
        let wanted = match refund.cause {
            RefundCause::Merchant | RefundCause::Reversal => AttemptState::Paid,
            RefundCause::Surplus => AttemptState::Surplus,
        };
        let attempt = dossier.attempts.iter().find(|attempt| attempt.no == refund.attempt_no);
        let is_of_it = attempt.is_some_and(|attempt| attempt.state == wanted);
        wrong_if(&mut found, !is_of_it, Invariant::I7, || {
            let (no, state) = (refund.attempt_no, wanted.word());
            format!("refund {number} is of attempt {no}, which is not {state}")
        });
        let is_currency = refund.amount.currency == dossier.order.currency;
        wrong_if(&mut found, !is_currency || refund.amount.minor < 1, Invariant::I7, || {
            format!("refund {number} is of {}", refund.amount)
        });
        let has_end = refund.done.is_some();
        wrong_if(&mut found, has_end != (refund.state == RefundState::Done), Invariant::I7, || {
            let has = if has_end { "an" } else { "no" };
            format!("refund {number} is {}, and has {has} end", refund.state.word())
        });
    }
    found
}

/// Each payment that the order did not want has one refund, of all of it.
pub(super) fn surplus_goes_back(dossier: &Dossier) -> Found {
    let mut found = Vec::new();
    let gross = dossier.order.pay_amount();
    for attempt in &dossier.attempts {
        let of_it = |refund: &&Refund| {
            (refund.cause, refund.attempt_no) == (RefundCause::Surplus, attempt.no)
        };
        let refunds: Vec<_> = dossier.refunds.iter().filter(of_it).collect();
        let is_surplus = attempt.state == AttemptState::Surplus;
        wrong_if(&mut found, is_surplus && refunds.len() != 1, Invariant::I3, || {
            format!("attempt {} brought surplus, which has {} refunds", attempt.no, refunds.len())
        });
        let is_whole = refunds.iter().all(|refund| refund.amount == gross);
        wrong_if(&mut found, !is_whole, Invariant::I3, || {
            format!("the surplus of attempt {} does not go back in full", attempt.no)
        });
    }
    found
}
