//! Life-cycles: what becomes of an order that nothing disturbs.

use kernel::money::{Currency, Money};
use kernel::product::Product;

use super::{
    Bench, HALF_HOUR_MS, KEYS, START, TRADE_NO, a_sim, close, outcome_of, payment_of, place, qr,
    query, text_of,
};
use crate::alipay::sign;
use crate::alipay::wire::Fields;
use crate::sim::{PayError, Simulator};
use crate::{Op, Outcome, RefusalKind, Stamp};

#[test]
fn a_qr_is_scanned_paid_queried_and_told() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    assert!(pay_text.starts_with("http://127.0.0.1:9000/alipay/qr/bax"), "{pay_text}");
    assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has scanned it");

    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(page.contains("¥88.88") && page.contains("测试 a&amp;b=c &lt;b&gt;{&quot;}"), "{page}");
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });

    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let pressed = bench.page("POST", action);
    assert_eq!(pressed.status, 303);
    let result = bench.page("GET", pressed.header("Location").unwrap());
    assert!(String::from_utf8(result.body).unwrap().contains("支付成功"));
    assert_eq!(bench.page("POST", action).status, 303, "a second press pays nothing");

    let payment = payment_of(&bench.call(&query()));
    assert_eq!(payment.amount, Money::new(8888, Currency::Cny));
    assert_eq!((payment.cash, payment.paid_at), (payment.amount, START));
    assert_eq!(payment.bank_type, "ALIPAYACCOUNT");
    assert!(payment.transaction_id.len() == 28 && !payment.openid.is_empty());
    let heard = bench.deliver();
    assert_eq!(heard.len(), 1);
    assert_eq!(outcome_of(&heard[0]), Outcome::Paid(payment));
    assert_eq!(bench.sim.next_due(), None, "an acknowledged notification is not repeated");
}

#[test]
fn a_page_in_the_browser_is_opened_paid_and_left() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&place(Product::AlipayWap)));
    assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has opened it");
    assert_eq!(bench.sim.pay(TRADE_NO, None, &bench_stamp()), Err(PayError::NotFound));
    bench.page("GET", &pay_text);
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    let actions: Vec<_> =
        page.split("action=\"").skip(1).map(|a| a.split('"').next().unwrap()).collect();
    let left = bench.page("POST", actions.iter().find(|a| a.ends_with("/cancel")).unwrap());
    assert_eq!(left.header("Location"), Some("https://pay.example/pay/TOKEN?x=1"));
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });

    let pressed = bench.page("POST", actions.iter().find(|a| a.ends_with("/pay")).unwrap());
    let result = bench.page("GET", pressed.header("Location").unwrap());
    let result = String::from_utf8(result.body).unwrap();
    let href = result.split("id=\"return\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (_, returned) = href.split_once("?x=1&amp;").unwrap();
    let returned = Fields::from_form(&returned.replace("&amp;", "&")).unwrap();
    assert!(sign::notice_verifies(&returned, &KEYS[1].1));
    assert_eq!(returned.of("out_trade_no"), TRADE_NO);
    assert_eq!(outcome_of(&bench.deliver()[0]), bench.call(&query()));
    let again = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(again.contains("ACQ.TRADE_HAS_SUCCESS"), "{again}");
}

fn bench_stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

#[test]
fn a_waiting_trade_is_closed_and_told() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    assert_eq!(bench.call(&close()), Outcome::NotFound, "there is no trade before the scan");
    bench.page("GET", &pay_text);
    assert_eq!(bench.call(&close()), Outcome::Closed);
    assert_eq!(bench.call(&query()), Outcome::Closed);
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Closed);
    assert_eq!(bench.call(&close()), Outcome::PaidElsewhere, "not closable: only a query tells");
    assert_eq!(bench.call(&qr()), Outcome::Closed);
    let refused = bench.sim.pay(TRADE_NO, None, &bench_stamp());
    assert_eq!(refused, Err(PayError::NotPayable("closed".into())));
}

#[test]
fn a_paid_trade_is_not_closed() {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    assert_eq!(bench.call(&close()), Outcome::PaidElsewhere);
    assert_eq!(bench.call(&qr()), Outcome::PaidElsewhere);
    payment_of(&bench.call(&query()));
}

#[test]
fn a_trade_ends_with_its_time() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    bench.page("GET", &pay_text);
    assert_eq!(bench.sim.next_due(), Some(START.plus_millis(HALF_HOUR_MS)));
    bench.wait(HALF_HOUR_MS - 1);
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
    bench.wait(1);
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Closed);
    assert_eq!(bench.call(&query()), Outcome::Closed);
}

#[test]
fn a_code_that_nobody_scanned_ends_with_its_time() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    bench.wait(HALF_HOUR_MS);
    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(page.contains("二维码已失效"));
    assert_eq!(bench.call(&query()), Outcome::NotFound);
    let stamp = bench.stamp();
    assert!(matches!(bench.sim.pay(TRADE_NO, None, &stamp), Err(PayError::NotPayable(_))));
}

#[test]
fn a_number_holds_one_order() {
    let mut bench = Bench::new();
    let first = bench.call(&qr());
    assert_eq!(bench.call(&qr()), first, "the same again finds the same code");
    let Op::Place(mut other) = qr() else { unreachable!() };
    other.amount = Money::new(8887, Currency::Cny);
    match bench.call(&Op::Place(other)) {
        Outcome::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::NumberUsed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restarted_simulator_remembers_its_trades_and_sends_again() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    bench.pay(None);
    let stamp = bench.stamp();
    let lost = bench.sim.due_callbacks(&stamp);
    assert_eq!((lost.len(), bench.sim.due_callbacks(&stamp).len()), (1, 0), "sent once");
    let snapshot = bench.sim.snapshot();
    bench.sim = a_sim();
    bench.sim.restore(serde_json::from_str(&snapshot.to_string()).unwrap()).unwrap();
    let payment = payment_of(&bench.call(&query()));
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Paid(payment));
    assert_eq!(bench.page("GET", &pay_text).status, 200);
    assert!(bench.sim.restore(serde_json::json!({"trades": 1})).is_err());
}
