//! What the simulator lets in and what it refuses, and what the channel makes of every code.

use kernel::time::Timestamp;
use proptest::prelude::prop_oneof;
use proptest::{prop_assert, proptest};
use serde_json::{Value, json};

use super::{
    MERCHANT, MERCHANT_SERIAL, MODES, Mode, NOON, PLATFORM, PUBLIC_KEY_ID, TRADE_NO, World, close,
    native, query, signed_answer,
};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::{self, RsaSigner};
use crate::{Doubt, Op, Outcome, RefusalKind};

pub(super) fn code(answer: &HttpResponse) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

fn set(request: &mut HttpRequest, name: &str, value: Option<&str>) {
    request.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    if let Some(value) = value {
        request.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// A request signed by the merchant, its parameters in an order of its own.
pub(super) fn by_hand(method: &str, target: &str, body: &str, at: Timestamp) -> HttpRequest {
    let text = format!("{method}\n{target}\n{}\nN0\n{body}\n", at.seconds());
    let signature =
        RsaSigner::parse("key", &MERCHANT.private).unwrap().sign(text.as_bytes()).unwrap();
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 signature=\"{signature}\",serial_no=\"{}\", \
         timestamp=\"{}\",nonce_str=\"N0\",mchid=\"1900000109\"",
        MERCHANT_SERIAL.to_ascii_lowercase(),
        at.seconds()
    );
    let headers = [
        ("authorization", authorization.as_str()),
        ("accept", "*/*"),
        ("user-agent", "test"),
        ("content-type", "application/json; charset=utf-8"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    HttpRequest {
        method: method.into(),
        url: target.into(),
        headers: headers.to_vec(),
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn parameters_come_in_any_order_and_serials_in_any_case() {
    let mut world = World::new(Mode::Certificate);
    let target = format!("/v3/pay/transactions/out-trade-no/{TRADE_NO}?mchid=1900000109");
    let answer = world.serve(&by_hand("GET", &target, "", NOON)).unwrap();
    assert_eq!((answer.status, code(&answer).as_str()), (404, "ORDER_NOT_EXIST"));
}

#[test]
fn a_request_that_is_not_the_merchants_is_refused() {
    let mut world = World::new(Mode::Certificate);
    let target = "/v3/certificates";
    let good = by_hand("GET", target, "", NOON);
    let authorization = good.header("authorization").unwrap().to_owned();
    let mut requests = vec![
        by_hand("GET", target, "", NOON.plus_millis(301_000)),
        by_hand("GET", target, "", NOON.plus_millis(-301_000)),
        HttpRequest { url: "/v3/certificates?x=1".into(), ..good.clone() },
        HttpRequest { body: b"{}".to_vec(), ..good.clone() },
    ];
    for changed in [
        None,
        Some("Bearer x".to_owned()),
        Some(authorization.replace("1900000109", "1900000110")),
        Some(authorization.replace("N0", "N1")),
        Some(authorization.replace("5157f0", "5157f1")),
        Some(format!("{authorization},mchid=\"1900000109\"")),
    ] {
        let mut request = good.clone();
        set(&mut request, "authorization", changed.as_deref());
        requests.push(request);
    }
    for request in requests {
        let answer = world.serve(&request).unwrap();
        assert_eq!((answer.status, code(&answer).as_str()), (401, "SIGN_ERROR"), "{request:?}");
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["detail"]["location"], "authorization");
    }
    assert_eq!(world.serve(&good).unwrap().status, 200);
}

#[test]
fn headers_that_are_missing_are_named() {
    let mut world = World::new(Mode::Certificate);
    for (name, value) in [
        ("accept", None),
        ("accept", Some("text/html")),
        ("user-agent", None),
        ("content-type", Some("text/plain")),
        ("wechatpay-serial", Some("PUB_KEY_ID_0")),
    ] {
        let mut request = by_hand("POST", "/v3/pay/transactions/native", "{}", NOON);
        set(&mut request, name, value);
        let answer = world.serve(&request).unwrap();
        assert_eq!((answer.status, code(&answer).as_str()), (400, "PARAM_ERROR"));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(body["detail"]["field"].as_str().unwrap().eq_ignore_ascii_case(name));
    }
}

#[test]
fn every_answer_is_signed_as_the_request_asks() {
    for mode in MODES {
        let mut world = World::new(mode);
        let place = Op::Place(native());
        for (op, status) in
            [(&query(), 404), (&place, 200), (&query(), 200), (&close(), 204), (&close(), 400)]
        {
            let request = world.request(op).unwrap();
            let answer = world.serve(&request).unwrap();
            assert_eq!(answer.status, status);
            let header = |name| answer.header(name).unwrap();
            let text = [
                header("Wechatpay-Timestamp").as_bytes(),
                header("Wechatpay-Nonce").as_bytes(),
                answer.body.as_slice(),
                b"",
            ]
            .join(&b'\n');
            assert!(seal::verifies(&PLATFORM.public, &text, header("Wechatpay-Signature")));
            assert_eq!(header("Wechatpay-Signature-Type"), "WECHATPAY2-SHA256-RSA2048");
            assert!(!header("Request-ID").is_empty());
            let is_public_key = header("Wechatpay-Serial") == PUBLIC_KEY_ID;
            assert_eq!(is_public_key, mode == Mode::PublicKey);
        }
    }
}

fn good_order() -> Value {
    json!({
        "appid": "wxd930ea5d5a258f4f", "mchid": "1900000109", "description": "x",
        "out_trade_no": "P_1-|*a", "notify_url": "http://127.0.0.1:1/n",
        "amount": { "total": 1 },
        "scene_info": { "payer_client_ip": "::1", "h5_info": { "type": "Wap" } },
    })
}

fn placed(path: &str, body: &Value) -> HttpResponse {
    let mut world = World::new(Mode::Certificate);
    let target = format!("/v3/pay/transactions/{path}");
    world.serve(&by_hand("POST", &target, &body.to_string(), NOON)).unwrap()
}

#[test]
fn an_order_with_the_least_members_is_taken() {
    for path in ["native", "h5"] {
        assert_eq!(placed(path, &good_order()).status, 200);
    }
}

#[test]
fn each_member_of_an_order_is_judged() {
    for (pointer, value) in [
        ("/appid", json!(null)),
        ("/description", json!("")),
        ("/description", json!("长".repeat(128))),
        ("/description", json!(1)),
        ("/out_trade_no", json!("12345")),
        ("/out_trade_no", json!("1".repeat(33))),
        ("/out_trade_no", json!("12345 6")),
        ("/notify_url", json!("https://a.test/n?x=1")),
        ("/notify_url", json!("ftp://a.test/n")),
        ("/notify_url", json!(format!("https://a.test/{}", "n".repeat(250)))),
        ("/amount/total", json!(0)),
        ("/amount/total", json!(-1)),
        ("/amount/total", json!("1")),
        ("/amount/total", json!(1.0)),
        ("/amount/total", json!(2_147_483_648_i64)),
        ("/scene_info/payer_client_ip", json!("")),
        ("/scene_info/h5_info/type", json!("Windows")),
    ] {
        let mut body = good_order();
        *body.pointer_mut(pointer).unwrap() = value.clone();
        let answer = placed("h5", &body);
        assert_eq!(
            (answer.status, code(&answer).as_str()),
            (400, "PARAM_ERROR"),
            "{pointer} {value}"
        );
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["detail"]["field"], pointer);
    }
    for (member, value) in [
        ("time_expire", json!("2026-11-22 12:30:05")),
        ("time_expire", json!(NOON.rfc3339())),
        ("attach", json!("a".repeat(129))),
    ] {
        let mut body = good_order();
        body[member] = value;
        assert_eq!(code(&placed("native", &body)), "PARAM_ERROR", "{member}");
    }
    let mut body = good_order();
    body["amount"]["currency"] = "HKD".into();
    assert_eq!(code(&placed("native", &body)), "PARAM_ERROR");
    body["amount"]["currency"] = "CNY".into();
    body["appid"] = "wx0".into();
    assert_eq!(code(&placed("native", &body)), "APPID_MCHID_NOT_MATCH");
}

#[test]
fn a_query_must_name_the_merchant_that_signs_it() {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    for query in ["", "?mchid=", "?mchid=1900000110"] {
        let target = format!("/v3/pay/transactions/out-trade-no/{TRADE_NO}{query}");
        let answer = world.serve(&by_hand("GET", &target, "", NOON)).unwrap();
        assert_eq!((answer.status, code(&answer).as_str()), (400, "PARAM_ERROR"), "{query}");
    }
}

#[test]
fn a_paid_order_is_found_by_the_platforms_number_and_an_unpaid_one_has_none() {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    let by_number = format!("/v3/pay/transactions/out-trade-no/{TRADE_NO}?mchid=1900000109");
    let answer = world.serve(&by_hand("GET", &by_number, "", NOON)).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    for absent in ["/transaction_id", "/bank_type", "/success_time", "/amount/payer_total"] {
        assert_eq!(body.pointer(absent), None, "{absent}");
    }
    let stamp = world.stamp();
    let paid = crate::sim::Simulator::pay(&mut world.sim, TRADE_NO, None, &stamp).unwrap();
    let by_id = format!("/v3/pay/transactions/id/{}?mchid=1900000109", paid.transaction_id);
    let answer = world.serve(&by_hand("GET", &by_id, "", NOON)).unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["out_trade_no"], TRADE_NO);
    assert_eq!(body["trade_state"], "SUCCESS");
}

/// What `op` makes of a well signed error.
fn judged(op: &Op, status: u16, code: &str) -> Outcome {
    let body = json!({ "code": code, "message": "为什么" }).to_string();
    World::new(Mode::Certificate).judge(op, &signed_answer(status, &body))
}

#[test]
fn codes_mean_the_same_with_and_without_underscores() {
    for (code, on_place, on_query) in [
        ("ORDERPAID", Some(Outcome::PaidElsewhere), Some(Outcome::PaidElsewhere)),
        ("ORDER_PAID", Some(Outcome::PaidElsewhere), Some(Outcome::PaidElsewhere)),
        ("ORDER_CLOSED", None, Some(Outcome::Closed)),
        ("ORDERCLOSED", None, Some(Outcome::Closed)),
        ("ORDER_NOT_EXIST", None, Some(Outcome::NotFound)),
        ("ORDERNOTEXIST", None, Some(Outcome::NotFound)),
    ] {
        if let Some(expect) = on_place {
            assert_eq!(judged(&Op::Place(native()), 400, code), expect);
        }
        for op in [query(), close()] {
            assert_eq!(Some(judged(&op, 404, code)), on_query, "{code}");
        }
    }
}

#[test]
fn a_refusal_of_an_order_has_a_kind() {
    for (code, kind) in [
        ("OUT_TRADE_NO_USED", RefusalKind::NumberUsed),
        ("ORDER_CLOSED", RefusalKind::NumberUsed),
        ("NO_AUTH", RefusalKind::NotSupported),
        ("NOAUTH", RefusalKind::NotSupported),
        ("APPID_MCHID_NOT_MATCH", RefusalKind::NotSupported),
        ("PARAM_ERROR", RefusalKind::Business),
        ("SIGN_ERROR", RefusalKind::Business),
        ("INVALID_REQUEST", RefusalKind::Business),
        ("A_NEW_WORD", RefusalKind::Business),
    ] {
        let outcome = judged(&Op::Place(native()), 403, code);
        let Outcome::Refused(refusal) = outcome else { panic!("{code}: {outcome:?}") };
        assert_eq!((refusal.kind, refusal.code.as_str()), (kind, code));
        assert_eq!(refusal.message, "为什么");
    }
}

#[test]
fn what_is_not_about_the_order_says_nothing_about_it() {
    for code in ["SIGN_ERROR", "PARAM_ERROR", "NO_AUTH", "RESOURCE_NOT_EXISTS", "A_NEW_WORD"] {
        for op in [query(), close()] {
            let outcome = judged(&op, 404, code);
            assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{outcome:?}");
        }
    }
    for (status, code) in [(403, "FREQUENCY_LIMITED"), (400, "SYSTEMERROR"), (429, "X"), (503, "X")]
    {
        for op in [Op::Place(native()), query(), close(), Op::Keys] {
            let outcome = judged(&op, status, code);
            let is_doubt = matches!(outcome, Outcome::Unknown(Doubt::Busy(_)))
                || (op == Op::Keys && matches!(outcome, Outcome::Unknown(_)));
            assert!(is_doubt, "{code}: {outcome:?}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_merchant_signs_is_answered(
        method in prop_oneof!["GET", "POST"],
        path in prop_oneof![
            "pay/transactions/(native|h5|jsapi|app|codepay|.{0,9})",
            "pay/transactions/out-trade-no/.{0,9}(/close|/reverse|)",
            "pay/transactions/id/.{0,9}",
            "refund/domestic/refunds(/.{0,9}|)",
        ],
        body in prop_oneof![".{0,40}", r#"\{"(appid|amount|mchid|payer|out_refund_no)":(1|"x"|\{\}|\[\])\}"#],
    ) {
        let mut world = World::without_keys(Mode::Certificate);
        let target = format!("/v3/{path}");
        let answer = world.serve(&by_hand(&method, &target, &body, NOON)).unwrap();
        prop_assert!((400..500).contains(&answer.status));
    }
}
