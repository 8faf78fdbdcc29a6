//! Shops in the languages of merchants, as their engineers would write them from the document alone:
//! each places, queries, verifies a notification and refunds, against a real server.

use std::process::Command;
use std::time::Duration;

use kernel::notice::NoticeState;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::TestApp;
use crate::foreign::{Listener, Running, client, client_with, python};

/// How long a shop may say nothing: a language's compiler may begin on an empty cache.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Lets a shop live: pays what it places, and gives it the notifications that another server took for
/// it, if it has none of its own. Its verdict must be that all is well, for so many orders.
async fn live(app: &TestApp, mut command: Command, orders: usize, listens: Listens) -> Value {
    command.env("JUBAO_API", &app.demo.addresses.api);
    let mut shop = Running::start(&mut command);
    let mut lines = shop.lines();
    let mut last = String::new();
    while let Some(line) = next(&mut lines).await {
        let Some(sn) = line.strip_prefix("placed ") else {
            last = line;
            continue;
        };
        assert_eq!(app.pay(sn, &json!({})).await["paid"], true, "{command:?} {line}");
        if listens == Listens::ByAnotherServer {
            shop.tell(&told(app, sn).await);
        }
    }
    let complained = shop.complained();
    let (code, _) = shop.ended().await;
    let verdict: Value = serde_json::from_str(&last)
        .unwrap_or_else(|error| panic!("{command:?}: {error}: {last} {complained}"));
    assert_eq!(verdict["failed"], json!([]), "{command:?} {complained}");
    assert!(code == 0 && verdict["ok"] == true, "{command:?} {verdict} {complained}");
    check_orders(app, &verdict, orders).await;
    verdict
}

/// Who takes a shop's notifications.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Listens {
    Itself,
    ByAnotherServer,
}

async fn next(lines: &mut tokio::sync::mpsc::UnboundedReceiver<String>) -> Option<String> {
    let line = tokio::time::timeout(SILENCE_MAX, lines.recv()).await;
    line.unwrap_or_else(|_| panic!("the shop says nothing"))
}

/// The body of the notification of an order.
async fn told(app: &TestApp, sn: &str) -> String {
    app.wait(&format!("the notification of {sn}"), async || {
        let received = app.merchant.received();
        received.iter().find(|one| one.text("sn") == sn).map(|one| one.body.clone())
    })
    .await
}

/// Each order of a shop is paid, told once, and refunded in part.
async fn check_orders(app: &TestApp, verdict: &Value, expect: usize) {
    let orders = verdict["orders"].as_array().unwrap();
    assert_eq!(orders.len(), expect, "{verdict}");
    for order in orders {
        let sn = order["sn"].as_str().unwrap();
        assert_eq!(app.stored(sn).await.state.word(), "SUCCESS", "{order}");
        app.wait_notice_state(sn, NoticeState::Delivered).await;
        assert_eq!(app.notice_states(sn).await, [NoticeState::Delivered], "{order}");
        let answer = app.query(sn).await;
        let (total, left) = (&answer["data"]["total_fee"], &answer["data"]["refundable"]);
        let back = total.as_i64().unwrap() - left.as_i64().unwrap();
        assert_eq!(answer["data"]["total_refund_fee"], back, "{answer}");
        assert!(back > 0, "{answer}");
    }
    assert_eq!(app.orders().await, expect, "no order that the shop does not know of");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_php_lives_by_form_json_and_multipart_and_asks_before_it_sends() {
    let app = TestApp::spawn().await;
    let listener = Listener::start(&app, "form").await;
    let mut shop = client("php", "php/shop.php");
    shop.env("NOTIFY_URL", &listener.url).env("LISTENER_LOG", &listener.log);
    live(&app, shop, 8, Listens::Itself).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_java_lives_by_a_form_that_is_not_encoded() {
    let app = TestApp::spawn().await;
    let mut shop = client("java", "java/Client.java");
    // Its machine says what it was told by its environment.
    shop.env_remove("JAVA_TOOL_OPTIONS").env_remove("_JAVA_OPTIONS");
    live(&app, shop, 2, Listens::Itself).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_node_lives_by_fetch() {
    let app = TestApp::spawn().await;
    live(&app, client("node", "node/shop.mjs"), 5, Listens::Itself).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_python_lives_by_requests() {
    let app = TestApp::spawn().await;
    live(&app, client(&python(), "python/shop.py"), 4, Listens::Itself).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_go_lives_by_its_standard_library() {
    let app = TestApp::spawn().await;
    let mut shop = client_with("go", &["run"], "go/shop.go");
    // Nothing of the network, and nothing but Go.
    shop.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("CGO_ENABLED", "0");
    shop.env_remove("GOFLAGS");
    live(&app, shop, 4, Listens::Itself).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_in_bash_lives_by_curl() {
    let app = TestApp::spawn().await;
    let mut shop = client("bash", "curl/shop.sh");
    shop.env("NOTIFY_URL", app.merchant.url());
    live(&app, shop, 2, Listens::ByAnotherServer).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_before_it_sends_is_told_to_go_on() {
    let app = TestApp::spawn().await;
    let body = jubao::signing::signed(&app.order(304), &app.key()).unwrap().to_string();
    let host = app.demo.addresses.api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /payment/pay HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\
         Accept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Nothing of the body is sent before that: a server that says nothing would be waited for in vain.
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut said = vec![0; go_on.len()];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), String::from_utf8_lossy(go_on));
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("content-encoding"), "{answer}");
    assert!(answer.contains("\"code\":200,"), "{answer}");
    app.finish().await;
}
