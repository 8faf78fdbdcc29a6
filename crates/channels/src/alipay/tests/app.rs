//! The merchant's app: its order string, and what a wallet makes of it. And the other ways in which
//! a client may speak to the simulator.

use kernel::product::Product;
use serde_json::json;

use super::strict::{common, read, signed};
use super::{APP_ID, Bench, KEYS, TRADE_NO, outcome_of, payment_of, place, query, text_of};
use crate::alipay::sign;
use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{PayError, Served, Simulator};
use crate::{Outcome, legacy};

fn opened(bench: &mut Bench) -> String {
    text_of(&bench.call(&place(Product::AlipayApp)))
}

fn text(answer: HttpResponse) -> String {
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn the_order_string_is_signed_and_nothing_is_sent() {
    let order = opened(&mut Bench::new());
    let fields = Fields::from_form(&order).unwrap();
    assert_eq!(fields.of("method"), "alipay.trade.app.pay");
    assert_eq!(fields.of("app_id"), APP_ID);
    assert_eq!(fields.of("notify_url"), "https://pay.example/callbacks/1");
    let biz: serde_json::Value = serde_json::from_str(fields.of("biz_content")).unwrap();
    assert_eq!(biz["product_code"], "QUICK_MSECURITY_PAY");
    assert_eq!(biz["total_amount"], "88.88");
    let signed = sign::request_text(&fields);
    assert!(crate::seal::verifies(&KEYS[0].1, signed.as_bytes(), fields.of("sign")));
}

#[test]
fn an_order_string_is_opened_in_the_wallet_paid_and_told() {
    for method in ["GET", "POST"] {
        let mut bench = Bench::new();
        let order = opened(&mut bench);
        let stamp = bench.stamp();
        assert_eq!(bench.sim.pay(TRADE_NO, None, &stamp), Err(PayError::NotFound));
        assert_eq!(bench.call(&query()), Outcome::NotFound, "only the wallet brings it");

        let page = text(bench.page(method, &format!("/alipay/app?{order}")));
        assert!(page.contains("¥88.88") && page.contains("/pay\""), "{page}");
        assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
        bench.pay(None);
        payment_of(&bench.call(&query()));
        assert_eq!(outcome_of(&bench.deliver()[0]), bench.call(&query()));
        let again = text(bench.page(method, &format!("/alipay/app?{order}")));
        assert!(again.contains("ACQ.TRADE_HAS_SUCCESS"), "{again}");
    }
}

#[test]
fn a_wallet_takes_no_other_string() {
    let mut bench = Bench::new();
    let order = opened(&mut bench);
    let page = text_of(&bench.call(&place(Product::AlipayWap)));
    let (_, page) = page.split_once('?').unwrap();
    for (wrong, why) in [
        (order.replace("88.88", "00.01"), "isv.invalid-signature"),
        (page.to_owned(), "isv.invalid-method"),
        (String::new(), "isv.missing-method"),
        (format!("{order}&{order}"), "isv.missing-method"),
    ] {
        let shown = text(bench.page("GET", &format!("/alipay/app?{wrong}")));
        assert!(shown.contains(why), "{shown}");
        assert_eq!(bench.call(&query()), Outcome::NotFound);
    }
    let asked = bench.page("GET", &format!("/gateway.do?{order}"));
    assert_eq!(read(&asked).2, "isv.invalid-method", "it is nothing for the gateway");
}

#[test]
fn a_target_may_be_in_absolute_form() {
    let order = json!({"out_trade_no": TRADE_NO, "total_amount": "88.88", "subject": "s"});
    let url = format!("http://sim:80/gateway.do?{}", signed(common(&order)).to_form());
    let request = HttpRequest { method: "GET".into(), url, headers: Vec::new(), body: Vec::new() };
    let mut bench = Bench::new();
    let stamp = bench.stamp();
    assert!(bench.sim.owns(request.path()));
    let Served::Answer(answer) = bench.sim.serve(&request, &stamp) else { panic!("an answer") };
    assert_eq!(read(&answer).1, "10000");
}

/// A call signed with SHA-1, and what is signed of the answer.
fn call_with_sha1(bench: &mut Bench, mut fields: Fields) -> (String, String) {
    fields.replace("sign_type", "RSA".into());
    let text = sign::request_text(&fields);
    fields.push("sign", legacy::sign_sha1("app", &KEYS[0].0, text.as_bytes()).unwrap());
    let answer = bench.page("GET", &format!("/gateway.do?{}", fields.to_form()));
    let body = String::from_utf8(answer.body).unwrap();
    let members = crate::alipay::wire::raw_members(&body).unwrap();
    let [(_, raw), (_, sign)] = members.as_slice() else { panic!("{body}") };
    (raw.to_string(), sign.trim_matches('"').to_owned())
}

#[test]
fn what_was_asked_with_sha1_is_answered_and_told_with_sha1() {
    let mut bench = Bench::new();
    let order = json!({"out_trade_no": TRADE_NO, "total_amount": "88.88", "subject": "s"});
    let (raw, sign) = call_with_sha1(&mut bench, common(&order));
    assert!(raw.contains("qr_code"), "{raw}");
    assert!(legacy::verifies_sha1(&KEYS[1].1, raw.as_bytes(), &sign));

    let mut fields = common(&order);
    fields.replace("method", "alipay.trade.nothing".into());
    let (raw, sign) = call_with_sha1(&mut bench, fields);
    assert!(raw.contains("isv.invalid-method") && !sign.is_empty());
    assert!(legacy::verifies_sha1(&KEYS[1].1, raw.as_bytes(), &sign));

    bench.pay(None);
    let stamp = bench.stamp();
    let told = bench.sim.due_callbacks(&stamp).remove(0).request;
    let fields = Fields::from_form(std::str::from_utf8(&told.body).unwrap()).unwrap();
    assert_eq!(fields.of("sign_type"), "RSA");
    let text = sign::notice_text(&fields);
    assert!(legacy::verifies_sha1(&KEYS[1].1, text.as_bytes(), fields.of("sign")));
}
