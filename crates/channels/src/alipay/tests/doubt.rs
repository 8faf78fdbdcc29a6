//! Every fault of a charge, a reversal and a refund: never a wrong statement, never twice, and once
//! it is over the truth is found.

use super::faults::is_executed;
use super::{
    Bench, amount_of, charge, charged, kind_of, payment_of, query_refund, refund, reverse,
};
use crate::sim::{OpFaultKind, OpKind, Simulator};
use crate::{Doubt, Op, Outcome, RefusalKind};

fn is_doubt(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_))
}

/// One call that goes wrong.
fn faulty(bench: &mut Bench, op: &Op, fault: (OpKind, OpFaultKind)) -> Outcome {
    bench.fail_once(fault.0, fault.1);
    bench.call(op)
}

#[test]
fn no_fault_of_a_charge_makes_a_wrong_statement() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        let outcome = faulty(&mut bench, &charge("00"), (OpKind::Place, kind));
        match kind {
            OpFaultKind::Refused => assert_eq!(kind_of(&outcome), RefusalKind::Business),
            // In form and signed: the gateway sees it by comparing the amount.
            OpFaultKind::WrongAnswer => assert_eq!(payment_of(&outcome).amount.minor, 1),
            _ => assert!(is_doubt(&outcome), "{word} {outcome:?}"),
        }
        let truth = bench.call(&Op::Query(charged()));
        assert_eq!(matches!(truth, Outcome::Paid(_)), is_executed(kind), "{word} {truth:?}");
        assert!(is_executed(kind) || truth == Outcome::NotFound, "{word}");
        // What the gateway does when the doubt does not end: nothing stays with us.
        let expect = if is_executed(kind) { Outcome::Reversed } else { Outcome::NotFound };
        assert_eq!(bench.call(&reverse()), expect, "{word}");
        assert_eq!(bench.call(&Op::Query(charged())), expect, "{word}");
    }
}

#[test]
fn no_fault_of_a_reversal_makes_a_wrong_statement() {
    for (kind, word) in OpFaultKind::ALL {
        for fate in ["00", "01", "06"] {
            let mut bench = Bench::new();
            bench.call(&charge(fate));
            let outcome = faulty(&mut bench, &reverse(), (OpKind::Reverse, kind));
            match kind {
                OpFaultKind::Refused => assert_eq!(kind_of(&outcome), RefusalKind::BalanceTooLow),
                _ => assert!(is_doubt(&outcome), "{word} {outcome:?}"),
            }
            let truth = bench.call(&Op::Query(charged()));
            match (fate, is_executed(kind)) {
                ("00", false) => assert!(matches!(truth, Outcome::Paid(_)), "{word} {truth:?}"),
                ("00", true) => assert_eq!(truth, Outcome::Reversed, "{word}"),
                ("01", false) => assert_eq!(truth, Outcome::Unpaid { is_acting: true }, "{word}"),
                ("01", true) => assert_eq!(truth, Outcome::Closed, "{word}"),
                _ => assert_eq!(truth, Outcome::NotFound, "{word}"),
            }
            let expect = if fate == "06" { Outcome::NotFound } else { Outcome::Reversed };
            assert_eq!(bench.call(&reverse()), expect, "{word}: again until it is said");
        }
    }
}

#[test]
fn no_fault_of_a_refund_makes_a_wrong_statement_or_a_second_refund() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        bench.call(&charge("00"));
        let outcome = faulty(&mut bench, &refund(1, 3000), (OpKind::Refund, kind));
        match kind {
            OpFaultKind::Refused => assert_eq!(kind_of(&outcome), RefusalKind::BalanceTooLow),
            _ => assert!(is_doubt(&outcome), "{word} {outcome:?}"),
        }
        let truth = bench.call(&query_refund(1, 3000));
        let is_there = matches!(truth, Outcome::Refunded(_));
        assert_eq!(is_there, is_executed(kind), "{word} {truth:?}");
        assert!(is_there || truth == Outcome::NotFound, "{word} {truth:?}");
        bench.call(&refund(1, 3000));
        assert_eq!(amount_of(&bench.call(&query_refund(1, 3000))), 3000, "{word}");
        let refunds = bench.sim.snapshot()["trades"][0]["refunds"].clone();
        assert_eq!(refunds.as_array().unwrap().len(), 1, "{word}");
    }
}

#[test]
fn no_fault_of_a_refunds_query_makes_a_wrong_statement() {
    for (kind, word) in OpFaultKind::ALL {
        for is_there in [false, true] {
            let mut bench = Bench::new();
            bench.call(&charge("00"));
            if is_there {
                bench.call(&refund(1, 3000));
            }
            let fault = (OpKind::QueryRefund, kind);
            let outcome = faulty(&mut bench, &query_refund(1, 3000), fault);
            assert!(is_doubt(&outcome), "{word} {outcome:?}");
            let truth = bench.call(&query_refund(1, 3000));
            assert_eq!(matches!(truth, Outcome::Refunded(_)), is_there, "{word}");
        }
    }
}

#[test]
fn a_barcode_without_an_answer_is_no_answer_whatever_else_goes_wrong() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        let outcome = faulty(&mut bench, &charge("07"), (OpKind::Place, kind));
        let is_dropped = outcome == Outcome::Unknown(Doubt::Timeout);
        assert!(is_dropped || !is_executed(kind), "{word} {outcome:?}");
    }
}
