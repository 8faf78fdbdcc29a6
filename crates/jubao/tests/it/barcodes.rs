//! Barcode payments: charged at once, asked about while the payer acts, reversed when nobody knows. The
//! last two digits of a code choose what the simulated payer does.

use kernel::ledger::Book;
use kernel::notice::NoticeState;
use kernel::refund::{Refund, RefundCause};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::leaks::{self, Kind};

/// How codes of the wallets begin.
const WALLETS: [(&str, &str); 3] =
    [("alipay", "2876543210123"), ("wechat", "1312345678901"), ("unionpay", "62123456789010")];

/// A code of a wallet that was never used: `serial` makes it one.
fn code(prefix: &str, serial: usize, outcome: &str) -> String {
    let code = format!("{prefix}{serial:03}{outcome}");
    leaks::secret(Kind::Code, "a payer's code", code.as_bytes());
    code
}

async fn charge(app: &TestApp, number: &str, code: &str) -> Value {
    let mut members = app.order(401);
    members["code"] = code.into();
    members["out_trade_no"] = number.into();
    app.call("/payment/pay", &members).await
}

async fn reverse(app: &TestApp, sn: &str) -> Value {
    let members = json!({ "mch_id": app.mch_id().to_string(), "sn": sn });
    app.call("/order/reverse", &members).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charged_code_is_paid_told_and_not_used_twice() {
    let app = TestApp::spawn().await;
    for (wallet, prefix) in WALLETS {
        let code = code(prefix, 1, "00");
        let answer = charge(&app, wallet, &code).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let data = &answer["data"];
        assert_eq!((&data["trade_state"], &data["provider"]), (&json!("SUCCESS"), &json!(wallet)));
        assert_eq!(data["trade_type"], "MICROPAY");
        app.wait_notice_state(data["sn"].as_str().unwrap(), NoticeState::Delivered).await;
        let mut again = app.order(401);
        again["code"] = code.into();
        again["out_trade_no"] = format!("again-{wallet}").into();
        let again = app.call("/payment/pay", &again).await;
        assert_eq!(again["code"], 40111, "{again}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_ends_where_the_upstream_says() {
    let app = TestApp::spawn().await;
    let outcomes = [
        ("01", 201, "SUCCESS"),
        ("02", 201, "REVOKED"),
        ("03", 40500, "PAYERROR"),
        ("04", 40111, "PAYERROR"),
        ("05", 201, "SUCCESS"),
        ("06", 201, "REVOKED"),
        ("07", 201, "SUCCESS"),
    ];
    for (wallet, prefix) in WALLETS {
        for (outcome, told, end) in outcomes {
            // WeChat Pay and UnionPay say that a payer who cancels has failed; Alipay waits for him.
            // UnionPay says in the end that what was not answered has failed.
            let end = match (wallet, outcome) {
                ("wechat" | "unionpay", "02") | ("unionpay", "06") => "PAYERROR",
                _ => end,
            };
            let code = code(prefix, 2, outcome);
            let number = format!("{wallet}-{outcome}");
            let answer = charge(&app, &number, &code).await;
            assert_eq!(answer["code"], told, "{wallet} {outcome}: {answer}");
            if told == 201 {
                assert_eq!(answer["ret"], 201, "{answer}");
                assert_eq!(answer["data"]["trade_state"], "USERPAYING", "{answer}");
            }
            let wish = json!({ "mch_id": app.mch_id().to_string(), "out_trade_no": number });
            let found = app.call("/order/query", &wish).await;
            let sn = found["data"]["sn"].as_str().unwrap().to_owned();
            for _ in 0..30 {
                if app.stored(&sn).await.state.word() == end {
                    break;
                }
                app.advance(10);
                tokio::task::yield_now().await;
                app.call("/order/query", &wish).await;
            }
            let order = app.stored(&sn).await;
            assert_eq!(order.state.word(), end, "{wallet} {outcome}");
            let held = if end == "SUCCESS" { 1234 } else { 0 };
            assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, held, "{wallet} {outcome}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_barcode_order_is_reversed_and_its_money_goes_back() {
    let app = TestApp::spawn().await;
    for (wallet, prefix) in WALLETS {
        let answer = charge(&app, wallet, &code(prefix, 3, "00")).await;
        let sn = answer["data"]["sn"].as_str().unwrap().to_owned();
        let reversed = reverse(&app, &sn).await;
        assert!([200, 492_004].map(Value::from).contains(&reversed["code"]), "{reversed}");
        let order = app.sweep_until(&sn, "REVOKED").await;
        assert_eq!(order.total_refund_fee, 1234, "{wallet}");
        for book in Book::ALL {
            assert_eq!(app.booked(&sn, book).await, 0, "{wallet} {book:?}");
        }
        assert_eq!(reverse(&app, &sn).await["code"], 40104);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reversal_gave_back_is_no_refund_that_the_merchant_can_ask_for() {
    let app = TestApp::spawn().await;
    let (wallet, prefix) = WALLETS[1];
    let answer = charge(&app, wallet, &code(prefix, 7, "00")).await;
    let sn = answer["data"]["sn"].as_str().unwrap().to_owned();
    let mch_id = app.mch_id().to_string();
    // The number that a reversal had once is an ordinary one: it cannot stand in a reversal's way.
    let taken = json!({
        "mch_id": mch_id, "sn": sn, "out_refund_no": format!("REVERSE{sn}"), "refund_fee": 1,
    });
    assert_eq!(app.call("/payment/refund", &taken).await["code"], 200);
    reverse(&app, &sn).await;
    let order = app.sweep_until(&sn, "REVOKED").await;
    let store = app.demo.gateway.store();
    let refunds = store::refunds::of_order(store, order.mch_id, order.id).await.unwrap();
    let (own, others): (Vec<_>, Vec<_>) =
        refunds.into_iter().partition(|refund| refund.cause == RefundCause::Merchant);
    assert_eq!((own.len(), own[0].amount.minor), (1, 1));
    assert!(!others.is_empty());
    let find = async |refund: &Refund| {
        let number = refund.refund_no();
        let wanted = json!({ "mch_id": mch_id, "refund_id": number.as_str() });
        app.call("/order/refundquery", &wanted).await["code"].clone()
    };
    assert_eq!(find(&own[0]).await, 200);
    for refund in &others {
        assert!(refund.out_refund_no.contains(' '), "{refund:?}");
        assert_eq!(find(refund).await, 492_002, "{refund:?}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_counts_only_when_the_upstream_has_said_so() {
    let app = TestApp::spawn().await;
    for (serial, fault) in (20..).zip(["dropped_before", "error_before", "busy"]) {
        let code = code(WALLETS[0].1, serial, "02");
        let sn = charge(&app, fault, &code).await["data"]["sn"].as_str().unwrap().to_owned();
        app.script("alipay", "reverse", fault).await;
        let answer = reverse(&app, &sn).await;
        assert_eq!(answer["code"], 492_004, "{fault}: {answer}");
        assert_eq!(app.stored(&sn).await.state.word(), "USERPAYING", "{fault}");
        assert_eq!(reverse(&app, &sn).await["data"]["trade_state"], "REVOKED", "{fault}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_reversed_has_its_code() {
    let app = TestApp::spawn().await;
    let scanned = app.place(102).await["sn"].as_str().unwrap().to_owned();
    assert_eq!(reverse(&app, &scanned).await["code"], 40100);
    let answer = charge(&app, "old", &code(WALLETS[0].1, 4, "00")).await;
    let sn = answer["data"]["sn"].as_str().unwrap();
    app.clock.shift(16 * 60 * 1000);
    assert_eq!(reverse(&app, sn).await["code"], 40100, "a query's body must not undo it");
    let now = app.demo.gateway.now().seconds();
    for (timestamp, nonce, is_fresh) in
        [(now, "", false), (now - 301, "n1", false), (now, "n2", true)]
    {
        let members = json!({
            "mch_id": app.mch_id().to_string(), "sn": sn, "timestamp": timestamp,
            "nonce_str": nonce,
        });
        let answer = app.call("/order/reverse", &members).await;
        assert_eq!(answer["code"] != 40100, is_fresh, "{timestamp} {nonce}: {answer}");
    }
    app.sweep_until(sn, "REVOKED").await;
    let mut members = app.order(401);
    members["code"] = code(WALLETS[0].1, 5, "00").into();
    members["provider"] = "wechat".into();
    assert_eq!(app.call("/payment/pay", &members).await["code"], 492_001);
    members["code"] = Value::Null;
    assert_eq!(app.call("/payment/pay", &members).await["code"], 40109);
    app.finish().await;
}
