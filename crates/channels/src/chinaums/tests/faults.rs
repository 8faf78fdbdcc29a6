//! Every fault of an operation and of a notification: never a wrong statement, and once it is over
//! the truth is found.

use super::{AMOUNT, Bench, REFUND_NO, TRADE_NO, payment_of, place};
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, Simulator};
use crate::{About, CallbackFault, Op, Outcome};

/// The truth at the upstream before an operation.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Debug)]
enum Truth {
    Nothing,
    Waiting,
    Paid,
    Refunded,
}

fn bring_to(truth: Truth) -> Bench {
    match truth {
        Truth::Nothing => Bench::new(),
        Truth::Waiting => Bench::opened(),
        Truth::Paid => Bench::paid(),
        Truth::Refunded => {
            let mut bench = Bench::paid();
            bench.refund(100, REFUND_NO);
            bench.wait(5_000);
            bench
        }
    }
}

fn op_of(kind: OpKind, bench: &Bench) -> Op {
    match kind {
        OpKind::Place => place(),
        OpKind::Close => Op::Close(bench.trade()),
        OpKind::Refund => Op::Refund(bench.refund_of(100, REFUND_NO)),
        OpKind::QueryRefund => Op::QueryRefund(bench.refund_of(100, REFUND_NO)),
        OpKind::Query | OpKind::Reverse | OpKind::Rates | OpKind::Keys => Op::Query(bench.trade()),
    }
}

#[test]
fn no_fault_of_an_operation_makes_a_wrong_statement() {
    let kinds = [OpKind::Place, OpKind::Query, OpKind::Close, OpKind::Refund, OpKind::QueryRefund];
    for (kind, word) in OpFaultKind::ALL {
        for truth in [Truth::Nothing, Truth::Waiting, Truth::Paid, Truth::Refunded] {
            for op_kind in kinds {
                let mut bench = bring_to(truth);
                let op = op_of(op_kind, &bench);
                // Closing is a query.
                let asked = if op_kind == OpKind::Close { OpKind::Query } else { op_kind };
                bench.fail_once(asked, kind);
                let outcome = bench.call(&op);
                check_faulty((op_kind, kind), truth, &outcome);
                let before = format!("{op_kind:?} {word} {truth:?}");
                check_truth_after(&mut bench, (op_kind, kind), truth, &before);
            }
        }
    }
}

fn check_faulty((op, kind): (OpKind, OpFaultKind), truth: Truth, outcome: &Outcome) {
    let is_wrong_answer = kind == OpFaultKind::WrongAnswer;
    match (op, outcome) {
        (_, Outcome::Unknown(_)) => {}
        (OpKind::Place | OpKind::Refund, Outcome::Refused(_)) if kind == OpFaultKind::Refused => {}
        // It was done before: asking for it again reaches no fault.
        (OpKind::Refund, Outcome::Refunded(_)) => assert_eq!(truth, Truth::Refunded),
        // The right refusal is in form, whatever else it names.
        (OpKind::Query | OpKind::Close | OpKind::QueryRefund, Outcome::NotFound)
            if is_wrong_answer =>
        {
            assert!(
                truth == Truth::Nothing || op == OpKind::QueryRefund && truth != Truth::Refunded
            );
        }
        (OpKind::Place, Outcome::Refused(_)) if is_wrong_answer => assert!(truth >= Truth::Paid),
        // Another payment's number cannot be seen in this answer; queries will not believe it.
        (OpKind::Place, Outcome::Opened { pay_text }) if is_wrong_answer => {
            assert!(pay_text.ends_with(&"f".repeat(32)));
        }
        // In form: the gateway sees it by comparing the amount.
        (OpKind::Query | OpKind::Close, Outcome::Paid(payment)) if is_wrong_answer => {
            assert_ne!(payment.amount, AMOUNT);
        }
        _ => panic!("{op:?} {kind:?} {truth:?} {outcome:?}"),
    }
}

