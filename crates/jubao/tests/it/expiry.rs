//! Orders that nobody pays in time: closed upstream first, asked once more, and only then with us.

use kernel::ledger::Book;
use kernel::refund::{RefundCause, RefundState};
use kernel::state::TradeState;
use serde_json::json;

use crate::app::TestApp;

/// An order that says nothing else waits for half an hour.
const LIFE_S: i64 = 30 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn an_unpaid_order_is_closed_upstream_and_then_with_us() {
    let app = TestApp::spawn().await;
    let mut placed = Vec::new();
    for product in [101, 102, 201, 202, 304] {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        placed.push((product, sn));
    }
    app.advance(LIFE_S + 1);
    for (product, sn) in &placed {
        app.wait_state(sn, "CLOSED").await;
        let said = app.said(sn).await;
        assert_eq!(said.contains(&"out close".to_owned()), *product != 304, "{product}: {said:?}");
        assert!(app.attempts(sn).await.iter().all(|attempt| !attempt.state.is_live()));
        assert!(app.notices(sn).await.is_empty());
        assert_eq!(app.close(sn).await["code"], 40103);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_its_payer_never_opened_ends_where_the_upstream_closes_nothing() {
    let app = TestApp::spawn().await;
    let sn = app.place(103).await["sn"].as_str().unwrap().to_owned();
    assert_eq!(app.close(&sn).await["code"], 492_004, "the payer may still open it");
    assert!(app.stored(&sn).await.state.is_open());
    app.advance(LIFE_S + 1);
    app.wait_state(&sn, "CLOSED").await;
    let late = app.pay(&sn, &json!({})).await;
    assert_eq!(late["paid"], true, "the text that was signed is good for longer: {late}");
    // That the money is due may be over before anybody looks: the refund of it is what stays.
    app.wait("the money to go back", async || {
        let order = app.stored(&sn).await;
        let store = app.demo.gateway.store();
        let refunds = store::refunds::of_order(store, order.mch_id, order.id).await.unwrap();
        let refund = refunds.first()?;
        let is_back = refund.state == RefundState::Done;
        (refund.cause == RefundCause::Surplus && refund.amount.minor == 1234 && is_back)
            .then_some(())
    })
    .await;
    assert_eq!(app.booked(&sn, Book::RefundDue).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_opened_in_both_wallets_is_closed_in_both() {
    let app = TestApp::spawn().await;
    let sn = app.place(304).await["sn"].as_str().unwrap().to_owned();
    app.open_page(&sn, "alipay").await;
    app.open_page(&sn, "wechat").await;
    assert_eq!(app.attempts(&sn).await.len(), 2);
    app.advance(LIFE_S + 1);
    app.wait_state(&sn, "CLOSED").await;
    for wallet in ["alipay", "wechat"] {
        let paid = app.pay(&sn, &json!({ "wallet": wallet })).await;
        assert_eq!(paid["paid"], false, "{paid}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_at_the_last_moment_is_paid() {
    let app = TestApp::spawn().await;
    for product in [101, 102, 201, 202, 304] {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.script_times(("alipay", "query"), "busy", 1).await;
        app.script_times(("wechat", "query"), "busy", 1).await;
        app.clock.shift((LIFE_S - 15) * 1000);
        let paid = app.pay(&sn, &json!({ "fault": "lost" })).await;
        assert_eq!(paid["paid"], true, "{product}: {paid}");
        app.advance(15);
        app.sweep_until(&sn, "SUCCESS").await;
        assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 1234);
        assert_eq!(app.booked(&sn, Book::RefundDue).await, 0);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_order_stays_open_until_its_upstream_has_answered() {
    let app = TestApp::spawn().await;
    for (product, channel) in [(102, "alipay"), (202, "wechat")] {
        let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
        app.script_times((channel, "close"), "dropped_before", 3).await;
        app.script_times((channel, "query"), "dropped_before", 3).await;
        app.clock.shift(LIFE_S * 1000);
        for look in 1..=3 {
            let order = app.sweep(&sn).await;
            assert!(order.state.is_open(), "{channel}, look {look}");
            assert_eq!(order.sweeps, look);
        }
        assert_eq!(app.sweep(&sn).await.state, TradeState::Closed, "{channel}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_expire_is_kept_to_by_us_and_by_the_upstream() {
    let app = TestApp::spawn().await;
    for product in [102, 202, 304] {
        let waits = app.place(product).await["sn"].as_str().unwrap().to_owned();
        let mut members = app.order(product);
        members["time_expire"] = (app.demo.gateway.now().seconds() + 120).into();
        let answer = app.call("/payment/pay", &members).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let sn = answer["data"]["sn"].as_str().unwrap().to_owned();
        app.advance(121);
        assert_eq!(app.pay(&sn, &json!({})).await["paid"], false, "{product}");
        app.wait_state(&sn, "CLOSED").await;
        assert!(app.stored(&waits).await.state.is_open());
    }
    app.finish().await;
}
