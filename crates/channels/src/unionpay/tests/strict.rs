//! The simulator is as strict as UnionPay: what is missing, malformed or badly signed is refused in the
//! manual's codes, and every refusal is signed.

use super::{Bench, HALF_HOUR_MS, KEYS, MER_ID, START, TRADE_NO, account, text_of};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal;
use crate::sim::{Served, Simulator};
use crate::unionpay::sign::{self, CERTIFICATE};
use crate::unionpay::wire::{Fields, SIGNATURE};
use crate::{Channel, Stamp, Step};

fn an_order() -> Fields {
    let mut fields = Fields::default();
    fields.set_all([
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("txnType", "01"),
        ("txnSubType", "07"),
        ("bizType", "000000"),
        ("channelType", "07"),
        ("accessType", "0"),
        ("merId", MER_ID),
        ("orderId", TRADE_NO),
        ("txnTime", START.compact().as_str()),
        ("txnAmt", "8888"),
        ("currencyCode", "156"),
        ("backUrl", "https://gw.example/n"),
        ("payTimeout", START.plus_millis(HALF_HOUR_MS).compact().as_str()),
    ]);
    fields
}

fn signed(mut fields: Fields) -> Fields {
    sign::sign_request(&mut fields, &account("01")).unwrap();
    fields
}

fn serve(path: &str, fields: &Fields) -> HttpResponse {
    let request = HttpRequest {
        method: "POST".into(),
        url: format!("/gateway/api/{path}.do"),
        headers: Vec::new(),
        body: fields.to_form().into_bytes(),
    };
    let mut bench = Bench::new();
    match bench.serve(&request) {
        Served::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

/// The code of a signed answer.
fn code(path: &str, fields: &Fields) -> String {
    let answer = serve(path, fields);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/html;charset=UTF-8"));
    let said = Fields::from_raw(std::str::from_utf8(&answer.body).unwrap()).unwrap();
    let digest = sign::digest(&said.signed_text());
    assert!(seal::verifies(said.of(CERTIFICATE), digest.as_bytes(), said.of(SIGNATURE)));
    said.of("respCode").to_owned()
}

fn check(changes: &[(&str, &str)], expect: &str) {
    let mut fields = an_order();
    for (name, value) in changes {
        fields.set(name, *value);
    }
    assert_eq!(code("backTransReq", &signed(fields)), expect, "{changes:?}");
}

#[test]
fn an_order_in_form_is_taken() {
    check(&[], "00");
    check(&[("encoding", "utf-8"), ("currencyCode", "344"), ("payTimeout", "")], "00");
    check(&[("orderDesc", "测试测试测试测试测试ab")], "00");
}

#[test]
fn what_is_missing_is_refused() {
    for name in [
        "version",
        "encoding",
        "txnType",
        "txnSubType",
        "bizType",
        "channelType",
        "accessType",
        "merId",
        "orderId",
        "txnTime",
        "txnAmt",
        "currencyCode",
        "backUrl",
    ] {
        check(&[(name, "")], "13");
    }
    let barcode = [("txnSubType", "06"), ("qrNo", "6212345678901234500"), ("termId", "00000001")];
    check(&barcode, "00");
    for name in ["qrNo", "termId"] {
        let mut changes = barcode.to_vec();
        changes.push((name, ""));
        check(&changes, "13");
    }
}

#[test]
fn what_has_not_its_form_is_refused() {
    let long = format!("https://gw.example/{}", "n".repeat(256));
    let now = START.compact();
    for (name, value) in [
        ("version", "5.0.0"),
        ("encoding", "GBK"),
        ("channelType", "01"),
        ("accessType", "9"),
        ("merId", "7772900581"),
        ("orderId", "1234567"),
        ("orderId", "1120261122120005-00006553801"),
        ("orderId", &"1".repeat(41)),
        ("txnTime", "20261322120005"),
        ("txnAmt", "0"),
        ("txnAmt", "1.00"),
        ("txnAmt", "1234567890123"),
        ("currencyCode", "840"),
        ("currencyCode", "CNY"),
        ("backUrl", "gw.example/n"),
        ("backUrl", &long),
        ("payTimeout", &now),
        ("payTimeout", "tomorrow"),
        ("bizType", "000201"),
        ("orderDesc", "测试测试测试测试测试测"),
    ] {
        check(&[(name, value)], "10");
    }
    let barcode = [("txnSubType", "06"), ("qrNo", "6212345678901234500"), ("termId", "00000001")];
    for (name, value) in [("qrNo", "134602370743606195"), ("termId", "1"), ("termId", "0000000_")] {
        let mut changes = barcode.to_vec();
        changes.push((name, value));
        check(&changes, "10");
    }
}

#[test]
fn a_request_that_the_merchant_did_not_sign_is_refused() {
    let mut fields = signed(an_order());
    fields.set("txnAmt", "1");
    assert_eq!(code("backTransReq", &fields), "11");
    for (name, value) in [("certId", "1"), ("certId", ""), ("signMethod", "12")] {
        let mut fields = signed(an_order());
        fields.set(name, value);
        assert_eq!(code("backTransReq", &fields), "11", "{name}");
    }
    let mut fields = signed(an_order());
    fields.set(SIGNATURE, "");
    assert_eq!(code("backTransReq", &fields), "13");
    let signer = seal::RsaSigner::parse("another", &KEYS[1]).unwrap();
    let digest = sign::digest(&fields.signed_text());
    fields.set(SIGNATURE, signer.sign(digest.as_bytes()).unwrap());
    assert_eq!(code("backTransReq", &fields), "11");
}

#[test]
fn another_merchant_or_transaction_is_refused() {
    check(&[("merId", "777290058110049")], "31");
    check(&[("txnSubType", "99")], "32");
    check(&[("txnType", "00"), ("txnSubType", "00")], "32");
    for path in ["queryTrans", "appTransReq"] {
        assert_eq!(code(path, &signed(an_order())), "32");
    }
    let mut query = an_order();
    query.set_all([("txnType", "00"), ("txnSubType", "00")]);
    assert_eq!(code("queryTrans", &signed(query)), "34");
}

#[test]
fn a_page_that_is_refused_says_so_to_the_payer() {
    let mut front = an_order();
    front.set_all([
        ("txnSubType", "01"),
        ("bizType", "000201"),
        ("frontUrl", "https://gw.example/back"),
    ]);
    let page = |fields: &Fields| String::from_utf8(serve("frontTransReq", fields).body).unwrap();
    assert!(page(&signed(front.clone())).contains("id=\"pay\""), "with POST too");
    let mut forged = signed(front.clone());
    forged.set("txnAmt", "1");
    assert!(page(&forged).contains("验证签名失败（11）"));
    front.set("frontUrl", "javascript:alert(1)");
    assert!(page(&signed(front.clone())).contains("（10）"));
    front.set("frontUrl", "");
    assert!(page(&signed(front)).contains("（13）"));
}

#[test]
fn the_simulator_owns_its_addresses_and_no_others() {
    let sim = super::a_sim();
    for path in ["/gateway/api/queryTrans.do", "/gateway/api/frontTransReq.do", "/unionpay/qr/1"] {
        assert!(sim.owns(path), "{path}");
    }
    for path in ["/gateway.do", "/gateway/api/pay/qrcode", "/unionpay", "/alipay/qr/1"] {
        assert!(!sim.owns(path), "{path}");
    }
}

#[test]
fn a_page_that_nobody_ordered_is_not_there() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&super::qr()));
    for url in ["/unionpay/qr/1", "/unionpay/orders/1", "/unionpay/x", "/unionpay/"] {
        assert!(bench.page("GET", url, "").contains("页面不存在"), "{url}");
    }
    let page = bench.page("GET", &pay_text, "");
    assert!(bench.press(&page, "nothing").contains("id=\"pay\""));
}

