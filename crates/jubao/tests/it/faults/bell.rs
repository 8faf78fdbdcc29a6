//! The connection on which a process hears of the others is broken by the server.

use std::time::Duration;

use pgtest::Server;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::server;
use super::till::ask_at;
use crate::crash::world::World;

/// Far below what a process waits before it looks by itself.
const AT_ONCE: Duration = Duration::from_millis(1_500);
/// Far below what a request asks to wait.
const SOON: Duration = Duration::from_secs(14);
/// Orders until one is heard of.
const TRIES_MAX: usize = 20;
/// What the session has said last that hears and tells.
const BELL: &str = "select pg\\_%";

/// Two processes: at the first somebody waits for an order, at the second it is closed.
struct Pair {
    server: Server,
    world: World,
    other: String,
}

impl Pair {
    /// The answer of who waits, if it comes within a time.
    async fn hears(&self, number: &str, within: Duration) -> Option<Value> {
        let mch_id = self.world.mch_id();
        let order = json!({
            "mch_id": mch_id, "pay_channel_id": 304, "total_fee": 1, "out_trade_no": number,
        });
        let placed = ask_at(&self.world.client, &self.world.api, "/payment/pay", &order).await;
        assert_eq!(placed["code"], 200, "{placed}");
        let waiting = json!({ "mch_id": mch_id, "out_trade_no": number, "wait": 25 });
        let waiting = ask_at(&self.world.client, &self.world.api, "/order/query", &waiting);
        let closing = async {
            // Whoever waits has looked once by then.
            sleep(Duration::from_millis(200)).await;
            let order = json!({ "mch_id": mch_id, "out_trade_no": number });
            let closed = ask_at(&self.world.client, &self.other, "/order/close", &order).await;
            assert_eq!(closed["code"], 200, "{closed}");
        };
        let both = async { tokio::join!(waiting, closing).0 };
        timeout(within, both).await.ok()
    }

    async fn hears_at_once(&self, what: &str) {
        for number in 0..TRIES_MAX {
            let heard = self.hears(&format!("{what}{number}"), AT_ONCE).await;
            if heard.is_some_and(|answer| answer["data"]["trade_state"] == "CLOSED") {
                return;
            }
        }
        panic!("{what}: nothing was heard of {TRIES_MAX} orders");
    }

    /// Breaks what they hear on.
    async fn break_bells(&self) -> u64 {
        self.server.end_sessions(server::DATABASE, BELL).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_told_any_more_looks_and_hears_again_when_it_can() {
    let server = Server::make().await;
    let mut world = server::world(&server).await;
    world.start("").await;
    let (second, other) = world.second(&world.place.text).await;
    let mut pair = Pair { server, world, other };
    pair.hears_at_once("H").await;
    assert!(pair.break_bells().await >= 2, "both hear on a session of their own");
    pair.hears_at_once("A").await;
    let breaking = async {
        loop {
            pair.break_bells().await;
            sleep(Duration::from_millis(50)).await;
        }
    };
    let heard = tokio::select! {
        heard = pair.hears("L", SOON) => heard,
        () = breaking => None,
    };
    assert_eq!(heard.unwrap()["data"]["trade_state"], "CLOSED", "it has looked");
    assert_eq!(second.finish().await.0, 0);
    pair.world.finish().await;
}
