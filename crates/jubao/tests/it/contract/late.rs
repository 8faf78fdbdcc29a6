//! What comes later than anybody waits: a charge that arrives after its timeout, and a payment after the
//! order was closed here. It is noticed, and the money goes back.

use std::sync::Mutex;
use std::time::Duration;

use channels::sim::{OpFaultKind, OpKind};
use kernel::application::LatePayment;
use kernel::product::Product;
use kernel::state::TradeState;
use serde_json::json;

use super::case::{COMES_RIGHT_S, order, shown};
use super::counter::{Counter, counters};
use super::network::Fate;
use super::play::play_alone;
use super::world::World;

fn charging() -> impl Iterator<Item = &'static Counter> {
    counters().iter().filter(|counter| counter.account.products.contains(&Product::Micropay))
}

async fn rest(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Everything is right within five minutes.
async fn comes_right(world: &World, sn: &str, what: &str) {
    let mut wrongs = Vec::new();
    for _ in 0..COMES_RIGHT_S / 5 {
        wrongs = world.differences(sn).await;
        if wrongs.is_empty() {
            return;
        }
        rest(5).await;
    }
    assert_eq!(wrongs, [""; 0], "{what}");
}

/// A barcode that is charged `late` after its answer was waited for in vain, and reversed by the cashier
/// before that.
async fn charged_late(counter: &'static Counter, late: Duration) {
    let what = format!("{} charged after {late:?}", counter.name);
    let world = World::of(counter).await;
    world.upstream.delay(late);
    let members = shown(order("L1", Product::Micropay), counter, "00");
    let placed = world.call("/payment/pay", &members).await;
    assert_eq!(placed["code"], 201, "{what}: {placed}");
    let sn = world.sn_of("L1").await.unwrap();
    rest(3).await;
    let reversed = world.call("/order/reverse", &json!({ "sn": sn })).await;
    assert_eq!(reversed["code"], 492_004, "{what}: not found proves nothing yet: {reversed}");
    rest(late.as_secs()).await;
    comes_right(&world, &sn, &what).await;
    // Charged after all: it is what the merchant is told, who reverses it again.
    if world.order(&sn).await.state.is_paid() {
        world.call("/order/reverse", &json!({ "sn": sn })).await;
        comes_right(&world, &sn, &what).await;
    }
    assert_eq!(world.scales(&sn).truth.money(), 0, "{what}");
    assert_eq!(world.order(&sn).await.state.word(), "REVOKED", "{what}");
}

#[test]
fn a_charge_that_may_be_on_its_way_is_not_called_reversed_before_it_has_arrived() {
    for counter in charging() {
        for late_s in [14, 40, 55] {
            play_alone(|| charged_late(counter, Duration::from_secs(late_s)));
        }
    }
}

/// A barcode that is charged behind a system error, and reversed; its payment is told after that.
async fn told_late(counter: &'static Counter, policy: LatePayment) {
    let what = format!("{} {policy:?}", counter.name);
    let world = World::of(counter).await;
    world.set_late(policy).await;
    world.upstream.fate(Fate::Late);
    let members = shown(order("L1", Product::Micropay), counter, "05");
    let placed = world.call("/payment/pay", &members).await;
    assert_eq!(placed["code"], 201, "{what}: {placed}");
    let sn = world.sn_of("L1").await.unwrap();
    world.call("/order/reverse", &json!({ "sn": sn })).await;
    for _ in 0..COMES_RIGHT_S / 5 {
        rest(5).await;
    }
    assert_eq!(world.differences(&sn).await, [""; 0], "{what}");
    assert_eq!(world.order(&sn).await.state.word(), "REVOKED", "{what}");
}

#[test]
fn a_payment_that_is_told_after_its_reversal_is_not_booked_a_second_time() {
    for counter in charging() {
        for policy in [LatePayment::Refund, LatePayment::Honour] {
            play_alone(|| told_late(counter, policy));
        }
    }
}

/// A barcode that is charged behind a system error and reversed again and again by an upstream that answers
/// nothing; its payment is told after the reversal. True if it was believed, where a callback tells of it.
async fn believed_after_its_reversal(counter: &'static Counter) -> bool {
    let what = counter.name;
    let world = World::of(counter).await;
    world.upstream.fate(Fate::Late);
    world.upstream.script(OpKind::Query, OpFaultKind::Busy, u32::MAX);
    world.upstream.script(OpKind::Reverse, OpFaultKind::DroppedAfter, u32::MAX);
    let members = shown(order("L1", Product::Micropay), counter, "05");
    let placed = world.call("/payment/pay", &members).await;
    assert_eq!(placed["code"], 201, "{what}: {placed}");
    let sn = world.sn_of("L1").await.unwrap();
    let reversed = world.call("/order/reverse", &json!({ "sn": sn })).await;
    assert_eq!(reversed["code"], 492_004, "{what}: {reversed}");
    let mut waited_s = 0;
    while world.order(&sn).await.state.is_open() && waited_s < COMES_RIGHT_S {
        rest(1).await;
        waited_s += 1;
    }
    let is_believed = world.order(&sn).await.state == TradeState::Success;
    world.upstream.heal();
    comes_right(&world, &sn, what).await;
    // One upstream cannot reverse.
    let is_held = world.scales(&sn).truth.money() > 0;
    let state = if is_held { TradeState::Success } else { TradeState::Revoked };
    assert_eq!(world.order(&sn).await.state, state, "{what}");
    is_believed
}

#[test]
fn a_payment_that_is_believed_after_its_reversal_is_taken_back() {
    let believed = Mutex::new(Vec::new());
    for counter in charging() {
        play_alone(|| async {
            if believed_after_its_reversal(counter).await {
                believed.lock().unwrap().push(counter.name);
            }
        });
    }
    let believed = believed.into_inner().unwrap();
    assert!(["alipay", "unionpay"].iter().all(|name| believed.contains(name)), "{believed:?}");
}

/// A code that nobody has scanned when it expires here, by an upstream whose clock is behind; then it is
/// paid, and nobody tells.
async fn paid_by_another_clock(counter: &'static Counter, product: Product) {
    let what = format!("{} {product:?}", counter.name);
    let world = World::of(counter).await;
    world.upstream.is_behind(30_000);
    world.upstream.fate(Fate::Lost);
    let mut members = order("L1", product);
    members["time_expire"] = world.now().plus_millis(120_000).seconds().into();
    let placed = world.call("/payment/pay", &members).await;
    assert_eq!(placed["code"], 200, "{what}: {placed}");
    let sn = placed["data"]["sn"].as_str().unwrap();
    rest(125).await;
    let is_closed = !world.order(sn).await.state.is_open();
    let is_paid = world.pay(sn, product, None).await;
    comes_right(&world, sn, &format!("{what}, closed {is_closed}, then paid {is_paid}")).await;
}

#[test]
fn what_is_paid_by_an_upstream_whose_clock_is_behind_is_noticed() {
    for counter in counters() {
        let shown = counter.account.products.iter().filter(|one| **one != Product::Micropay);
        for product in shown {
            play_alone(|| paid_by_another_clock(counter, *product));
        }
    }
}