#[test]
fn what_the_channel_sends_is_what_the_manual_has() {
    let stamp = Stamp { now: START.plus_millis(999), nonce: "0".repeat(32) };
    let asked = crate::unionpay::Unionpay.request(&super::barcode("00"), &account("01"), &stamp);
    let Ok(Step::Send(request)) = asked else { panic!("{asked:?}") };
    assert_eq!(request.url, "http://127.0.0.1:9000/gateway/api/backTransReq.do");
    let fields = Fields::from_form(std::str::from_utf8(&request.body).unwrap()).unwrap();
    let sent: Vec<_> = fields.iter().filter(|(name, _)| *name != SIGNATURE).collect();
    let cert_id = fields.of("certId");
    assert!(!cert_id.is_empty() && cert_id.bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(
        sent,
        [
            ("accessType", "0"),
            ("backUrl", super::NOTIFY),
            ("bizType", "000000"),
            ("certId", cert_id),
            ("channelType", "07"),
            ("currencyCode", "156"),
            ("encoding", "UTF-8"),
            ("merId", MER_ID),
            ("orderId", TRADE_NO),
            ("qrNo", "6212345678901234500"),
            ("signMethod", "01"),
            ("termId", "00000001"),
            ("txnAmt", "8888"),
            ("txnSubType", "06"),
            ("txnTime", "20261122120005"),
            ("txnType", "01"),
            ("version", "5.1.0"),
        ]
    );
}
