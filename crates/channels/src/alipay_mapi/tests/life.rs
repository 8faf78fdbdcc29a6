//! Life-cycles: what becomes of an order that nothing disturbs.

use kernel::product::Product;

use super::{
    Bench, HALF_HOUR_MS, KEYS, START, TRADE_NO, a_place, a_sim, app, hkd, payment_of, query,
    refund, text_of, wap,
};
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, Keys, SignType};
use crate::sim::{PayError, Simulator};
use crate::{Op, Outcome, RefusalKind};

#[test]
fn every_product_is_opened_paid_queried_and_told_in_every_way_of_signing() {
    for sign_type in ["RSA", "RSA2", "MD5"] {
        for op in [app(), wap()] {
            let mut bench = Bench::with(&[("sign_type", sign_type)]);
            assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has come");
            let page = bench.open(&op);
            assert!(page.contains("HKD 88.88"), "{page}");
            assert!(page.contains("测试 a&amp;b=c &lt;b&gt;"), "{page}");
            assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
            bench.pay(None);
            let payment = payment_of(&bench.call(&query()));
            assert_eq!((payment.amount, payment.cash), (hkd(8888), hkd(8888)));
            assert_eq!(payment.paid_at, START);
            assert!(payment.transaction_id.len() == 28 && !payment.openid.is_empty());
            let told = payment_of(&bench.hear());
            assert_eq!(told.transaction_id, payment.transaction_id);
            assert_eq!((told.amount, told.paid_at), (payment.amount, START));
            assert_eq!(bench.sim.next_due(), None, "an acknowledged notification is not repeated");
        }
    }
}

#[test]
fn the_buttons_of_the_wallet_do_what_they_say() {
    let mut bench = Bench::new();
    let page = bench.open(&wap());
    let actions: Vec<_> =
        page.split("action=\"").skip(1).map(|a| a.split('"').next().unwrap().to_owned()).collect();
    let with = |verb: &str| actions.iter().find(|a| a.ends_with(verb)).unwrap().clone();
    for (verb, said) in [("/password", "密码"), ("/poor", "余额不足"), ("/cancel", "已取消")]
    {
        let page = String::from_utf8(bench.browse("POST", &with(verb), "").body).unwrap();
        assert!(page.contains("id=\"hint\"") && page.contains(said), "{page}");
        assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
    }
    let pressed = bench.browse("POST", &with("/pay"), "");
    assert_eq!(pressed.status, 303);
    let result = bench.browse("GET", pressed.header("Location").unwrap(), "");
    let result = String::from_utf8(result.body).unwrap();
    assert!(result.contains("支付成功"));
    assert_eq!(bench.browse("POST", &with("/pay"), "").status, 303, "a second press pays nothing");
    payment_of(&bench.hear());
    assert!(bench.deliver().is_empty());

    let href = result.split("id=\"return\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (_, returned) = href.split_once("?x=1&amp;").unwrap();
    let returned = Fields::from_form(&returned.replace("&amp;", "&")).unwrap();
    let keys = Keys { md5_key: "", public_key: &KEYS[1].1 };
    assert!(keys.verify(SignType::Rsa, &sign::text(&returned), returned.of("sign")));
    assert_eq!(returned.of("out_trade_no"), TRADE_NO);
}

#[test]
fn an_order_string_is_taken_in_every_way_that_a_person_may_send_it() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&app()));
    let form: String = url::form_urlencoded::byte_serialize(pay_text.as_bytes()).collect();
    let ways = [
        ("POST", "/alipay_mapi/app".to_owned(), pay_text.clone()),
        ("POST", "/alipay_mapi/app".to_owned(), format!("order={form}")),
        ("GET", format!("/alipay_mapi/app?order={form}"), String::new()),
    ];
    for (method, url, body) in ways {
        let page = bench.browse(method, &url, &body);
        assert!(String::from_utf8(page.body).unwrap().contains("HKD 88.88"), "{method} {body}");
    }
    let empty = bench.browse("GET", "/alipay_mapi/app", "");
    assert!(String::from_utf8(empty.body).unwrap().contains("name=\"order\""));
    let changed = pay_text.replace("88.88", "0.01");
    let page = bench.browse("POST", "/alipay_mapi/app", &changed);
    assert!(String::from_utf8(page.body).unwrap().contains("ILLEGAL_SIGN"));
}

