//! Every operation with everything that can go wrong with it: definite or unknown, never wrong, and
//! right again once the upstream is.

use kernel::product::Product;

use super::{MODES, UNPAID, World};
use crate::sim::{OpFaultKind, OpKind, ScriptedFault, Simulator};
use crate::{Doubt, Op, Outcome, RefusalKind};

/// The doubt that each fault leaves where no definite answer is possible.
fn assert_doubt(kind: OpFaultKind, outcome: &Outcome) {
    let Outcome::Unknown(doubt) = outcome else { panic!("{kind:?}: {outcome:?}") };
    let is_expected = match kind {
        OpFaultKind::DroppedBefore | OpFaultKind::DroppedAfter | OpFaultKind::Slow => {
            *doubt == Doubt::Timeout
        }
        OpFaultKind::ErrorBefore | OpFaultKind::ErrorAfter | OpFaultKind::Busy => {
            matches!(doubt, Doubt::Busy(_))
        }
        OpFaultKind::Empty => *doubt == Doubt::Empty,
        OpFaultKind::Refused
        | OpFaultKind::Html
        | OpFaultKind::Truncated
        | OpFaultKind::BadSignature
        | OpFaultKind::WrongAnswer => matches!(doubt, Doubt::Unreadable(_)),
    };
    assert!(is_expected, "{kind:?}: {doubt:?}");
}

fn each(op: OpKind, check: impl Fn(World, OpFaultKind)) {
    for mode in MODES {
        for (kind, _) in OpFaultKind::ALL {
            let mut world = World::new(mode);
            world.sim.script(ScriptedFault { op, kind, times: 1 });
            check(world, kind);
        }
    }
}

fn assert_refused(outcome: &Outcome, code: &str) {
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!((refusal.kind, refusal.code.as_str()), (RefusalKind::Business, code));
    assert!(!refusal.message.is_empty());
}

#[test]
fn a_place_that_goes_wrong_is_refused_or_unknown_and_can_be_repeated() {
    each(OpKind::Place, |mut world, kind| {
        let order = world.mode.order(Product::WechatQr);
        let outcome = world.ask(&Op::Place(order.clone()));
        if kind == OpFaultKind::Refused {
            assert_refused(&outcome, "INVALID_REQUEST");
        } else {
            assert_doubt(kind, &outcome);
        }
        let expect = if kind.is_done() { UNPAID } else { Outcome::NotFound };
        assert_eq!(world.query(), expect, "{kind:?}");
        world.place(&order);
        assert_eq!(world.query(), UNPAID);
    });
}

#[test]
fn a_charge_that_goes_wrong_is_refused_or_unknown_and_the_query_tells() {
    each(OpKind::Place, |mut world, kind| {
        let outcome = world.ask(&Op::Place(world.mode.order(Product::Micropay)));
        if kind == OpFaultKind::Refused {
            assert_refused(&outcome, "TRADE_ERROR");
        } else if kind == OpFaultKind::WrongAnswer {
            // Well signed: only the comparison with the order's amount can refuse it.
            let Outcome::Paid(payment) = outcome else { panic!("{outcome:?}") };
            assert_eq!(payment.amount.minor, world.mode.total().minor + 1);
        } else {
            assert_doubt(kind, &outcome);
        }
        if !kind.is_done() {
            assert_eq!(world.query(), Outcome::NotFound, "{kind:?}");
            return;
        }
        let Outcome::Paid(payment) = world.query() else { panic!("{kind:?}") };
        assert_eq!(payment.amount, world.mode.total());
    });
}

#[test]
fn a_query_of_an_unpaid_order_that_goes_wrong_never_ends_it() {
    each(OpKind::Query, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        assert_doubt(kind, &world.query());
        assert_eq!(world.query(), UNPAID);
    });
}

#[test]
fn a_query_of_a_paid_order_that_goes_wrong_never_tells_its_amount() {
    each(OpKind::Query, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        world.pay();
        let outcome = world.query();
        if kind == OpFaultKind::WrongAnswer {
            let Outcome::Paid(payment) = outcome else { panic!("{outcome:?}") };
            assert_eq!(payment.amount.minor, world.mode.total().minor + 1);
        } else {
            assert_doubt(kind, &outcome);
        }
        let Outcome::Paid(payment) = world.query() else { panic!("{kind:?}") };
        assert_eq!(payment.amount, world.mode.total());
    });
}

#[test]
fn a_close_that_goes_wrong_is_unknown_and_can_be_repeated() {
    each(OpKind::Close, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        assert_doubt(kind, &world.close());
        let expect = if kind.is_done() { Outcome::Closed } else { UNPAID };
        assert_eq!(world.query(), expect, "{kind:?}");
        assert_eq!(world.close(), Outcome::Closed);
    });
}

#[test]
fn a_close_of_a_paid_order_that_goes_wrong_never_closes_it() {
    each(OpKind::Close, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        world.pay();
        assert!(matches!(world.close(), Outcome::Unknown(_)), "{kind:?}");
        assert_eq!(world.close(), Outcome::PaidElsewhere);
    });
}

#[test]
fn a_reversal_that_goes_wrong_is_unknown_and_is_asked_again_until_it_is_done() {
    each(OpKind::Reverse, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        world.pay();
        assert_doubt(kind, &world.reverse());
        let outcome = world.query();
        assert_eq!(outcome == Outcome::Reversed, kind.is_done(), "{kind:?}: {outcome:?}");
        assert_eq!(world.reverse(), Outcome::Reversed);
        assert_eq!(world.query(), Outcome::Reversed);
    });
}

#[test]
fn a_refund_that_goes_wrong_is_refused_or_unknown_and_can_be_repeated() {
    each(OpKind::Refund, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        world.pay();
        let refund = world.mode.refund(super::TOTAL);
        let outcome = world.ask(&Op::Refund(refund.clone()));
        if kind == OpFaultKind::Refused {
            assert_refused(&outcome, "USER_ACCOUNT_ABNORMAL");
        } else {
            assert_doubt(kind, &outcome);
        }
        let found = world.ask(&Op::QueryRefund(refund.clone()));
        let is_found = matches!(found, Outcome::RefundPending { .. });
        assert_eq!(is_found, kind.is_done(), "{kind:?}: {found:?}");
        assert!(is_found || found == Outcome::NotFound);
        let again = world.ask(&Op::Refund(refund.clone()));
        assert!(matches!(again, Outcome::RefundPending { .. }), "{again:?}");
        world.wait(5_000);
        let found = world.ask(&Op::QueryRefund(refund));
        assert!(matches!(found, Outcome::Refunded(_)), "{found:?}");
    });
}

#[test]
fn a_refunds_query_that_goes_wrong_never_ends_it() {
    each(OpKind::QueryRefund, |mut world, kind| {
        world.place(&world.mode.order(Product::WechatQr));
        world.pay();
        let refund = world.mode.refund(1);
        world.ask(&Op::Refund(refund.clone()));
        world.wait(5_000);
        assert_doubt(kind, &world.ask(&Op::QueryRefund(refund.clone())));
        let found = world.ask(&Op::QueryRefund(refund));
        assert!(matches!(found, Outcome::Refunded(_)), "{found:?}");
    });
}
