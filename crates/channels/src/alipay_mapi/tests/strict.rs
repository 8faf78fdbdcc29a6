//! The simulator is as strict as Alipay: what is missing, invalid or badly signed is refused in the
//! manual's words.

use super::{Bench, CALLBACK_URL, KEYS, PARTNER, REFUND_NO, TRADE_NO, app, query, text_of};
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::{sign, xml};
use crate::legacy;
use crate::sim::Simulator;

fn merchant_sign(text: &str) -> String {
    legacy::sign_sha1("merchant", &KEYS[0].0, text.as_bytes()).unwrap()
}

fn signed(mut fields: Fields) -> Fields {
    let sign = merchant_sign(&sign::text(&fields));
    fields.push("sign", sign);
    fields.push("sign_type", "RSA");
    fields
}

fn common(service: &str) -> Fields {
    Fields::of_table(&[("service", service), ("partner", PARTNER), ("_input_charset", "utf-8")])
}

fn a_query() -> Fields {
    let mut fields = common("single_trade_query");
    fields.push("out_trade_no", TRADE_NO);
    fields
}

fn a_refund() -> Fields {
    let mut fields = common("forex_refund");
    for (name, value) in [
        ("out_return_no", REFUND_NO),
        ("out_trade_no", TRADE_NO),
        ("return_amount", "88.88"),
        ("currency", "HKD"),
        ("gmt_return", "20261122120005"),
        ("product_code", "NEW_WAP_OVERSEAS_SELLER"),
        ("is_sync", "Y"),
    ] {
        fields.push(name, value);
    }
    fields
}

fn a_page() -> Fields {
    let mut fields = common("create_forex_trade_wap");
    for (name, value) in [
        ("out_trade_no", TRADE_NO),
        ("subject", "测试"),
        ("payment_type", "1"),
        ("total_fee", "88.88"),
        ("currency", "HKD"),
        ("forex_biz", "FP"),
        ("product_code", "NEW_WAP_OVERSEAS_SELLER"),
        ("notify_url", CALLBACK_URL),
        ("refer_url", "https://shop.example/"),
    ] {
        fields.push(name, value);
    }
    fields
}

/// The error that a request is answered with; `T` if with none.
fn word(bench: &mut Bench, fields: &Fields) -> String {
    let url = format!("/mapi/gateway.do?{}", fields.to_form());
    let answer = bench.browse("GET", &url, "");
    assert_eq!(answer.header("content-type"), Some("text/xml;charset=utf-8"));
    let root = xml::parse(&answer.body).unwrap();
    root.leaf("error").or(root.leaf("is_success")).unwrap().to_owned()
}

fn page(fields: &Fields) -> String {
    let url = format!("/mapi/gateway.do?{}", fields.to_form());
    String::from_utf8(Bench::new().browse("GET", &url, "").body).unwrap()
}

fn with(mut fields: Fields, name: &str, value: &str) -> Fields {
    fields.set(name, value);
    fields
}

#[test]
fn common_members_are_judged() {
    let cases = [
        (signed(a_query()), "T"),
        (signed(with(a_query(), "service", "")), "ILLEGAL_SERVICE"),
        (signed(with(a_query(), "service", "close_trade")), "ILLEGAL_SERVICE"),
        (signed(with(a_query(), "partner", "2088")), "ILLEGAL_PARTNER"),
        (signed(with(a_query(), "_input_charset", "GBK")), "INVALID_CHARACTER"),
        (with(signed(a_query()), "sign_type", "DSA"), "ILLEGAL_SIGN_TYPE"),
        (with(signed(a_query()), "sign_type", "RSA2"), "ILLEGAL_SIGN"),
        (with(signed(a_query()), "sign_type", "MD5"), "ILLEGAL_SIGN"),
        (with(signed(a_query()), "sign", ""), "ILLEGAL_SIGN"),
        (with(signed(a_query()), "out_trade_no", "1"), "ILLEGAL_SIGN"),
        (signed(with(a_query(), "out_trade_no", "1")), "TRADE_NOT_EXIST"),
    ];
    for (fields, expect) in cases {
        assert_eq!(word(&mut Bench::opened(), &fields), expect, "{fields:?}");
    }
    let mut twice = signed(a_query());
    twice.0.push(("out_trade_no".into(), "1".into()));
    assert_eq!(word(&mut Bench::opened(), &twice), "ILLEGAL_ARGUMENT");
}

