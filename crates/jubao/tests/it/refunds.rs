//! Refunds: reserved before the upstream hears of them, done once whatever goes wrong, never more than
//! was paid.

use channels::sim::OpFaultKind;
use kernel::ledger::Book;
use kernel::state::TradeState;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::foreign::run;
use crate::users;

/// Products with an upstream that refunds, and its name.
const DIRECT: [(i64, &str); 2] = [(102, "alipay"), (202, "wechat")];
/// What the orders here cost.
const PAID: i64 = 1234;

async fn paid_order(app: &TestApp, product: i64) -> String {
    let sn = app.place(product).await["sn"].as_str().unwrap().to_owned();
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    sn
}

async fn refund(app: &TestApp, sn: &str, more: Value) -> Value {
    let mut members = json!({ "mch_id": app.mch_id().to_string(), "sn": sn });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call("/payment/refund", &members).await
}

async fn status(app: &TestApp, number: &str) -> Value {
    let members = json!({ "mch_id": app.mch_id().to_string(), "out_refund_no": number });
    app.call("/order/refundquery", &members).await
}

/// Lets the upstream finish, and us hear of it.
async fn refunded(app: &TestApp, sn: &str, number: &str) -> Value {
    for _ in 0..8 {
        let before = app.stored(sn).await;
        let answer = status(app, number).await;
        if answer["data"]["refund_status"] == "SUCCESS" {
            return answer["data"].clone();
        }
        app.sweep_from(sn, &before).await;
    }
    panic!("{number} is not done: {}", status(app, number).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_refunded_in_parts_until_nothing_is_left() {
    let app = TestApp::spawn().await;
    for (product, channel) in DIRECT {
        let sn = paid_order(&app, product).await;
        let number = format!("{channel}-1");
        let wish = json!({ "out_refund_no": number, "refund_fee": 500, "refund_desc": "少了一件" });
        let answer = refund(&app, &sn, wish.clone()).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let data = refunded(&app, &sn, &number).await;
        assert_eq!((&data["refund_fee"], &data["trade_state"]), (&json!(500), &json!("SUCCESS")));
        assert_eq!((&data["total_refund_fee"], &data["refundable"]), (&json!(500), &json!(734)));
        assert_eq!(data["refund_desc"], "少了一件");
        let again = refund(&app, &sn, wish).await;
        assert_eq!(again["data"]["refund_id"], data["refund_id"], "{again}");
        let other = json!({ "out_refund_no": number, "refund_fee": 501 });
        assert_eq!(refund(&app, &sn, other).await["code"], 493_001);
        let over = json!({ "out_refund_no": "over", "refund_fee": 735 });
        assert_eq!(refund(&app, &sn, over).await["code"], 492_001);
        let rest = format!("{channel}-2");
        let answer = refund(&app, &sn, json!({ "out_refund_no": rest })).await;
        assert_eq!(answer["data"]["refund_fee"], 734, "{answer}");
        let data = refunded(&app, &sn, &rest).await;
        assert_eq!((&data["trade_state"], &data["status"]), (&json!("REFUND"), &json!(3)));
        for book in Book::ALL {
            assert_eq!(app.booked(&sn, book).await, 0, "{channel} {book:?}");
        }
        let none = refund(&app, &sn, json!({ "out_refund_no": "none" })).await;
        assert_eq!(none["code"], 40105, "{none}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_refunded_has_its_code() {
    let app = TestApp::spawn().await;
    let open = app.place(102).await["sn"].as_str().unwrap().to_owned();
    let wish = json!({ "out_refund_no": "r", "refund_fee": 1 });
    assert_eq!(refund(&app, &open, wish.clone()).await["code"], 40100);
    assert_eq!(refund(&app, &open, json!({})).await["code"], 40109, "a query's body");
    assert_eq!(status(&app, "nothing").await["code"], 492_002);
    app.close(&open).await;
    assert_eq!(refund(&app, &open, wish.clone()).await["code"], 40103);
    let sn = paid_order(&app, 102).await;
    app.clock.shift(366 * 86_400_000);
    assert_eq!(refund(&app, &sn, wish).await["code"], 40108);
    assert_eq!(app.booked(&sn, Book::RefundDue).await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_was_lost_is_done_once() {
    let app = TestApp::spawn().await;
    for (product, channel) in DIRECT {
        let doubtful = OpFaultKind::ALL
            .into_iter()
            .filter(|(kind, _)| !matches!(kind, OpFaultKind::Slow | OpFaultKind::Refused));
        for (_, word) in doubtful {
            let sn = paid_order(&app, product).await;
            let number = format!("{channel}-{word}");
            app.script(channel, "refund", word).await;
            let answer = refund(&app, &sn, json!({ "out_refund_no": number })).await;
            assert_eq!(answer["code"], 200, "{channel} {word}: {answer}");
            assert_eq!(answer["data"]["total_refund_fee"], PAID, "{channel} {word}: {answer}");
            let data = refunded(&app, &sn, &number).await;
            assert_eq!(data["trade_state"], "REFUND", "{channel} {word}: {data}");
            assert_eq!(app.booked(&sn, Book::ChannelReceivable).await, 0, "{channel} {word}");
        }
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_may_be_on_its_way_is_not_asked_for_again() {
    let app = TestApp::spawn().await;
    let sn = paid_order(&app, 102).await;
    let asked = async || {
        let said = app.said(&sn).await;
        said.iter().filter(|one| one.as_str() == "out refund").count()
    };
    app.script("alipay", "refund", "dropped_before").await;
    let wish = json!({ "out_refund_no": "once", "refund_fee": 100 });
    assert_eq!(refund(&app, &sn, wish.clone()).await["data"]["refund_status"], "PROCESSING");
    for _ in 0..5 {
        app.advance(10);
        assert_eq!(refund(&app, &sn, wish.clone()).await["code"], 200);
        status(&app, "once").await;
    }
    assert_eq!(asked().await, 1);
    refunded(&app, &sn, "once").await;
    assert_eq!(asked().await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_the_upstream_refused_gives_the_money_back_to_the_merchant() {
    let app = TestApp::spawn().await;
    for (product, channel) in DIRECT {
        let sn = paid_order(&app, product).await;
        let wish = json!({ "out_refund_no": channel, "refund_fee": 1000 });
        app.script(channel, "refund", "refused").await;
        let answer = refund(&app, &sn, wish.clone()).await;
        assert!([40107, 40500].map(Value::from).contains(&answer["code"]), "{channel}: {answer}");
        assert_eq!(status(&app, channel).await["data"]["refund_status"], "REFUNDCLOSE");
        assert_eq!(app.stored(&sn).await.total_refund_fee, 0);
        assert_eq!(app.booked(&sn, Book::RefundDue).await, 0);
        let again = refund(&app, &sn, wish).await;
        assert_eq!(again["code"], 200, "{channel}: {again}");
        assert_eq!(refunded(&app, &sn, channel).await["total_refund_fee"], 1000);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_refunds_at_once_only_as_much_as_was_paid_goes_back() {
    let app = TestApp::spawn().await;
    let sn = paid_order(&app, 102).await;
    let fee = PAID * 6 / 10;
    let wishes = (0..50).map(|at| {
        refund(&app, &sn, json!({ "out_refund_no": format!("race-{at}"), "refund_fee": fee }))
    });
    let answers = futures_util::future::join_all(wishes).await;
    let taken = answers.iter().filter(|answer| answer["code"] == 200).count();
    let told: Vec<_> = answers.iter().map(|answer| answer["code"].clone()).collect();
    assert_eq!(taken, 1, "{told:?}");
    let allowed = [200, 4006, 492_001].map(Value::from);
    assert!(told.iter().all(|code| allowed.contains(code)), "{told:?}");
    let order = app.stored(&sn).await;
    assert_eq!((order.state, order.total_refund_fee), (TradeState::Success, fee));
    let more = refund(&app, &sn, json!({ "out_refund_no": "more", "refund_fee": fee })).await;
    assert_eq!(more["code"], 492_001, "{more}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_without_a_number_is_done_once_and_answered_for_a_day() {
    let app = TestApp::spawn().await;
    let sn = paid_order(&app, 102).await;
    let first = refund(&app, &sn, json!({ "refund_fee": 100 })).await;
    let again = refund(&app, &sn, json!({ "refund_fee": 100 })).await;
    assert_eq!(first["data"]["refund_id"], again["data"]["refund_id"], "{again}");
    assert_eq!(again["data"]["total_refund_fee"], 100);
    app.clock.shift(25 * 3_600_000);
    assert_eq!(refund(&app, &sn, json!({ "refund_fee": 100 })).await["code"], 493_001);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_carries_the_password_that_the_merchant_has_set() {
    let app = TestApp::spawn().await;
    let sn = paid_order(&app, 102).await;
    let wish = |number: &str, password: Option<&str>| {
        let mut wish = json!({ "out_refund_no": number, "refund_fee": 10 });
        if let Some(password) = password {
            wish["password"] = password.into();
        }
        wish
    };
    let unasked = refund(&app, &sn, wish("R1", Some("whatever"))).await;
    assert_eq!(unasked["code"], 200, "where none is set it says nothing: {unasked}");
    let (right, other) = (users::password(), users::password());
    let config = app.config();
    let number = app.mch_id().to_string();
    let set = ["merchant", "refund-password", &number, "--password-stdin", "--config", &config];
    assert_eq!(run(&set, "12345678\n").await.code, 2, "too common");
    let outcome = run(&set, &format!("{right}\n")).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    app.advance(3);
    let missing = refund(&app, &sn, wish("R2", None)).await;
    assert_eq!(missing["code"], 4003, "{missing}");
    assert!(missing["message"].as_str().unwrap().contains("password"), "{missing}");
    let empty = refund(&app, &sn, wish("R2", Some(""))).await;
    assert_eq!(empty["code"], 4003, "an optional parameter that is empty is absent: {empty}");
    for _ in 0..4 {
        let wrong = refund(&app, &sn, wish("R2", Some("not the password"))).await;
        assert_eq!((&wrong["code"], wrong.get("data")), (&json!(40100), None), "{wrong}");
    }
    let (first, again) = (wish("R2", Some(&right)), wish("R3", Some(&right)));
    assert_eq!(refund(&app, &sn, first.clone()).await["code"], 200);
    assert_eq!(refund(&app, &sn, first).await["code"], 200, "the same refund again");
    for _ in 0..5 {
        refund(&app, &sn, wish("R3", Some("not the password"))).await;
    }
    let locked = refund(&app, &sn, again.clone()).await;
    assert_eq!(locked["code"], 40100, "the right one, after five wrong ones: {locked}");
    assert_eq!(app.stored(&sn).await.total_refund_fee, 20);
    let query = json!({ "mch_id": number, "sn": sn });
    assert_eq!(app.call("/order/query", &query).await["code"], 200, "nothing else is locked");
    app.advance(5 * 60 + 1);
    assert_eq!(refund(&app, &sn, again).await["code"], 200);
    let outcome = run(&set, &format!("{other}\n")).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    app.advance(3);
    assert_eq!(refund(&app, &sn, wish("R4", Some(&right))).await["code"], 40100, "the old one");
    assert_eq!(refund(&app, &sn, wish("R4", Some(&other))).await["code"], 200);
    let off = ["merchant", "set", &number, "refund_password=off", "--config", &config];
    assert_eq!(run(&off, "").await.code, 0);
    app.advance(3);
    assert_eq!(refund(&app, &sn, wish("R5", None)).await["code"], 200);
    assert_eq!(app.audited("settings changed").await, 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_refund_passwords_at_once_are_counted_as_one_after_the_other() {
    let app = TestApp::spawn().await;
    let sn = paid_order(&app, 102).await;
    let (config, number) = (app.config(), app.mch_id().to_string());
    let set = ["merchant", "refund-password", &number, "--password-stdin", "--config", &config];
    assert_eq!(run(&set, &format!("{}\n", users::password())).await.code, 0);
    app.advance(3);
    let before = app.demo.gateway.passwords_hashed();
    let guesses = (0..12).map(|at| {
        refund(&app, &sn, json!({ "out_refund_no": "R", "password": format!("guess number {at}") }))
    });
    let answers = futures_util::future::join_all(guesses).await;
    let said = |word: &str| {
        let says = |answer: &&Value| answer["message"].as_str().unwrap().contains(word);
        answers.iter().filter(says).count()
    };
    assert_eq!((said("退款密码不正确"), said("次数过多")), (4, 8), "{answers:?}");
    assert_eq!(app.demo.gateway.passwords_hashed() - before, 5, "none is tried behind the lock");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_merchant_sees_no_refund() {
    let app = TestApp::spawn().await;
    let sn = paid_order(&app, 102).await;
    refund(&app, &sn, json!({ "out_refund_no": "mine" })).await;
    let other = app.merchant_without_accounts(Default::default()).await;
    let of_other = json!({ "mch_id": other.mch_id.to_string(), "out_refund_no": "mine" });
    let answer = app.call_with(&other.key, "/order/refundquery", &of_other).await;
    assert_eq!(answer["code"], 492_002, "{answer}");
    let wish = json!({ "mch_id": other.mch_id.to_string(), "sn": sn, "out_refund_no": "theirs" });
    let answer = app.call_with(&other.key, "/payment/refund", &wish).await;
    assert_eq!(answer["code"], 40102, "{answer}");
    app.finish().await;
}
