//! Everything at once on one paid order, with threads, sockets and the embedded store: whatever wins,
//! never more goes back than was paid, and in the end both sides agree.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::books;
use super::judge::{self, Scales, Truth};
use super::world::TOTAL_FEE;
use crate::app::TestApp;
use crate::leaks::{self, Kind};

/// Orders that are fought over, for each wallet.
const ROUNDS: usize = 4;
/// How codes of the wallets begin, with the name of the upstream that charges them.
const WALLETS: [(&str, &str); 3] =
    [("alipay", "2876543210123"), ("wechat", "1312345678901"), ("unionpay", "62123456789010")];
/// Looks of the sweeper in which both sides must agree.
const LOOKS: usize = 30;
/// Between two of them, in milliseconds; it is waited for what is under way: a clock that jumps while an
/// order is looked at costs that look its lease.
const QUIET_MS: u64 = 20;

/// What the upstream of that name has of an order.
fn truth(app: &TestApp, upstream: &str, sn: &str) -> Truth {
    app.demo.sims.save();
    let text = std::fs::read_to_string(app.folder.path().join("upstreams.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    Truth::of(books::read(upstream, &all[upstream], app.demo.gateway.now()), sn)
}

/// Places a barcode order that is charged behind a system error: mostly nobody here knows that it is paid.
async fn charged(app: &TestApp, (upstream, begin): (&str, &str), round: usize) -> String {
    let code = format!("{begin}{:03}05", 100 + round);
    leaks::secret(Kind::Code, "a payer's code", code.as_bytes());
    let mut members = app.order(401);
    members["code"] = code.into();
    let answer = app.call("/payment/pay", &members).await;
    // Where the callback is faster than the error, it is known.
    let is_placed = [200, 201].map(Value::from).contains(&answer["code"]);
    assert!(is_placed, "{upstream}: {answer}");
    answer["data"]["sn"].as_str().unwrap().to_owned()
}

/// Lets the sweeper look whenever it wants to, and says what does not agree in the end.
async fn until_both_agree(app: &TestApp, upstream: &str, sn: &str) -> Vec<String> {
    let mut wrongs = Vec::new();
    for _ in 0..LOOKS {
        let before = app.stored(sn).await;
        let store = app.demo.gateway.store();
        let scales = Scales { store, sn, truth: truth(app, upstream, sn) };
        wrongs = scales.differences().await;
        if wrongs.is_empty() || before.sweep_at.is_none() {
            return wrongs;
        }
        tokio::time::sleep(Duration::from_millis(QUIET_MS)).await;
        if app.stored(sn).await == before {
            app.sweep_from(sn, &before).await;
        }
        let members = json!({ "mch_id": app.mch_id().to_string(), "sn": sn });
        app.call("/order/query", &members).await;
    }
    wrongs
}

#[tokio::test(flavor = "multi_thread")]
async fn reversals_refunds_queries_and_callbacks_at_once_give_back_what_was_paid_and_no_more() {
    let app = TestApp::spawn().await;
    let mch_id = app.mch_id().to_string();
    for wallet in WALLETS {
        for round in 0..ROUNDS {
            let sn = charged(&app, wallet, round).await;
            let call = |path: &'static str, mut members: Value| {
                members["mch_id"] = mch_id.clone().into();
                members["sn"] = sn.clone().into();
                let app = &app;
                async move { app.call(path, &members).await }
            };
            // In half of the rounds the payment is known when it begins.
            if round % 2 == 0 {
                call("/order/query", json!({})).await;
            }
            let part = TOTAL_FEE * 6 / 10;
            let refunds = (0..4).map(|at| {
                let number = format!("{sn}-{at}");
                call("/payment/refund", json!({ "out_refund_no": number, "refund_fee": part }))
            });
            let reversals = (0..3).map(|_| call("/order/reverse", json!({})));
            let queries = (0..3).map(|_| call("/order/query", json!({})));
            // The sweeper and the callbacks of the refunds are at it as well.
            app.advance(6);
            let (refunds, reversals, _) =
                tokio::join!(join_all(refunds), join_all(reversals), join_all(queries));
            let taken = refunds.iter().filter(|answer| answer["code"] == 200).count();
            assert!(taken <= 1, "{wallet:?} {round}: {refunds:?} {reversals:?}");
            let wrongs = until_both_agree(&app, wallet.0, &sn).await;
            assert_eq!(wrongs, [""; 0], "{wallet:?} {round}: {refunds:?} {reversals:?}");
            let order = app.stored(&sn).await;
            assert!(order.total_refund_fee <= TOTAL_FEE, "{order:?}");
        }
    }
    assert_eq!(judge::whole(app.demo.gateway.store()).await, [""; 0]);
    app.finish().await;
}
