//! Money that comes too late, or twice: recorded, and then honoured or given back by policy. It is never
//! lost.

use kernel::application::LatePayment;
use kernel::ledger::Book;
use kernel::notice::NoticeState;
use kernel::order::AttemptState;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Products whose code or page lives on at Alipay although nobody had opened it when it was closed.
const LIVE_ON: [i64; 2] = [101, 102];

/// Places an order and closes it; at Alipay its code or page lives on, and a payer has it before
/// them.
async fn closed_order(app: &TestApp, product: i64) -> String {
    let data: Value = app.place(product).await;
    let sn = data["sn"].as_str().unwrap().to_owned();
    assert_eq!(app.close(&sn).await["code"], 200);
    assert_eq!(app.stored(&sn).await.state, TradeState::Closed);
    let page = app.client.get(data["qrcode"].as_str().unwrap()).send().await.unwrap();
    assert!(page.status().is_success() || page.status().is_redirection(), "{}", page.status());
    sn
}

async fn refunds(app: &TestApp, sn: &str) -> Vec<Refund> {
    let order = app.stored(sn).await;
    let store = app.demo.gateway.store();
    store::refunds::of_order(store, order.mch_id, order.id).await.unwrap()
}

/// How often the upstream was asked to give money back.
async fn asked(app: &TestApp, sn: &str) -> usize {
    app.said(sn).await.iter().filter(|said| *said == "out refund").count()
}

/// Waits until the upstream has been asked to give back the one payment that the order does not want.
/// Nothing is on its way then, and the clock may be moved.
async fn owed(app: &TestApp, sn: &str) -> Refund {
    app.wait("the payment to be asked back", async || (asked(app, sn).await > 0).then_some(()))
        .await;
    let refunds = refunds(app, sn).await;
    assert_eq!(refunds.len(), 1, "{refunds:?}");
    assert_eq!((refunds[0].cause, refunds[0].amount.minor), (RefundCause::Surplus, 1234));
    refunds[0].clone()
}

async fn sweep_until_back(app: &TestApp, sn: &str) {
    for _ in 0..8 {
        let before = app.stored(sn).await;
        if refunds(app, sn).await[0].state == RefundState::Done {
            return;
        }
        app.sweep_from(sn, &before).await;
    }
}

