//! Refunds: in parts, each part once, and never believed to be refused when they were done.

use kernel::money::Money;
use kernel::product::Product;

use super::{AMOUNT, Bench, REFUND_NO, START, payment_of};
use crate::sim::{OpFaultKind, OpKind, Simulator};
use crate::{About, Outcome, Refunded, RefusalKind};

const SECOND: &str = "21202611221300050000065539";

fn refused_kind(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    }
}

fn done(outcome: &Outcome) -> Refunded {
    match outcome {
        Outcome::Refunded(refunded) => refunded.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refund_that_is_done_at_once_is_told_too() {
    let mut bench = Bench::paid(Product::AlipayQr);
    bench.deliver();
    assert_eq!(bench.query_refund(8000, REFUND_NO), Outcome::NotFound);
    let first = done(&bench.refund(8000, REFUND_NO));
    assert_eq!((first.amount.minor, first.cash.minor, first.refunded_at), (8000, 8000, START));
    assert_eq!(bench.refund(8000, REFUND_NO), Outcome::Refunded(first.clone()), "the same again");
    assert_eq!(bench.query_refund(8000, REFUND_NO), Outcome::Refunded(first.clone()));
    let told = bench.deliver();
    let facts = told[0].facts.clone().unwrap();
    assert_eq!((told.len(), facts.about), (1, About::Refund(REFUND_NO.into())));
    assert_eq!(facts.outcome, Outcome::Refunded(first));
    assert_eq!(bench.sim.next_due(), Some(START.plus_millis(super::HALF_HOUR_MS)));
}

#[test]
fn a_refund_that_takes_its_time_is_pending_and_blocks_the_next() {
    for product in [Product::WechatQr, Product::UnionpayQr] {
        let mut bench = Bench::paid(product);
        bench.deliver();
        let Outcome::RefundPending { refund_id } = bench.refund(8000, REFUND_NO) else { panic!() };
        assert!(!refund_id.is_empty());
        assert!(super::is_busy(&bench.refund(888, SECOND)), "one at a time");
        assert!(matches!(bench.refund(8000, REFUND_NO), Outcome::RefundPending { .. }));
        bench.wait(5_000);
        let told = bench.deliver()[0].facts.clone().unwrap().outcome;
        assert_eq!(told, bench.query_refund(8000, REFUND_NO));
        assert_eq!(done(&told).amount, Money { minor: 8000, ..AMOUNT });
        assert!(matches!(bench.refund(888, SECOND), Outcome::RefundPending { .. }));
        bench.wait(5_000);
        let third = bench.refund(1, "21202611221300050000065540");
        assert_eq!(refused_kind(&third), RefusalKind::NothingLeft);
        payment_of(&bench.query());
    }
}

#[test]
fn a_refund_of_too_much_or_of_what_is_not_paid_is_refused() {
    let mut bench = Bench::opened(Product::AlipayQr);
    assert_eq!(refused_kind(&bench.refund(1, REFUND_NO)), RefusalKind::Business);
    bench.pay(None);
    assert_eq!(refused_kind(&bench.refund(8889, REFUND_NO)), RefusalKind::Business);
    assert_eq!(bench.query_refund(8889, REFUND_NO), Outcome::NotFound);
    assert_eq!(done(&bench.refund(8888, REFUND_NO)).amount, AMOUNT);
}

#[test]
fn another_amount_under_the_same_number_is_not_believed() {
    let mut bench = Bench::paid(Product::AlipayQr);
    bench.refund(100, REFUND_NO);
    assert!(super::is_unreadable(&bench.refund(99, REFUND_NO)));
    assert!(super::is_unreadable(&bench.query_refund(99, REFUND_NO)));
}

#[test]
fn a_refund_whose_answer_was_lost_is_not_refused_when_it_is_repeated() {
    for kind in [OpFaultKind::DroppedAfter, OpFaultKind::ErrorAfter, OpFaultKind::Slow] {
        for product in [Product::AlipayQr, Product::WechatQr] {
            let mut bench = Bench::paid(product);
            bench.fail_once(OpKind::Refund, kind);
            assert!(matches!(bench.refund(8888, REFUND_NO), Outcome::Unknown(_)));
            bench.wait(5_000);
            // JeePay alone would say: refunded in full already.
            assert_eq!(done(&bench.refund(8888, REFUND_NO)).amount, AMOUNT, "{kind:?}");
        }
    }
}
