//! Every fault of an operation and of a callback: never a wrong statement, and once it is over the
//! truth is found.

use super::{Bench, outcome_of, payment_of, query, query_refund, refund, wap};
use crate::alipay_mapi::fields::Fields;
use crate::http::HttpResponse;
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, Simulator};
use crate::{CallbackFault, Doubt, Op, Outcome, RefusalKind};

/// The truth at the upstream before an operation.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Truth {
    Nothing,
    Waiting,
    Paid,
    Refunded,
}

/// Signed with MD5, which is quick; what RSA is worth is tested elsewhere.
fn a_bench(truth: Truth) -> Bench {
    let mut bench = Bench::with(&[("sign_type", "MD5")]);
    if truth != Truth::Nothing {
        bench.open(&wap());
    }
    match truth {
        Truth::Nothing | Truth::Waiting => {}
        Truth::Paid => bench.pay(None),
        Truth::Refunded => {
            bench.pay(None);
            bench.call(&refund(888));
        }
    }
    bench
}

#[test]
fn no_fault_of_an_operation_makes_a_wrong_statement() {
    let ops = [
        (OpKind::Query, query()),
        (OpKind::Refund, refund(888)),
        (OpKind::QueryRefund, query_refund(888)),
        (OpKind::Rates, Op::Rates),
    ];
    for (op_kind, op) in &ops {
        for (kind, _) in OpFaultKind::ALL {
            for truth in [Truth::Nothing, Truth::Waiting, Truth::Paid, Truth::Refunded] {
                let mut bench = a_bench(truth);
                let right = a_bench(truth).call(op);
                bench.fail_once(*op_kind, kind);
                check_faulty(*op_kind, kind, &bench.call(op), &right);
                check_truth_after(&mut bench, *op_kind, kind, truth);
            }
        }
    }
}

fn check_faulty(op: OpKind, kind: OpFaultKind, outcome: &Outcome, right: &Outcome) {
    match (op, kind, outcome) {
        (_, _, Outcome::Unknown(_)) => {}
        (OpKind::Refund, OpFaultKind::Refused, Outcome::Refused(refusal)) => {
            assert_eq!(refusal.kind, RefusalKind::NotSupported);
        }
        // What Alipay says of its own failure to give rates is 492006, whatever it is.
        (
            OpKind::Rates,
            OpFaultKind::Refused | OpFaultKind::ErrorBefore | OpFaultKind::ErrorAfter,
            Outcome::Refused(refusal),
        ) => assert_eq!(refusal.kind, RefusalKind::Business),
        // In form and signed: the gateway sees it by comparing the amount.
        (OpKind::Query, OpFaultKind::WrongAnswer, Outcome::Paid(payment)) => {
            assert_ne!(payment.amount.minor, 8888);
        }
        // What carries no signature, or names nothing, was answered rightly; so were refusals,
        // which have no signature to spoil.
        (_, OpFaultKind::BadSignature | OpFaultKind::WrongAnswer, outcome) => {
            assert_eq!(outcome, right, "{op:?} {kind:?}");
            let is_bare = match op {
                OpKind::Refund | OpKind::Rates => true,
                OpKind::Query | OpKind::QueryRefund => *outcome == Outcome::NotFound,
                OpKind::Place | OpKind::Close | OpKind::Reverse | OpKind::Keys => false,
            };
            assert!(is_bare, "{op:?} {kind:?} {outcome:?}");
        }
        _ => panic!("{op:?} {kind:?} {outcome:?}"),
    }
}

/// The fault is over: what the upstream says is what really happened.
fn check_truth_after(bench: &mut Bench, op: OpKind, kind: OpFaultKind, before: Truth) {
    match (before, bench.call(&query())) {
        (Truth::Nothing, Outcome::NotFound)
        | (Truth::Waiting, Outcome::Unpaid { .. })
        | (Truth::Paid | Truth::Refunded, Outcome::Paid(_)) => {}
        (before, healed) => panic!("{op:?} {kind:?} {before:?} {healed:?}"),
    }
    let is_refunded = match before {
        Truth::Nothing | Truth::Waiting => false,
        Truth::Paid => op == OpKind::Refund && kind.is_done(),
        Truth::Refunded => true,
    };
    match bench.call(&query_refund(888)) {
        Outcome::Refunded(_) => assert!(is_refunded, "{op:?} {kind:?} {before:?}"),
        Outcome::NotFound => assert!(!is_refunded, "{op:?} {kind:?} {before:?}"),
        other => panic!("{op:?} {kind:?} {before:?} {other:?}"),
    }
}

