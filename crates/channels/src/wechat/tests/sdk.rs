//! Orders that WeChat's own SDKs begin: pages inside WeChat and apps.

use kernel::product::Product;
use serde_json::Value;

use super::super::pay_text::signed_text;
use super::{APPID, MCHID, MERCHANT, MODES, Mode, TRADE_NO, World, about, order, signed_answer};
use crate::{About, Doubt, Op, Outcome, Place, RefusalKind, Trade, seal};
use crate::{Channel, sim::Simulator};

const OWN_APP: &str = "wx6f4b43aaaaaaaaaa";

fn jsapi(sub_appid: &str) -> Place {
    Place {
        openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".into(),
        sub_appid: sub_appid.into(),
        ..order(Product::WechatJsapi)
    }
}

fn app(sub_appid: &str) -> Place {
    Place { sub_appid: sub_appid.into(), ..order(Product::WechatApp) }
}

fn parsed(pay_text: &str) -> Value {
    serde_json::from_str(pay_text).unwrap()
}

/// A query by someone who remembers the pay text.
fn query(product: Product, pay_text: &str) -> Op {
    Op::Query(Trade { pay_text: pay_text.into(), ..about(product) })
}

/// Calls the simulated SDK.
fn call(world: &mut World, pay_text: &str) -> String {
    let call = super::super::request::escape(pay_text);
    world.browse("GET", &format!("/wechat/sdk?call={call}"), "").1
}

#[test]
fn a_page_inside_wechat_is_given_a_signed_call() {
    for (sub_appid, expect) in [("", APPID), (OWN_APP, OWN_APP)] {
        let mut world = World::new(Mode::Certificate);
        let pay_text = world.place(&jsapi(sub_appid));
        let call = parsed(&pay_text);
        let names: Vec<_> = call.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];
        assert_eq!(names, expected);
        assert_eq!(call["appId"], expect);
        assert_eq!(call["timeStamp"], world.now.seconds().to_string());
        assert_eq!(call["nonceStr"].as_str().unwrap().len(), 32);
        assert_eq!(call["signType"], "RSA");
        let package = call["package"].as_str().unwrap();
        assert!(package.starts_with("prepay_id=wx20261122"), "{package}");
        let line = |name: &str| call[name].as_str().unwrap().to_owned();
        let text = format!("{expect}\n{}\n{}\n{package}\n", line("timeStamp"), line("nonceStr"));
        assert!(seal::verifies(&MERCHANT.public, text.as_bytes(), &line("paySign")));
    }
}

#[test]
fn an_app_is_given_a_signed_call_under_both_names_of_the_signature() {
    for (sub_appid, expect) in [("", APPID), (OWN_APP, OWN_APP)] {
        let mut world = World::new(Mode::PublicKey);
        let call = parsed(&world.place(&app(sub_appid)));
        let names: Vec<_> = call.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = [
            "appid",
            "partnerid",
            "prepayid",
            "package",
            "noncestr",
            "timestamp",
            "sign",
            "paySign",
        ];
        assert_eq!(names, expected);
        assert_eq!((&call["appid"], &call["partnerid"]), (&expect.into(), &MCHID.into()));
        assert_eq!(call["package"], "Sign=WXPay");
        let line = |name: &str| call[name].as_str().unwrap().to_owned();
        let lines = [expect, &line("timestamp"), &line("noncestr"), &line("prepayid")];
        let text = lines.join("\n") + "\n";
        assert!(seal::verifies(&MERCHANT.public, text.as_bytes(), &line("sign")));
        assert_eq!(call["sign"], call["paySign"]);
    }
}

#[test]
fn what_the_sdk_brings_up_is_paid_queried_and_called_back() {
    for mode in MODES {
        for place in [jsapi(""), jsapi(OWN_APP), app(""), app(OWN_APP)] {
            let mut world = World::new(mode);
            let pay_text = world.place(&place);
            let page = call(&mut world, &pay_text);
            assert!(page.contains("¥88.88") && page.contains("id=\"pay\""), "{page}");
            let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
            let (_, page) = world.browse("POST", action, "choice=pay");
            assert!(page.contains("支付成功"));
            let Outcome::Paid(payment) = world.ask(&query(place.product, &pay_text)) else {
                panic!("{place:?}")
            };
            assert_eq!(payment.amount, place.amount);
            assert!(place.openid.is_empty() || payment.openid == place.openid);
            let callback = world.callbacks().remove(0);
            let facts = world.hear(&callback.request).facts.unwrap();
            assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
            // An app that is not the account's is no fact before a query has compared it.
            let is_own = place.sub_appid.is_empty();
            let expect = if is_own { Outcome::Paid(payment) } else { Outcome::PaidElsewhere };
            assert_eq!(facts.outcome, expect);
        }
    }
}

#[test]
fn an_order_of_the_merchants_own_app_is_queried_under_that_app_alone() {
    let mut world = World::new(Mode::Certificate);
    let pay_text = world.place(&jsapi(OWN_APP));
    let unpaid = Outcome::Unpaid { is_acting: false };
    assert_eq!(world.ask(&query(Product::WechatJsapi, &pay_text)), unpaid);
    // Placing was never answered: the app is not known, the order's number is.
    assert_eq!(world.ask(&query(Product::WechatJsapi, "")), unpaid);
    let others = [
        query(Product::WechatJsapi, &pay_text.replace(OWN_APP, "wx0")),
        query(Product::WechatJsapi, "not JSON"),
        query(Product::WechatQr, &pay_text),
    ];
    for op in others {
        let outcome = world.ask(&op);
        assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{outcome:?}");
    }
}

