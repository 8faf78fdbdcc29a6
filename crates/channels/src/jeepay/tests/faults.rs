//! Every fault of an operation and of a notification: never a wrong statement, and once it is over
//! the truth is found.

use kernel::product::Product;

use super::{AMOUNT, Bench, REFUND_NO, TRADE_NO, barcode, payment_of, place, refund, trade};
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

const PRODUCT: Product = Product::AlipayQr;

fn bring_to(truth: Truth) -> Bench {
    match truth {
        Truth::Nothing => Bench::new(),
        Truth::Waiting => Bench::opened(PRODUCT),
        Truth::Paid => Bench::paid(PRODUCT),
        Truth::Refunded => {
            let mut bench = Bench::paid(PRODUCT);
            bench.refund(100, REFUND_NO);
            bench
        }
    }
}

fn op_of(kind: OpKind) -> Op {
    match kind {
        OpKind::Place => place(PRODUCT),
        OpKind::Close => Op::Close(trade(PRODUCT)),
        OpKind::Refund => Op::Refund(refund(PRODUCT, 100, REFUND_NO)),
        OpKind::QueryRefund => Op::QueryRefund(refund(PRODUCT, 100, REFUND_NO)),
        OpKind::Query | OpKind::Reverse | OpKind::Rates | OpKind::Keys => Op::Query(trade(PRODUCT)),
    }
}

#[test]
fn no_fault_of_an_operation_makes_a_wrong_statement() {
    let kinds = [OpKind::Place, OpKind::Query, OpKind::Close, OpKind::Refund, OpKind::QueryRefund];
    for (kind, word) in OpFaultKind::ALL {
        for truth in [Truth::Nothing, Truth::Waiting, Truth::Paid, Truth::Refunded] {
            for op_kind in kinds {
                let mut bench = bring_to(truth);
                bench.fail_once(op_kind, kind);
                let outcome = bench.call(&op_of(op_kind));
                check_faulty((op_kind, kind), truth, &outcome);
                let case = format!("{op_kind:?} {word} {truth:?} {outcome:?}");
                check_truth_after(&mut bench, (op_kind, kind), truth, &case);
            }
        }
    }
}

fn check_faulty((op, kind): (OpKind, OpFaultKind), truth: Truth, outcome: &Outcome) {
    let is_right_refusal = [
        OpFaultKind::WrongAnswer,
        // A refusal is not signed: nothing of it can be spoiled.
        OpFaultKind::BadSignature,
    ]
    .contains(&kind);
    match (op, outcome) {
        (_, Outcome::Unknown(_)) => {}
        (OpKind::Place | OpKind::Refund, Outcome::Refused(_)) if kind == OpFaultKind::Refused => {}
        (OpKind::Place, Outcome::Refused(_)) => {
            assert!(is_right_refusal && truth != Truth::Nothing)
        }
        (OpKind::Refund, Outcome::Refused(_)) => assert!(is_right_refusal && truth < Truth::Paid),
        // The refund was done before: asking for it again reaches no fault.
        (OpKind::Refund, Outcome::Refunded(_)) => assert_eq!(truth, Truth::Refunded),
        (OpKind::Query | OpKind::Close, Outcome::NotFound) => {
            assert!(is_right_refusal && truth == Truth::Nothing);
        }
        (OpKind::QueryRefund, Outcome::NotFound) => {
            assert!(is_right_refusal && truth != Truth::Refunded);
        }
        (OpKind::Close, Outcome::PaidElsewhere) => {
            assert!(is_right_refusal && truth >= Truth::Paid);
        }
        // In form and signed: the gateway sees it by comparing the amount.
        (OpKind::Query, Outcome::Paid(payment)) if kind == OpFaultKind::WrongAnswer => {
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
    case: &str,
) {
    let is_done = kind.is_done();
    let is_placed = truth != Truth::Nothing || op == OpKind::Place && is_done;
    let is_closed = op == OpKind::Close && is_done;
    match (truth, bench.query()) {
        (Truth::Nothing, Outcome::NotFound) => assert!(!is_placed, "{case}"),
        (Truth::Nothing, Outcome::Unpaid { .. }) => assert!(is_placed, "{case}"),
        (Truth::Waiting, Outcome::Unpaid { .. }) => assert!(!is_closed, "{case}"),
        (Truth::Waiting, Outcome::Closed) => assert!(is_closed, "{case}"),
        (Truth::Paid | Truth::Refunded, Outcome::Paid(_)) => {}
        (_, other) => panic!("{case} {other:?}"),
    }
    let is_refunded =
        truth == Truth::Refunded || truth == Truth::Paid && op == OpKind::Refund && is_done;
    // A refund whose question failed was never asked for.
    match bench.query_refund(100, REFUND_NO) {
        Outcome::NotFound => assert!(!is_refunded, "{case}"),
        Outcome::Refunded(done) => assert!(is_refunded && done.amount.minor == 100, "{case}"),
        other => panic!("{case} {other:?}"),
    }
}

#[test]
fn no_fault_of_a_barcode_makes_a_wrong_statement() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = Bench::new();
        bench.fail_once(OpKind::Place, kind);
        match bench.call(&barcode("00")) {
            Outcome::Unknown(_) => {}
            other => panic!("{word} {other:?}"),
        }
        match bench.query() {
            Outcome::Paid(_) => assert!(kind.is_done(), "{word}"),
            Outcome::NotFound => assert!(!kind.is_done(), "{word}"),
            other => panic!("{word} {other:?}"),
        }
    }
}

