//! Life-cycles: what becomes of an order that nothing disturbs.

use kernel::money::{Currency, Money};
use kernel::product::Product;

use super::{
    AMOUNT, Bench, HALF_HOUR_MS, REFUND_NO, START, TRADE_NO, a_place, config, payment_of, place,
    refund, trade,
};
use crate::chinaums::Chinaums;
use crate::sim::{PayError, Simulator};
use crate::{About, Channel, Op, Outcome, Refunded, RefusalKind, Stamp, Step};

#[test]
fn a_page_is_opened_paid_queried_and_told() {
    let mut bench = Bench::opened();
    assert_eq!(bench.query(), Outcome::Unpaid { is_acting: false });
    let address = bench.pay_text.clone();
    let page = String::from_utf8(bench.browse("GET", &address, "").body).unwrap();
    assert!(page.contains("HKD 88.88") && page.contains(TRADE_NO), "{page}");
    assert!(bench.press("password").contains("支付密码"));
    assert_eq!(bench.query(), Outcome::Unpaid { is_acting: true });
    assert!(bench.press("pay").contains("支付成功"));
    assert!(bench.press("pay").contains("支付成功"), "a second press pays nothing");

    let payment = payment_of(&bench.query());
    assert_eq!((payment.amount, payment.paid_at), (AMOUNT, START));
    assert_eq!(payment.cash, Money::new(8088, Currency::Cny));
    assert!(bench.pay_text.ends_with(&payment.transaction_id));
    let heard = bench.deliver();
    assert_eq!(heard.len(), 1);
    let facts = heard[0].facts.clone().unwrap();
    assert_eq!(
        (facts.about, facts.outcome),
        (About::Trade(TRADE_NO.into()), Outcome::Paid(payment))
    );
    assert_eq!(bench.sim.next_due(), None, "an acknowledged notification is not repeated");
}

#[test]
fn a_payer_who_cannot_or_will_not_may_try_again_until_it_is_over() {
    let mut bench = Bench::opened();
    assert!(bench.press("balance").contains("余额不足"));
    assert_eq!(bench.query(), Outcome::Unpaid { is_acting: false }, "failed is not the end");
    assert!(bench.press("cancel").contains("已取消"));
    assert_eq!(bench.close(), Outcome::Unpaid { is_acting: false }, "it closes nothing");
    bench.press("balance");
    assert_eq!(bench.close(), Outcome::Closed, "whoever closes takes failed for the end");
    bench.wait(HALF_HOUR_MS - 1);
    assert_eq!(bench.query(), Outcome::Unpaid { is_acting: false });
    bench.wait(1);
    assert_eq!((bench.query(), bench.close()), (Outcome::Closed, Outcome::Closed));
    assert!(bench.press("pay").contains("订单已失效"));
    let stamp = bench.stamp();
    assert!(matches!(bench.sim.pay(TRADE_NO, None, &stamp), Err(PayError::NotPayable(_))));
}

#[test]
fn a_paid_order_is_not_closed() {
    let mut bench = Bench::paid();
    payment_of(&bench.close());
    bench.wait(HALF_HOUR_MS);
    payment_of(&bench.query());
}

#[test]
fn an_order_whose_number_at_easylink_is_not_known_is_asked_for_by_ours() {
    let mut bench = Bench::new();
    let ask = Op::Query(trade());
    assert_eq!(bench.call(&ask), Outcome::NotFound);
    bench.open();
    assert_eq!(bench.call(&ask), Outcome::Unpaid { is_acting: false });
    bench.pay(None);
    payment_of(&bench.call(&ask));
}

