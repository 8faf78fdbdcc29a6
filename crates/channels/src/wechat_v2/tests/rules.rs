//! What the simulated platform takes and what it refuses, so that it teaches nobody wrong ways.

use super::super::sign::SignType;
use super::super::xml::Members;
use super::{APPID, KEY, MCH_ID, MODES, Mode, TRADE_NO, World, changed, read};
use crate::http::HttpRequest;

/// A request made by hand: signed with MD5 and without `sign_type`, as old SDKs do.
fn by_hand(path: &str, own: &Members) -> HttpRequest {
    let mut members = Members::from([("appid", APPID), ("mch_id", MCH_ID), ("nonce_str", "n")]);
    for (name, value) in own.iter() {
        members.put(name, value);
    }
    let sign = SignType::Md5.sign(&members, KEY);
    members.put("sign", sign);
    post(path, members.to_xml("xml"))
}

fn post(path: &str, body: impl Into<Vec<u8>>) -> HttpRequest {
    let (method, url) = ("POST".to_owned(), path.to_owned());
    HttpRequest { method, url, headers: Vec::new(), body: body.into() }
}

fn served(request: &HttpRequest) -> Members {
    let answer = World::new(Mode::Mainland).serve(request).unwrap();
    assert_eq!(answer.status, 200);
    read(&answer.body)
}

fn order() -> Members {
    Members::from([
        ("body", "x"),
        ("out_trade_no", "P_1-|*a"),
        ("total_fee", "1"),
        ("spbill_create_ip", "::1"),
        ("notify_url", "http://127.0.0.1:1/n"),
        ("trade_type", "NATIVE"),
        ("product_id", "1"),
    ])
}

#[test]
fn who_is_not_let_in_is_told_so_without_a_signature() {
    let good = by_hand("/pay/orderquery", &Members::from([("out_trade_no", "1")]));
    let members = read(&good.body);
    let with = |name, value| post("/pay/orderquery", changed(&members, name, value).to_xml("xml"));
    let get = HttpRequest { method: "GET".into(), ..good.clone() };
    for (request, message) in [
        (get, "请使用post方法"),
        (post("/pay/orderquery", " "), "post数据为空"),
        (post("/pay/orderquery", b"\xff".to_vec()), "编码格式错误，请使用UTF-8"),
        (post("/pay/orderquery", "{}"), "XML格式错误"),
        (post("/pay/orderquery", "<!DOCTYPE xml><xml></xml>"), "XML格式错误"),
        (with("appid", ""), "appid参数长度有误"),
        (with("mch_id", "1"), "mch_id参数格式错误"),
        (with("nonce_str", ""), "nonce_str参数长度有误"),
        (with("sign_type", "SM3"), "sign_type参数错误"),
        (with("sign_type", "HMAC-SHA256"), "签名错误"),
        (with("sign", ""), "签名错误"),
        (with("out_trade_no", "2"), "签名错误"),
    ] {
        let told = served(&request);
        assert_eq!((told.of("return_code"), told.of("return_msg")), ("FAIL", message));
        assert!(!told.has("sign") && !told.has("result_code"));
    }
    assert_eq!(served(&good).of("err_code"), "ORDERNOTEXIST");
}

#[test]
fn every_answer_is_signed_as_its_request_was() {
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        for own in [order(), changed(&order(), "body", "")] {
            let mut members =
                Members::from([("appid", APPID), ("mch_id", MCH_ID), ("nonce_str", "n")]);
            for (name, value) in own.iter() {
                members.put(name, value);
            }
            members.put("sign_type", sign_type.word());
            let sign = sign_type.sign(&members, KEY);
            members.put("sign", sign);
            let told = served(&post("/pay/unifiedorder", members.to_xml("xml")));
            assert!(sign_type.verifies(&told, KEY));
            assert_eq!((told.of("appid"), told.of("mch_id")), (APPID, MCH_ID));
            assert_eq!(told.of("nonce_str").len(), 32);
        }
    }
}

#[test]
fn an_order_with_the_least_members_is_taken() {
    let told = served(&by_hand("/pay/unifiedorder", &order()));
    assert_eq!((told.of("result_code"), told.of("trade_type")), ("SUCCESS", "NATIVE"));
    assert!(told.of("code_url").len() <= 64 && told.of("prepay_id").len() <= 64);
}

