//! The simulator is as strict as Alipay: what is missing, invalid or badly signed is refused in the
//! manual's words, and every refusal is signed.

use serde_json::{Value, json};

use super::{APP_ID, Bench, HALF_HOUR_MS, KEYS, START, TRADE_NO};
use crate::alipay::sign;
use crate::alipay::wire::{self, Fields};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::{self, RsaSigner};
use crate::sim::{Served, Simulator};

fn an_order() -> Value {
    json!({
        "out_trade_no": TRADE_NO, "total_amount": "88.88", "subject": "测试",
        "time_expire": START.plus_millis(HALF_HOUR_MS).beijing(),
    })
}

pub(super) fn common(order: &Value) -> Fields {
    let fields = [
        ("app_id", APP_ID.to_owned()),
        ("method", "alipay.trade.precreate".to_owned()),
        ("charset", "utf-8".to_owned()),
        ("sign_type", "RSA2".to_owned()),
        ("timestamp", START.beijing()),
        ("version", "1.0".to_owned()),
        ("notify_url", "https://gw.example/n?x=1".to_owned()),
        ("biz_content", order.to_string()),
    ];
    Fields(fields.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

pub(super) fn signed(mut fields: Fields) -> Fields {
    let signer = RsaSigner::parse("app", &KEYS[0].0).unwrap();
    sign::sign_request(&mut fields, &signer).unwrap();
    fields
}

fn serve(method: &str, query: &str, body: &str) -> HttpResponse {
    let request = HttpRequest {
        method: method.into(),
        url: format!("/gateway.do?{query}"),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let mut bench = Bench::new();
    let stamp = bench.stamp();
    match bench.sim.serve(&request, &stamp) {
        Served::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// The name of the signed object, its code and its sub_code.
pub(super) fn read(answer: &HttpResponse) -> (String, String, String) {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/html;charset=utf-8"));
    let text = std::str::from_utf8(&answer.body).unwrap();
    let members = wire::raw_members(text).unwrap();
    let [(name, raw), (last, sign)] = members.as_slice() else { panic!("{text}") };
    assert!(last == "sign" && text.starts_with(&format!("{{\"{name}\":{{")), "{text}");
    assert!(seal::verifies(&KEYS[1].1, raw.as_bytes(), sign.trim_matches('"')));
    let object: Value = serde_json::from_str(raw).unwrap();
    let of = |name: &str| object[name].as_str().unwrap_or("").to_owned();
    (name.clone(), of("code"), of("sub_code"))
}

fn check(fields: &Fields, code: &str, sub_code: &str) {
    let (name, got_code, got_sub_code) = read(&serve("GET", &fields.to_form(), ""));
    assert_eq!((got_code.as_str(), got_sub_code.as_str()), (code, sub_code), "{fields:?}");
    assert_eq!(name == "error_response", sub_code.ends_with("-method"), "{name}");
}

#[test]
fn a_request_may_come_in_the_query_in_the_form_or_in_both() {
    let fields = signed(common(&an_order()));
    let (all, (first, rest)) = (fields.to_form(), fields.0.split_at(4));
    let (first, rest) = (Fields(first.to_vec()).to_form(), Fields(rest.to_vec()).to_form());
    for (method, query, body) in
        [("GET", all.as_str(), ""), ("POST", "", all.as_str()), ("POST", &first, &rest)]
    {
        let (name, code, _) = read(&serve(method, query, body));
        assert_eq!((name.as_str(), code.as_str()), ("alipay_trade_precreate_response", "10000"));
    }
    let twice = read(&serve("POST", &all, &all));
    assert_eq!(twice.2, "isv.invalid-parameter");
}

#[test]
fn what_is_missing_is_named() {
    for (name, sub_code) in [
        ("method", "isv.missing-method"),
        ("app_id", "isv.missing-app-id"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
    ] {
        let mut fields = signed(common(&an_order()));
        fields.0.retain(|(key, _)| key != name);
        check(&fields, "40001", sub_code);
    }
}

#[test]
fn what_is_invalid_is_named() {
    for (name, value, sub_code) in [
        ("method", "alipay.trade.nothing", "isv.invalid-method"),
        ("app_id", "2014072300007149", "isv.invalid-app-id"),
        ("charset", "gbk", "isv.invalid-charset"),
        ("sign_type", "MD5", "isv.invalid-signature-type"),
        ("timestamp", "2026/11/22 12:00:05", "isv.invalid-timestamp"),
        ("version", "2.0", "isv.invalid-parameter"),
        ("notify_url", "javascript:alert(1)", "isv.invalid-parameter"),
        ("biz_content", "[]", "isv.invalid-parameter"),
    ] {
        let mut fields = common(&an_order());
        fields.replace(name, value.to_owned());
        check(&signed(fields), "40002", sub_code);
    }
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    for name in ["notify_url", "timestamp", "biz_content"] {
        let mut fields = signed(common(&an_order()));
        let changed = fields.of(name).replace("11", "12").replace("gw.", "gv.");
        fields.replace(name, changed);
        check(&fields, "40002", "isv.invalid-signature");
    }
}

#[test]
fn an_order_keeps_the_forms_of_its_members() {
    let cases = [
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("a-b")),
        ("out_trade_no", json!("1".repeat(65))),
        ("total_amount", json!("0.00")),
        ("total_amount", json!("1.234")),
        ("total_amount", json!("100000000.01")),
        ("total_amount", json!(88.888)),
        ("total_amount", json!([88.88])),
        ("subject", json!("")),
        ("subject", json!("测".repeat(257))),
        ("product_code", json!("QUICK_WAP_WAY")),
        ("seller_id", json!("2088000000000000")),
        ("time_expire", json!(START.beijing())),
        ("time_expire", json!("2026-11-22T12:30:05")),
    ];
    for (name, value) in cases {
        let mut order = an_order();
        order[name] = value;
        check(&signed(common(&order)), "40004", "ACQ.INVALID_PARAMETER");
    }
    let mut most = an_order();
    most["total_amount"] = "100000000.00".into();
    most["subject"] = "测".repeat(256).into();
    check(&signed(common(&most)), "10000", "");
    let mut as_a_number = an_order();
    as_a_number["total_amount"] = json!(88.88);
    check(&signed(common(&as_a_number)), "10000", "");
}
