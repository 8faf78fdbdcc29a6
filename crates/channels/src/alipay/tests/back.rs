//! Refunds from life to end: in parts, in full, repeated, too much, too late.

use kernel::money::{Currency, Money};

use super::{
    Bench, START, TRADE_NO, a_refund, amount_of, kind_of, payment_of, qr, query, query_refund,
    refund,
};
use crate::sim::{OpFaultKind, OpKind, Simulator};
use crate::{About, Callback, Op, Outcome, RefusalKind};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn a_paid_bench() -> Bench {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    bench.deliver();
    bench
}

fn pending() -> Outcome {
    Outcome::RefundPending { refund_id: String::new() }
}

#[test]
fn an_order_is_refunded_in_parts_and_in_full() {
    let mut bench = a_paid_bench();
    assert_eq!(bench.call(&query_refund(1, 3000)), Outcome::NotFound);
    bench.wait(1_500);
    let done = bench.call(&refund(1, 3000));
    let Outcome::Refunded(facts) = &done else { panic!("{done:?}") };
    assert_eq!(facts.amount, Money::new(3000, Currency::Cny));
    assert_eq!((facts.cash, facts.refunded_at), (facts.amount, START.plus_millis(1_000)));
    assert_eq!(bench.call(&query_refund(1, 3000)), done);
    payment_of(&bench.call(&query()));

    assert_eq!(amount_of(&bench.call(&refund(2, 5888))), 5888, "the sum is not the refund");
    assert_eq!(amount_of(&bench.call(&query_refund(2, 5888))), 5888);
    payment_of(&bench.call(&query()));
    assert_eq!(kind_of(&bench.call(&refund(3, 1))), RefusalKind::NothingLeft);
    assert_eq!(bench.call(&query_refund(3, 1)), Outcome::NotFound);
}

#[test]
fn a_refund_is_told_by_its_number_and_settled_by_a_query() {
    let mut bench = a_paid_bench();
    bench.call(&refund(1, 3000));
    bench.call(&refund(2, 5888));
    let about = |callback: &Callback| callback.facts.clone().unwrap();
    let told = bench.deliver();
    assert_eq!(told.len(), 2);
    for (at, callback) in told.iter().enumerate() {
        let facts = about(callback);
        let last = u8::try_from(at + 1).unwrap();
        assert_eq!(facts.about, About::Refund(a_refund(last, 1).refund_no));
        assert_eq!(facts.outcome, pending());
    }
    assert_eq!(bench.sim.next_due(), None);
}

#[test]
fn a_notification_of_a_refund_sums_up() {
    let mut bench = a_paid_bench();
    bench.call(&refund(1, 3000));
    bench.call(&refund(2, 5888));
    let stamp = bench.stamp();
    let told: Vec<_> = bench
        .sim
        .due_callbacks(&stamp)
        .iter()
        .map(|due| {
            let body = std::str::from_utf8(&due.request.body).unwrap();
            let fields = crate::alipay::wire::Fields::from_form(body).unwrap();
            let of = |name: &str| fields.of(name).to_owned();
            (of("trade_status"), of("refund_fee"), of("gmt_refund"), of("total_amount"))
        })
        .collect();
    let expect = [("TRADE_SUCCESS", "30.00"), ("TRADE_CLOSED", "88.88")]
        .map(|(status, fee)| (status, fee, "2026-11-22 12:00:05.000", "88.88"))
        .map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned()));
    assert_eq!(told, expect);
}

#[test]
fn a_repeated_refund_is_the_same_refund() {
    let mut bench = a_paid_bench();
    for again in [refund(1, 3000), refund(1, 3000), refund(1, 3000)] {
        let first = bench.call(&again);
        assert!(first == pending() || amount_of(&first) == 3000, "{first:?}");
        assert_eq!(amount_of(&bench.call(&query_refund(1, 3000))), 3000);
    }
    assert_eq!(kind_of(&bench.call(&refund(1, 3001))), RefusalKind::NumberUsed);
    assert_eq!(kind_of(&bench.call(&refund(2, 5889))), RefusalKind::NothingLeft, "over the rest");
    assert_eq!(amount_of(&bench.call(&refund(2, 5888))), 5888, "nothing was lost by it");
    assert_eq!(bench.call(&refund(1, 3000)), pending(), "though it is closed by now");
}

