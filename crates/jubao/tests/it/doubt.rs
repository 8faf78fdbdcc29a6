//! In doubt is a state: whatever goes wrong between us and an upstream, an order is never paid or
//! closed by a guess, the merchant hears the documented code, and the truth is found in the end.

use channels::sim::OpFaultKind;
use gateway::manage::{AccountWish, MerchantMade, MerchantWish};
use jubao::demo::identity::DemoIdentity;
use kernel::ledger::Book;
use kernel::money::Currency;
use kernel::notice::NoticeState;
use kernel::order::AttemptState;
use kernel::state::TradeState;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::app::TestApp;
use crate::leaks::{self, Kind};

/// The products that place an order at their upstream, with its name.
const DIRECT: [(i64, &str); 2] = [(102, "alipay"), (202, "wechat")];

/// Orders at an upstream that accepts connections and says nothing: more than one claim takes.
const HANGING: usize = 40;

/// What a merchant hears when placing goes wrong so (contract section 8).
fn code_of(kind: OpFaultKind) -> i64 {
    match kind {
        OpFaultKind::Refused => 40500,
        OpFaultKind::DroppedBefore | OpFaultKind::DroppedAfter | OpFaultKind::Empty => 492_005,
        OpFaultKind::ErrorBefore | OpFaultKind::ErrorAfter | OpFaultKind::Busy => 40400,
        OpFaultKind::Html
        | OpFaultKind::Truncated
        | OpFaultKind::BadSignature
        | OpFaultKind::WrongAnswer => 40600,
        OpFaultKind::Slow => 492_004,
    }
}

