//! Everything that is said more than once: orders, closings, queries, the whole program.

use std::collections::BTreeSet;

use gateway::manage::MerchantWish;
use jubao::demo::identity::MERCHANT;
use kernel::ledger::Book;
use kernel::notice::NoticeState;
use kernel::state::TradeState;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Equal requests that arrive at once.
const PARALLEL: usize = 50;

/// An order of the merchant's own number.
fn numbered(app: &TestApp, number: &str) -> Value {
    let mut members = app.order(202);
    members["out_trade_no"] = number.into();
    members
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_number_again_is_answered_by_the_order_that_stands() {
    let app = TestApp::spawn().await;
    for (number, state, code) in
        [("waits", "NOTPAY", 40106), ("paid", "SUCCESS", 40101), ("closed", "CLOSED", 40103)]
    {
        let members = numbered(&app, number);
        let first = app.call("/payment/pay", &members).await;
        let sn = first["data"]["sn"].as_str().unwrap();
        match state {
            "SUCCESS" => drop(app.pay(sn, &json!({})).await),
            "CLOSED" => drop(app.close(sn).await),
            _ => {}
        }
        app.wait_state(sn, state).await;
        let orders = app.orders().await;
        let again = app.call("/payment/pay", &members).await;
        assert_eq!(again["code"], code, "{again}");
        assert_eq!(again["data"]["sn"], sn);
        assert_eq!(again["data"]["trade_state"], state);
        assert_eq!(again["data"]["qrcode"], first["data"]["qrcode"]);
        for (name, value) in [("total_fee", 1235), ("pay_channel_id", 102)] {
            let mut other = members.clone();
            other[name] = value.into();
            let refused = app.call("/payment/pay", &other).await;
            assert_eq!(refused["code"], code, "{refused}");
            assert_eq!(refused.get("data"), None, "{refused}");
        }
        assert_eq!(app.orders().await, orders, "nothing new stands");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_can_be_answered_200_when_it_repeats_itself() {
    let app = TestApp::spawn().await;
    app.set(|settings| settings.repeat_is_success = true).await;
    let members = numbered(&app, "again");
    let first = app.call("/payment/pay", &members).await;
    let again = app.call("/payment/pay", &members).await;
    assert_eq!((&first["code"], &again["code"]), (&json!(200), &json!(200)));
    assert_eq!(first["data"]["sn"], again["data"]["sn"]);
    let mut other = members.clone();
    other["total_fee"] = 1.into();
    assert_eq!(app.call("/payment/pay", &other).await["code"], 40106);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_equal_orders_at_once_are_one_order() {
    let app = TestApp::spawn().await;
    let members = numbered(&app, "at-once");
    let calls = (0..PARALLEL).map(|_| app.call("/payment/pay", &members));
    let answers = futures_util::future::join_all(calls).await;
    let codes: Vec<_> = answers.iter().map(|answer| answer["code"].as_i64().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == 200).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| [200, 40106].contains(code)), "{codes:?}");
    let sns: BTreeSet<_> = answers.iter().map(|answer| answer["data"]["sn"].to_string()).collect();
    assert_eq!(sns.len(), 1, "{sns:?}");
    assert_eq!(app.orders().await, 1);
    let sn = answers[0]["data"]["sn"].as_str().unwrap();
    let placed = app.said(sn).await.iter().filter(|what| *what == "out place").count();
    assert_eq!(placed, 1, "the upstream was asked once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_again_and_closing_what_is_paid_is_refused() {
    let app = TestApp::spawn().await;
    for product in [101, 102, 201, 202, 304] {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        let closed = app.close(&sn).await;
        assert_eq!(closed["code"], 200, "{product}: {closed}");
        assert_eq!(closed["data"]["trade_state"], "CLOSED");
        assert_eq!(app.close(&sn).await["code"], 40103, "{product}");
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({ "fault": "lost" })).await;
        for _ in 0..2 {
            assert_eq!(app.close(&sn).await["code"], 40101, "{product}");
        }
        assert_eq!(app.stored(&sn).await.state, TradeState::Success);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_and_paying_at_once_ends_in_one_truth() {
    let app = TestApp::spawn().await;
    for product in [102, 202, 304] {
        for _ in 0..8 {
            let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
            app.open_page(&sn, "wechat").await;
            let wish = json!({});
            let (closed, paid) = tokio::join!(app.close(&sn), app.pay(&sn, &wish));
            let is_paid = paid["paid"] == true;
            let expect = if is_paid { 1234 } else { 0 };
            app.wait("what was paid to be booked", async || {
                (app.booked(&sn, Book::ChannelReceivable).await == expect).then_some(())
            })
            .await;
            let state = app.stored(&sn).await.state;
            match closed["code"].as_i64().unwrap() {
                200 => assert_eq!(state, TradeState::Closed, "{closed}"),
                40101 => assert_eq!(state, TradeState::Success, "{closed}"),
                492_004 => assert_ne!(state, TradeState::Closed, "{closed}"),
                _ => panic!("{closed}"),
            }
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_merchants_order_is_not_found() {
    let app = TestApp::spawn().await;
    let data = app.call("/payment/pay", &numbered(&app, "mine")).await["data"].clone();
    let sn = data["sn"].as_str().unwrap();
    app.pay(sn, &json!({})).await;
    let transaction_id = app.wait_state(sn, "SUCCESS").await.payment.unwrap().transaction_id;
    let wish = MerchantWish { name: "隔壁".into(), ..MerchantWish::default() };
    let made = app.demo.gateway.add_merchant("test", wish).await.unwrap();
    for (name, value) in [
        ("sn", sn),
        ("order_sn", sn),
        ("out_trade_no", "mine"),
        ("transaction_id", &transaction_id),
    ] {
        for path in ["/order/query", "/order/close"] {
            let mut members = json!({ "mch_id": made.mch_id.to_string() });
            members[name] = value.into();
            let answer = app.call_with(&made.key, path, &members).await;
            assert_eq!(answer["code"], 40102, "{name} {path}: {answer}");
            assert_eq!(answer.get("data"), None);
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_goes_by_sn_then_out_trade_no_then_transaction_id() {
    let app = TestApp::spawn().await;
    let mut orders = Vec::new();
    for number in ["first", "second", "third"] {
        let data = app.call("/payment/pay", &numbered(&app, number)).await["data"].clone();
        let sn = data["sn"].as_str().unwrap().to_owned();
        app.pay(&sn, &json!({})).await;
        let payment = app.wait_state(&sn, "SUCCESS").await.payment.unwrap();
        orders.push((sn, payment.transaction_id));
    }
    let names = [
        ("sn", orders[0].0.clone()),
        ("out_trade_no", "second".to_owned()),
        ("transaction_id", orders[2].1.clone()),
    ];
    for at in 0..names.len() {
        let mut members = json!({ "mch_id": MERCHANT.mch_id.to_string() });
        for (name, value) in &names[at..] {
            members[*name] = value.as_str().into();
        }
        let answer = app.call("/order/query", &members).await;
        assert_eq!(answer["data"]["sn"], orders[at].0.as_str(), "{members}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_before_a_restart_is_finished_after_it() {
    let app = TestApp::spawn().await;
    app.merchant.answers(500, "");
    let [told, lost, waits] = [202, 102, 304];
    let told = app.place(told).await["sn"].as_str().unwrap().to_owned();
    app.pay(&told, &json!({})).await;
    app.wait_state(&told, "SUCCESS").await;
    app.wait_notices(1).await;
    app.script_times(("alipay", "query"), "busy", 1).await;
    let lost = app.place(lost).await["sn"].as_str().unwrap().to_owned();
    app.pay(&lost, &json!({ "fault": "lost" })).await;
    let waits = app.place(waits).await["sn"].as_str().unwrap().to_owned();
    let app = app.restart().await;
    app.merchant.answers(200, "success");
    assert_eq!(app.orders().await, 3);
    assert_eq!(app.query(&told).await["data"]["trade_state"], "SUCCESS");
    assert_eq!(app.query(&waits).await["data"]["trade_state"], "NOTPAY");
    app.sweep_until(&lost, "SUCCESS").await;
    app.advance(60);
    for sn in [&told, &lost] {
        app.wait_notice_state(sn, NoticeState::Delivered).await;
        assert_eq!(app.notices(sn).await.len(), 1);
        assert_eq!(app.booked(sn, Book::ChannelReceivable).await, 1234);
    }
    app.pay(&waits, &json!({ "wallet": "wechat" })).await;
    app.wait_state(&waits, "SUCCESS").await;
    let fresh = app.place(202).await;
    assert!(fresh["sn"].as_str().unwrap() > waits.as_str(), "numbers go on ascending");
    app.finish().await;
}
