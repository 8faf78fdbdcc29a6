//! The simulator is as strict as JeePay: what is missing, in the wrong form or badly signed is
//! refused in its words.

use kernel::product::Product;
use serde_json::Value;

use super::{Bench, SECRET, account, place, refund, sent};
use crate::Op;
use crate::jeepay::sign::sign;
use crate::jeepay::wire::Fields;
use crate::sim::Simulator;

fn put(fields: &mut Fields, name: &str, value: &str) {
    fields.0.retain(|(key, _)| key != name);
    fields.0.push((name.to_owned(), value.to_owned()));
}

fn signed_again(mut fields: Fields) -> Fields {
    let sign = sign(&fields, SECRET);
    put(&mut fields, "sign", &sign);
    fields
}

/// `code` and `msg` of the answer to a form.
fn told(bench: &mut Bench, path: &str, fields: &Fields) -> (i64, String) {
    let answer = bench.browse("POST", path, &fields.to_form());
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let is_signed = answer["sign"].is_string();
    assert_eq!(is_signed, answer["code"] == 0, "only what is granted is signed");
    (answer["code"].as_i64().unwrap(), answer["msg"].as_str().unwrap().to_owned())
}

fn placed(fields: &Fields) -> (i64, String) {
    told(&mut Bench::new(), "/api/pay/unifiedOrder", fields)
}

fn an_order(product: Product) -> Fields {
    sent(&place(product), &account()).1
}

#[test]
fn a_form_and_json_are_taken_alike() {
    assert_eq!(placed(&an_order(Product::AlipayQr)).0, 0);
}

#[test]
fn who_asks_is_judged_first() {
    for name in ["mchNo", "appId", "reqTime", "version", "signType", "sign"] {
        let mut order = an_order(Product::AlipayQr);
        order.0.retain(|(key, _)| key != name);
        assert_eq!(placed(&order), (11, format!("参数有误[{name}]")));
    }
    let mut order = an_order(Product::AlipayQr);
    put(&mut order, "mchNo", "M0");
    assert_eq!(placed(&signed_again(order)).1, "商户不存在或商户状态不可用");
    for name in ["amount", "subject", "notifyUrl", "reqTime"] {
        let mut order = an_order(Product::AlipayQr);
        let changed = format!("{}1", order.of(name));
        put(&mut order, name, &changed);
        assert_eq!(placed(&order), (9999, "验签失败".to_owned()), "{name}");
    }
}

#[test]
fn members_keep_their_forms() {
    let long = "1".repeat(31);
    for (name, value, code) in [
        ("mchOrderNo", "", 11),
        ("mchOrderNo", &long, 11),
        ("wayCode", "PP_PC", 9999),
        ("wayCode", "", 9999),
        ("amount", "0", 11),
        ("amount", "-1", 11),
        ("amount", "1.5", 11),
        ("currency", "hkd", 11),
        ("subject", "", 11),
        ("body", "", 11),
        ("notifyUrl", "javascript:1", 9999),
        ("returnUrl", "ftp://x", 9999),
        ("signType", "RSA", 11),
        ("wayCode", "WX_JSAPI", 11),
        ("wayCode", "ALI_BAR", 9999),
    ] {
        let mut order = an_order(Product::AlipayQr);
        put(&mut order, name, value);
        assert_eq!(placed(&signed_again(order)).0, code, "{name} {value}");
    }
}

#[test]
fn a_refund_number_is_taken_once() {
    let mut bench = Bench::paid(Product::AlipayQr);
    let op = Op::Refund(refund(Product::AlipayQr, 100, super::REFUND_NO));
    let mut asked = sent(&op, &account()).1;
    for (name, value) in [
        ("mchOrderNo", super::TRADE_NO),
        ("refundAmount", "100"),
        ("currency", "cny"),
        ("refundReason", "x"),
    ] {
        put(&mut asked, name, value);
    }
    let asked = signed_again(asked);
    let path = "/api/refund/refundOrder";
    assert_eq!(told(&mut bench, path, &asked).0, 0);
    let (code, message) = told(&mut bench, path, &asked);
    assert!(code == 9999 && message.ends_with("已存在"), "{message}");
}

#[test]
fn the_simulator_owns_its_paths_and_no_others() {
    let mut bench = Bench::new();
    for path in ["/api/pay/query", "/api/refund/query", "/jeepay/pay/P1"] {
        assert!(bench.sim.owns(path));
    }
    for path in ["/api/payment", "/jeepayx/", "/gateway.do", "/easyLinkApi/Payment/Pay", "/"] {
        assert!(!bench.sim.owns(path));
    }
    for (method, path) in [("POST", "/api/pay/nothing"), ("GET", "/api/pay/query")] {
        assert_eq!(bench.browse(method, path, "").status, 404);
    }
    assert_eq!(bench.sim.name(), "jeepay");
}