#[test]
fn members_of_a_refund_are_judged() {
    let cases = [
        ("out_return_no", "", "ILLEGAL_ARGUMENT"),
        ("out_return_no", "a-b", "ILLEGAL_ARGUMENT"),
        ("out_trade_no", "", "ILLEGAL_ARGUMENT"),
        ("out_trade_no", "1", "PURCHASE_TRADE_NOT_EXIST"),
        ("return_amount", "", "ILLEGAL_ARGUMENT"),
        ("return_amount", "0.00", "ILLEGAL_ARGUMENT"),
        ("return_amount", "1.001", "ILLEGAL_ARGUMENT"),
        ("return_amount", "88.89", "RETURN_AMOUNT_EXCEED"),
        ("currency", "", "ILLEGAL_CURRENCY"),
        ("currency", "AUD", "CURRENCY_NOT_SAME"),
        ("gmt_return", "2026-11-22 12:00:05", "ILLEGAL_ARGUMENT"),
        ("gmt_return", "", "ILLEGAL_ARGUMENT"),
        ("product_code", "NEW_OVERSEAS_SELLER", "ILLEGAL_ARGUMENT"),
        ("is_sync", "y", "ILLEGAL_ARGUMENT"),
        ("is_sync", "", "T"),
        ("is_sync", "Y", "T"),
    ];
    for (name, value, expect) in cases {
        let fields = signed(with(a_refund(), name, value));
        assert_eq!(word(&mut Bench::paid(), &fields), expect, "{name} {value}");
    }
    let long = signed(with(a_refund(), "reason", &"测".repeat(101)));
    assert_eq!(word(&mut Bench::paid(), &long), "ILLEGAL_ARGUMENT");
}

#[test]
fn members_of_a_page_are_judged() {
    assert!(page(&signed(a_page())).contains("确认付款"));
    let cases = [
        ("out_trade_no", "", "ILLEGAL_ARGUMENT"),
        ("subject", "", "ILLEGAL_ARGUMENT"),
        ("subject", "x\"", "ILLEGAL_ARGUMENT"),
        ("payment_type", "2", "ILLEGAL_ARGUMENT"),
        ("total_fee", "", "TRADE_TOTALFEE_ERROR"),
        ("total_fee", "88.888", "TRADE_TOTALFEE_ERROR"),
        ("total_fee", "0.00", "TOTAL_FEE_OUT_OF_RANGE"),
        ("total_fee", "1000000.01", "TOTAL_FEE_OUT_OF_RANGE"),
        ("currency", "", "ILLEGAL_CURRENCY"),
        ("currency", "AUD", "ILLEGAL_CURRENCY"),
        ("forex_biz", "", "ILLEGAL_ARGUMENT"),
        ("product_code", "", "ILLEGAL_ARGUMENT"),
        ("notify_url", "", "ILLEGAL_ARGUMENT"),
        ("refer_url", "", "ILLEGAL_ARGUMENT"),
        ("return_url", "javascript:alert(1)", "ILLEGAL_ARGUMENT"),
        ("timeout_rule", "7m", "ILLEGAL_TIMEOUT_RULE"),
        ("order_valid_time", "60", "ILLEGAL_ARGUMENT"),
        ("order_gmt_create", "2026-11-22 12:00:05", "ILLEGAL_ARGUMENT"),
    ];
    for (name, value, expect) in cases {
        let page = page(&signed(with(a_page(), name, value)));
        assert!(page.contains(expect), "{name} {value} {page}");
    }
    let forged = with(signed(a_page()), "total_fee", "0.01");
    assert!(page(&forged).contains("ILLEGAL_SIGN"));
}

