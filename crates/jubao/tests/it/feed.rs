//! The event feed and answers that wait, through HTTP.

use std::time::Duration;

use futures_util::future::{Either, select};
use jubao::signing;
use kernel::secret::Secret;
use serde_json::{Value, json};
use web::edge::{Limits, Work};

use crate::app::TestApp;
use crate::edge_process::Server;
use crate::leaks;

/// Far below what a request asks to wait: an answer that takes longer came for want of time.
const SOON: Duration = Duration::from_secs(20);

/// What comes because something has happened.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, work).await.unwrap_or_else(|_| panic!("it waited in vain"))
}

async fn events(app: &TestApp, more: Value) -> Value {
    let mut members = json!({ "mch_id": app.mch_id().to_string() });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call("/event/list", &members).await
}

fn types(answer: &Value) -> Vec<&str> {
    let items = answer["data"]["items"].as_array().unwrap().iter();
    items.map(|item| item["type"].as_str().unwrap()).collect()
}

async fn placed(app: &TestApp, product: i64) -> String {
    app.place(product).await["sn"].as_str().unwrap().to_owned()
}

async fn paid(app: &TestApp, product: i64) -> String {
    let sn = placed(app, product).await;
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    sn
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_tells_what_notifications_tell_signed_alike_and_goes_on_behind_a_cursor() {
    let app = TestApp::spawn().await;
    let empty = events(&app, json!({})).await;
    let nothing =
        json!({ "items": [], "next": "0", "has_more": false, "newest": "0", "sandbox": true });
    assert_eq!((&empty["code"], &empty["data"]), (&json!(200), &nothing));
    let first = paid(&app, 102).await;
    let closed = placed(&app, 202).await;
    assert_eq!(app.close(&closed).await["code"], 200);
    let told = app.wait_notices(1).await.remove(0);
    let all = events(&app, json!({})).await;
    assert_eq!(types(&all), ["order.success", "order.closed"]);
    let item = &all["data"]["items"][0];
    assert_eq!((&item["id"], &item["data"]["sn"]), (&json!("1"), &json!(first)));
    let members = signing::read(item["data"].to_string().as_bytes()).unwrap();
    assert!(signing::is_signed(&members, &app.key()), "{item}");
    for (name, text) in &members {
        let is_new = matches!(name.as_str(), "nonce_str" | "sign");
        assert!(is_new || told.text(name) == text, "{name}: {text}");
    }
    assert_eq!(members.len(), told.members.len());
    let one = events(&app, json!({ "limit": 1 })).await;
    assert_eq!((&one["data"]["next"], &one["data"]["has_more"]), (&json!("1"), &json!(true)));
    assert_eq!(one["data"]["newest"], "2");
    let rest = events(&app, json!({ "after": "1", "limit": 1 })).await;
    assert_eq!((types(&rest), &rest["data"]["has_more"]), (vec!["order.closed"], &json!(false)));
    assert_eq!(rest["data"]["next"], "2");
    let end = events(&app, json!({ "after": "2" })).await;
    assert_eq!((types(&end), &end["data"]["next"]), (vec![], &json!("2")));
    let closings = events(&app, json!({ "types": "order.closed,order.revoked" })).await;
    assert_eq!((types(&closings), &closings["data"]["next"]), (vec!["order.closed"], &json!("2")));
    for (more, field) in [
        (json!({ "after": "3" }), "after"),
        (json!({ "after": "x" }), "after"),
        (json!({ "types": "order" }), "types"),
        (json!({ "wait": 26 }), "wait"),
        (json!({ "limit": 0 }), "limit"),
    ] {
        let answer = events(&app, more).await;
        assert_eq!(answer["code"], 492_001, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(field), "{answer}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_an_event_when_it_is_done_and_the_feed_outlives_a_restart() {
    let app = TestApp::spawn().await;
    let sn = paid(&app, 102).await;
    let wish = json!({ "mch_id": app.mch_id().to_string(), "sn": sn, "out_refund_no": "R1" });
    assert_eq!(app.call("/payment/refund", &wish).await["code"], 200);
    app.sweep_until(&sn, "REFUND").await;
    let app = app.restart().await;
    let all = events(&app, json!({ "after": "1" })).await;
    assert_eq!(types(&all), ["refund.success", "order.refund"]);
    let data = &all["data"]["items"][0]["data"];
    assert_eq!((&data["out_refund_no"], &data["refund_status"]), (&json!("R1"), &json!("SUCCESS")));
    assert_eq!(data["refund_fee"], 1234);
    let members = signing::read(data.to_string().as_bytes()).unwrap();
    assert!(signing::is_signed(&members, &app.key()));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_answered_when_something_happens() {
    let app = TestApp::spawn().await;
    let sn = placed(&app, 102).await;
    let query = json!({ "mch_id": app.mch_id().to_string(), "sn": sn, "wait": 25 });
    let pay = async {
        // Both have asked once before the payer comes.
        app.wait("both to wait", async || (waiting(&app) == 2).then_some(())).await;
        app.pay(&sn, &json!({})).await;
    };
    let types_wanted = json!({ "wait": 25, "types": "order.success" });
    let all =
        async { tokio::join!(events(&app, types_wanted), app.call("/order/query", &query), pay) };
    let (told, answer, ()) = soon(all).await;
    assert_eq!(types(&told), ["order.success"]);
    assert_eq!(answer["data"]["trade_state"], "SUCCESS", "{answer}");
    assert_eq!(waiting(&app), 0);
    // What has ended is not waited for.
    let answer = soon(app.call("/order/query", &query)).await;
    assert_eq!(answer["data"]["trade_state"], "SUCCESS");
    let told = soon(events(&app, json!({ "wait": 25 }))).await;
    assert_eq!(types(&told), ["order.success"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_holds_no_turn() {
    let mut limits = Limits::of_this_machine();
    limits.work = Work { merchants: 1, ..limits.work };
    let app = TestApp::spawn_within(limits).await;
    let sn = placed(&app, 102).await;
    let pay = async {
        app.wait("it to wait", async || (waiting(&app) == 1).then_some(())).await;
        let answer = app.query(&sn).await;
        assert_eq!(answer["code"], 200, "the only turn is free: {answer}");
        app.pay(&sn, &json!({})).await;
    };
    let all = async { tokio::join!(events(&app, json!({ "wait": 25 })), pay) };
    let (told, ()) = soon(all).await;
    assert_eq!(types(&told), ["order.success"]);
    app.finish().await;
}

/// How many requests wait.
fn waiting(app: &TestApp) -> usize {
    app.demo.edge.waiting()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_no_place_to_wait_is_answered_at_once_and_a_stop_ends_the_others() {
    let server = Server::start("long_polls_per_application_max = 1\n").await;
    let client = leaks::client_builder().build().unwrap();
    let ask = || {
        let key = Secret::new(server.merchant["key"].as_str().unwrap());
        let members = json!({ "appid": server.merchant["appid"], "wait": 25 });
        let body = signing::signed(&members, &key).unwrap().to_string();
        let request = client.post(format!("{}/event/list", server.api)).body(body);
        let answer = async move { request.send().await.unwrap().text().await.unwrap() };
        Box::pin(async move { serde_json::from_str::<Value>(&answer.await).unwrap() })
    };
    // Whichever is answered found the place taken by the other, which waits.
    let (answered, other) = match soon(select(ask(), ask())).await {
        Either::Left(one) => one,
        Either::Right(one) => one,
    };
    assert_eq!((&answered["code"], types(&answered)), (&json!(200), vec![]));
    server.running.terminate();
    let ended = soon(other).await;
    assert_eq!((&ended["code"], types(&ended)), (&json!(200), vec![]));
    let (code, _) = server.running.ended().await;
    assert_eq!(code, 0);
}
