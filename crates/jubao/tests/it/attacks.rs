//! What a stranger on the way, or before the door, tries: to come through a callback's address to the rest of
//! the platform before, to take merchants' places there, and to carry what was signed for one thing to
//! another.

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use serde_json::json;

use crate::app::TestApp;
use crate::forward::{code, world};
use crate::old_platform::Mood;
use crate::users::{EMAIL, a_user, log_in, password};

/// More callbacks than requests may be with the platform before at the same time.
const MANY_CALLBACKS: usize = 320;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reaches_nothing_but_callbacks_and_is_nobody_else_there() {
    let (app, old) = world().await;
    for address in [
        "/notify/..%2Fuser%2Flogin",
        "/notify/..;/user/login",
        "/index.php?_m=notify&_m=user&_a=login",
        "/index.php?_m=notify&_m[]=user",
        "/index.php?_m=notify&.m=user",
    ] {
        assert_eq!(app.exchange(app.request(address, "a=1")).await.status, 404, "{address}");
    }
    assert!(old.seen().is_empty());
    // What a proxy would say of the client, and another address than the one that was judged.
    let forged = [
        "cf-connecting-ip",
        "client-ip",
        "forwarded",
        "true-client-ip",
        "x-forwarded-host",
        "x-forwarded-server",
        "x-http-method-override",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    ];
    let mut request = app.request("/notify/wechat", "a=1").header("authorization", "WECHATPAY2 x");
    for name in forged {
        request = request.header(name, "8.8.8.8");
    }
    assert_eq!(app.exchange(request).await.status, 202);
    let seen = old.seen().remove(0);
    for name in forged {
        assert_eq!(seen.header(name), "", "{name}");
    }
    assert_eq!(seen.header("authorization"), "WECHATPAY2 x");
    assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_that_hang_there_take_no_places_of_merchants() {
    let (app, old) = world().await;
    old.is(Mood::Slow);
    let mut hanging = tokio::task::JoinSet::new();
    for _ in 0..MANY_CALLBACKS {
        let request = app.request("/notify/wechat", "a=1");
        hanging.spawn(async move { request.send().await.map(|answer| answer.status().as_u16()) });
    }
    // Who finds no place is told to call again at once: by now every place of a callback is taken.
    assert_eq!(hanging.join_next().await.unwrap().unwrap().unwrap(), 502);
    old.is(Mood::Well);
    assert_eq!(code(&app, "/order/query", "OLD-1").await, 200);
    let mut order = app.order(304);
    order["out_trade_no"] = "NEW-1".into();
    assert_eq!(app.call("/payment/pay", &order).await["code"], 200, "the guard has its answer");
    hanging.shutdown().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_with_a_key_is_passed_on_once_whatever_is_heard_of_it() {
    let (app, old) = world().await;
    let refund = async |key: &str, number: &str| {
        let members = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number, "refund_fee": 1,
        });
        let body = signing::signed(&members, &app.key()).unwrap().to_string();
        let request = app.request("/payment/refund", body).header("Idempotency-Key", key);
        app.exchange(request).await
    };
    let first = refund("k1", "OLD-1").await;
    assert_eq!(first.code(), 200, "{first:?}");
    assert_eq!(refund("k1", "OLD-1").await.text, first.text);
    assert_eq!(old.seen().len(), 1);
    let other = refund("k1", "OLD-2").await;
    assert!(other.code() == 40100 && other.text.contains("Idempotency-Key"), "{other:?}");
    // It may have been done: it is not asked for again, though the platform before is well by now.
    old.is(Mood::Sends(Vec::new()));
    let doubt = refund("k2", "OLD-1").await;
    assert_eq!(doubt.code(), 492_004, "{doubt:?}");
    old.is(Mood::Well);
    assert_eq!(refund("k2", "OLD-1").await.text, doubt.text);
    assert_eq!(old.seen().len(), 1);
    // A refusal has had no effect, and leaves the key free.
    assert_eq!(refund("k3", "NOBODY").await.code(), 40102);
    assert_eq!(refund("k3", "OLD-1").await.code(), 200);
    assert_eq!(old.seen().len(), 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_for_one_operation_on_a_user_does_nothing_by_another() {
    let app = TestApp::spawn().await;
    let first = password();
    let create = signing::signed(&a_user(&first), &app.key()).unwrap().to_string();
    assert_eq!(app.post("/user/create", create.clone()).await["code"], 200);
    let second = password();
    let change = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "email": EMAIL, "password": second,
    });
    let change = signing::signed(&change, &app.key()).unwrap().to_string();
    assert_eq!(app.post("/user/password", change.clone()).await["code"], 200);
    // Whoever has read both on their way carries each where it does not belong.
    for (address, body) in
        [("/user/password", &create), ("/user/remove", &create), ("/user/remove", &change)]
    {
        let answer = app.post(address, body.clone()).await;
        assert_eq!(answer["code"], 492_001, "{address} {answer}");
    }
    assert_eq!(log_in(&app, EMAIL, &first).await["code"], 0);
    assert_eq!(log_in(&app, EMAIL, &second).await["code"], 200);
    app.finish().await;
}
