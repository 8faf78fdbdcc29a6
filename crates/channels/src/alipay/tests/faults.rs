//! Every fault of an operation and of a callback: never a wrong statement, and once it is over the
//! truth is found.

use super::{Bench, TRADE_NO, close, outcome_of, payment_of, qr, query, text_of};
use crate::alipay::wire::Fields;
use crate::http::HttpResponse;
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, Simulator};
use crate::{CallbackFault, Doubt, Outcome, RefusalKind};

/// The truth at the upstream before an operation.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Truth {
    Nothing,
    Coded,
    Waiting,
    Paid,
}

fn bring_to(bench: &mut Bench, truth: Truth) {
    if truth == Truth::Nothing {
        return;
    }
    let pay_text = text_of(&bench.call(&qr()));
    match truth {
        Truth::Nothing | Truth::Coded => {}
        Truth::Waiting => {
            bench.page("GET", &pay_text);
        }
        Truth::Paid => bench.pay(None),
    }
}

#[test]
fn no_fault_of_an_operation_makes_a_wrong_statement() {
    let ops = [(OpKind::Place, qr()), (OpKind::Query, query()), (OpKind::Close, close())];
    let truths = [Truth::Nothing, Truth::Coded, Truth::Waiting, Truth::Paid];
    for (op_kind, op) in &ops {
        for (kind, _) in OpFaultKind::ALL {
            for truth in truths {
                let mut bench = Bench::new();
                bring_to(&mut bench, truth);
                bench.fail_once(*op_kind, kind);
                check_faulty(*op_kind, kind, &bench.call(op));
                check_truth_after(&mut bench, *op_kind, kind, truth);
            }
        }
    }
}

fn check_faulty(op: OpKind, kind: OpFaultKind, outcome: &Outcome) {
    match (op, kind, outcome) {
        (_, _, Outcome::Unknown(_)) => {}
        (OpKind::Place, OpFaultKind::Refused, Outcome::Refused(refusal)) => {
            assert_eq!(refusal.kind, RefusalKind::Business);
            assert_eq!(refusal.message, "订单信息中包含违禁词");
        }
        // In form and signed: the gateway sees it by comparing the amount.
        (OpKind::Query, OpFaultKind::WrongAnswer, Outcome::Paid(payment)) => {
            assert_ne!(payment.amount.minor, 8888);
        }
        _ => panic!("{op:?} {kind:?} {outcome:?}"),
    }
}

/// The fault is over: what the upstream says is what really happened.
fn check_truth_after(bench: &mut Bench, op: OpKind, kind: OpFaultKind, before: Truth) {
    let healed = bench.call(&query());
    let is_closed = op == OpKind::Close && kind.is_done();
    match (before, &healed) {
        (Truth::Nothing | Truth::Coded, Outcome::NotFound) | (Truth::Paid, Outcome::Paid(_)) => {}
        (Truth::Waiting, Outcome::Closed) => assert!(is_closed, "{op:?} {kind:?}"),
        (Truth::Waiting, Outcome::Unpaid { .. }) => assert!(!is_closed, "{op:?} {kind:?}"),
        _ => panic!("{op:?} {kind:?} {before:?} {healed:?}"),
    }
    if before == Truth::Nothing && op == OpKind::Place {
        let stamp = bench.stamp();
        let is_there = bench.sim.pay(TRADE_NO, None, &stamp).is_ok();
        assert_eq!(is_there, kind.is_done(), "{kind:?}");
    }
}

#[test]
fn a_place_whose_answer_was_lost_is_repeated_safely() {
    let mut bench = Bench::new();
    bench.fail_once(OpKind::Place, OpFaultKind::DroppedAfter);
    assert_eq!(bench.call(&qr()), Outcome::Unknown(Doubt::Timeout));
    let opened = bench.call(&qr());
    bench.pay(None);
    assert!(matches!(opened, Outcome::Opened { .. }));
    payment_of(&bench.call(&query()));
}

#[test]
fn every_fault_of_a_callback_is_seen_and_the_truth_found() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::new();
        bench.call(&qr());
        bench.pay(Some(kind));
        let truth = bench.call(&query());
        let heard = bench.deliver();
        let mismatch = |field| Err(CallbackFault::Mismatch { field });
        match kind {
            CallbackFaultKind::Lost => {
                assert!(heard.is_empty() && bench.sim.next_due().is_none());
                continue;
            }
            CallbackFaultKind::Twice => {
                let told: Vec<_> = heard.iter().map(outcome_of).collect();
                assert_eq!(told, [truth.clone(), truth]);
                continue;
            }
            CallbackFaultKind::Late => {
                assert!(heard.is_empty());
                bench.wait(60_000);
            }
            CallbackFaultKind::WrongAmount => {
                assert_eq!(payment_of(&outcome_of(&heard[0])).amount.minor, 8887);
                continue;
            }
            CallbackFaultKind::WrongCurrency | CallbackFaultKind::WrongMerchant => {
                assert_eq!(heard[0].facts, mismatch("seller_id"), "{word}");
                bench.wait(4 * 60_000);
            }
            CallbackFaultKind::WrongApp => {
                assert_eq!(heard[0].facts, mismatch("app_id"));
                bench.wait(4 * 60_000);
            }
            CallbackFaultKind::BadSignature => {
                assert_eq!(heard[0].facts, Err(CallbackFault::BadSignature));
                bench.wait(4 * 60_000);
            }
        }
        assert_eq!(outcome_of(&bench.deliver()[0]), truth, "{word}");
    }
}

#[test]
fn a_notification_is_repeated_on_the_vendors_schedule() {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
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
