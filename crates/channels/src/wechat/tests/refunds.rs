//! Refunds from the first request to the last callback.

use kernel::money::{Currency, Money};
use kernel::product::Product;
use serde_json::{Value, json};

use super::{
    Mode, NOON, REFUND_NO, TRADE_NO, World, barcode, native, new_sim, order, query, refund,
    signed_answer,
};
use crate::sim::Simulator;
use crate::{About, Channel, Doubt, Op, Outcome, Place, Refund, Refusal, RefusalKind};

const TOTAL: i64 = 8888;

/// A world in which the native order is paid and its callback acknowledged.
fn paid() -> World {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    world.pay();
    let callback = world.callbacks().remove(0);
    acknowledge(&mut world, callback.id);
    world
}

fn acknowledge(world: &mut World, id: u64) {
    let ack = crate::http::HttpResponse::new(200, "application/json", "{}");
    let stamp = world.stamp();
    world.sim.callback_answered(id, Some(&ack), &stamp);
}

fn ask(world: &mut World, refund_no: &str, minor: i64) -> Outcome {
    world.ask(&Op::Refund(refund(refund_no, minor)))
}

fn standing(world: &mut World, refund_no: &str, minor: i64) -> Outcome {
    world.ask(&Op::QueryRefund(refund(refund_no, minor)))
}

