//! `Idempotency-Key` and the nonces of guarded applications: what is said again is done once, by whichever
//! process, before and after a restart.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use gateway::{Asked, KeyTurn};
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::address::Operation;
use kernel::call::Call;
use kernel::dialect::jubao::{self as dialect, CallerId, Context, RawCall};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::exchange::Exchange;
use crate::leaks::{self, Kind};
use crate::settings::set;

/// Equal requests at once.
const PARALLEL: usize = 100;
/// A claim whose process has gone is left after so long, in seconds.
const LEASE_S: i64 = 61;
/// A day, in seconds.
const DAY_S: i64 = 86_400;

/// A signed order without a number of the merchant's.
fn order(app: &TestApp, total_fee: i64) -> String {
    let mut order = app.order(304);
    order["total_fee"] = total_fee.into();
    signing::signed(&order, &app.key()).unwrap().to_string()
}

async fn place(app: &TestApp, key: &str, body: &str) -> Exchange {
    let request = app.request("/payment/pay", body.to_owned()).header("Idempotency-Key", key);
    let answer = app.exchange(request).await;
    if let Some(page) = answer.json()["data"]["code_url"].as_str() {
        let token = page.rsplit('/').next().unwrap();
        leaks::secret(Kind::Page, "the secret of a page", token.as_bytes());
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_first_answer_byte_for_byte_for_a_day_and_after_a_restart() {
    let app = TestApp::spawn().await;
    let body = order(&app, 1234);
    let first = place(&app, "order 7", &body).await;
    assert_eq!(first.code(), 200, "{first:?}");
    assert_eq!(place(&app, "order 7", &body).await.text, first.text);
    let app = app.restart().await;
    assert_eq!(place(&app, "order 7", &body).await.text, first.text);
    assert_eq!(app.orders().await, 1);
    assert_ne!(
        place(&app, "order 8", &body).await.json()["data"]["sn"],
        first.json()["data"]["sn"]
    );
    app.advance(DAY_S + 1);
    let later = place(&app, "order 7", &body).await;
    assert_ne!(later.json()["data"]["sn"], first.json()["data"]["sn"], "a day has passed");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_request_and_has_a_form() {
    let app = TestApp::spawn().await;
    let body = order(&app, 1);
    assert_eq!(place(&app, "k", &body).await.code(), 200);
    let other = place(&app, "k", &order(&app, 2)).await;
    assert!(other.code() == 40100 && other.text.contains("Idempotency-Key"), "{other:?}");
    let forged = place(&app, "k", &body.replace("1,", "2,")).await;
    assert_eq!(forged.code(), 4004, "a stranger learns nothing: {forged:?}");
    let long = place(&app, &"x".repeat(256), &body).await;
    assert!(long.code() == 40100 && long.text.contains("255"), "{long:?}");
    assert_eq!(place(&app, &"x".repeat(255), &body).await.code(), 200);
    assert_eq!(app.orders().await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_equal_places_at_once_are_one_order_with_a_key_and_with_a_number() {
    let app = TestApp::spawn().await;
    let body = order(&app, 1234);
    let answers = join_all((0..PARALLEL).map(|_| place(&app, "at once", &body))).await;
    let texts: BTreeSet<_> = answers.iter().map(|answer| answer.text.clone()).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(answers[0].code(), 200);
    assert_eq!(app.orders().await, 1);
    let mut numbered = app.order(202);
    numbered["out_trade_no"] = "at-once".into();
    let numbered = signing::signed(&numbered, &app.key()).unwrap().to_string();
    let calls = (0..PARALLEL).map(|_| app.post("/payment/pay", numbered.clone()));
    let answers = join_all(calls).await;
    let sns: BTreeSet<_> = answers.iter().map(|answer| answer["data"]["sn"].to_string()).collect();
    assert!(sns.len() == 1 && sns.iter().all(|sn| sn.len() == 28), "{answers:?}");
    let placed = answers.iter().filter(|answer| answer["code"] == 200).count();
    assert_eq!((placed, app.orders().await), (1, 2));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_between_effect_and_record_is_found_and_nothing_is_placed_twice() {
    let app = TestApp::spawn().await;
    let gateway = &app.demo.gateway;
    let body = order(&app, 1234);
    let raw = RawCall {
        operation: Operation::Place,
        content_type: None,
        query: "",
        body: body.as_bytes(),
    };
    let opened = dialect::open(&raw).unwrap();
    let caller = gateway.caller(CallerId::App(MERCHANT.app_id)).await.unwrap();
    let allow = &gateway.settings().private_targets;
    let context = Context { now: gateway.now(), allow, from: None };
    // As a process that dies after it has placed the order, and one that dies before.
    for (key, has_placed) in [("after", true), ("before", false)] {
        let before = app.orders().await;
        let turn = gateway.claim_key(&caller, Operation::Place, (key, body.as_bytes())).await;
        let KeyTurn::Act(claim) = turn.unwrap() else { panic!("nobody else has it") };
        let admitted = dialect::admit(&opened, &caller.app, &context).unwrap();
        let Call::Place(call) = admitted.call else { panic!("a place") };
        let mut sn = None;
        if has_placed {
            let asked = Asked { signing: admitted.sign_form, key: Some(&claim) };
            let placed = gateway.place_order(&caller, *call, asked).await.unwrap();
            sn = Some(placed.order.sn().to_string());
        }
        app.advance(LEASE_S);
        let repeat = place(&app, key, &body).await;
        assert_eq!(repeat.code(), 200, "{repeat:?}");
        assert!(sn.is_none_or(|sn| repeat.json()["data"]["sn"] == sn.as_str()), "{repeat:?}");
        assert_eq!(app.orders().await, before + 1, "{key}");
        assert_eq!(place(&app, key, &body).await.text, repeat.text);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_with_a_key_is_answered_again_and_a_refusal_leaves_the_key_free() {
    let app = TestApp::spawn().await;
    let sn = app.place(202).await["sn"].as_str().unwrap().to_owned();
    let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn, "refund_fee": 100 });
    let body = signing::signed(&members, &app.key()).unwrap().to_string();
    let refund = async || {
        let request = app.request("/payment/refund", body.clone());
        app.exchange(request.header("Idempotency-Key", "refund")).await
    };
    assert_eq!(refund().await.code(), 40100, "it is not paid");
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    let first = refund().await;
    assert_eq!(first.code(), 200, "{first:?}");
    assert_eq!(refund().await.text, first.text);
    assert_eq!(app.stored(&sn).await.total_refund_fee, 100);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_request_comes_once_but_for_a_repeat_by_its_key() {
    let app = TestApp::spawn().await;
    set(&app, &[("replay_guard", "on")]).await;
    let guarded = |nonce: &str| {
        let mut order = app.order(304);
        order["timestamp"] = app.demo.gateway.now().seconds().into();
        order["nonce_str"] = nonce.into();
        signing::signed(&order, &app.key()).unwrap().to_string()
    };
    let (alone, keyed) = (guarded("n1"), guarded("n2"));
    assert_eq!(app.post("/payment/pay", alone.clone()).await["code"], 200);
    let first = place(&app, "k", &keyed).await;
    assert_eq!(place(&app, "k", &keyed).await.text, first.text);
    let app = app.restart().await;
    let replay: Value = app.post("/payment/pay", alone).await;
    assert_eq!(replay["code"], 40100, "after a restart too: {replay}");
    assert_eq!(app.post("/payment/pay", keyed.clone()).await["code"], 40100, "without its key");
    assert_eq!(place(&app, "k", &keyed).await.text, first.text);
    assert_eq!(app.orders().await, 2);
    app.finish().await;
}
