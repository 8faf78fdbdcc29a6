//! A payment, end to end, through every product.

use jubao::signing;
use kernel::ledger::Book;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn every_product_is_placed_paid_notified_and_queried() {
    let app = TestApp::spawn().await;
    for (at, product) in [101, 102, 201, 202, 304].into_iter().enumerate() {
        let data = app.place(product).await;
        assert!(!data["qrcode"].as_str().unwrap().is_empty());
        let sn = data["sn"].as_str().unwrap();
        let paid = app.pay(sn, &json!({})).await;
        assert_eq!(paid["paid"], true, "{paid}");
        app.wait_state(sn, "SUCCESS").await;
        let received = app.wait_notices(at + 1).await;
        let notice = &received[at];
        assert!(signing::is_signed(&notice.members, &app.key()), "{notice:?}");
        assert_eq!((notice.text("sn"), notice.text("total_fee")), (sn, "1234"));
        let answer = app.query(sn).await;
        assert_eq!(answer["data"]["trade_state"], "SUCCESS", "{answer}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mixed_code_is_paid_in_every_wallet() {
    let app = TestApp::spawn().await;
    for wallet in ["alipay", "wechat", "unionpay"] {
        let data = app.place(304).await;
        assert_eq!(data["provider"], "聚宝");
        let sn = data["sn"].as_str().unwrap();
        app.pay(sn, &json!({ "wallet": wallet })).await;
        app.wait_state(sn, "SUCCESS").await;
        let answer = app.query(sn).await;
        assert_eq!(answer["data"]["provider"], wallet, "{answer}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_with_an_upstream_is_kept_with_its_order() {
    let app = TestApp::spawn().await;
    let data = app.place(202).await;
    let sn = data["sn"].as_str().unwrap();
    app.pay(sn, &json!({})).await;
    app.wait_state(sn, "SUCCESS").await;
    // The first answer is signed with a key that had to be fetched.
    let expect = ["out place", "in place", "out keys", "in keys", "in callback"];
    assert_eq!(app.said(sn).await, expect);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fee_is_rounded_once() {
    let app = TestApp::spawn().await;
    // 0.6 % of 7.42 is 4.452 fen: by way of tenths it would become 5.
    for (total_fee, fee) in [(742, 4), (750, 5), (83, 0), (84, 1)] {
        let mut order = app.order(102);
        order["total_fee"] = json!(total_fee);
        let answer = app.call("/payment/pay", &order).await;
        let sn = answer["data"]["sn"].as_str().unwrap();
        app.pay(sn, &json!({})).await;
        app.wait_state(sn, "SUCCESS").await;
        assert_eq!(-app.booked(sn, Book::FeeIncome).await, fee, "{total_fee}");
        assert_eq!(-app.booked(sn, Book::MerchantPayable).await, total_fee - fee);
    }
    app.finish().await;
}