#[test]
fn a_refund_whose_answer_was_lost_is_repeated_safely() {
    for kind in [OpFaultKind::DroppedAfter, OpFaultKind::ErrorAfter, OpFaultKind::Slow] {
        let mut bench = Bench::paid();
        bench.fail_once(OpKind::Refund, kind);
        assert!(matches!(bench.call(&refund(8000)), Outcome::Unknown(_)), "{kind:?}");
        assert!(matches!(bench.call(&refund(8000)), Outcome::Refunded(_)), "{kind:?}");
        let mut rest = super::a_refund(888);
        rest.refund_no = "2".into();
        assert!(matches!(bench.call(&Op::Refund(rest)), Outcome::Refunded(_)), "once only");
    }
}

#[test]
fn the_four_ways_that_rates_fail_are_told_apart() {
    let mut bench = Bench::new();
    let mut failed = |kind| {
        bench.fail_once(OpKind::Rates, kind);
        bench.call(&Op::Rates)
    };
    assert!(matches!(failed(OpFaultKind::Refused), Outcome::Refused(_)));
    assert!(matches!(failed(OpFaultKind::Html), Outcome::Unknown(Doubt::Unreadable(_))));
    assert!(matches!(failed(OpFaultKind::Truncated), Outcome::Unknown(Doubt::Unreadable(_))));
    assert_eq!(failed(OpFaultKind::Slow), Outcome::Unknown(Doubt::Timeout));
    assert_eq!(failed(OpFaultKind::Empty), Outcome::Unknown(Doubt::Empty));
}

#[test]
fn every_fault_of_a_callback_is_seen_and_the_truth_found() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::opened();
        bench.pay(Some(kind));
        let truth = payment_of(&bench.call(&query()));
        let heard = bench.deliver_and_confirm();
        let is_vouched = heard.iter().all(|(_, is_confirmed)| *is_confirmed);
        assert!(is_vouched, "the simulator sent them all: {word}");
        match kind {
            CallbackFaultKind::Lost => {
                assert!(heard.is_empty() && bench.sim.next_due().is_none());
                continue;
            }
            CallbackFaultKind::Twice => {
                assert_eq!(heard.len(), 2);
                assert_eq!(outcome_of(&heard[0].0), outcome_of(&heard[1].0));
                continue;
            }
            CallbackFaultKind::Late => {
                assert!(heard.is_empty());
                bench.wait(60_000);
            }
            CallbackFaultKind::WrongAmount => {
                assert_eq!(payment_of(&outcome_of(&heard[0].0)).amount.minor, 8887);
                continue;
            }
            CallbackFaultKind::WrongCurrency => {
                let told = payment_of(&outcome_of(&heard[0].0));
                assert_ne!(told.amount.currency, truth.amount.currency);
                continue;
            }
            CallbackFaultKind::WrongMerchant | CallbackFaultKind::WrongApp => {
                let mismatch = CallbackFault::Mismatch { field: "seller_id" };
                assert_eq!(heard[0].0.facts, Err(mismatch), "{word}");
                bench.wait(4 * 60_000);
            }
            CallbackFaultKind::BadSignature => {
                assert_eq!(heard[0].0.facts, Err(CallbackFault::BadSignature));
                bench.wait(4 * 60_000);
            }
        }
        let told = payment_of(&bench.hear());
        assert_eq!(told.transaction_id, truth.transaction_id, "{word}");
        assert_eq!(told.amount, truth.amount, "{word}");
    }
}

#[test]
fn a_notification_is_repeated_on_the_vendors_schedule() {
    let mut bench = Bench::paid();
    let mut ids = Vec::new();
    let mut waited = Vec::new();
    while let Some(at) = bench.sim.next_due() {
        waited.push(at.millis_since(bench.now) / 60_000);
        bench.now = at;
        let stamp = bench.stamp();
        for due in bench.sim.due_callbacks(&stamp) {
            let body = String::from_utf8(due.request.body).unwrap();
            ids.push(Fields::from_form(&body).unwrap().of("notify_id").to_owned());
            let no = HttpResponse::new(200, "text/plain", "success\n");
            bench.sim.callback_answered(due.id, Some(&no).filter(|_| ids.len() > 1), &stamp);
        }
    }
    assert_eq!(waited, [0, 4, 10, 10, 60, 120, 360, 900]);
    assert!(ids.len() == 8 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}