fn kind(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(Refusal { kind, .. }) => *kind,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_refund_is_taken_then_done_then_called_back() {
    let mut world = paid();
    let Outcome::RefundPending { refund_id } = ask(&mut world, REFUND_NO, TOTAL) else {
        panic!("not taken")
    };
    assert!(refund_id.starts_with("50000") && refund_id.len() == 28, "{refund_id}");
    assert!(world.callbacks().is_empty());
    world.wait(3_000);
    let outcome = standing(&mut world, REFUND_NO, TOTAL);
    let Outcome::Refunded(refunded) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(refunded.refund_id, refund_id);
    assert_eq!(refunded.amount, Money::new(TOTAL, Currency::Cny));
    assert_eq!((refunded.cash, refunded.rate.as_str()), (refunded.amount, ""));
    assert_eq!(refunded.refunded_at, NOON.plus_millis(3_000));
    let callbacks = world.callbacks();
    assert_eq!(callbacks.len(), 1);
    assert_eq!(callbacks[0].request.url, refund(REFUND_NO, 1).notify_url);
    let heard = world.hear(&callbacks[0].request);
    let facts = heard.facts.unwrap();
    assert_eq!(facts.about, About::Refund(REFUND_NO.into()));
    assert_eq!(facts.outcome, outcome);
    acknowledge(&mut world, callbacks[0].id);
    assert_eq!(world.sim.next_due(), None);
}

#[test]
fn every_product_is_refunded() {
    let jsapi = Place { openid: "o1".into(), ..order(Product::WechatJsapi) };
    let app = order(Product::WechatApp);
    for place in [native(), order(Product::WechatH5), jsapi, app, barcode("00")] {
        let mut world = World::new(Mode::PublicKey);
        world.ask(&Op::Place(place.clone()));
        if place.product != Product::Micropay {
            world.pay();
        }
        let mut asked = refund(REFUND_NO, TOTAL);
        asked.trade.product = place.product;
        let outcome = world.ask(&Op::Refund(asked.clone()));
        assert!(matches!(outcome, Outcome::RefundPending { .. }), "{outcome:?}");
        world.wait(3_000);
        assert!(matches!(world.ask(&Op::QueryRefund(asked)), Outcome::Refunded(_)));
    }
}

#[test]
fn a_refund_that_ends_badly_says_how() {
    for reason in ["CLOSED", "ABNORMAL"] {
        let mut world = paid();
        let asked = Refund { reason: reason.into(), ..refund(REFUND_NO, TOTAL) };
        assert!(matches!(world.ask(&Op::Refund(asked)), Outcome::RefundPending { .. }));
        world.wait(3_000);
        let outcome = standing(&mut world, REFUND_NO, TOTAL);
        match reason {
            "CLOSED" => assert!(matches!(outcome, Outcome::RefundClosed(_)), "{outcome:?}"),
            _ => assert_eq!(outcome, Outcome::RefundStuck),
        }
        let callback = world.callbacks().remove(0);
        let facts = world.hear(&callback.request).facts.unwrap();
        assert_eq!(facts.outcome, outcome);
    }
}

#[test]
fn the_money_of_a_closed_refund_can_go_back_again() {
    let mut world = paid();
    let closed = Refund { reason: "CLOSED".into(), ..refund("R1", TOTAL) };
    world.ask(&Op::Refund(closed));
    assert_eq!(kind(&ask(&mut world, "R2", 1)), RefusalKind::NothingLeft);
    world.wait(3_000);
    assert!(matches!(ask(&mut world, "R2", TOTAL), Outcome::RefundPending { .. }));
}

#[test]
fn the_same_number_is_the_same_refund_and_another_amount_is_refused() {
    let mut world = paid();
    let first = ask(&mut world, REFUND_NO, 100);
    assert_eq!(ask(&mut world, REFUND_NO, 100), first);
    assert_eq!(kind(&ask(&mut world, REFUND_NO, 101)), RefusalKind::NumberUsed);
    world.wait(3_000);
    assert!(matches!(ask(&mut world, REFUND_NO, 100), Outcome::Refunded(_)));
    assert_eq!(world.callbacks().len(), 1);
}

#[test]
fn refunds_are_together_at_most_what_was_paid() {
    let mut world = paid();
    assert!(matches!(ask(&mut world, "R1", 8000), Outcome::RefundPending { .. }));
    assert_eq!(kind(&ask(&mut world, "R2", 889)), RefusalKind::Business);
    assert!(matches!(ask(&mut world, "R2", 888), Outcome::RefundPending { .. }));
    assert_eq!(kind(&ask(&mut world, "R3", 1)), RefusalKind::NothingLeft);
    assert_eq!(standing(&mut world, "R3", 1), Outcome::NotFound);
}

#[test]
fn an_order_has_at_most_fifty_refunds() {
    let mut world = paid();
    for number in 0..50 {
        let outcome = ask(&mut world, &format!("R{number}"), 1);
        assert!(matches!(outcome, Outcome::RefundPending { .. }), "{outcome:?}");
    }
    assert_eq!(kind(&ask(&mut world, "R50", 1)), RefusalKind::Business);
}

#[test]
fn a_refund_comes_too_late_or_for_what_was_never_paid() {
    let mut world = paid();
    world.wait(365 * 24 * 60 * 60 * 1000);
    assert!(matches!(ask(&mut world, "R1", 1), Outcome::RefundPending { .. }));
    world.wait(1);
    assert_eq!(kind(&ask(&mut world, "R2", 1)), RefusalKind::TooLate);
    let mut world = World::new(Mode::Certificate);
    assert_eq!(kind(&ask(&mut world, "R1", 1)), RefusalKind::Business);
    world.place(&native());
    assert_eq!(kind(&ask(&mut world, "R1", 1)), RefusalKind::Business);
    assert_eq!(standing(&mut world, "R1", 1), Outcome::NotFound);
}

#[test]
fn an_order_with_a_refund_is_still_paid() {
    let mut world = paid();
    let before = world.ask(&query());
    ask(&mut world, "R1", 1);
    let request = world.request(&query()).unwrap();
    let answer = world.serve(&request).unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""trade_state":"REFUND""#));
    assert_eq!(world.judge(&query(), &answer), before);
    assert!(matches!(before, Outcome::Paid(_)));
    // Without the facts of the payment it is a word, and no more.
    let bare = json!({
        "mchid": super::MCHID, "appid": super::APPID, "out_trade_no": TRADE_NO,
        "trade_state": "REFUND",
    });
    let outcome = world.judge(&query(), &signed_answer(200, &bare.to_string()));
    assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{outcome:?}");
}

#[test]
fn a_refund_asks_for_what_the_manual_lists() {
    let mut world = paid();
    let asked = Refund { reason: "长".repeat(100), ..refund(REFUND_NO, 1) };
    let request = world.request(&Op::Refund(asked)).unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let expect = json!({
        "out_trade_no": TRADE_NO, "out_refund_no": REFUND_NO,
        "amount": { "refund": 1, "total": TOTAL, "currency": "CNY" },
        "reason": "长".repeat(80), "notify_url": "http://gateway.test/callbacks/1/wechat",
    });
    assert_eq!(body, expect);
    let mut foreign = refund(REFUND_NO, 1);
    foreign.amount.currency = Currency::Hkd;
    let stamp = world.stamp();
    assert!(super::Wechat.request(&Op::Refund(foreign), &world.account, &stamp).is_err());
}

#[test]
fn a_refund_without_an_address_is_not_called_back() {
    let mut world = paid();
    let asked = Refund { notify_url: String::new(), ..refund(REFUND_NO, 1) };
    assert!(matches!(world.ask(&Op::Refund(asked)), Outcome::RefundPending { .. }));
    assert_eq!(world.sim.next_due(), None);
}

#[test]
fn refunds_survive_a_restart() {
    let mut world = paid();
    let first = ask(&mut world, REFUND_NO, 100);
    let snapshot = world.sim.snapshot();
    world.sim = new_sim();
    world.sim.restore(snapshot).unwrap();
    assert_eq!(ask(&mut world, REFUND_NO, 100), first);
    world.wait(3_000);
    assert_eq!(world.callbacks().len(), 1);
}

#[test]
fn a_snapshot_of_before_there_were_refunds_is_taken_back() {
    let mut world = paid();
    let mut snapshot = world.sim.snapshot();
    let book = snapshot.as_object_mut().unwrap();
    for name in ["refunds", "tried_codes", "logins"] {
        assert!(book.remove(name).is_some(), "{name}");
    }
    world.sim.restore(snapshot).unwrap();
    assert!(matches!(world.ask(&query()), Outcome::Paid(_)));
}

/// The answer to a query of the refund once it is done.
fn done(world: &mut World) -> Value {
    ask(world, REFUND_NO, TOTAL);
    world.wait(3_000);
    let request = world.request(&Op::QueryRefund(refund(REFUND_NO, TOTAL))).unwrap();
    serde_json::from_slice(&world.serve(&request).unwrap().body).unwrap()
}

#[test]
fn an_answer_about_another_refund_or_amount_is_unknown() {
    let mut world = paid();
    let right = done(&mut world);
    for (pointer, value) in [
        ("/out_refund_no", json!("R2")),
        ("/out_trade_no", json!("ANOTHER")),
        ("/amount/refund", json!(TOTAL - 1)),
        ("/amount/refund", json!("8888")),
        ("/amount/refund", json!(8888.0)),
        ("/amount/total", json!(TOTAL + 1)),
        ("/amount/currency", json!("HKD")),
        ("/amount/payer_refund", json!(TOTAL + 1)),
        ("/amount/payer_refund", json!(-1)),
        ("/status", json!("success")),
        ("/status", json!("CHANGE")),
        ("/refund_id", json!("")),
        ("/success_time", json!("yesterday")),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        let answer = signed_answer(200, &wrong.to_string());
        for op in [Op::Refund(refund(REFUND_NO, TOTAL)), Op::QueryRefund(refund(REFUND_NO, TOTAL))]
        {
            let outcome = world.judge(&op, &answer);
            let is_doubt = matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)));
            assert!(is_doubt, "{pointer} {value}: {outcome:?}");
        }
    }
    // The payment's own number is compared where we know it.
    let mut asked = refund(REFUND_NO, TOTAL);
    let answer = signed_answer(200, &right.to_string());
    assert!(matches!(world.judge(&Op::QueryRefund(asked.clone()), &answer), Outcome::Refunded(_)));
    asked.trade.transaction_id = "4200000000".into();
    let outcome = world.judge(&Op::QueryRefund(asked), &answer);
    assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{outcome:?}");
}

#[test]
fn a_coupon_is_not_given_back_as_cash() {
    let mut world = paid();
    let mut object = done(&mut world);
    object["amount"]["payer_refund"] = json!(8000);
    let op = Op::QueryRefund(refund(REFUND_NO, TOTAL));
    let Outcome::Refunded(refunded) = world.judge(&op, &signed_answer(200, &object.to_string()))
    else {
        panic!("not refunded")
    };
    assert_eq!((refunded.amount.minor, refunded.cash.minor), (TOTAL, 8000));
}