#[test]
fn each_member_of_an_order_is_judged() {
    let long = |count| "长".repeat(count);
    for (name, value, code) in [
        ("body", "", "LACK_PARAMS"),
        ("body", &long(129), "PARAM_ERROR"),
        ("out_trade_no", "", "LACK_PARAMS"),
        ("out_trade_no", "1 2", "PARAM_ERROR"),
        ("out_trade_no", &"1".repeat(33), "PARAM_ERROR"),
        ("total_fee", "", "LACK_PARAMS"),
        ("total_fee", "0", "PARAM_ERROR"),
        ("total_fee", "1.0", "PARAM_ERROR"),
        ("total_fee", "2147483648", "PARAM_ERROR"),
        ("fee_type", "HKD", "PARAM_ERROR"),
        ("spbill_create_ip", "", "LACK_PARAMS"),
        ("notify_url", "", "LACK_PARAMS"),
        ("notify_url", "ftp://a.test/n", "PARAM_ERROR"),
        ("notify_url", "https://a.test/n?x=1", "PARAM_ERROR"),
        ("trade_type", "", "LACK_PARAMS"),
        ("trade_type", "WAP", "PARAM_ERROR"),
        ("trade_type", "JSAPI", "PARAM_ERROR"),
        ("trade_type", "MWEB", "PARAM_ERROR"),
        ("product_id", "", "LACK_PARAMS"),
        ("attach", &long(128), "PARAM_ERROR"),
        ("time_expire", "20261122120059", "PARAM_ERROR"),
        ("time_expire", "soon", "PARAM_ERROR"),
        ("auth_code", "134602370743606100", "PARAM_ERROR"),
        ("appid", "wx0", "APPID_MCHID_NOT_MATCH"),
    ] {
        let told = served(&by_hand("/pay/unifiedorder", &changed(&order(), name, value)));
        assert_eq!((told.of("result_code"), told.of("err_code")), ("FAIL", code), "{name} {value}");
        assert!(told.has("err_code_des") && told.has("sign"));
    }
    let told = served(&by_hand("/pay/micropay", &order()));
    assert_eq!(told.of("err_code"), "LACK_PARAMS");
}

#[test]
fn an_order_is_found_by_the_platforms_number_too() {
    for mode in MODES {
        let mut world = World::new(mode);
        world.place(&mode.order(kernel::product::Product::WechatQr));
        let by_number = by_hand("/pay/orderquery", &Members::from([("out_trade_no", TRADE_NO)]));
        let told = read(&world.serve(&by_number).unwrap().body);
        for absent in ["transaction_id", "bank_type", "time_end", "total_fee", "cash_fee"] {
            assert!(!told.has(absent), "{absent}");
        }
        world.pay();
        let told = read(&world.serve(&by_number).unwrap().body);
        let id = Members::from([("transaction_id", told.of("transaction_id"))]);
        let told = read(&world.serve(&by_hand("/pay/orderquery", &id)).unwrap().body);
        assert_eq!(told.of("out_trade_no"), TRADE_NO);
        let rate = if mode == Mode::Mainland { "" } else { "84570000" };
        assert_eq!((told.of("fee_type"), told.of("rate")), (mode.currency().code(), rate));
        assert_eq!(told.of("cash_fee_type"), "CNY");
    }
}

#[test]
fn refunds_of_an_order_come_in_pages_of_ten() {
    let mode = Mode::Mainland;
    let mut world = World::paid(mode);
    for no in 0..12 {
        let refund = crate::Refund { refund_no: format!("R{no}"), ..mode.refund(1) };
        world.ask(&crate::Op::Refund(refund));
    }
    let mut page =
        |own: &Members| read(&world.serve(&by_hand("/pay/refundquery", own)).unwrap().body);
    let own = Members::from([("out_trade_no", TRADE_NO)]);
    let told = page(&own);
    assert_eq!((told.of("total_refund_count"), told.of("refund_count")), ("12", "10"));
    assert_eq!((told.of("out_refund_no_9"), told.of("out_refund_no_10")), ("R9", ""));
    let id = told.of("refund_id_3").to_owned();
    let told = page(&changed(&own, "offset", "10"));
    assert_eq!((told.of("refund_count"), told.of("out_refund_no_11")), ("2", "R11"));
    assert_eq!(page(&changed(&own, "offset", "13")).of("err_code"), "PARAM_ERROR");
    let told = page(&Members::from([("refund_id", id.as_str())]));
    assert_eq!((told.of("refund_count"), told.of("out_refund_no_0")), ("1", "R3"));
}