/// Waits until what is owed has gone back: to that attempt's payer, once, and the books say so.
async fn given_back(app: &TestApp, sn: &str, attempt_no: i64) {
    assert_eq!(owed(app, sn).await.attempt_no, attempt_no);
    sweep_until_back(app, sn).await;
    let refunds = refunds(app, sn).await;
    assert_eq!((refunds.len(), refunds[0].state), (1, RefundState::Done), "{refunds:?}");
    assert!(refunds[0].done.as_ref().is_some_and(|done| done.cash.minor == 1234));
    assert_eq!(app.booked(sn, Book::RefundDue).await, 0);
    assert_eq!(asked(app, sn).await, 1, "{:?}", app.said(sn).await);
    assert_eq!(app.audited("refund needs a person").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_money_is_given_back_and_the_order_stays_closed() {
    let app = TestApp::spawn().await;
    for (at, product) in LIVE_ON.into_iter().enumerate() {
        let sn = closed_order(&app, product).await;
        app.pay(&sn, &json!({})).await;
        given_back(&app, &sn, 1).await;
        assert_eq!(app.stored(&sn).await.state, TradeState::Closed);
        assert_eq!(app.attempts(&sn).await[0].state, AttemptState::Surplus);
        for book in Book::ALL {
            assert_eq!(app.booked(&sn, book).await, 0, "{book:?}");
        }
        assert_eq!(app.audited("surplus payment").await, at + 1);
        assert!(app.notices(&sn).await.is_empty());
        assert_eq!(app.query(&sn).await["data"]["trade_state"], "CLOSED");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_money_is_honoured_where_the_merchant_wants_it() {
    let app = TestApp::spawn().await;
    app.set(|settings| settings.late_payment = LatePayment::Honour).await;
    for (at, product) in LIVE_ON.into_iter().enumerate() {
        let sn = closed_order(&app, product).await;
        app.pay(&sn, &json!({})).await;
        app.wait_state(&sn, "SUCCESS").await;
        app.wait_notice_state(&sn, NoticeState::Delivered).await;
        assert_eq!(app.booked(&sn, Book::RefundDue).await, 0);
        assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 1234);
        assert_eq!(app.audited("late payment honoured").await, at + 1);
        assert_eq!(app.merchant.received()[at].text("trade_state"), "SUCCESS");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_money_whose_callback_is_lost_is_found_when_the_code_has_expired() {
    let app = TestApp::spawn().await;
    for product in LIVE_ON {
        let sn = closed_order(&app, product).await;
        app.pay(&sn, &json!({ "fault": "lost" })).await;
        app.advance(31 * 60);
        given_back(&app, &sn, 1).await;
        assert_eq!(app.stored(&sn).await.state, TradeState::Closed);
        app.wait("nothing to be in doubt any more", async || {
            app.stored(&sn).await.sweep_at.is_none().then_some(())
        })
        .await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_money_is_asked_for_until_the_upstream_has_answered() {
    let app = TestApp::spawn().await;
    let sn = closed_order(&app, 102).await;
    app.pay(&sn, &json!({ "fault": "lost" })).await;
    app.script_times(("alipay", "query"), "dropped_before", 2).await;
    app.clock.shift(31 * 60 * 1000);
    for look in 1..=2 {
        let order = app.sweep(&sn).await;
        assert!(order.sweep_at.is_some(), "look {look}");
        assert_eq!(app.booked(&sn, Book::RefundDue).await, 0, "look {look}");
    }
    app.sweep(&sn).await;
    given_back(&app, &sn, 1).await;
    app.finish().await;
}

/// Makes the store say that the order's first placing was refused. Upstream it stands.
async fn refuse_first(app: &TestApp, sn: &str) {
    let order = app.stored(sn).await;
    let key = [order.mch_id.into(), order.id.into()];
    assert_eq!(app.place.execute(include_str!("refused.sql"), &key).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refusal_left_standing_is_found_although_the_other_wallet_hung_past_the_look_back() {
    let app = TestApp::spawn().await;
    let sn = app.place(304).await["sn"].as_str().unwrap().to_owned();
    app.begin_in_both(&sn).await;
    refuse_first(&app, &sn).await;
    let paid = app.pay(&app.attempts(&sn).await[0].trade_no(), &json!({ "fault": "lost" })).await;
    assert_eq!(paid["paid"], true, "{paid}");
    for op in ["close", "query"] {
        app.script_times(("wechat_v2", op), "error_before", 3).await;
    }
    app.clock.shift(31 * 60 * 1000);
    while app.stored(&sn).await.state != TradeState::Closed {
        app.sweep(&sn).await;
    }
    given_back(&app, &sn, 1).await;
    assert_eq!(app.attempts(&sn).await[0].state, AttemptState::Surplus);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_in_both_wallets_gives_one_payment_back() {
    let app = TestApp::spawn().await;
    let sn = app.place(304).await["sn"].as_str().unwrap().to_owned();
    app.begin_in_both(&sn).await;
    for attempt in app.attempts(&sn).await {
        let paid = app.pay(&attempt.trade_no(), &json!({ "fault": "lost" })).await;
        assert_eq!(paid["paid"], true, "{paid}");
    }
    assert_eq!(app.query(&sn).await["data"]["trade_state"], "SUCCESS");
    app.advance(32 * 60);
    given_back(&app, &sn, 1).await;
    let states: Vec<_> = app.attempts(&sn).await.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [AttemptState::Surplus, AttemptState::Paid]);
    assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 1234);
    assert_eq!(app.audited("surplus payment").await, 1);
    app.wait_notice_state(&sn, NoticeState::Delivered).await;
    assert_eq!(app.notices(&sn).await.len(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_an_order_is_paid_the_other_wallet_is_closed() {
    let app = TestApp::spawn().await;
    for (first, other) in [("alipay", "wechat"), ("wechat", "alipay")] {
        let sn = app.place(304).await["sn"].as_str().unwrap().to_owned();
        app.open_page(&sn, other).await;
        app.open_page(&sn, first).await;
        let [standing, paying] = <[_; 2]>::try_from(app.attempts(&sn).await).unwrap();
        app.pay(&paying.trade_no(), &json!({})).await;
        app.wait_state(&sn, "SUCCESS").await;
        app.wait("the other wallet's order to be closed", async || {
            (app.attempts(&sn).await[0].state == AttemptState::Closed).then_some(())
        })
        .await;
        let refused = app.pay(&standing.trade_no(), &json!({})).await;
        assert_eq!(refused["paid"], false, "{refused}");
        assert_eq!(app.stored(&sn).await.state, TradeState::Success);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_will_not_give_back_yet_stays_owed_until_it_does() {
    let app = TestApp::spawn().await;
    let sn = closed_order(&app, 102).await;
    app.script_times(("alipay", "refund"), "refused", 2).await;
    app.pay(&sn, &json!({})).await;
    app.wait("a person to be called", async || {
        (refunds(&app, &sn).await.first()?.state == RefundState::Stuck).then_some(())
    })
    .await;
    assert_eq!(app.audited("refund needs a person").await, 1);
    assert_eq!(app.booked(&sn, Book::RefundDue).await, -1234);
    let number = &refunds(&app, &sn).await[0];
    let wanted = json!({
        "mch_id": app.mch_id().to_string(), "refund_id": number.refund_no().as_str()
    });
    let hidden = app.call("/order/refundquery", &wanted).await;
    assert_eq!(hidden["code"], 492_002, "it was never the merchant's: {hidden}");
    // A look that is under way puts off the next one: the clock moves until nothing is owed.
    app.wait("the money to go back", async || {
        app.advance(601);
        (refunds(&app, &sn).await[0].state == RefundState::Done).then_some(())
    })
    .await;
    // What a callback has made known may be committed before the words of the question that is under way.
    app.wait("three questions", async || (asked(&app, &sn).await > 2).then_some(())).await;
    assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 0);
    assert_eq!(app.stored(&sn).await.state, TradeState::Closed);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_surplus_that_is_lost_on_its_way_is_not_done_twice() {
    let app = TestApp::spawn().await;
    for (fault, times) in [("dropped_before", 2), ("dropped_after", 1)] {
        let sn = closed_order(&app, 102).await;
        app.script_times(("alipay", "refund"), fault, 1).await;
        app.pay(&sn, &json!({})).await;
        assert_eq!(owed(&app, &sn).await.attempt_no, 1);
        sweep_until_back(&app, &sn).await;
        assert_eq!(asked(&app, &sn).await, times, "{fault}");
        for book in Book::ALL {
            assert_eq!(app.booked(&sn, book).await, 0, "{fault} {book:?}");
        }
    }
    app.finish().await;
}