#[test]
fn a_number_holds_one_order() {
    let mut bench = Bench::opened();
    let first = bench.pay_text.clone();
    assert_eq!(bench.call(&place()), Outcome::Opened { pay_text: first });
    let mut other = a_place();
    other.amount.minor = 8887;
    match bench.call(&Op::Place(other)) {
        Outcome::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::NumberUsed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_currency_of_a_contract_is_taken() {
    for (currency, number) in
        [(Currency::Hkd, "344"), (Currency::Cny, "156"), (Currency::Aud, "036")]
    {
        let mut bench = Bench::new();
        bench.account.currency = currency;
        super::set(&mut bench.account, "currencies", "HKD, CNY, AUD");
        bench.sim = super::ChinaumsSim::new(super::ChinaumsSimConfig { currency, ..config() });
        let mut order = a_place();
        order.amount.currency = currency;
        let Outcome::Opened { pay_text } = bench.call(&Op::Place(order)) else {
            panic!("{number}")
        };
        assert!(pay_text.contains(&format!("?amount=88.88&currency={number}&")), "{pay_text}");
        bench.pay_text = pay_text;
        bench.pay(None);
        let payment = payment_of(&bench.query());
        assert_eq!(payment.amount, Money::new(8888, currency));
        assert_eq!(payment.cash.currency, Currency::Cny);
    }
}

#[test]
fn money_goes_back_in_parts_and_each_part_once() {
    let mut bench = Bench::paid();
    let (first, second) = (REFUND_NO, "21202611221300050000065539");
    assert_eq!(bench.query_refund(8000, first), Outcome::NotFound);
    let Outcome::RefundPending { refund_id } = bench.refund(8000, first) else { panic!() };
    assert_eq!(
        bench.query_refund(8000, first),
        Outcome::RefundPending { refund_id: refund_id.clone() }
    );
    assert!(super::is_unreadable(&bench.refund(7999, first)), "another amount");
    assert_refused(&bench.refund(889, second), RefusalKind::Business);
    bench.wait(5_000);
    let done = Outcome::Refunded(Refunded {
        refund_id,
        amount: Money::new(8000, Currency::Hkd),
        cash: Money::new(7280, Currency::Cny),
        rate: "0.91".into(),
        refunded_at: START,
    });
    assert_eq!((bench.query_refund(8000, first), bench.refund(8000, first)), (done.clone(), done));
    assert!(matches!(bench.refund(888, second), Outcome::RefundPending { .. }));
    assert_refused(&bench.refund(1, "21202611221300050000065540"), RefusalKind::NothingLeft);
    payment_of(&bench.query());
}

#[test]
fn a_refund_may_come_too_early_or_too_late() {
    let mut bench = Bench::opened();
    assert!(super::is_unreadable(&bench.refund(1, REFUND_NO)), "35 has no agreed meaning");
    bench.pay(None);
    bench.wait(331 * 24 * 60 * 60 * 1000);
    assert_refused(&bench.refund(1, REFUND_NO), RefusalKind::TooLate);
}

fn assert_refused(outcome: &Outcome, kind: RefusalKind) {
    match outcome {
        Outcome::Refused(refusal) => assert_eq!(refusal.kind, kind),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_easylink_does_not_have_is_refused_and_sends_nothing() {
    let mut bench = Bench::paid();
    let micropay = super::Place { product: Product::Micropay, ..a_place() };
    for op in [Op::Reverse(bench.trade()), Op::Rates, Op::Keys, Op::Place(micropay)] {
        assert_refused(&bench.call(&op), RefusalKind::NotSupported);
    }
    for (key, op) in [
        ("query_path", Op::Query(bench.trade())),
        ("refund_path", Op::Refund(refund())),
        ("refund_query_path", Op::QueryRefund(refund())),
        ("refund_query_path", Op::Refund(refund())),
    ] {
        super::set(&mut bench.account, key, "");
        let stamp = bench.stamp();
        match Chinaums.request(&op, &bench.account, &stamp) {
            Ok(Step::Done(outcome)) => assert_refused(&outcome, RefusalKind::NotSupported),
            other => panic!("{key} {other:?}"),
        }
        super::set(&mut bench.account, key, "/x");
    }
}

#[test]
fn a_restarted_simulator_remembers_everything() {
    let mut bench = Bench::paid();
    bench.refund(1, REFUND_NO);
    let snapshot = bench.sim.snapshot();
    bench.sim = super::ChinaumsSim::new(config());
    bench.sim.restore(serde_json::from_str(&snapshot.to_string()).unwrap()).unwrap();
    let payment = payment_of(&bench.query());
    assert_eq!(bench.deliver()[0].facts.clone().unwrap().outcome, Outcome::Paid(payment));
    assert!(matches!(bench.query_refund(1, REFUND_NO), Outcome::RefundPending { .. }));
    assert!(bench.sim.restore(serde_json::json!({ "payments": 1 })).is_err());
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    assert_eq!(bench.sim.pay("x", None, &stamp), Err(PayError::NotFound));
}

#[test]
fn signed_answers_are_believed_and_may_be_required() {
    let mut bench = Bench::new();
    super::set(&mut bench.account, "answer_key", "required");
    assert!(super::is_unreadable(&bench.call(&place())));
    bench.sim =
        super::ChinaumsSim::new(super::ChinaumsSimConfig { signs_answers: true, ..config() });
    bench.open();
    bench.pay(None);
    payment_of(&bench.query());
    super::set(&mut bench.account, "answer_key", "present");
    payment_of(&bench.query());
}
