//! Every operation with everything that can go wrong with it: definite or unknown, never wrong, and
//! right again once the upstream is.

use kernel::product::Product;

use super::{MODES, Mode, REFUND_NO, World, about, barcode, close, native, order, query, refund};
use crate::sim::{OpFaultKind, OpKind, ScriptedFault, Simulator};
use crate::{Doubt, Op, Outcome, Place, RefusalKind};

const UNPAID: Outcome = Outcome::Unpaid { is_acting: false };

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

#[test]
fn a_place_that_goes_wrong_is_refused_or_unknown_and_can_be_repeated() {
    let jsapi = Place { openid: "o1".into(), ..order(Product::WechatJsapi) };
    for place in [native(), order(Product::WechatH5), jsapi, order(Product::WechatApp)] {
        each(OpKind::Place, |mut world, kind| {
            let query = Op::Query(about(place.product));
            let outcome = world.ask(&Op::Place(place.clone()));
            if kind == OpFaultKind::Refused {
                assert_refused(&outcome);
            } else {
                assert_doubt(kind, &outcome);
            }
            let expect = if kind.is_done() { UNPAID } else { Outcome::NotFound };
            assert_eq!(world.ask(&query), expect, "{kind:?}");
            world.place(&place);
            assert_eq!(world.ask(&query), UNPAID);
        });
    }
}

fn assert_refused(outcome: &Outcome) {
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!(refusal.kind, RefusalKind::Business);
    assert_eq!(refusal.code, "RULE_LIMIT");
    assert_eq!(refusal.message, "业务规则限制");
}

#[test]
fn a_charge_that_goes_wrong_is_refused_or_unknown_until_a_query_tells() {
    each(OpKind::Place, |mut world, kind| {
        let query = Op::Query(about(Product::Micropay));
        let outcome = world.ask(&Op::Place(barcode("00")));
        if kind == OpFaultKind::Refused {
            assert_refused(&outcome);
        } else {
            assert_doubt(kind, &outcome);
        }
        let outcome = world.ask(&query);
        assert_eq!(matches!(outcome, Outcome::Paid(_)), kind.is_done(), "{kind:?}: {outcome:?}");
        assert!(kind.is_done() || outcome == Outcome::NotFound, "{kind:?}: {outcome:?}");
    });
}

#[test]
fn a_reversal_that_goes_wrong_is_refused_or_unknown_and_can_be_repeated() {
    each(OpKind::Reverse, |mut world, kind| {
        world.ask(&Op::Place(barcode("00")));
        let (reverse, query) =
            (Op::Reverse(about(Product::Micropay)), Op::Query(about(Product::Micropay)));
        let outcome = world.ask(&reverse);
        if kind == OpFaultKind::Refused {
            assert_refused(&outcome);
        } else {
            assert_doubt(kind, &outcome);
        }
        let outcome = world.ask(&query);
        assert_eq!(outcome == Outcome::Reversed, kind.is_done(), "{kind:?}: {outcome:?}");
        assert!(kind.is_done() || matches!(outcome, Outcome::Paid(_)), "{kind:?}: {outcome:?}");
        assert_eq!(world.ask(&reverse), Outcome::Reversed);
        assert_eq!(world.ask(&query), Outcome::Reversed);
    });
}

#[test]
fn a_refund_that_goes_wrong_is_refused_or_unknown_and_never_given_twice() {
    each(OpKind::Refund, |mut world, kind| {
        world.place(&native());
        world.pay();
        let asked = refund(REFUND_NO, native().amount.minor);
        let outcome = world.ask(&Op::Refund(asked.clone()));
        if kind == OpFaultKind::Refused {
            let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
            assert_eq!(refusal.kind, RefusalKind::BalanceTooLow);
        } else {
            assert_doubt(kind, &outcome);
        }
        let outcome = world.ask(&Op::QueryRefund(asked.clone()));
        let is_there = matches!(outcome, Outcome::RefundPending { .. });
        assert_eq!(is_there, kind.is_done(), "{kind:?}: {outcome:?}");
        assert!(kind.is_done() || outcome == Outcome::NotFound, "{kind:?}: {outcome:?}");
        // The whole amount goes back once: asking again with the same number is no second refund.
        let again = world.ask(&Op::Refund(asked.clone()));
        assert!(matches!(again, Outcome::RefundPending { .. }), "{kind:?}: {again:?}");
        world.wait(3_000);
        assert!(matches!(world.ask(&Op::QueryRefund(asked)), Outcome::Refunded(_)));
    });
}

#[test]
fn a_query_of_a_refund_that_goes_wrong_never_ends_it() {
    each(OpKind::QueryRefund, |mut world, kind| {
        world.place(&native());
        world.pay();
        let asked = refund(REFUND_NO, 1);
        world.ask(&Op::Refund(asked.clone()));
        world.wait(3_000);
        assert_doubt(kind, &world.ask(&Op::QueryRefund(asked.clone())));
        assert!(matches!(world.ask(&Op::QueryRefund(asked)), Outcome::Refunded(_)));
    });
}

#[test]
fn a_query_of_an_unpaid_order_that_goes_wrong_never_ends_it() {
    each(OpKind::Query, |mut world, kind| {
        world.place(&native());
        let outcome = world.ask(&query());
        if kind == OpFaultKind::WrongAnswer {
            assert_eq!(outcome, UNPAID);
        } else {
            assert_doubt(kind, &outcome);
        }
        assert_eq!(world.ask(&query()), UNPAID);
    });
}

#[test]
fn a_query_of_a_paid_order_that_goes_wrong_never_tells_its_amount() {
    each(OpKind::Query, |mut world, kind| {
        world.place(&native());
        world.pay();
        let outcome = world.ask(&query());
        if kind == OpFaultKind::WrongAnswer {
            // Well signed: only the comparison with the order's amount can refuse it.
            let Outcome::Paid(payment) = outcome else { panic!("{outcome:?}") };
            assert_eq!(payment.amount.minor, native().amount.minor + 1);
        } else {
            assert_doubt(kind, &outcome);
        }
        let Outcome::Paid(payment) = world.ask(&query()) else { panic!("{kind:?}") };
        assert_eq!(payment.amount, native().amount);
    });
}

#[test]
fn a_close_that_goes_wrong_is_unknown_and_can_be_repeated() {
    each(OpKind::Close, |mut world, kind| {
        world.place(&native());
        assert_doubt(kind, &world.ask(&close()));
        let expect = if kind.is_done() { Outcome::Closed } else { UNPAID };
        assert_eq!(world.ask(&query()), expect, "{kind:?}");
        assert_eq!(world.ask(&close()), Outcome::Closed);
        assert_eq!(world.ask(&query()), Outcome::Closed);
    });
}

#[test]
fn a_close_of_a_paid_order_that_goes_wrong_never_closes_it() {
    each(OpKind::Close, |mut world, kind| {
        world.place(&native());
        world.pay();
        assert!(matches!(world.ask(&close()), Outcome::Unknown(_)), "{kind:?}");
        assert_eq!(world.ask(&close()), Outcome::PaidElsewhere);
    });
}

#[test]
fn keys_that_go_wrong_are_never_believed() {
    for (kind, _) in OpFaultKind::ALL {
        let mut world = World::without_keys(Mode::Certificate);
        world.sim.script(ScriptedFault { op: OpKind::Keys, kind, times: 2 });
        assert_doubt(kind, &world.ask(&Op::Keys));
        assert_doubt(kind, &world.ask(&Op::Keys));
        assert!(matches!(world.ask(&Op::Keys), Outcome::Keys(keys) if keys.len() == 1));
    }
}