#[test]
fn a_question_that_fails_lets_no_refund_be_asked_for() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = Bench::paid(PRODUCT);
        bench.fail_once(OpKind::QueryRefund, kind);
        let outcome = bench.refund(100, REFUND_NO);
        let is_not_found = matches!(kind, OpFaultKind::BadSignature | OpFaultKind::WrongAnswer);
        match &outcome {
            Outcome::Unknown(_) => assert!(!is_not_found, "{word}"),
            Outcome::Refunded(_) => assert!(is_not_found, "{word}: a refusal has no sign"),
            other => panic!("{word} {other:?}"),
        }
        let is_refunded = matches!(bench.query_refund(100, REFUND_NO), Outcome::Refunded(_));
        assert_eq!(is_refunded, is_not_found, "{word}");
    }
}

#[test]
fn every_fault_of_a_notification_is_seen_and_the_truth_found() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::opened(PRODUCT);
        bench.pay(Some(kind));
        let truth = bench.query();
        let heard = bench.deliver();
        let first = heard.first().map(|callback| callback.facts.clone());
        let mismatch = |field| Some(Err(CallbackFault::Mismatch { field }));
        match kind {
            CallbackFaultKind::Lost => {
                assert!(first.is_none());
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
            CallbackFaultKind::WrongApp => assert_eq!(first, mismatch("appId")),
            CallbackFaultKind::WrongMerchant => assert_eq!(first, mismatch("mchNo")),
            CallbackFaultKind::BadSignature => {
                assert_eq!(first, Some(Err(CallbackFault::BadSignature)));
            }
        }
        bench.wait(60_000);
        let told = bench.deliver()[0].facts.clone().unwrap();
        assert_eq!((told.about, told.outcome), (About::Trade(TRADE_NO.into()), truth), "{word}");
    }
}

#[test]
fn a_notification_is_repeated_on_the_vendors_schedule() {
    let mut bench = Bench::paid(PRODUCT);
    let mut waited = Vec::new();
    for _ in 0..6 {
        let at = bench.sim.next_due().unwrap();
        waited.push(at.millis_since(bench.now) / 1000);
        bench.now = at;
        let stamp = bench.stamp();
        let due = bench.sim.due_callbacks(&stamp);
        let no = crate::http::HttpResponse::new(200, "text/plain", "success ");
        bench.sim.callback_answered(due[0].id, Some(&no), &stamp);
    }
    assert_eq!(waited, [0, 30, 60, 90, 120, 150]);
    assert_eq!(bench.sim.next_due(), Some(super::START.plus_millis(super::HALF_HOUR_MS)));
}
