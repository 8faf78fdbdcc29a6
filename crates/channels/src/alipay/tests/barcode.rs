//! Barcodes: charged at once, confirmed, refused, reversed.

use kernel::money::Money;
use kernel::secret::Secret;

use super::{
    Bench, START, TRADE_NO, charge, charged, close, kind_of, outcome_of, payment_of, qr, refund,
    reverse,
};
use crate::alipay::Alipay;
use crate::sim::Simulator;
use crate::{Channel, Doubt, Op, Outcome, RefusalKind, Step};

const HOUR_MS: i64 = 60 * 60 * 1000;

fn query_charge() -> Op {
    Op::Query(charged())
}

#[test]
fn a_barcode_is_paid_at_once_and_told() {
    for fate in ["00", "08", "99"] {
        let mut bench = Bench::new();
        let payment = payment_of(&bench.call(&charge(fate)));
        assert_eq!((payment.amount.minor, payment.paid_at), (8888, START));
        assert_eq!(bench.call(&query_charge()), Outcome::Paid(payment.clone()));
        assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Paid(payment));
    }
}

#[test]
fn a_payer_who_confirms_has_paid_after_eight_seconds() {
    let mut bench = Bench::new();
    let acting = Outcome::Unpaid { is_acting: true };
    assert_eq!(bench.call(&charge("01")), acting);
    assert_eq!(bench.call(&charge("01")), acting, "the same charge again is the same");
    assert_eq!(bench.sim.next_due(), Some(START.plus_millis(8_000)));
    bench.wait(7_999);
    assert_eq!(bench.call(&query_charge()), acting);
    bench.wait(1);
    let payment = payment_of(&bench.call(&query_charge()));
    assert_eq!(payment.paid_at, START.plus_millis(8_000));
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Paid(payment));
    assert_eq!(bench.sim.next_due(), None);
    assert_eq!(bench.call(&charge("01")), Outcome::PaidElsewhere);
}

#[test]
fn a_payer_who_turns_away_leaves_an_order_to_be_reversed() {
    let mut bench = Bench::new();
    assert_eq!(bench.call(&charge("02")), Outcome::Unpaid { is_acting: true });
    bench.wait(60_000);
    assert_eq!(bench.call(&query_charge()), Outcome::Unpaid { is_acting: true });
    assert_eq!(bench.call(&reverse()), Outcome::Reversed);
    assert_eq!(bench.call(&query_charge()), Outcome::Closed);
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Closed);
    assert_eq!(bench.call(&charge("00")), Outcome::Closed);
}

#[test]
fn a_barcode_that_fails_for_good_takes_nothing() {
    for (fate, kind) in [("03", RefusalKind::Business), ("04", RefusalKind::CodeUsed)] {
        let mut bench = Bench::new();
        assert_eq!(kind_of(&bench.call(&charge(fate))), kind, "{fate}");
        assert_eq!(bench.call(&query_charge()), Outcome::NotFound);
        assert_eq!(bench.call(&reverse()), Outcome::NotFound, "there is nothing to be undone");
    }
}

#[test]
fn a_barcode_in_doubt_is_settled_by_a_query() {
    for (fate, is_paid) in [("05", true), ("06", false), ("07", true)] {
        let mut bench = Bench::new();
        let outcome = bench.call(&charge(fate));
        assert!(matches!(outcome, Outcome::Unknown(Doubt::Busy(_) | Doubt::Timeout)), "{fate}");
        let truth = bench.call(&query_charge());
        assert_eq!(matches!(truth, Outcome::Paid(_)), is_paid, "{fate} {truth:?}");
        assert!(is_paid || truth == Outcome::NotFound);
    }
}

#[test]
fn a_code_is_good_for_one_attempt_and_a_number_for_one_order() {
    for fate in ["00", "01", "03", "06"] {
        let mut bench = Bench::new();
        bench.call(&charge(fate));
        let Op::Place(mut other) = charge(fate) else { unreachable!() };
        other.trade_no = TRADE_NO.replace("01", "02");
        assert_eq!(kind_of(&bench.call(&Op::Place(other))), RefusalKind::CodeUsed, "{fate}");
    }
    let mut bench = Bench::new();
    bench.call(&charge("01"));
    let Op::Place(mut other) = charge("00") else { unreachable!() };
    other.amount = Money::new(8887, other.amount.currency);
    assert_eq!(kind_of(&bench.call(&Op::Place(other))), RefusalKind::NumberUsed);
    let mut bench = Bench::new();
    bench.call(&qr());
    assert_eq!(kind_of(&bench.call(&charge("00"))), RefusalKind::NumberUsed, "a QR holds it");
    let mut bench = Bench::new();
    bench.call(&charge("01"));
    assert_eq!(kind_of(&bench.call(&qr())), RefusalKind::NumberUsed, "a barcode holds it");
}