#[test]
fn members_of_an_order_string_are_judged() {
    let pay_text = text_of(&Bench::new().call(&app()));
    let (_, fields) = sign::read_order_string(&pay_text).unwrap();
    let cases = [
        ("service", "create_forex_trade_wap", "ILLEGAL_SERVICE"),
        ("partner", "2088", "ILLEGAL_ARGUMENT"),
        ("seller_id", "2088", "ILLEGAL_ARGUMENT"),
        ("_input_charset", "GBK", "ILLEGAL_ARGUMENT"),
        ("body", "", "ILLEGAL_ARGUMENT"),
        ("payment_inst", "ALIPAYMO", "ILLEGAL_ARGUMENT"),
        ("it_b_pay", "", "ILLEGAL_TIMEOUT_RULE"),
        ("it_b_pay", "0m", "ILLEGAL_TIMEOUT_RULE"),
        ("it_b_pay", "+5m", "ILLEGAL_TIMEOUT_RULE"),
        ("it_b_pay", "16d", "ILLEGAL_TIMEOUT_RULE"),
        ("it_b_pay", "测", "ILLEGAL_TIMEOUT_RULE"),
        ("it_b_pay", "15d", "确认付款"),
        ("currency", "USD", "ILLEGAL_CURRENCY"),
        ("total_fee", "0", "TOTAL_FEE_OUT_OF_RANGE"),
        ("total_fee", "88.88", "确认付款"),
    ];
    let open = |text: &str| {
        String::from_utf8(Bench::new().browse("POST", "/alipay_mapi/app", text).body).unwrap()
    };
    for (name, value, expect) in cases {
        let text = sign::order_text(&with(fields.clone(), name, value));
        let order = sign::order_string(&text, &merchant_sign(&text));
        assert!(open(&order).contains(expect), "{name} {value}");
    }
    let text = sign::order_text(&fields);
    let forged = [
        (text.clone(), "ILLEGAL_ARGUMENT"),
        (sign::order_string(&text, "AAAA"), "ILLEGAL_SIGN"),
        (pay_text.replace("\"RSA\"", "\"MD5\""), "ILLEGAL_SIGN_TYPE"),
        (format!("{pay_text}&total_fee=\"0.01\""), "ILLEGAL_ARGUMENT"),
        (pay_text.replace('"', ""), "ILLEGAL_ARGUMENT"),
        (format!("{pay_text}x"), "ILLEGAL_ARGUMENT"),
        (format!("x=\"1\"&{pay_text}"), "ILLEGAL_ARGUMENT"),
        (format!("{pay_text}&return_url=\"https://x.example/\""), "ILLEGAL_ARGUMENT"),
        (pay_text.replace("88.88", "0.01"), "ILLEGAL_SIGN"),
    ];
    for (order, expect) in forged {
        let page = open(&order);
        assert!(page.contains(expect), "{order} {page}");
    }
}

#[test]
fn an_answer_echoes_the_request_and_signs_what_it_states() {
    let mut bench = Bench::opened();
    let url = format!("/mapi/gateway.do?{}", signed(a_query()).to_form());
    let text = String::from_utf8(bench.browse("GET", &url, "").body).unwrap();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<alipay>"), "{text}");
    assert!(text.contains("<param name=\"service\">single_trade_query</param>"), "{text}");
    assert!(text.contains("<response><trade>") && text.contains("<sign_type>RSA</sign_type>"));
    assert!(!bench.sim.owns("/gateway.do") && bench.sim.owns("/mapi/gateway.do"));
    assert_eq!(bench.sim.name(), "alipay_mapi");
    assert!(!matches!(bench.call(&query()), crate::Outcome::NotFound));
}
