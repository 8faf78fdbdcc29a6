//! What is checked beyond single fields: the order of checks (contract section 8), an application's
//! permissions and channels, and a number that is used again (section 4).

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::application::Settings;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::merchant_fields::{ABSENT, changed, long};

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_bound_to_its_own_channels_and_permissions() {
    let app = TestApp::spawn().await;
    let settings = Settings { may_discount: true, ..Settings::default() };
    let made = app.another_merchant(settings).await;
    let poor = app.merchant_without_accounts(Settings::default()).await;
    let order = |made: &gateway::manage::MerchantMade, more: Value| {
        let mut members = json!({ "appid": made.app_id.to_string(), "payment": "jubao.qrcode" });
        members["total_fee"] = 100.into();
        for (name, value) in more.as_object().unwrap() {
            members[name] = value.clone();
        }
        signing::signed(&members, &made.key).unwrap().to_string()
    };
    for (body, code) in [
        (order(&made, json!({ "discount": 99 })), 200),
        (order(&made, json!({ "discount": 100 })), 492_001),
        (order(&made, json!({ "discount": 0, "mch_id": made.mch_id.to_string() })), 200),
        (order(&made, json!({ "mch_id": MERCHANT.mch_id.to_string() })), 40100),
        (order(&made, json!({ "store_id": MERCHANT.store.0 })), 492_001),
        (order(&poor, json!({})), 492_003),
        (order(&poor, json!({ "payment": "alipay.qrcode" })), 492_003),
    ] {
        let answer = app.post("/payment/pay", body.clone()).await;
        assert_eq!(answer["code"], code, "{body} {answer}");
        if code == 200 {
            let (fee, discount) = (&answer["data"]["total_fee"], &answer["data"]["discount"]);
            let charged = fee.as_i64().unwrap() - discount.as_i64().unwrap();
            assert_eq!(answer["data"]["pay_amount"], charged, "{answer}");
        }
    }
    let stranger = app.place(304).await;
    let members = json!({ "appid": made.app_id.to_string(), "sn": stranger["sn"] });
    for address in ["/order/query", "/order/close"] {
        let asked = signing::signed(&members, &made.key).unwrap();
        let answer = app.post(address, asked.to_string()).await;
        assert_eq!((&answer["code"], answer.get("data")), (&json!(40102), None), "{answer}");
    }
    assert_eq!(app.stored(stranger["sn"].as_str().unwrap()).await.state.word(), "NOTPAY");
    app.finish().await;
}

