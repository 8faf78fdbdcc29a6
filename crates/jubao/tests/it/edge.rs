//! The edge: how long a connection may take over everything, how many there may be, and whose word
//! is believed about where a request comes from.

use std::time::Duration;

use serde_json::Value;
use web::edge::{Limits, Sockets, Times};

use crate::app::TestApp;
use crate::socket::Socket;

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(100);
/// A limit that no test reaches.
const LONG: Duration = Duration::from_secs(600);
/// The simulated wallet's phone.
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Mobile/15E148";

/// Every time is long but what `change` makes short, so that a test has one reason to pass.
fn times(change: impl FnOnce(&mut Times)) -> Limits {
    let mut limits = Limits::of_this_machine();
    limits.times = Times {
        first_byte: LONG,
        head: LONG,
        body: LONG,
        write: LONG,
        idle: LONG,
        ..Times::default()
    };
    change(&mut limits.times);
    limits
}

fn sockets(change: impl FnOnce(&mut Sockets)) -> Limits {
    let mut limits = Limits::of_this_machine();
    change(&mut limits.sockets);
    limits
}

fn behind_proxy(mut limits: Limits) -> Limits {
    limits.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    limits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stays_silent_is_closed() {
    let app = TestApp::spawn_within(times(|times| times.first_byte = SHORT)).await;
    let mut silent = Socket::connect(&app.demo.addresses.api).await;
    assert_eq!(silent.end().await, "");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_is_closed_also_on_a_connection_that_was_used() {
    let app = TestApp::spawn_within(times(|times| times.head = SHORT)).await;
    let mut fresh = Socket::connect(&app.demo.addresses.api).await;
    fresh.send("GET /healthz HTTP/1.1\r\nhost: ").await;
    fresh.drip_until_end().await;
    let mut used = Socket::connect(&app.demo.addresses.api).await;
    assert!(used.ask("/healthz").await.unwrap().ends_with("ok"));
    used.send("GET /he").await;
    used.drip_until_end().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_idle_ends() {
    let app = TestApp::spawn_within(times(|times| times.idle = SHORT)).await;
    let mut idle = Socket::connect(&app.demo.addresses.api).await;
    assert!(idle.ask("/healthz").await.unwrap().ends_with("ok"));
    assert_eq!(idle.end().await, "");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let app = TestApp::spawn_within(times(|times| times.body = SHORT)).await;
    for (path, says) in
        [("/payment/pay", r#""code":4001"#), ("/callback/alipay/1/1/1", "408 Request Timeout")]
    {
        let mut slow = Socket::connect(&app.demo.addresses.api).await;
        slow.send(&format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{")).await;
        let answer = slow.end().await;
        assert!(answer.contains(says), "{path}: {answer}");
    }
    assert_eq!(app.orders().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_is_closed() {
    let app = TestApp::spawn_within(times(|times| times.write = SHORT)).await;
    let mut deaf = Socket::connect(&app.demo.addresses.api).await;
    let requests = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    deaf.flood_until_end(&requests).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_an_end_in_bytes_as_well() {
    let app = TestApp::spawn().await;
    let mut long = Socket::connect(&app.demo.addresses.api).await;
    let padding = "x".repeat(32 << 10);
    long.send(&format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {padding}")).await;
    assert!(long.end().await.starts_with("HTTP/1.1 431"));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections_and_no_more() {
    let limits = sockets(|sockets| sockets.connections_per_address = 3);
    let app = TestApp::spawn_within(limits.clone()).await;
    let base = app.demo.addresses.api.clone();
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::connect(&base).await;
        assert!(socket.ask("/healthz").await.is_ok());
        open.push(socket);
    }
    assert!(Socket::connect(&base).await.ask("/healthz").await.is_err());
    open.pop();
    app.wait("a place that was given back", async || {
        Socket::connect(&base).await.ask("/healthz").await.ok()
    })
    .await;
    drop(open);
    app.finish().await;

    let app = TestApp::spawn_within(behind_proxy(limits)).await;
    let mut open = Vec::new();
    for _ in 0..9 {
        let mut socket = Socket::connect(&app.demo.addresses.api).await;
        assert!(socket.ask("/healthz").await.is_ok(), "a trusted proxy is not counted");
        open.push(socket);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_connections_and_no_more() {
    let app = TestApp::spawn_within(behind_proxy(sockets(|sockets| sockets.connections = 3))).await;
    let base = app.demo.addresses.api.clone();
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut socket = Socket::connect(&base).await;
        assert!(socket.ask("/healthz").await.is_ok());
        open.push(socket);
    }
    assert!(Socket::connect(&base).await.ask("/healthz").await.is_err());
    drop(open);
    app.wait("places that were given back", async || {
        Socket::connect(&base).await.ask("/healthz").await.ok()
    })
    .await;
    app.finish().await;
}

/// The status of a request for an order's events in the name of `client`, with what keeps it open.
async fn watch(app: &TestApp, url: &str, client: &str) -> (u16, reqwest::Response) {
    let answer = app.client.get(format!("{url}/events")).header("x-forwarded-for", client);
    let answer = answer.send().await.unwrap();
    (answer.status().as_u16(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_watches_so_many_orders_and_its_other_pages_ask() {
    let limits = behind_proxy(sockets(|sockets| sockets.streams_per_address = 1));
    let app = TestApp::spawn_within(limits).await;
    let data = app.place(304).await;
    let url = data["code_url"].as_str().unwrap().replace("/order/qrcode/", "/pay/");
    let (first, open) = watch(&app, &url, "192.0.2.1").await;
    let (second, _) = watch(&app, &url, "192.0.2.1").await;
    let (other, _open) = watch(&app, &url, "192.0.2.2").await;
    assert_eq!((first, second, other), (200, 503, 200));
    let state = app.client.get(format!("{url}/state")).send().await.unwrap();
    assert_eq!(state.status(), 200);
    drop(open);
    app.wait("the place of a page that is gone", async || {
        (watch(&app, &url, "192.0.2.1").await.0 == 200).then_some(())
    })
    .await;
    app.finish().await;
}

/// The address that WeChat was told the payer of an H5 payment has.
async fn told_upstream(limits: Limits, forwarded_for: &str) -> String {
    let app = TestApp::spawn_within(limits).await;
    let mut order = app.order(304);
    order.as_object_mut().unwrap().remove("spbill_create_ip");
    let answer = app.call("/payment/pay", &order).await;
    let (sn, url) = (&answer["data"]["sn"], answer["data"]["code_url"].as_str().unwrap());
    let url = format!("{}/go?wallet=wechat", url.replace("/order/qrcode/", "/pay/"));
    let request = app.client.get(url).header("user-agent", PHONE);
    let answer = request.header("x-forwarded-for", forwarded_for).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let order = app.stored(sn.as_str().unwrap()).await;
    let store = app.demo.gateway.store();
    let said = store::messages::of_order(store, order.mch_id, order.id).await.unwrap();
    let body: Value = serde_json::from_slice(&said[0].body).unwrap();
    app.finish().await;
    body["scene_info"]["payer_client_ip"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_is_where_a_trusted_proxy_says_and_nobody_else() {
    let trusting = || behind_proxy(Limits::of_this_machine());
    assert_eq!(told_upstream(trusting(), "198.51.100.7").await, "198.51.100.7");
    assert_eq!(told_upstream(trusting(), "1.1.1.1, 198.51.100.7").await, "198.51.100.7");
    assert_eq!(told_upstream(Limits::of_this_machine(), "198.51.100.7").await, "127.0.0.1");
}