#[test]
fn a_refund_of_another_amount_is_not_believed() {
    let mut bench = a_paid_bench();
    bench.call(&refund(1, 3000));
    let outcome = bench.call(&query_refund(1, 2999));
    assert!(super::words::is_unreadable(&outcome), "{outcome:?}");
}

#[test]
fn what_is_not_paid_is_not_refunded() {
    let mut bench = Bench::new();
    assert_eq!(kind_of(&bench.call(&refund(1, 1))), RefusalKind::Business, "no trade");
    assert_eq!(bench.call(&query_refund(1, 1)), Outcome::NotFound);
    let pay_text = super::text_of(&bench.call(&qr()));
    assert_eq!(kind_of(&bench.call(&refund(1, 1))), RefusalKind::Business, "a code is no trade");
    bench.page("GET", &pay_text);
    assert_eq!(kind_of(&bench.call(&refund(1, 1))), RefusalKind::Business, "not paid");
    bench.call(&super::close());
    assert_eq!(kind_of(&bench.call(&refund(1, 1))), RefusalKind::Business, "closed");
}

#[test]
fn a_refund_comes_within_a_year() {
    let mut bench = a_paid_bench();
    bench.wait(365 * DAY_MS);
    assert_eq!(amount_of(&bench.call(&refund(1, 3000))), 3000);
    bench.wait(1);
    assert_eq!(kind_of(&bench.call(&refund(2, 1))), RefusalKind::TooLate);
    payment_of(&bench.call(&query()));
    assert_eq!(amount_of(&bench.call(&query_refund(1, 3000))), 3000, "what is done stays");
    assert_eq!(bench.call(&refund(1, 3000)), pending());
}

#[test]
fn a_refund_that_the_seller_cannot_cover_may_succeed_later() {
    let mut bench = a_paid_bench();
    bench.fail_once(OpKind::Refund, OpFaultKind::Refused);
    assert_eq!(kind_of(&bench.call(&refund(1, 3000))), RefusalKind::BalanceTooLow);
    assert_eq!(bench.call(&query_refund(1, 3000)), Outcome::NotFound);
    assert_eq!(amount_of(&bench.call(&refund(1, 3000))), 3000);
}

#[test]
fn a_restarted_simulator_remembers_refunds() {
    let mut bench = a_paid_bench();
    bench.call(&refund(1, 3000));
    let snapshot = bench.sim.snapshot().to_string();
    bench.sim = super::a_sim();
    bench.sim.restore(serde_json::from_str(&snapshot).unwrap()).unwrap();
    assert_eq!(amount_of(&bench.call(&query_refund(1, 3000))), 3000);
    assert_eq!(kind_of(&bench.call(&refund(2, 5889))), RefusalKind::NothingLeft);
    assert_eq!(bench.deliver().len(), 1);
}

#[test]
fn a_snapshot_of_before_there_were_refunds_is_read() {
    let mut bench = a_paid_bench();
    let mut snapshot = bench.sim.snapshot();
    snapshot.as_object_mut().unwrap().remove("codes");
    for name in ["refunds", "confirms_at"] {
        snapshot["trades"][0].as_object_mut().unwrap().remove(name);
    }
    snapshot["trades"][0]["order"].as_object_mut().unwrap().remove("sign_type");
    bench.sim.restore(snapshot).unwrap();
    assert_eq!(amount_of(&bench.call(&refund(1, 8888))), 8888);
}

#[test]
fn the_page_of_a_refunded_trade_says_so() {
    let mut bench = Bench::new();
    let pay_text = super::text_of(&bench.call(&qr()));
    bench.pay(None);
    bench.call(&Op::Refund(a_refund(1, 8888)));
    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(page.contains("已全额退款"), "{page}");
    let stamp = bench.stamp();
    assert!(bench.sim.pay(TRADE_NO, None, &stamp).is_err());
}