#[test]
fn a_quotation_mark_of_a_merchant_ends_no_value() {
    let mut place = a_place(Product::AlipayApp);
    place.subject = "x\"&total_fee=\"0.01\n".into();
    let mut bench = Bench::new();
    let page = bench.open(&Op::Place(place));
    assert!(page.contains("HKD 88.88"), "{page}");
    assert!(page.contains("x'&amp;total_fee='0.01 "), "{page}");
}

#[test]
fn a_trade_ends_with_its_time() {
    for op in [app(), wap()] {
        let mut bench = Bench::new();
        bench.open(&op);
        assert_eq!(bench.sim.next_due(), Some(START.plus_millis(HALF_HOUR_MS)));
        bench.wait(HALF_HOUR_MS - 1);
        assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
        bench.wait(1);
        assert_eq!(bench.hear(), Outcome::PaidElsewhere, "closed or refunded: ask");
        assert_eq!(bench.call(&query()), Outcome::Closed);
        let stamp = bench.stamp();
        let refused = bench.sim.pay(TRADE_NO, None, &stamp);
        assert_eq!(refused, Err(PayError::NotPayable("closed".into())));
    }
}

#[test]
fn a_page_is_not_opened_after_its_time() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&wap()));
    bench.wait(HALF_HOUR_MS);
    let page = String::from_utf8(bench.browse("GET", &pay_text, "").body).unwrap();
    assert!(page.contains("TRADE_NOT_ALLOWED_PAY"), "{page}");
    assert_eq!(bench.call(&query()), Outcome::NotFound);
}

#[test]
fn a_number_holds_one_order_and_is_paid_once() {
    let mut bench = Bench::opened();
    assert!(bench.open(&app()).contains("确认付款"), "the same again goes on");
    let mut other = a_place(Product::AlipayApp);
    other.amount = hkd(8887);
    assert!(bench.open(&Op::Place(other)).contains("TRADE_DATA_MATCH_ERROR"));
    bench.pay(None);
    assert!(bench.open(&app()).contains("REPEAT_OUT_TRADE_NO"));
    let stamp = bench.stamp();
    let refused = bench.sim.pay(TRADE_NO, None, &stamp);
    assert_eq!(refused, Err(PayError::NotPayable("already paid".into())));
}

#[test]
fn the_wallet_that_is_wanted_is_named() {
    for (wallet, inst) in [("", "ALIPAYCN"), ("CN", "ALIPAYCN"), ("HK", "ALIPAYHK")] {
        let mut place = a_place(Product::AlipayApp);
        place.wallet = wallet.into();
        let mut bench = Bench::new();
        let pay_text = text_of(&bench.call(&Op::Place(place.clone())));
        assert!(pay_text.contains(&format!("&payment_inst=\"{inst}\"&")), "{pay_text}");
        place.product = Product::AlipayWap;
        let page = text_of(&bench.call(&Op::Place(place)));
        let expect = if wallet.is_empty() { "" } else { inst };
        assert_eq!(
            Fields::from_form(page.split_once('?').unwrap().1).unwrap().of("payment_inst"),
            expect
        );
    }
}

#[test]
fn a_restarted_simulator_remembers_its_trades_and_sends_again() {
    let mut bench = Bench::paid();
    bench.call(&refund(88));
    let stamp = bench.stamp();
    let lost = bench.sim.due_callbacks(&stamp);
    assert_eq!((lost.len(), bench.sim.due_callbacks(&stamp).len()), (1, 0), "sent once");
    let snapshot = bench.sim.snapshot();
    bench.sim = a_sim();
    bench.sim.restore(serde_json::from_str(&snapshot.to_string()).unwrap()).unwrap();
    let payment = payment_of(&bench.call(&query()));
    assert_eq!(payment_of(&bench.hear()).transaction_id, payment.transaction_id);
    let Outcome::Refused(refusal) = bench.call(&{
        let mut more = super::a_refund(8888);
        more.refund_no = "2".into();
        Op::Refund(more)
    }) else {
        panic!("the refund is remembered")
    };
    assert_eq!(refusal.kind, RefusalKind::NothingLeft);
    assert!(bench.sim.restore(serde_json::json!({"trades": 1})).is_err());
}