#[test]
fn what_is_no_barcode_of_alipay_is_refused_as_one() {
    for code in
        ["134602370743606195", "288271620985824", "28827162098582461x", "6212345678901234567"]
    {
        let Op::Place(mut place) = charge("00") else { unreachable!() };
        place.code = Some(Secret::new(code));
        let outcome = Bench::new().call(&Op::Place(place));
        assert_eq!(kind_of(&outcome), RefusalKind::CodeUsed, "{code}");
    }
}

#[test]
fn a_code_is_in_the_body_only() {
    let mut bench = Bench::new();
    let stamp = bench.stamp();
    let Step::Send(request) = Alipay.request(&charge("00"), &bench.account, &stamp).unwrap() else {
        panic!("a call")
    };
    assert!(!request.url.contains("288271620985824600"), "{}", request.url);
    assert!(String::from_utf8(request.body).unwrap().contains("288271620985824600"));
    assert!(!format!("{:?}", charge("00")).contains("288271620985824600"));
}

#[test]
fn a_paid_barcode_is_reversed_in_full_and_once() {
    let mut bench = Bench::new();
    bench.call(&charge("00"));
    bench.deliver();
    assert_eq!(bench.call(&reverse()), Outcome::Reversed);
    assert_eq!(bench.call(&reverse()), Outcome::Reversed, "again it is the same");
    assert_eq!(bench.call(&query_charge()), Outcome::Reversed, "not paid any more");
    assert_eq!(kind_of(&bench.call(&refund(1, 1))), RefusalKind::NothingLeft);
    let told = bench.deliver();
    assert_eq!(told.len(), 1, "of the first only");
    assert_eq!(outcome_of(&told[0]), Outcome::PaidElsewhere, "only a query tells");
}

#[test]
fn what_is_left_after_a_refund_is_reversed() {
    let mut bench = Bench::new();
    bench.call(&charge("00"));
    bench.call(&refund(1, 3000));
    assert_eq!(bench.call(&reverse()), Outcome::Reversed);
    let trade = bench.sim.snapshot()["trades"][0].clone();
    assert_eq!(trade["refunds"][0]["amount"], 3000);
    assert_eq!(trade["refunds"][1]["amount"], 5888);
}

#[test]
fn a_barcode_is_reversed_within_a_day() {
    let mut bench = Bench::new();
    bench.call(&charge("00"));
    bench.wait(24 * HOUR_MS + 1);
    assert_eq!(kind_of(&bench.call(&reverse())), RefusalKind::TooLate);
    assert!(matches!(bench.call(&query_charge()), Outcome::Paid(_)));
    let mut bench = Bench::new();
    bench.call(&charge("00"));
    bench.wait(24 * HOUR_MS);
    assert_eq!(bench.call(&reverse()), Outcome::Reversed);
}

#[test]
fn a_reversed_payer_cannot_confirm_any_more() {
    for undo in [reverse(), close()] {
        let mut bench = Bench::new();
        bench.call(&charge("01"));
        bench.call(&undo);
        bench.wait(8_000);
        assert_eq!(bench.call(&query_charge()), Outcome::Closed);
    }
}

#[test]
fn a_restarted_simulator_remembers_codes_and_payers_who_act() {
    let mut bench = Bench::new();
    bench.call(&charge("01"));
    let snapshot = bench.sim.snapshot().to_string();
    bench.sim = super::a_sim();
    bench.sim.restore(serde_json::from_str(&snapshot).unwrap()).unwrap();
    let Op::Place(mut other) = charge("01") else { unreachable!() };
    other.trade_no = TRADE_NO.replace("01", "02");
    assert_eq!(kind_of(&bench.call(&Op::Place(other))), RefusalKind::CodeUsed);
    bench.wait(8_000);
    payment_of(&bench.call(&query_charge()));
}
