//! Members of requests for the SDKs' orders, barcodes and refunds, as the simulator judges them.

use serde_json::{Value, json};

use super::rules::{by_hand, code};
use super::{APPID, MCHID, Mode, NOON, TRADE_NO, World, native};
use crate::http::HttpResponse;

fn order() -> Value {
    json!({
        "appid": APPID, "mchid": MCHID, "description": "x", "out_trade_no": TRADE_NO,
        "notify_url": "http://127.0.0.1:1/n", "amount": { "total": 1 },
        "payer": { "openid": "o1", "auth_code": "134602370743606100" },
        "scene_info": { "device_ip": "::1", "store_info": { "id": "1" } },
    })
}

fn refund() -> Value {
    json!({
        "out_trade_no": TRADE_NO, "out_refund_no": "R_1-|*@", "reason": "x",
        "notify_url": "http://127.0.0.1:1/n",
        "amount": { "refund": 1, "total": 8888, "currency": "CNY" },
    })
}

fn post(world: &mut World, target: &str, body: &Value) -> HttpResponse {
    world.serve(&by_hand("POST", target, &body.to_string(), NOON)).unwrap()
}

fn placed(product: &str, body: &Value) -> HttpResponse {
    let target = format!("/v3/pay/transactions/{product}");
    post(&mut World::new(Mode::Certificate), &target, body)
}

/// Asks for a refund of the native order, which is paid.
fn refunded(body: &Value) -> HttpResponse {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    world.pay();
    post(&mut world, "/v3/refund/domestic/refunds", body)
}

/// Whether `answer` refuses the member at `pointer`.
fn assert_refused(answer: &HttpResponse, pointer: &str) {
    assert_eq!((answer.status, code(answer).as_str()), (400, "PARAM_ERROR"), "{pointer}");
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told["detail"]["field"], pointer);
}

#[test]
fn an_order_with_the_least_members_is_taken() {
    for (product, member) in [("jsapi", "prepay_id"), ("app", "prepay_id"), ("codepay", "payer")] {
        let answer = placed(product, &order());
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(answer.status == 200 && told.get(member).is_some(), "{product}: {told}");
    }
    let mut other = order();
    other["appid"] = "wx0".into();
    assert_eq!(placed("jsapi", &other).status, 200);
    assert_eq!(code(&placed("codepay", &other)), "APPID_MCHID_NOT_MATCH");
    other["appid"] = "ws0".into();
    assert_eq!(code(&placed("app", &other)), "APPID_MCHID_NOT_MATCH");
}

#[test]
fn each_member_of_the_payer_and_the_store_is_judged() {
    for (product, pointer, value) in [
        ("jsapi", "/payer/openid", json!("")),
        ("jsapi", "/payer/openid", json!("o".repeat(129))),
        ("jsapi", "/payer/openid", json!(1)),
        ("jsapi", "/notify_url", json!("")),
        ("codepay", "/payer/auth_code", json!("")),
        ("codepay", "/payer/auth_code", json!("1".repeat(33))),
        ("codepay", "/scene_info/device_ip", json!("")),
        ("codepay", "/scene_info/store_info/id", json!("")),
    ] {
        let mut body = order();
        *body.pointer_mut(pointer).unwrap() = value;
        assert_refused(&placed(product, &body), pointer);
    }
    let mut body = order();
    body["payer"] = json!({});
    assert_refused(&placed("jsapi", &body), "/payer/openid");
    assert_refused(&placed("codepay", &body), "/payer/auth_code");
    let mut body = order();
    body["scene_info"] = json!({ "device_id": "1" });
    assert_refused(&placed("codepay", &body), "/scene_info/store_info/id");
}

#[test]
fn each_member_of_a_refund_is_judged() {
    assert_eq!(refunded(&refund()).status, 200);
    for (pointer, value) in [
        ("/out_trade_no", json!("1")),
        ("/out_refund_no", json!("")),
        ("/out_refund_no", json!("R 1")),
        ("/out_refund_no", json!("1".repeat(65))),
        ("/reason", json!("长".repeat(81))),
        ("/notify_url", json!("http://a.test/?x=1")),
        ("/amount/refund", json!(0)),
        ("/amount/refund", json!(1.0)),
        ("/amount/refund", json!(8889)),
        ("/amount/total", json!("8888")),
        ("/amount/currency", json!("HKD")),
    ] {
        let mut body = refund();
        *body.pointer_mut(pointer).unwrap() = value;
        assert_refused(&refunded(&body), pointer);
    }
    let mut body = refund();
    body.as_object_mut().unwrap().remove("out_trade_no");
    assert_refused(&refunded(&body), "/out_trade_no");
    body["transaction_id"] = "4200".into();
    assert_eq!(code(&refunded(&body)), "RESOURCE_NOT_EXISTS");
    let mut body = refund();
    body["amount"] = json!({ "refund": 1, "total": 8888 });
    assert_refused(&refunded(&body), "/amount/currency");
    body["amount"] = json!({ "refund": 1, "total": 8887, "currency": "CNY" });
    assert_eq!(code(&refunded(&body)), "INVALID_REQUEST");
}

#[test]
fn a_reversal_names_the_merchant_and_its_app() {
    let mut world = World::new(Mode::Certificate);
    post(&mut world, "/v3/pay/transactions/codepay", &order());
    let target = format!("/v3/pay/transactions/out-trade-no/{TRADE_NO}/reverse");
    for (body, expect) in [
        (json!({ "appid": APPID }), "PARAM_ERROR"),
        (json!({ "appid": APPID, "mchid": "1900000110" }), "PARAM_ERROR"),
        (json!({ "mchid": MCHID }), "APPID_MCHID_NOT_MATCH"),
    ] {
        assert_eq!(code(&post(&mut world, &target, &body)), expect, "{body}");
    }
    let answer = post(&mut world, &target, &json!({ "appid": APPID, "mchid": MCHID }));
    assert_eq!(answer.status, 200);
}
