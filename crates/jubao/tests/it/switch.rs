//! The mixed QR in one wallet after the other: what was begun before is closed at its upstream first,
//! and only the upstream's word ends it.

use kernel::order::AttemptState;
use kernel::product::Product;
use serde_json::json;

use crate::app::TestApp;

const ALIPAY: &str = "Mozilla/5.0 (iPhone) Mobile AliApp(AP/10.5.80) AlipayClient/10.5.80";
const WECHAT: &str = "Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0.47";
const UNIONPAY: &str = "Mozilla/5.0 (iPhone) Mobile UnionPay/1.0 CloudPay";
const PHONE: &str = "Mozilla/5.0 (iPhone) Version/17.4 Mobile/15E148 Safari/604.1";

/// What a browser is answered: status, where it is led, text.
type Answer = (u16, String, String);

async fn open(app: &TestApp, agent: &str, url: &str) -> Answer {
    let answer = app.client.get(url).header("user-agent", agent).send().await.unwrap();
    let location = answer.headers().get("location").map(|text| text.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.unwrap())
}

/// A mixed order: its number, its page, the address that its code says.
async fn mixed(app: &TestApp) -> (String, String, String) {
    let data = app.place(304).await;
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    (text("sn"), text("code_url"), text("qrcode"))
}

/// The attempts' products and states.
async fn attempts(app: &TestApp, sn: &str) -> Vec<(Product, AttemptState)> {
    app.attempts(sn).await.iter().map(|attempt| (attempt.product, attempt.state)).collect()
}

