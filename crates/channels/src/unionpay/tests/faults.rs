//! Every fault of an operation: never a wrong statement, and once it is over the truth is found.

use super::{
    Bench, TRADE_NO, a_refund, barcode, close, is_unknown, payment_of, qr, query, query_barcode,
    reverse, undo,
};
use crate::sim::{OpFaultKind, OpKind, Simulator};
use crate::{Doubt, Op, Outcome, RefusalKind};

/// Explicitly refused, or unknown.
fn check_faulty(kind: OpFaultKind, outcome: &Outcome) {
    match (kind, outcome) {
        (OpFaultKind::Refused, Outcome::Refused(refusal)) => {
            assert_eq!((refusal.kind, refusal.code.as_str()), (RefusalKind::Business, "31"));
            assert_eq!(refusal.message, "商户状态不正确");
        }
        (OpFaultKind::Refused, _) => panic!("{outcome:?}"),
        (_, Outcome::Unknown(_)) => {}
        (_, _) => panic!("{kind:?} {outcome:?}"),
    }
}

#[test]
fn a_faulty_place_of_a_code_claims_nothing() {
    for (kind, _) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        bench.fail_once(OpKind::Place, kind);
        check_faulty(kind, &bench.call(&qr()));
        let stamp = bench.stamp();
        let is_there = bench.sim.pay(TRADE_NO, None, &stamp).is_ok();
        assert_eq!(is_there, kind.is_done(), "{kind:?}");
        assert_eq!(matches!(bench.call(&query()), Outcome::Paid(_)), is_there, "{kind:?}");
    }
}

#[test]
fn a_faulty_charge_of_a_barcode_claims_nothing() {
    for (kind, _) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        bench.fail_once(OpKind::Place, kind);
        check_faulty(kind, &bench.call(&barcode("00")));
        let healed = bench.call(&query_barcode());
        let is_paid = matches!(healed, Outcome::Paid(_));
        assert_eq!(is_paid, kind.is_done(), "{kind:?} {healed:?}");
        assert!(is_paid || healed == Outcome::NotFound, "{kind:?} {healed:?}");
    }
}

#[test]
fn a_barcode_whose_query_fails_is_in_doubt() {
    for (kind, _) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        bench.fail_once(OpKind::Query, kind);
        match (kind, bench.call(&barcode("00"))) {
            // In form and signed: the gateway sees it by comparing the amount.
            (OpFaultKind::WrongAnswer, Outcome::Paid(payment)) => {
                assert_eq!(payment.amount.minor, 1);
            }
            (_, outcome) => assert!(is_unknown(&outcome), "{kind:?} {outcome:?}"),
        }
        assert!(matches!(bench.call(&query_barcode()), Outcome::Paid(_)), "{kind:?}");
    }
}

#[test]
fn a_faulty_query_claims_nothing_whatever_is_true() {
    for (kind, _) in OpFaultKind::ALL {
        for is_paid in [false, true] {
            for op in [query(), close()] {
                let mut bench = Bench::new();
                bench.call(&qr());
                if is_paid {
                    bench.pay(None);
                }
                bench.fail_once(OpKind::Query, kind);
                match (kind, bench.call(&op)) {
                    (OpFaultKind::WrongAnswer, Outcome::Paid(payment)) => {
                        assert_eq!(payment.amount.minor, 1);
                    }
                    (_, outcome) => assert!(is_unknown(&outcome), "{kind:?} {outcome:?}"),
                }
                let healed = bench.call(&op);
                assert_eq!(matches!(healed, Outcome::Paid(_)), is_paid, "{kind:?} {healed:?}");
                assert!(is_paid || healed == Outcome::NotFound, "{kind:?} {healed:?}");
            }
        }
    }
}

#[test]
fn a_faulty_reversal_is_asked_for_again_until_it_is_done() {
    for (kind, _) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        bench.call(&barcode("01"));
        bench.fail_once(OpKind::Reverse, kind);
        check_faulty(kind, &bench.call(&reverse()));
        let is_open = bench.call(&query_barcode()) == Outcome::Unpaid { is_acting: true };
        assert_eq!(is_open, !kind.is_done(), "{kind:?}");
        assert_eq!(bench.call(&reverse()), Outcome::Reversed, "{kind:?}");
    }
}

#[test]
fn a_faulty_undoing_is_asked_for_again_until_it_is_done() {
    for op in [OpKind::Reverse, OpKind::Query] {
        for (kind, _) in OpFaultKind::ALL {
            let mut bench = Bench::new();
            let payment = payment_of(&bench.call(&barcode("00")));
            bench.fail_once(op, kind);
            let outcome = bench.call(&undo(&payment));
            match op {
                OpKind::Reverse => check_faulty(kind, &outcome),
                _ => assert!(is_unknown(&outcome), "{kind:?} {outcome:?}"),
            }
            assert_eq!(bench.call(&undo(&payment)), Outcome::Reversed, "{kind:?}");
        }
    }
}

#[test]
fn a_faulty_refund_is_repeated_safely() {
    for (kind, _) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        let payment = bench.paid();
        let refund = a_refund(&payment, 8888);
        bench.fail_once(OpKind::Refund, kind);
        check_faulty(kind, &bench.call(&Op::Refund(refund.clone())));
        let is_there = bench.call(&Op::QueryRefund(refund.clone())) != Outcome::NotFound;
        assert_eq!(is_there, kind.is_done(), "{kind:?}");
        let again = bench.call(&Op::Refund(refund.clone()));
        assert!(matches!(again, Outcome::RefundPending { .. }), "{kind:?} {again:?}");
        bench.wait(5_000);
        let healed = bench.call(&Op::QueryRefund(refund));
        assert!(matches!(healed, Outcome::Refunded(_)), "{kind:?} {healed:?}");
    }
}

#[test]
fn a_faulty_query_of_a_refund_claims_nothing() {
    for (kind, _) in OpFaultKind::ALL {
        for wait_ms in [0, 5_000] {
            let mut bench = Bench::new();
            let payment = bench.paid();
            let refund = a_refund(&payment, 100);
            bench.call(&Op::Refund(refund.clone()));
            bench.wait(wait_ms);
            let query = Op::QueryRefund(refund);
            bench.fail_once(OpKind::QueryRefund, kind);
            let outcome = bench.call(&query);
            assert!(is_unknown(&outcome), "{kind:?} {outcome:?}");
            let healed = bench.call(&query);
            let is_done = matches!(healed, Outcome::Refunded(_));
            let is_pending = matches!(healed, Outcome::RefundPending { .. });
            assert_eq!((is_done, is_pending), (wait_ms > 0, wait_ms == 0), "{healed:?}");
        }
    }
}

#[test]
fn a_late_answer_is_no_answer() {
    let mut bench = Bench::new();
    bench.fail_once(OpKind::Place, OpFaultKind::Slow);
    assert_eq!(bench.call(&qr()), Outcome::Unknown(Doubt::Timeout));
}