/// Each request breaks the rule it is named for and one that is checked later: the earlier decides.
#[tokio::test(flavor = "multi_thread")]
async fn checks_run_in_the_order_of_section_eight() {
    let app = TestApp::spawn().await;
    app.disable_accounts(&["alipay_mapi"]).await;
    let order = |changes: &[(&str, Value)]| changed(&app, changes);
    let signed = |changes: &[(&str, Value)]| {
        signing::signed(&order(changes), &app.key()).unwrap().to_string()
    };
    let unsigned = |changes: &[(&str, Value)]| order(changes).to_string();
    let forged = |changes: &[(&str, Value)]| {
        signing::signed(&order(changes), &Secret::new("another key")).unwrap().to_string()
    };
    let (m, fee, none) = ("mch_id", "total_fee", &[][..]);
    let place = "/payment/pay";
    let extra = "/payment/pay?total_fee=1";
    let size = " ".repeat(70_000);
    for (what, address, body, code) in [
        ("address, size", "/nowhere", size.clone(), 404),
        ("size, UTF-8", place, format!("{size}{}", "\u{0}"), 491_002),
        ("syntax, types", place, "{\"a\":true,".to_owned(), 4001),
        ("types, presence", place, "{\"a\":true}".to_owned(), 492_001),
        ("names, presence", place, "{\"A\":\"\",\"_sign\":1}".to_owned(), 492_001),
        ("caller missing, sign missing", place, "{\"_sign\":\"x\"}".to_owned(), 4003),
        ("caller empty, sign missing", place, unsigned(&[(m, json!(""))]), 491_003),
        ("sign missing, unknown caller", place, unsigned(&[(m, json!("1"))]), 4003),
        ("sign missing, _sign", place, unsigned(&[("_sign", json!("x"))]), 4003),
        ("unknown caller, _sign", place, signed(&[(m, json!("1")), ("_sign", json!(""))]), 4002),
        ("unknown caller, signature", place, forged(&[(m, json!("10502105689002"))]), 4002),
        ("_sign, signature", place, forged(&[("_sign", json!("x"))]), 40100),
        ("_sign rightly signed", place, signed(&[("_sign", json!("x"))]), 40100),
        ("signature, query string", extra, forged(none), 4004),
        ("signature, fields", place, forged(&[(fee, json!("x"))]), 4004),
        ("no signature at all", place, unsigned(&[("sign", json!("x")), (fee, ABSENT)]), 4004),
        ("query string, fields", extra, signed(&[(fee, json!("x"))]), 40100),
        ("query string with _sign", "/payment/pay?_sign=x", signed(none), 40100),
        (
            "permission, names",
            place,
            signed(&[("discount", json!(1)), ("xbody", json!("x"))]),
            40100,
        ),
        (
            "names, presence of fields",
            place,
            signed(&[("xbody", json!("x")), (fee, ABSENT)]),
            492_001,
        ),
        ("missing, length", place, signed(&[(fee, ABSENT), ("body", long("x", 200))]), 4003),
        ("length, form", place, signed(&[(fee, json!("x")), ("body", long("x", 200))]), 491_002),
        (
            "form, unique parse",
            place,
            signed(&[("wallet", json!("x")), ("body", json!("discount0"))]),
            492_001,
        ),
        (
            "unique parse, records",
            place,
            signed(&[("body", json!("discount0")), ("store_id", json!(7))]),
            492_001,
        ),
        ("product, number used", place, signed(&[("pay_channel_id", json!(103))]), 492_003),
    ] {
        let answer = app.exchange(app.request(address, body)).await;
        assert_eq!(answer.code(), code, "{what} {answer:?}");
        assert_eq!(app.orders().await, 0, "{what}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_number_answers_the_standing_order_if_it_is_the_same() {
    let app = TestApp::spawn().await;
    let order = changed(&app, &[("out_trade_no", json!("R1"))]);
    let first = app.call("/payment/pay", &order).await;
    let again = app.call("/payment/pay", &order).await;
    assert_eq!((&again["code"], &again["data"]["sn"]), (&json!(40106), &first["data"]["sn"]));
    for changes in [("total_fee", json!(1)), ("pay_channel_id", json!(102))] {
        let other = changed(&app, &[("out_trade_no", json!("R1")), changes]);
        let answer = app.call("/payment/pay", &other).await;
        assert_eq!((&answer["code"], answer.get("data")), (&json!(40106), None), "{answer}");
    }
    let sn = first["data"]["sn"].as_str().unwrap();
    app.pay(sn, &json!({})).await;
    app.wait_state(sn, "SUCCESS").await;
    let answer = app.call("/payment/pay", &order).await;
    assert_eq!(answer["code"], 40101, "{answer}");
    assert_eq!(answer["data"]["trade_state"], "SUCCESS");
    assert_eq!(app.orders().await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_can_be_cut_otherwise_is_refused() {
    let app = TestApp::spawn().await;
    for (name, value, code) in [
        ("body", "discount0", 492_001),
        ("notify_url", "https://a.cn/out_trade_noX", 492_001),
        ("notify_url", "https://a.cn/out_trade_no=X", 200),
    ] {
        let order = changed(&app, &[(name, json!(value))]);
        let answer = app.call("/payment/pay", &order).await;
        assert_eq!(answer["code"], code, "{value} {answer}");
    }
    assert_eq!(app.orders().await, 1);
    app.finish().await;
}
