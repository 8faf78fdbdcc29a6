//! Races on the embedded store: close against pay against expiry, refund and reversal, with threads, a
//! file and a port. `voyage::races` tries thousands of interleavings that a seed repeats; here are some
//! that the machine chooses.

use futures_util::future::join_all;
use jubao::demo::SNAPSHOT_NAME;
use kernel::ledger::Book;
use kernel::refund::RefundCause;
use kernel::state::TradeState;
use serde_json::{Map, Value, json};

use crate::app::TestApp;
use crate::dice::Dice;
use crate::leaks::{self, Kind};
use crate::sim_books::{GivenState, SimBooks, of_standing};

/// Orders that race at the same time.
const ORDERS: u64 = 120;
/// What is ordered: Alipay's codes live on when they are closed; a barcode's payer confirms or does not.
const PRODUCTS: [i64; 6] = [102, 101, 202, 204, 401, 401];
/// How long an order waits, in seconds.
const WAITS_S: i64 = 120;
/// Looks until everything has come right; between them the clock moves.
const LOOKS_MAX: usize = 60;
/// How far it moves, in seconds.
const LOOK_S: i64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn on_the_embedded_store_nothing_is_closed_here_and_paid_there() {
    let app = TestApp::spawn().await;
    let orders = join_all((0..ORDERS).map(|no| race(&app, no))).await;
    let sns: Vec<String> = orders.into_iter().flatten().collect();
    assert!(sns.len() > 100, "only {} orders stand", sns.len());
    app.advance(WAITS_S);
    let mut wrongs = Vec::new();
    for _ in 0..LOOKS_MAX {
        wrongs = wrongs_of(&app, &sns).await;
        if wrongs.is_empty() {
            break;
        }
        app.advance(LOOK_S);
        let queries = sns.iter().map(|sn| app.query(sn));
        join_all(queries).await;
    }
    assert!(wrongs.is_empty(), "{wrongs:#?}");
    app.finish().await;
}

/// Places an order, and lets everything happen to it that ends one.
async fn race(app: &TestApp, no: u64) -> Option<String> {
    let mut dice = Dice::new(no);
    let product = dice.pick(&PRODUCTS);
    let mut members = app.order(product);
    members["time_expire"] = (app.clock.now().seconds() + WAITS_S).into();
    if product == 401 {
        let code = format!("2866778899{no:06}{}", dice.pick(&["01", "02", "05", "00"]));
        leaks::secret(Kind::Code, "a payer's code", code.as_bytes());
        members["code"] = code.into();
    }
    let placed = app.call("/payment/pay", &members).await;
    let sn = placed["data"]["sn"].as_str()?.to_owned();
    let acts = 2 + dice.up_to(2);
    let chosen: Vec<(u64, u64)> = (0..acts).map(|at| (at, dice.up_to(5))).collect();
    join_all(chosen.into_iter().map(|(at, act)| end(app, &sn, (at, act)))).await;
    Some(sn)
}

async fn end(app: &TestApp, sn: &str, (at, act): (u64, u64)) {
    let named = json!({ "mch_id": app.mch_id().to_string(), "sn": sn });
    match act {
        0 | 1 => drop(app.pay(sn, &json!({})).await),
        2 => drop(app.close(sn).await),
        3 => drop(app.call("/order/reverse", &named).await),
        4 => drop(app.query(sn).await),
        _ => {
            let mut wish = named;
            wish["out_refund_no"] = format!("R{sn}{at}").into();
            wish["refund_fee"] = 740.into();
            app.call("/payment/refund", &wish).await;
        }
    }
}

/// What is not right yet, order by order.
async fn wrongs_of(app: &TestApp, sns: &[String]) -> Vec<String> {
    let books = books(app);
    let mut wrongs = Vec::new();
    for sn in sns {
        let order = app.stored(sn).await;
        let store = app.demo.gateway.store();
        let refunds = store::refunds::of_order(store, order.mch_id, order.id).await.unwrap();
        let (taken, given) = (books.taken_for(sn), books.given_for(sn));
        let back: i64 = of_standing(&given, &taken).map(|one| one.amount).sum();
        let paid: i64 = taken.iter().map(|one| one.total).sum();
        assert!(back <= paid, "{sn}: {back} of {paid} went back");
        let all: i64 = given.iter().map(|one| one.amount).sum();
        assert!(all - back <= order.total_fee, "{sn}: {all} in all, {back} of what stands");
        let has_paid = order.payment.is_some() && order.state != TradeState::Revoked;
        let surplus = refunds.iter().filter(|one| one.cause == RefundCause::Surplus).count();
        let is_on_its_way = given.iter().any(|one| one.state != GivenState::Done);
        let held = app.booked(sn, Book::ChannelReceivable).await;
        let due = app.booked(sn, Book::RefundDue).await;
        let is_right = !order.state.is_open()
            && !is_on_its_way
            && (has_paid || surplus == taken.len() || order.state == TradeState::Revoked)
            && (held, due) == (paid - back, 0);
        if !is_right {
            let state = order.state;
            wrongs.push(format!("{sn} {state:?}: {held} {due} {taken:?} {given:?} {refunds:?}"));
        }
    }
    wrongs
}

fn books(app: &TestApp) -> SimBooks {
    app.demo.sims.save();
    let text = std::fs::read_to_string(app.folder.path().join(SNAPSHOT_NAME)).unwrap();
    let saved: Map<String, Value> = serde_json::from_str(&text).unwrap();
    let mut books = SimBooks::default();
    for (name, snapshot) in &saved {
        books.read(name, snapshot, app.clock.now());
    }
    books
}
