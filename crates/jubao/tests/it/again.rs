//! Asking an upstream again for an order that it may hold already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use gateway::manage::AccountWish;
use jubao::demo::identity::{DemoIdentity, MERCHANT};
use kernel::id::Id;
use kernel::money::Currency;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::TestApp;

/// An H5 order whose upstream is asked only when the payer opens the page; gives back its data.
async fn an_h5_order(app: &TestApp) -> Value {
    let mut order = app.order(201);
    order.as_object_mut().unwrap().remove("spbill_create_ip");
    app.call("/payment/pay", &order).await["data"].clone()
}

async fn go(app: &TestApp, data: &Value) -> u16 {
    let url = format!("{}/go", data["code_url"].as_str().unwrap());
    app.exchange(app.client.get(url)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_second_placing_ends_nothing_that_the_first_may_have_begun() {
    let app = TestApp::spawn().await;
    let data = an_h5_order(&app).await;
    let sn = data["sn"].as_str().unwrap();
    app.script("wechat", "place", "dropped_after").await;
    assert_eq!(go(&app, &data).await, 503);
    app.script("wechat", "place", "refused").await;
    assert_eq!(go(&app, &data).await, 503);
    assert!(app.stored(sn).await.state.is_open(), "the upstream holds it");
    assert_eq!(app.pay(sn, &json!({ "fault": "lost" })).await["paid"], true);
    app.sweep_until(sn, "SUCCESS").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_reloads_does_not_make_us_ask_upstream_each_time() {
    let app = TestApp::spawn().await;
    let data = an_h5_order(&app).await;
    let sn = data["sn"].as_str().unwrap();
    assert_eq!(go(&app, &data).await, 303);
    // The link is old: the next visit asks for a new one, and those right behind it do not.
    app.clock.shift(250_000);
    for _ in 0..20 {
        assert_eq!(go(&app, &data).await, 303);
    }
    let said = app.said(sn).await;
    let placed = said.iter().filter(|line| *line == "out place").count();
    assert!((2..=6).contains(&placed), "asked upstream {placed} times");
    app.finish().await;
}

/// An account at a WeChat Pay that counts what it is asked, and answers nothing of use.
async fn a_counted_upstream(app: &TestApp) -> (Id, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let router = Router::new().fallback(async move || {
        counter.fetch_add(1, Ordering::SeqCst);
        StatusCode::SERVICE_UNAVAILABLE
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let settings = [
        ("mchid", "1900000109".to_owned()),
        ("appid", "wxd930ea5d5a258f4f".to_owned()),
        ("private_key", identity.wechat_merchant.private),
        ("serial_no", "7132D72A".to_owned()),
        ("apiv3_key", "0".repeat(32)),
        ("api_base", base),
    ];
    let wish = AccountWish {
        channel: "wechat".into(),
        name: "counted".into(),
        mch_id: MERCHANT.mch_id.0,
        currency: Currency::Cny,
        products: Vec::new(),
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
    };
    (app.demo.gateway.add_account("test", &wish).await.unwrap(), asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_callbacks_do_not_make_us_ask_for_keys_each_time() {
    let app = TestApp::spawn().await;
    let (account, asked) = a_counted_upstream(&app).await;
    let path = format!("/callback/wechat/{}/{account}/1", MERCHANT.mch_id);
    let forge = async |at: usize| {
        let now = app.demo.gateway.now().seconds().to_string();
        let request = app
            .request(&path, "{}")
            .header("Wechatpay-Serial", format!("FORGED{at}"))
            .header("Wechatpay-Timestamp", now)
            .header("Wechatpay-Nonce", "n")
            .header("Wechatpay-Signature", "AAAA");
        assert_eq!(app.exchange(request).await.status, 400);
    };
    for at in 0..20 {
        forge(at).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    app.clock.shift(11_000);
    forge(20).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "new keys are found all the same");
    app.finish().await;
}