/// Every kind but those that take ten seconds and have a test of their own.
fn quick() -> impl Iterator<Item = (OpFaultKind, &'static str)> {
    OpFaultKind::ALL.into_iter().filter(|(kind, _)| *kind != OpFaultKind::Slow)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_placing_went_wrong_can_still_be_paid_and_is_told_once() {
    let app = TestApp::spawn().await;
    for direct in DIRECT {
        for (kind, word) in quick().filter(|(kind, _)| *kind != OpFaultKind::Refused) {
            placed_in_doubt(&app, direct, (kind, word)).await;
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_placing_timed_out_can_still_be_paid_and_is_told_once() {
    let app = TestApp::spawn().await;
    for direct in DIRECT {
        placed_in_doubt(&app, direct, (OpFaultKind::Slow, "slow")).await;
    }
    app.finish().await;
}

async fn placed_in_doubt(
    app: &TestApp,
    (product, channel): (i64, &str),
    (kind, word): (OpFaultKind, &str),
) {
    let mut members = app.order(product);
    members["out_trade_no"] = format!("{channel}-{word}").into();
    app.script(channel, "place", word).await;
    let answer = app.call("/payment/pay", &members).await;
    assert_eq!(answer["code"], code_of(kind), "{channel} {word}: {answer}");
    assert_eq!(answer.get("data"), None, "{answer}");
    let again = app.call("/payment/pay", &members).await;
    assert_eq!(again["code"], 40106, "{channel} {word}: {again}");
    let sn = again["data"]["sn"].as_str().unwrap();
    assert!(!again["data"]["qrcode"].as_str().unwrap().is_empty());
    assert_eq!(app.stored(sn).await.state, TradeState::NotPay);
    assert_eq!(app.attempts(sn).await[0].state, AttemptState::Asking);
    // Where the upstream has no order, opening our page places it again under the same number.
    let paid = app.pay(sn, &json!({ "fault": "lost" })).await;
    assert_eq!(paid["paid"], true, "{channel} {word}: {paid}");
    app.sweep_until(sn, "SUCCESS").await;
    app.wait_notice_state(sn, NoticeState::Delivered).await;
    assert_eq!(app.notices(sn).await.len(), 1);
    assert_eq!(app.booked(sn, Book::ChannelReceivable).await, 1234);
    assert_eq!(app.attempts(sn).await.len(), 1, "one order upstream");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_upstream_refused_is_closed() {
    let app = TestApp::spawn().await;
    for (product, channel) in DIRECT {
        let mut members = app.order(product);
        members["out_trade_no"] = channel.into();
        app.script(channel, "place", "refused").await;
        let answer = app.call("/payment/pay", &members).await;
        assert_eq!(answer["code"], 40500, "{answer}");
        let again = app.call("/payment/pay", &members).await;
        assert_eq!(again["code"], 40103, "{again}");
        let sn = again["data"]["sn"].as_str().unwrap();
        assert_eq!(again["data"]["trade_state"], "CLOSED");
        assert_eq!(app.attempts(sn).await[0].state, AttemptState::Refused);
        assert!(app.notices(sn).await.is_empty());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_order_is_not_closed_because_the_upstream_refused_to_open_it_again() {
    let app = TestApp::spawn().await;
    let data = app.place(201).await;
    let sn = data["sn"].as_str().unwrap();
    // A link into WeChat lives five minutes: our page asks for a new one.
    app.advance(5 * 60);
    app.script("wechat", "place", "refused").await;
    let page = format!("{}/go", data["code_url"].as_str().unwrap());
    let answer = app.client.get(page).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(app.stored(sn).await.state.is_open());
    assert_eq!(app.attempts(sn).await[0].state, AttemptState::Open);
    assert_eq!(app.pay(sn, &json!({})).await["paid"], true);
    app.wait_state(sn, "SUCCESS").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_hangs_does_not_keep_the_sweeper_from_the_others() {
    let app = TestApp::spawn().await;
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let merchant = merchant_at(&app, &format!("http://{}", hangs.local_addr().unwrap())).await;
    let calls = (0..HANGING).map(async |at| {
        let mut members = app.order(202);
        members["mch_id"] = merchant.mch_id.to_string().into();
        members["out_trade_no"] = format!("H{at}").into();
        let answer = app.call_with(&merchant.key, "/payment/pay", &members).await;
        assert_eq!(answer["code"], 492_004, "{answer}");
    });
    futures_util::future::join_all(calls).await;
    let sn = app.place(102).await["sn"].as_str().unwrap().to_owned();
    app.pay(&sn, &json!({ "fault": "lost" })).await;
    let store = app.demo.gateway.store();
    let hanging = async || {
        let mut looked_at = 0;
        for at in 0..HANGING {
            let number = format!("H{at}");
            let order = store::orders::by_out_trade_no(store, merchant.mch_id, &number).await;
            looked_at += order.unwrap().unwrap().sweeps;
        }
        looked_at
    };
    let before = hanging().await;
    app.advance(60);
    app.wait_state(&sn, "SUCCESS").await;
    assert_eq!(hanging().await, before, "found while the others were still waited for");
    drop(hangs);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_went_wrong_leaves_the_order_as_it_was_until_the_sweeper_knows() {
    let app = TestApp::spawn().await;
    for direct in DIRECT {
        for (_, word) in quick() {
            queried_in_doubt(&app, direct, word).await;
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_timed_out_leaves_the_order_as_it_was_until_the_sweeper_knows() {
    let app = TestApp::spawn().await;
    for direct in DIRECT {
        queried_in_doubt(&app, direct, "slow").await;
    }
    app.finish().await;
}

async fn queried_in_doubt(app: &TestApp, (product, channel): (i64, &str), word: &str) {
    let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
    app.pay(&sn, &json!({ "fault": "lost" })).await;
    // One for the query, one in case that the sweeper is faster.
    app.script_times((channel, "query"), word, 2).await;
    let answer = app.query(&sn).await;
    assert_eq!(answer["code"], 200, "{channel} {word}: {answer}");
    assert_eq!(answer["data"]["trade_state"], "NOTPAY", "{channel} {word}: {answer}");
    assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 0);
    app.sweep_until(&sn, "SUCCESS").await;
    app.wait_notice_state(&sn, NoticeState::Delivered).await;
    assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 1234);
    assert_eq!(app.notices(&sn).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_went_wrong_closes_only_what_the_upstream_says_is_closed() {
    let app = TestApp::spawn().await;
    for direct in DIRECT {
        for (_, word) in quick() {
            closed_in_doubt(&app, direct, word).await;
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_timed_out_closes_only_what_the_upstream_says_is_closed() {
    let app = TestApp::spawn().await;
    for direct in DIRECT {
        closed_in_doubt(&app, direct, "slow").await;
    }
    app.finish().await;
}

async fn closed_in_doubt(app: &TestApp, (product, channel): (i64, &str), word: &str) {
    let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
    app.script(channel, "close", word).await;
    let answer = app.close(&sn).await;
    let state = app.stored(&sn).await.state;
    match answer["code"].as_i64().unwrap() {
        200 => assert_eq!(state, TradeState::Closed, "{channel} {word}"),
        492_004 => {
            assert_eq!(state, TradeState::NotPay, "{channel} {word}");
            let again = app.close(&sn).await;
            assert_eq!(again["code"], 200, "{channel} {word}: {again}");
        }
        _ => panic!("{channel} {word}: {answer}"),
    }
    let paid = app.place(product).await["sn"].as_str().unwrap().to_owned();
    app.pay(&paid, &json!({ "fault": "lost" })).await;
    app.script(channel, "close", word).await;
    let answer = app.close(&paid).await;
    assert_eq!(answer["code"], 40101, "{channel} {word}: {answer}");
    assert_eq!(app.stored(&paid).await.state, TradeState::Success);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_callback_is_made_up_for_by_a_query_and_by_the_sweeper() {
    let app = TestApp::spawn().await;
    for product in [101, 102, 201, 202, 304] {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({ "fault": "lost" })).await;
        assert_eq!(app.query(&sn).await["data"]["trade_state"], "SUCCESS", "{product}");
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({ "fault": "lost" })).await;
        app.sweep_until(&sn, "SUCCESS").await;
    }
    app.wait_notices(10).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_never_sent_is_certainly_not_executed() {
    let app = TestApp::spawn().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let merchant = merchant_at(&app, &format!("http://{closed}")).await;
    for product in [102, 202] {
        let (members, answer) = place_as(&app, &merchant, product).await;
        assert_eq!(answer["code"], 4005, "{answer}");
        let again = app.call_with(&merchant.key, "/payment/pay", &members).await;
        assert_eq!(again["code"], 40106, "{again}");
    }
    let hangs_up = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = hangs_up.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((connection, _)) = hangs_up.accept().await {
            drop(connection);
        }
    });
    let merchant = merchant_at(&app, &format!("http://{address}")).await;
    for product in [102, 202] {
        let (_, answer) = place_as(&app, &merchant, product).await;
        assert_eq!(answer["code"], 492_005, "a connection was made: {answer}");
    }
    task.abort();
    app.finish().await;
}

async fn place_as(app: &TestApp, merchant: &MerchantMade, product: i64) -> (Value, Value) {
    let mut members = app.order(product);
    members["mch_id"] = merchant.mch_id.to_string().into();
    members["out_trade_no"] = format!("N{product}").into();
    let answer = app.call_with(&merchant.key, "/payment/pay", &members).await;
    (members, answer)
}

/// A merchant whose upstreams are both at `base`.
pub async fn merchant_at(app: &TestApp, base: &str) -> MerchantMade {
    let wish = MerchantWish { name: "孤岛".into(), ..MerchantWish::default() };
    let made = app.demo.gateway.add_merchant("test", wish).await.unwrap();
    leaks::secret(Kind::Key, "a merchant's key", made.key.expose().as_bytes());
    let identity = DemoIdentity::load(app.folder.path()).unwrap();
    let alipay = [
        ("app_id", "2014072300007148"),
        ("private_key", &identity.alipay_merchant.private),
        ("alipay_public_key", &identity.alipay_platform.public),
        ("gateway", &format!("{base}/gateway.do")),
    ];
    let wechat = [
        ("mchid", "1900000109"),
        ("appid", "wxd930ea5d5a258f4f"),
        ("private_key", &identity.wechat_merchant.private),
        ("serial_no", "7132D72A03E93CDDF8C03BBD1F37EEDF7E2C5B40"),
        ("apiv3_key", "0123456789abcdef0123456789abcdef"),
        ("api_base", base),
    ];
    for (channel, settings) in [("alipay", alipay.to_vec()), ("wechat", wechat.to_vec())] {
        let owned = settings.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let wish = AccountWish {
            channel: channel.into(),
            name: "island".into(),
            mch_id: made.mch_id.0,
            currency: Currency::Cny,
            products: Vec::new(),
            settings: owned.collect(),
        };
        app.demo.gateway.add_account("test", &wish).await.unwrap();
    }
    made
}
