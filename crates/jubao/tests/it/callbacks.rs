//! Upstreams' callbacks: forged, mismatched, doubled, misdirected. Only what is verified and about
//! this order and account changes anything.

use std::time::Duration;

use channels::Stamp;
use channels::http::HttpRequest;
use channels::sim::Simulator;
use gateway::manage::{AccountWish, MerchantWish};
use jubao::demo::identity::{ALIPAY_MAPI_PARTNER, DemoIdentity, MERCHANT};
use kernel::application::Settings;
use kernel::ledger::Book;
use kernel::money::Currency;
use kernel::notice::NoticeState;
use kernel::product::Product;
use kernel::state::TradeState;
use serde_json::{Value, json};
use store::accounts::AccountKey;

use crate::app::TestApp;

/// The products that place an order at their upstream, with its name.
const DIRECT: [(i64, &str); 2] = [(102, "alipay"), (202, "wechat")];
/// More queries than a test can make: the upstream never says where the order stands.
const ALWAYS: u32 = 10_000;
/// Later than every upstream repeats a callback that was not acknowledged, in seconds.
const REPEATED_AFTER_S: i64 = 241;

/// Waits until a repeated callback has paid the order. The simulator counts its wait from when it has
/// read our refusal, which may be after the test moved the clock: then it is moved again.
async fn wait_for_repetition(app: &TestApp, sn: &str) {
    for _ in 0..5 {
        let paid = app.wait_state(sn, "SUCCESS");
        if tokio::time::timeout(Duration::from_secs(4), paid).await.is_ok() {
            return;
        }
        app.advance(REPEATED_AFTER_S);
    }
    app.wait_state(sn, "SUCCESS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_does_not_match_changes_nothing_and_is_seen() {
    for (product, channel) in DIRECT {
        for fault in
            ["wrong_amount", "wrong_currency", "wrong_app", "wrong_merchant", "bad_signature"]
        {
            let app = TestApp::spawn().await;
            app.script_times((channel, "query"), "busy", ALWAYS).await;
            let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
            app.pay(&sn, &json!({ "fault": fault })).await;
            app.wait("the callback to be refused", async || {
                (app.demo.gateway.refused_callbacks() == 1).then_some(())
            })
            .await;
            let audited = usize::from(fault != "bad_signature");
            app.wait("the refusal to be audited", async || {
                (app.audited("callback refused").await == audited).then_some(())
            })
            .await;
            assert_untouched(&app, &sn, fault).await;
            let said = app.said(&sn).await;
            let is_kept = said.iter().any(|line| line == "in callback");
            let names_the_order =
                fault == "wrong_amount" || (fault == "wrong_currency" && channel == "wechat");
            assert_eq!(is_kept, names_the_order, "{product} {fault} {said:?}");
            app.advance(REPEATED_AFTER_S);
            if channel == "alipay" {
                // Alipay's second notification is right: it comes because the first was not acknowledged.
                wait_for_repetition(&app, &sn).await;
            } else {
                app.wait("WeChat Pay to call back again", async || {
                    (app.demo.gateway.refused_callbacks() >= 2).then_some(())
                })
                .await;
                assert_untouched(&app, &sn, fault).await;
            }
            app.finish().await;
        }
    }
}

async fn assert_untouched(app: &TestApp, sn: &str, fault: &str) {
    assert!(app.stored(sn).await.state.is_open(), "{fault}");
    assert!(app.attempts(sn).await.iter().all(|attempt| attempt.state.is_live()), "{fault}");
    for book in Book::ALL {
        assert_eq!(app.booked(sn, book).await, 0, "{fault}");
    }
    assert!(app.notices(sn).await.is_empty(), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_comes_twice_is_booked_and_told_once() {
    let app = TestApp::spawn().await;
    for (at, (product, _)) in DIRECT.into_iter().enumerate() {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({ "fault": "twice" })).await;
        app.wait("both callbacks to be recorded", async || {
            let said = app.said(&sn).await;
            (said.iter().filter(|what| *what == "in callback").count() == 2).then_some(())
        })
        .await;
        assert_eq!(app.stored(&sn).await.state, TradeState::Success);
        assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 1234);
        app.wait_notice_state(&sn, NoticeState::Delivered).await;
        assert_eq!(app.notices(&sn).await.len(), 1);
        assert_eq!(app.merchant.received().len(), at + 1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_held_back_is_no_reason_to_wait_for_it() {
    let app = TestApp::spawn().await;
    for (product, _) in DIRECT {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({ "fault": "late" })).await;
        assert_eq!(app.query(&sn).await["data"]["trade_state"], "SUCCESS");
        app.advance(61);
        app.wait("the late callback to be recorded", async || {
            app.said(&sn).await.contains(&"in callback".to_owned()).then_some(())
        })
        .await;
        assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 1234);
        assert_eq!(app.notices(&sn).await.len(), 1);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_to_a_path_that_names_no_account_is_not_found() {
    let app = TestApp::spawn().await;
    for path in ["/callback/alipay/10502105689001/1/1", "/callback/nobody/1/2/3"] {
        let url = format!("{}{path}", app.demo.addresses.api);
        let answer = app.client.post(url).body("a=b").send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_callback_to_the_path_of_another_merchant_account_or_version_changes_nothing() {
    for (product, channel) in DIRECT {
        let app = TestApp::spawn().await;
        app.script_times((channel, "query"), "busy", ALWAYS).await;
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({ "fault": "late" })).await;
        let right = held_back(&app, channel);
        let (stranger, account) = stranger_with_same_keys(&app).await;
        let attempt = app.attempts(&sn).await.remove(0);
        let own = attempt.account_id;
        let mine = MERCHANT.mch_id;
        add_version(&app, own).await;
        for path in [
            format!("/callback/{channel}/{mine}/{own}/2"),
            format!("/callback/{channel}/{stranger}/{own}/1"),
            format!("/callback/alipay/{stranger}/{account}/1"),
            format!("/callback/alipay/{mine}/{account}/1"),
            format!("/callback/{channel}/0/{own}/1"),
            format!(
                "/callback/{}/{mine}/{own}/1",
                if channel == "alipay" { "wechat" } else { "alipay" }
            ),
        ] {
            let status = send(&app, &path, &right).await;
            assert!(!(200..300).contains(&status), "{path}: {status}");
            assert_untouched(&app, &sn, &path).await;
        }
        let path = format!("/callback/{channel}/{mine}/{own}/1");
        assert!((200..300).contains(&send(&app, &path, &right).await));
        assert_eq!(app.stored(&sn).await.state, TradeState::Success);
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_callback_that_its_upstream_does_not_confirm_changes_nothing() {
    let app = TestApp::spawn().await;
    let sn = app.place(103).await["sn"].as_str().unwrap().to_owned();
    app.script_times(("alipay_mapi", "query"), "busy", ALWAYS).await;
    app.pay(&sn, &json!({ "fault": "late" })).await;
    // It is signed, but MAPI has not sent it yet.
    let early = held_back(&app, "alipay_mapi");
    let attempt = app.attempts(&sn).await.remove(0);
    let path = format!("/callback/alipay_mapi/{}/{}/1", MERCHANT.mch_id, attempt.account_id);
    assert_eq!(send(&app, &path, &early).await, 400);
    assert_untouched(&app, &sn, "not confirmed").await;
    assert_eq!(app.demo.gateway.refused_callbacks(), 1);
    app.advance(61);
    app.wait_state(&sn, "SUCCESS").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_callback_changes_nothing_while_nobody_can_confirm_it() {
    let app = TestApp::spawn().await;
    let merchant = app.merchant_without_accounts(Settings::default()).await;
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let settings = [
        ("partner", ALIPAY_MAPI_PARTNER.to_owned()),
        ("refer_url", "https://shop.example/".to_owned()),
        ("private_key", identity.alipay_merchant.private),
        ("alipay_public_key", identity.alipay_mapi_platform.public),
        // Nobody listens there.
        ("gateway", "http://127.0.0.1:9/mapi/gateway.do".to_owned()),
    ];
    let wish = AccountWish {
        channel: "alipay_mapi".into(),
        name: "cut off".into(),
        mch_id: merchant.mch_id.0,
        currency: Currency::Hkd,
        products: vec![Product::AlipayApp],
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
    };
    app.demo.gateway.add_account("test", &wish).await.unwrap();
    let mut members = app.order(103);
    members["mch_id"] = merchant.mch_id.to_string().into();
    let placed = app.call_with(&merchant.key, "/payment/pay", &members).await;
    let sn = placed["data"]["sn"].as_str().unwrap();
    assert_eq!(app.pay(sn, &json!({})).await["paid"], true);
    app.wait("the callback to be refused", async || {
        (app.demo.gateway.refused_callbacks() == 1).then_some(())
    })
    .await;
    assert_untouched(&app, sn, "no answer").await;
    app.finish().await;
}

/// The callback that the simulator holds back, made from its snapshot.
fn held_back(app: &TestApp, channel: &str) -> HttpRequest {
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let base = &app.demo.addresses.sim;
    let mut sim: Box<dyn Simulator> = match channel {
        "alipay" => Box::new(identity.alipay_sim(base).unwrap()),
        "alipay_mapi" => Box::new(identity.alipay_mapi_sim().unwrap()),
        _ => Box::new(identity.wechat_sim(base).unwrap()),
    };
    let text = std::fs::read_to_string(app.folder.path().join("upstreams.json")).unwrap();
    let saved: Value = serde_json::from_str(&text).unwrap();
    sim.restore(saved[channel].clone()).unwrap();
    let now = app.demo.gateway.now().plus_millis(61_000);
    let stamp = Stamp { now, nonce: "5e1f".repeat(8) };
    sim.due_callbacks(&stamp).remove(0).request
}

/// Gives an account of the demo merchant a second version, with the same credentials.
async fn add_version(app: &TestApp, account_id: kernel::id::Id) {
    let store = app.demo.gateway.store();
    let row = store::accounts::by_version(store, account_id, 1).await.unwrap().unwrap();
    let key = AccountKey { mch_id: row.mch_id, account_id, version: 2 };
    let at = app.demo.gateway.now();
    let batch = store::accounts::add_version(key, &row.settings_sealed, at);
    assert!(store.write(batch).await.unwrap().is_done());
}

async fn send(app: &TestApp, path: &str, request: &HttpRequest) -> u16 {
    let url = format!("{}{path}", app.demo.addresses.api);
    let mut builder = app.client.post(url).body(request.body.clone());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    builder.send().await.unwrap().status().as_u16()
}

/// Another merchant whose account at the simulated Alipay has the same keys.
async fn stranger_with_same_keys(app: &TestApp) -> (kernel::id::MchId, kernel::id::Id) {
    let wish = MerchantWish { name: "隔壁".into(), ..MerchantWish::default() };
    let made = app.demo.gateway.add_merchant("test", wish).await.unwrap();
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let settings = [
        ("app_id", "2014072300007148".to_owned()),
        ("private_key", identity.alipay_merchant.private),
        ("alipay_public_key", identity.alipay_platform.public),
        ("gateway", format!("{}/gateway.do", app.demo.addresses.sim)),
    ];
    let wish = AccountWish {
        channel: "alipay".into(),
        name: "stranger".into(),
        mch_id: made.mch_id.0,
        currency: Currency::Cny,
        products: Vec::new(),
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
    };
    (made.mch_id, app.demo.gateway.add_account("test", &wish).await.unwrap())
}
