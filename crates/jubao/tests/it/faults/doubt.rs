//! A COMMIT whose answer was lost, and nobody to ask what became of it.

use pgtest::{Cut, Moment};

use super::server;
use super::till::{Till, query};

/// Orders that are known before.
const ORDERS: usize = 3;

/// Cuts the connection of an order's COMMIT at a moment, while the server cannot be reached any more: then
/// the order is `found` so.
async fn is_said_to_be_unknown(moment: Moment, found: i64) {
    let (_server, proxy, mut world, _) = server::behind_proxy().await;
    let mut till = Till::default();
    till.place_all(&world, ORDERS).await;
    proxy.freeze_at_cut();
    proxy.cut(Cut::next(moment).of("into orders"));
    let asking = async {
        proxy.until(|counts| counts.cut_at_commit() == 1).await;
        query(&world, "F0").await
    };
    let (placed, asked) = tokio::join!(till.place(&world), asking);
    assert_eq!(placed, 40400, "whether it stands nobody knows");
    assert_eq!(asked["code"], 4006, "who only asks is not kept for ever");
    assert_eq!(till.place(&world).await, 4006, "what was never begun is not in doubt");
    proxy.thaw();
    till.is_served_again(&world).await;
    assert_eq!(query(&world, &format!("F{ORDERS}")).await["code"], found);
    till.settle(&world).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_can_ask_about_is_unknown_and_then_turns_out_to_stand() {
    is_said_to_be_unknown(Moment::InFlight, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_nobody_can_ask_about_is_unknown_and_then_turns_out_not_to_stand() {
    is_said_to_be_unknown(Moment::Before, 40102).await;
}