use AttemptState::{Closed, Open};
use Product::{AlipayWap, UnionpayQr, WechatH5};

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_in_another_wallet_has_the_earlier_attempt_closed_first() {
    let app = TestApp::spawn().await;
    let (sn, page, code) = mixed(&app).await;
    let (_, h5, _) = open(&app, PHONE, &format!("{page}/go?wallet=wechat")).await;
    assert!(h5.starts_with(&app.demo.addresses.sim), "{h5}");

    let (_, alipay, _) = open(&app, ALIPAY, &code).await;
    assert!(alipay.starts_with(&app.demo.addresses.sim), "{alipay}");
    assert_eq!(attempts(&app, &sn).await, [(WechatH5, Closed), (AlipayWap, Open)]);
    let (_, _, closed) = open(&app, WECHAT, &h5).await;
    assert!(closed.contains("订单已关闭"), "nobody can pay there any more: {closed}");
    assert_eq!(app.stored(&sn).await.state.word(), "NOTPAY", "the order itself stays open");

    let (_, unionpay, _) = open(&app, UNIONPAY, &code).await;
    assert!(unionpay.starts_with(&app.demo.addresses.sim), "{unionpay}");
    let expect = [(WechatH5, Closed), (AlipayWap, Closed), (UnionpayQr, Open)];
    assert_eq!(attempts(&app, &sn).await, expect);

    let (_, again, _) = open(&app, UNIONPAY, &code).await;
    assert_eq!(again, unionpay, "who reopens goes on with what was begun");
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    assert_eq!(app.query(&sn).await["data"]["provider"], "unionpay");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_that_finds_a_payment_shows_it_and_begins_nothing() {
    let app = TestApp::spawn().await;
    let (sn, page, code) = mixed(&app).await;
    open(&app, PHONE, &format!("{page}/go?wallet=wechat")).await;
    app.pay(&sn, &json!({ "fault": "lost" })).await;
    let (status, _, text) = open(&app, ALIPAY, &code).await;
    assert_eq!(status, 200);
    assert!(text.contains(r#"data-state="SUCCESS""#), "{text}");
    assert_eq!(app.attempts(&sn).await.len(), 1, "no second way was begun");
    let (_, location, _) = open(&app, PHONE, &format!("{page}/go?wallet=alipay")).await;
    assert!(location.starts_with("/pay/"), "{location}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_says_that_the_earlier_way_is_closed_no_other_begins() {
    let app = TestApp::spawn().await;
    let (sn, page, _) = mixed(&app).await;
    open(&app, PHONE, &format!("{page}/go?wallet=wechat")).await;
    for fault in ["dropped_before", "error_before", "empty", "bad_signature"] {
        app.script("wechat", "close", fault).await;
        app.script("wechat", "query", "dropped_before").await;
        let (status, _, text) = open(&app, PHONE, &format!("{page}/go?wallet=alipay")).await;
        assert_eq!(status, 503, "{fault}");
        assert!(text.contains("正在取消之前的付款") && text.contains("id=\"retry\""), "{text}");
        assert_eq!(attempts(&app, &sn).await, [(WechatH5, Open)], "{fault}");
    }
    let (_, location, _) = open(&app, PHONE, &format!("{page}/go?wallet=alipay")).await;
    assert!(location.starts_with(&app.demo.addresses.sim), "the next one succeeds: {location}");
    assert_eq!(attempts(&app, &sn).await, [(WechatH5, Closed), (AlipayWap, Open)]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_look_at_the_page_closes_nothing() {
    let app = TestApp::spawn().await;
    let (sn, page, code) = mixed(&app).await;
    open(&app, ALIPAY, &code).await;
    for (agent, url) in [(WECHAT, &code), (WECHAT, &page), (PHONE, &page), (UNIONPAY, &page)] {
        let (status, _, text) = open(&app, agent, url).await;
        assert_eq!(status, 200);
        assert!(!text.contains("id=\"qr\"") || agent == PHONE, "{agent}: {text}");
        assert!(text.contains("/go?wallet="), "{agent}: {text}");
    }
    let head = app.client.head(&code).header("user-agent", UNIONPAY).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(attempts(&app, &sn).await, [(AlipayWap, Open)]);
    let (_, _, text) = open(&app, WECHAT, &page).await;
    assert!(text.contains("您之前用支付宝发起的付款会先取消"), "{text}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_its_upstream_never_knew_still_pays_the_order_once() {
    let app = TestApp::spawn().await;
    let (sn, page, code) = mixed(&app).await;
    let (_, alipay, _) = open(&app, ALIPAY, &code).await;
    open(&app, PHONE, &format!("{page}/go?wallet=wechat")).await;
    assert_eq!(attempts(&app, &sn).await, [(AlipayWap, Closed), (WechatH5, Open)]);
    // Alipay learns of the order only now, from a page that was handed out before.
    open(&app, ALIPAY, &alipay).await;
    let paid = app.pay(&sn, &json!({})).await;
    assert_eq!(paid["paid"], true, "{paid}");
    app.wait_state(&sn, "SUCCESS").await;
    let expect = [(AlipayWap, AttemptState::Paid), (WechatH5, Closed)];
    app.wait("the way that was begun last to be closed", async || {
        (attempts(&app, &sn).await == expect).then_some(())
    })
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_accounts_in_the_orders_currency_continue_it() {
    let app = TestApp::spawn().await;
    let (_, page, _) = mixed(&app).await;
    let (_, _, text) = open(&app, PHONE, &page).await;
    assert!(text.contains("id=\"pay-alipay\"") && text.contains("id=\"pay-wechat\""), "{text}");
    let no_link = !text.contains("id=\"pay-unionpay\"");
    assert!(no_link, "the demo's UnionPay link is in HKD, the order is not: {text}");
    app.disable_accounts(&["alipay", "wechat", "wechat_v2", "unionpay"]).await;
    let data = app.place(304).await;
    assert_eq!(data["fee_type"], "HKD", "{data}");
    let (_, _, text) = open(&app, PHONE, data["code_url"].as_str().unwrap()).await;
    assert!(text.contains("id=\"pay-unionpay\"") && !text.contains("id=\"pay-alipay\""), "{text}");
    app.finish().await;
}
