//! Asking an upstream again for an order that it may hold already.

use serde_json::{Value, json};

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
