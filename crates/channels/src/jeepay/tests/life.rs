//! Life-cycles: what becomes of an order that nothing disturbs.

use kernel::money::Money;
use kernel::product::{Product, Provider};

use super::{
    AMOUNT, Bench, HALF_HOUR_MS, SHOWN, START, TRADE_NO, a_place, config, payment_of, place,
};
use crate::jeepay::sim::JeepaySim;
use crate::sim::{PayError, Simulator};
use crate::{About, Op, Outcome, RefusalKind};

#[test]
fn every_product_is_opened_paid_queried_and_told() {
    for product in SHOWN {
        let mut bench = Bench::new();
        let Outcome::Opened { pay_text } = bench.call(&place(product)) else { panic!() };
        match product {
            Product::AlipayApp => assert!(pay_text.contains("alipay.trade.app.pay")),
            Product::WechatJsapi => assert!(pay_text.contains("prepay_id=")),
            _ => assert!(pay_text.starts_with("http://127.0.0.1:9000/jeepay/pay/P2026")),
        }
        assert_eq!(bench.query(), Outcome::Unpaid { is_acting: false });
        bench.wait(1000);
        bench.pay(None);
        let payment = payment_of(&bench.query());
        assert_eq!((payment.amount, payment.cash), (AMOUNT, AMOUNT));
        assert_eq!(payment.paid_at, START.plus_millis(1000));
        assert_eq!(Some(payment.provider), product.info().provider);
        assert!(payment.transaction_id.starts_with("42002026"), "{}", payment.transaction_id);
        let heard = bench.deliver();
        assert_eq!(heard.len(), 1);
        let facts = heard[0].facts.clone().unwrap();
        assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
        assert_eq!(facts.outcome, Outcome::Paid(payment));
        assert!(bench.deliver().is_empty(), "an acknowledged notification is not repeated");
    }
}

#[test]
fn a_page_shows_the_order_and_its_buttons_act() {
    for (product, name) in [
        (Product::AlipayWap, "支付宝"),
        (Product::WechatH5, "微信"),
        (Product::UnionpayLink, "云闪付"),
    ] {
        let mut bench = Bench::new();
        let Outcome::Opened { pay_text } = bench.call(&place(product)) else { panic!() };
        let mut page = |choice: &str| {
            let method = if choice.is_empty() { "GET" } else { "POST" };
            let answer = bench.browse(method, &pay_text, &format!("choice={choice}"));
            String::from_utf8(answer.body).unwrap()
        };
        let first = page("");
        assert!(first.contains("CNY 88.88") && first.contains("测试 a＆b=c &lt;b&gt;"), "{first}");
        assert!(first.contains(name), "{first}");
        assert!(page("password").contains("任意支付密码"));
        assert!(page("balance").contains("余额不足") && page("cancel").contains("已取消"));
        assert!(page("pay").contains("支付成功") && page("pay").contains("支付成功"));
        payment_of(&bench.query());
        assert_eq!(bench.deliver().len(), 1);
        assert_eq!(bench.browse("GET", "/jeepay/pay/P0", "").status, 404);
    }
}

#[test]
fn a_waiting_order_is_closed_and_stays_so() {
    let mut bench = Bench::opened(Product::WechatQr);
    assert_eq!((bench.close(), bench.query()), (Outcome::Closed, Outcome::Closed));
    assert_eq!(bench.close(), Outcome::PaidElsewhere, "not closable: only a query tells");
    assert!(bench.deliver().is_empty(), "closing is not told");
    let stamp = bench.stamp();
    let refused = bench.sim.pay(TRADE_NO, None, &stamp);
    assert_eq!(refused, Err(PayError::NotPayable("closed".into())));
}

#[test]
fn a_paid_order_is_not_closed() {
    let mut bench = Bench::paid(Product::WechatQr);
    assert_eq!(bench.close(), Outcome::PaidElsewhere);
    bench.wait(HALF_HOUR_MS);
    payment_of(&bench.query());
}

#[test]
fn an_order_that_there_is_not_is_not_found() {
    let mut bench = Bench::new();
    assert_eq!((bench.query(), bench.close()), (Outcome::NotFound, Outcome::NotFound));
    let stamp = bench.stamp();
    assert_eq!(bench.sim.pay("x", None, &stamp), Err(PayError::NotFound));
}

#[test]
fn an_order_ends_with_its_time() {
    let mut bench = Bench::opened(Product::UnionpayQr);
    assert_eq!(bench.sim.next_due(), Some(START.plus_millis(HALF_HOUR_MS)));
    bench.wait(HALF_HOUR_MS - 1);
    assert_eq!(bench.query(), Outcome::Unpaid { is_acting: false });
    bench.wait(1);
    assert_eq!(bench.query(), Outcome::Closed);
}

#[test]
fn a_number_is_taken_once() {
    let mut bench = Bench::opened(Product::AlipayQr);
    match bench.call(&place(Product::AlipayQr)) {
        Outcome::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::NumberUsed),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.query(), Outcome::Unpaid { is_acting: false });
}

#[test]
fn a_contract_in_hong_kong_dollars_is_served() {
    let mut bench = Bench::new();
    let currency = kernel::money::Currency::Hkd;
    bench.account.currency = currency;
    bench.sim = JeepaySim::new(super::JeepaySimConfig { currency, ..config() });
    let mut order = a_place(Product::AlipayQr);
    order.amount = Money::new(8888, currency);
    assert!(matches!(bench.call(&Op::Place(order)), Outcome::Opened { .. }));
    bench.pay(None);
    let payment = payment_of(&bench.query());
    assert_eq!((payment.amount.currency, payment.provider), (currency, Provider::Alipay));
}

#[test]
fn what_jeepay_does_not_have_is_refused_and_sends_nothing() {
    let mut bench = Bench::paid(Product::AlipayQr);
    let wechat_app = place(Product::WechatApp);
    for op in [Op::Reverse(super::trade(Product::Micropay)), Op::Rates, Op::Keys, wechat_app] {
        assert_not_supported(&bench.call(&op));
    }
    super::set(&mut bench.account, "close_path", "");
    assert_not_supported(&bench.close());
    super::set(&mut bench.account, "ways", "102=ALI_QR");
    assert_not_supported(&bench.call(&place(Product::AlipayWap)));
}

fn assert_not_supported(outcome: &Outcome) {
    match outcome {
        Outcome::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::NotSupported),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restarted_simulator_remembers_everything() {
    let mut bench = Bench::paid(Product::WechatQr);
    bench.refund(1, super::REFUND_NO);
    let snapshot = bench.sim.snapshot();
    bench.sim = JeepaySim::new(config());
    bench.sim.restore(serde_json::from_str(&snapshot.to_string()).unwrap()).unwrap();
    let payment = payment_of(&bench.query());
    assert_eq!(bench.deliver()[0].facts.clone().unwrap().outcome, Outcome::Paid(payment));
    assert!(matches!(bench.query_refund(1, super::REFUND_NO), Outcome::RefundPending { .. }));
    assert!(bench.sim.restore(serde_json::json!({ "orders": 1 })).is_err());
}
