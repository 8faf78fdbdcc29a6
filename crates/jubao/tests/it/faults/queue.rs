//! The queue in front of the store is full, because the store stands still: whoever comes is refused at
//! once, while it stands still, and was never in the queue.

use std::time::Duration;

use futures_util::FutureExt;
use gateway::clock::Clock;
use jubao::demo::{Demo, Wish};
use kernel::order::Order;
use pgtest::Server;
use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;
use store::{StoreError, orders};

use super::server;
use crate::app::TestApp;
use crate::edge_process::wait;
use crate::leaks::{self, TestFolder};
use crate::merchant::TestMerchant;
use crate::place::Place;

/// More than any queue takes.
const ENOUGH: usize = 20_000;
/// How long a second connection waits for the store.
const PATIENCE: Duration = Duration::from_secs(20);

async fn app(folder: TestFolder, place: Place) -> TestApp {
    let (clock, merchant) = (Clock::default(), TestMerchant::spawn().await);
    let wish = Wish { database: place.database.clone(), ..Wish::on(folder.path()) };
    let demo = Demo::start_as(wish, "127.0.0.1:0", folder.path(), clock.clone()).await.unwrap();
    let client = leaks::client_builder().build().unwrap();
    TestApp { demo, clock, merchant, client, folder, place }
}

/// Fills the queue with what has no effect: an order that is there is placed again, for whom nobody waits.
fn fill(app: &TestApp, order: &Order) {
    assert!((0..ENOUGH).any(|_| is_full(app, order)), "the queue has no end");
}

fn is_full(app: &TestApp, order: &Order) -> bool {
    let written = app.demo.gateway.store().write(orders::place(order, &[], &[])).now_or_never();
    matches!(written, Some(Err(StoreError::Busy)))
}

/// Places orders while the queue is full; after `go_on` they can be placed as they are, and none was there.
async fn refuses(app: &TestApp, order: &Order, go_on: impl FnOnce()) {
    let placing = async |number: &str| {
        let mut members = app.order(304);
        members["out_trade_no"] = number.into();
        app.call("/payment/pay", &members).await["code"].as_i64().unwrap()
    };
    let numbers = ["Q1", "Q2", "Q3"];
    fill(app, order);
    for number in numbers {
        assert_eq!(placing(number).await, 4006);
    }
    assert!(is_full(app, order), "they were refused while nothing moved");
    go_on();
    for number in numbers {
        let members = json!({ "mch_id": app.mch_id().to_string(), "out_trade_no": number });
        assert_eq!(app.call("/order/query", &members).await["code"], 40102, "{number}");
        wait("orders to be taken again", async || (placing(number).await == 200).then_some(()))
            .await;
    }
}

/// An order that is there.
async fn placed(app: &TestApp) -> Order {
    let placed = app.place(304).await;
    app.stored(placed["sn"].as_str().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_before_a_file_refuses_at_once() {
    let folder = TestFolder::make();
    let path = folder.path().join("stands.db");
    let app = app(folder, Place::in_file(&path)).await;
    let order = placed(&app).await;
    let mut second = Connection::open(&path).unwrap();
    second.busy_timeout(PATIENCE).unwrap();
    let lock = second.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    refuses(&app, &order, || lock.rollback().unwrap()).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_before_a_server_refuses_at_once() {
    let server = Server::make().await;
    let url = server::database(&server).await;
    let app = app(TestFolder::make(), Place::on_server([&url, &url])).await;
    let order = placed(&app).await;
    let still = server.stand_still();
    refuses(&app, &order, || drop(still)).await;
    app.finish().await;
}