/// The fault is over: what the upstream says is what really happened.
fn check_truth_after(
    bench: &mut Bench,
    (op, kind): (OpKind, OpFaultKind),
    truth: Truth,
    before: &str,
) {
    let is_placed = truth != Truth::Nothing || op == OpKind::Place && kind.is_done();
    match (truth, bench.query()) {
        (Truth::Nothing, Outcome::NotFound) => assert!(!is_placed, "{before}"),
        (Truth::Nothing | Truth::Waiting, Outcome::Unpaid { .. }) => assert!(is_placed, "{before}"),
        (Truth::Paid | Truth::Refunded, Outcome::Paid(_)) => {}
        (_, other) => panic!("{before} {other:?}"),
    }
    let is_refunded =
        truth == Truth::Refunded || truth == Truth::Paid && op == OpKind::Refund && kind.is_done();
    bench.wait(5_000);
    match bench.query_refund(100, REFUND_NO) {
        Outcome::NotFound => assert!(!is_refunded, "{before}"),
        Outcome::Refunded(done) => assert!(is_refunded && done.amount.minor == 100, "{before}"),
        other => panic!("{before} {other:?}"),
    }
}

#[test]
fn a_question_that_fails_lets_no_refund_be_asked_for() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = Bench::paid();
        bench.fail_once(OpKind::QueryRefund, kind);
        let outcome = bench.refund(100, REFUND_NO);
        // The right refusal is in form, whatever else it names.
        let is_asked_for = kind == OpFaultKind::WrongAnswer;
        let is_pending = matches!(outcome, Outcome::RefundPending { .. });
        assert_eq!(is_pending, is_asked_for, "{word} {outcome:?}");
        assert!(is_pending || matches!(outcome, Outcome::Unknown(_)), "{word} {outcome:?}");
        let is_there = bench.query_refund(100, REFUND_NO) != Outcome::NotFound;
        assert_eq!(is_there, is_asked_for, "{word}");
    }
}

#[test]
fn a_place_whose_answer_was_lost_is_repeated_safely() {
    let mut bench = Bench::new();
    bench.fail_once(OpKind::Place, OpFaultKind::DroppedAfter);
    assert!(matches!(bench.call(&place()), Outcome::Unknown(_)));
    bench.open();
    bench.pay(None);
    payment_of(&bench.query());
}

#[test]
fn a_page_of_another_payment_is_seen_by_the_query() {
    let mut bench = Bench::paid();
    let mut other = bench.trade();
    other.trade_no = "1120261122120005000006553802".into();
    assert!(super::is_unreadable(&bench.call(&Op::Query(other))), "reserved names another order");
}

#[test]
fn every_fault_of_a_notification_is_seen_and_the_truth_found() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::opened();
        bench.pay(Some(kind));
        let truth = bench.query();
        let heard = bench.deliver();
        let first = heard.first().map(|callback| callback.facts.clone());
        match kind {
            CallbackFaultKind::Lost => {
                assert!(first.is_none() && bench.sim.next_due().is_none());
                continue;
            }
            CallbackFaultKind::Twice => {
                let told = heard.iter().map(|one| one.facts.clone().unwrap().outcome);
                assert_eq!(told.collect::<Vec<_>>(), [truth.clone(), truth]);
                continue;
            }
            CallbackFaultKind::WrongAmount => {
                assert_eq!(payment_of(&first.unwrap().unwrap().outcome).amount.minor, 8887);
                continue;
            }
            CallbackFaultKind::WrongCurrency => {
                let paid = payment_of(&first.unwrap().unwrap().outcome);
                assert_ne!(paid.amount.currency, AMOUNT.currency);
                continue;
            }
            CallbackFaultKind::Late => assert!(first.is_none()),
            CallbackFaultKind::WrongApp => {
                assert_eq!(first, Some(Err(CallbackFault::Mismatch { field: "reserved" })));
            }
            CallbackFaultKind::WrongMerchant | CallbackFaultKind::BadSignature => {
                assert_eq!(first, Some(Err(CallbackFault::BadSignature)));
            }
        }
        bench.wait(60_000);
        let told = bench.deliver()[0].facts.clone().unwrap();
        let mut paid = payment_of(&told.outcome);
        assert_eq!((told.about, paid.paid_at), (About::Trade(TRADE_NO.into()), bench.now));
        paid.paid_at = payment_of(&truth).paid_at;
        assert_eq!(Outcome::Paid(paid), truth, "{word}");
    }
}

#[test]
fn a_notification_is_repeated_a_few_times() {
    let mut bench = Bench::paid();
    let mut waited = Vec::new();
    while let Some(at) = bench.sim.next_due() {
        waited.push(at.millis_since(bench.now) / 60_000);
        bench.now = at;
        let stamp = bench.stamp();
        assert_eq!(bench.sim.due_callbacks(&stamp).len(), 1);
    }
    assert_eq!(waited, [0, 1, 2, 4]);
}
