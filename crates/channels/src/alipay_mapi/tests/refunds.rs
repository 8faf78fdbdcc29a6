//! Refunds: at once, later, asked again, and in the two ways of learning what became of one.

use kernel::money::{Currency, Money};

use super::{
    Bench, HALF_HOUR_MS, REFUND_NO, START, TRADE_NO, a_refund, hkd, is_unreadable, payment_of,
    query, query_refund, refund,
};
use crate::alipay_mapi::AlipayMapi;
use crate::sim::Simulator;
use crate::{Channel, Doubt, Op, Outcome, Refunded, RefusalKind, SetupError};

const A_YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1000;

fn done(minor: i64) -> Outcome {
    Outcome::Refunded(Refunded {
        refund_id: String::new(),
        amount: hkd(minor),
        cash: hkd(minor),
        rate: String::new(),
        refunded_at: START,
    })
}

fn pending() -> Outcome {
    Outcome::RefundPending { refund_id: String::new() }
}

fn numbered(number: &str, minor: i64) -> Op {
    let mut refund = a_refund(minor);
    refund.refund_no = number.into();
    Op::Refund(refund)
}

fn kind_of(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn money_goes_back_in_parts_and_never_more_than_was_paid() {
    for sign_type in ["RSA", "RSA2", "MD5"] {
        let mut bench = Bench::paid();
        super::set(&mut bench.account, "sign_type", sign_type);
        assert_eq!(bench.call(&refund(888)), done(888));
        payment_of(&bench.call(&query()));
        let more = bench.call(&numbered("2", 8001));
        assert_eq!(kind_of(&more), RefusalKind::NothingLeft);
        assert_eq!(bench.call(&numbered("3", 8000)), done(8000));
        let whole = bench.call(&query());
        assert!(is_unreadable(&whole), "closed after payment: {whole:?}");
        assert_eq!(kind_of(&bench.call(&numbered("4", 1))), RefusalKind::NothingLeft);
    }
}

#[test]
fn the_same_refund_again_is_the_same_refund() {
    let mut bench = Bench::paid();
    assert_eq!(bench.call(&refund(8000)), done(8000));
    bench.wait(HALF_HOUR_MS);
    assert_eq!(bench.call(&refund(8000)), done(8000), "nothing more went back");
    assert_eq!(bench.call(&numbered("2", 888)), done(888));
    let other = bench.call(&refund(1));
    assert!(is_unreadable(&other), "that there is one proves nothing of it: {other:?}");
}

#[test]
fn the_same_refund_is_asked_with_the_same_bytes() {
    let mut bench = Bench::paid();
    let mut request = || {
        bench.wait(60_000);
        let stamp = bench.stamp();
        AlipayMapi.request(&refund(1), &bench.account, &stamp).unwrap()
    };
    assert_eq!(request(), request());
}

#[test]
fn a_refund_is_told_of_by_a_query_and_by_its_repetition() {
    for way in ["query", "repeat"] {
        let mut bench = Bench::paid();
        super::set(&mut bench.account, "refund_query", way);
        if way == "query" {
            assert_eq!(bench.call(&query_refund(888)), Outcome::NotFound);
        }
        bench.call(&refund(888));
        assert_eq!(bench.call(&query_refund(888)), done(888), "{way}");
        assert_eq!(bench.call(&numbered("2", 8000)), done(8000), "once only, {way}");
    }
}

#[test]
fn a_refund_that_never_arrived_is_done_by_its_repetition() {
    let mut bench = Bench::paid();
    super::set(&mut bench.account, "refund_query", "repeat");
    assert_eq!(bench.call(&query_refund(888)), done(888));
    assert_eq!(bench.call(&refund(888)), done(888));
    assert_eq!(bench.call(&numbered("2", 8000)), done(8000), "once only");
}

#[test]
fn a_refund_of_no_payment_is_refused_and_its_question_finds_nothing() {
    for mut bench in [Bench::new(), Bench::opened()] {
        let outcome = bench.call(&refund(1));
        assert_eq!(kind_of(&outcome), RefusalKind::Business);
        for way in ["query", "repeat"] {
            super::set(&mut bench.account, "refund_query", way);
            assert_eq!(bench.call(&query_refund(1)), Outcome::NotFound, "{way}");
        }
    }
}

#[test]
fn a_refund_comes_too_late_after_a_year() {
    let mut bench = Bench::paid();
    bench.wait(A_YEAR_MS);
    assert_eq!(bench.call(&refund(1)), done(1));
    bench.wait(1);
    assert_eq!(kind_of(&bench.call(&numbered("2", 1))), RefusalKind::TooLate);
    super::set(&mut bench.account, "refund_query", "repeat");
    let Op::Refund(late) = numbered("3", 1) else { unreachable!() };
    let asked = bench.call(&Op::QueryRefund(late));
    assert!(is_unreadable(&asked), "a refusal of the question: {asked:?}");
}

#[test]
fn a_refund_that_is_not_synchronous_is_pending_until_it_is_told() {
    let mut bench = Bench::paid();
    payment_of(&bench.hear());
    super::set(&mut bench.account, "refund_sync", "N");
    assert_eq!(bench.call(&refund(888)), pending());
    assert_eq!(bench.call(&query_refund(888)), pending());
    assert!(bench.deliver().is_empty());
    bench.wait(5_000);
    let Outcome::Refunded(told) = bench.hear() else { panic!("refunded") };
    assert_eq!((told.amount, told.refunded_at), (hkd(888), bench.now));
    assert_eq!(bench.call(&query_refund(888)), done(888));
    assert_eq!(bench.sim.next_due(), None);
    super::set(&mut bench.account, "refund_query", "repeat");
    assert_eq!(bench.call(&query_refund(888)), pending(), "only the notification tells");
}

#[test]
fn a_refund_in_another_currency_is_not_asked_for() {
    let mut wrong = a_refund(1);
    wrong.amount = Money::new(1, Currency::Aud);
    let mut bench = Bench::paid();
    let stamp = bench.stamp();
    let SetupError(why) =
        AlipayMapi.request(&Op::Refund(wrong), &bench.account, &stamp).unwrap_err();
    assert!(why.starts_with("currency"), "{why}");
    bench.account.currency = Currency::Aud;
    let mut wrong = a_refund(1);
    wrong.amount = Money::new(1, Currency::Aud);
    assert_eq!(
        kind_of(&bench.call(&Op::Refund(wrong))),
        RefusalKind::Business,
        "CURRENCY_NOT_SAME"
    );
}

#[test]
fn numbers_in_the_answer_are_those_that_were_asked() {
    let mut bench = Bench::paid();
    bench.call(&refund(888));
    let mut other = a_refund(888);
    other.trade.trade_no = format!("{}2", &TRADE_NO[..27]);
    assert_eq!(bench.call(&Op::QueryRefund(other)), Outcome::NotFound);
    bench.fail_once(crate::sim::OpKind::QueryRefund, crate::sim::OpFaultKind::WrongAnswer);
    let wrong = bench.call(&query_refund(888));
    assert!(is_unreadable(&wrong), "{wrong:?}");
    bench.fail_once(crate::sim::OpKind::QueryRefund, crate::sim::OpFaultKind::Empty);
    assert_eq!(bench.call(&query_refund(888)), Outcome::Unknown(Doubt::Empty));
    assert_eq!(REFUND_NO.len(), 26);
}