#[test]
fn the_same_order_again_is_the_same_prepaid_order() {
    let mut world = World::new(Mode::Certificate);
    let first = parsed(&world.place(&jsapi("")));
    world.wait(1000);
    let second = parsed(&world.place(&jsapi("")));
    assert_eq!(first["package"], second["package"]);
    assert_ne!(first["timeStamp"], second["timeStamp"]);
    let mut other = jsapi("");
    other.openid = "oAnother".into();
    let outcome = world.ask(&Op::Place(other));
    assert!(
        matches!(&outcome, Outcome::Refused(refusal) if refusal.kind == RefusalKind::NumberUsed),
        "{outcome:?}"
    );
}

#[test]
fn a_call_that_is_not_the_merchants_brings_nothing_up() {
    let mut world = World::new(Mode::Certificate);
    let pay_text = world.place(&jsapi(OWN_APP));
    let good = parsed(&pay_text);
    for (name, value) in [
        ("appId", "wx0"),
        ("timeStamp", "1"),
        ("nonceStr", "x"),
        ("package", "prepay_id=wx20261122120005"),
        ("signType", "MD5"),
        ("paySign", "AAAA"),
    ] {
        let mut changed = good.clone();
        changed[name] = value.into();
        let page = call(&mut world, &changed.to_string());
        assert!(page.contains("支付失败") && !page.contains("id=\"pay\""), "{name}");
    }
    for text in ["", "{}", "[1]", r#"{"appId":1}"#] {
        assert!(call(&mut world, text).contains("支付失败"), "{text}");
    }
    // Well signed, but for another app, another product, or a number that was never given.
    let prepay_id = good["package"].as_str().unwrap().replace("prepay_id=", "");
    let never_given = prepay_id.replace("wx2026", "wx2025");
    for (place, prepay_id) in
        [(jsapi(""), &prepay_id), (app(OWN_APP), &prepay_id), (jsapi(OWN_APP), &never_given)]
    {
        let body = serde_json::json!({ "prepay_id": prepay_id }).to_string();
        let outcome = world.judge(&Op::Place(place), &signed_answer(200, &body));
        let Outcome::Opened { pay_text } = outcome else { panic!("{outcome:?}") };
        assert!(call(&mut world, &pay_text).contains("支付失败"), "{pay_text}");
    }
    assert!(call(&mut world, &pay_text).contains("id=\"pay\""));
    world.wait(2 * 60 * 60 * 1000 + 1);
    assert!(call(&mut world, &pay_text).contains("订单已过期"));
}

#[test]
fn an_order_inside_wechat_without_its_payer_is_not_sent() {
    let mut world = World::new(Mode::PublicKey);
    for place in [order(Product::WechatJsapi), jsapi("wx\n1"), app("wx 1")] {
        let stamp = world.stamp();
        assert!(super::Wechat.request(&Op::Place(place), &world.account, &stamp).is_err());
    }
    // What WeChat Pay's side says of an app that is not bound to the merchant.
    let outcome = world.ask(&Op::Place(app("notbound")));
    assert!(
        matches!(&outcome, Outcome::Refused(refusal) if refusal.kind == RefusalKind::NotSupported),
        "{outcome:?}"
    );
}

#[test]
fn a_prepaid_number_that_makes_no_sense_is_not_signed() {
    let world = World::new(Mode::Certificate);
    let long = format!(r#"{{"prepay_id":"{}"}}"#, "w".repeat(65));
    for body in
        ["{}", r#"{"prepay_id":""}"#, r#"{"prepay_id":"wx\n1"}"#, r#"{"code_url":"x"}"#, &long]
    {
        for place in [jsapi(""), app("")] {
            let outcome = world.judge(&Op::Place(place), &signed_answer(200, body));
            assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{body}");
        }
    }
}

#[test]
fn a_key_that_went_missing_leaves_the_order_in_doubt() {
    let mut world = World::new(Mode::Certificate);
    let place = Op::Place(jsapi(""));
    let request = world.request(&place).unwrap();
    let answer = world.serve(&request).unwrap();
    world.account = super::with_setting(world.account, "private_key", "nonsense");
    assert!(matches!(world.judge(&place, &answer), Outcome::Unknown(Doubt::Unreadable(_))));
}

#[test]
fn an_order_of_the_sdk_can_be_paid_by_number_and_survives_a_restart() {
    let mut world = World::new(Mode::Certificate);
    let pay_text = world.place(&jsapi(OWN_APP));
    let snapshot = world.sim.snapshot();
    world.sim = super::new_sim();
    world.sim.restore(snapshot).unwrap();
    world.pay();
    assert!(matches!(world.ask(&query(Product::WechatJsapi, &pay_text)), Outcome::Paid(_)));
}

#[test]
fn the_signed_lines_are_those_of_the_manual() {
    let package = "prepay_id=wx201410272009395522657a690389285100";
    let lines = ["wx8888888888888888", "1414561699", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", package];
    let vectors: Value =
        serde_json::from_str(include_str!("../../../vectors/upstreams.json")).unwrap();
    let is_ours = |vector: &&Value| vector["name"] == "wechat_v3_jsapi_paySign";
    let vector = vectors["vectors"].as_array().unwrap().iter().find(is_ours).unwrap();
    assert_eq!(vector["string_to_sign"], signed_text(lines));
    let public_key = vectors["public_key"].as_str().unwrap();
    let signature = vector["paySign"].as_str().unwrap();
    assert!(seal::verifies(public_key, signed_text(lines).as_bytes(), signature));
}
