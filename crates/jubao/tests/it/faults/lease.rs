//! A process's number is over while it cannot reach the database, and somebody else has it.

use std::time::Duration;

use kernel::id::Sn;
use serde_json::json;
use tokio::time::Instant;

use super::server;
use super::till::{Till, ask_at};
use crate::edge_process::wait;

/// Longer than the stretch that a number is granted for.
const OVER_A_STRETCH: Duration = Duration::from_secs(9);

/// The number that an order's id was made under.
fn node(sn: &str) -> i64 {
    (Sn::parse(sn).unwrap().id().0 >> 16) & 63
}

/// Has all numbers held for ever but this one, which nobody holds any more.
async fn free_only(url: &str, node: i64) {
    let session = pgtest::connect(url).await;
    let changed = session.execute(include_str!("free_only.sql"), &[&node]).await.unwrap();
    assert_eq!(changed, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_its_number_makes_nothing_until_it_has_another() {
    let (_server, proxy, mut world, url) = server::behind_proxy().await;
    let mut till = Till::default();
    till.place_all(&world, 3).await;
    let own = node(till.last());
    proxy.freeze();
    proxy.cut_all();
    let began = Instant::now();
    free_only(&url, own).await;
    let (second, api) = world.second(&url).await;
    let members = json!({
        "mch_id": world.mch_id(), "pay_channel_id": 304, "total_fee": 1, "out_trade_no": "S0",
    });
    let placed = ask_at(&world.client, &api, "/payment/pay", &members).await;
    assert_eq!(node(placed["data"]["sn"].as_str().unwrap()), own, "{placed}");
    while began.elapsed() < OVER_A_STRETCH {
        till.refused_all(&world, 1).await;
    }
    proxy.thaw();
    wait("the database to be reached", async || till.can_query(&world).await.then_some(())).await;
    till.refused_all(&world, 3).await;
    let other = (own + 1) % 64;
    free_only(&url, other).await;
    till.is_served_again(&world).await;
    assert_eq!(node(till.last()), other);
    till.settle(&world).await;
    assert_eq!(second.finish().await.0, 0);
    world.finish().await;
}
