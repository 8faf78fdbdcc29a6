//! Races: close against pay against expiry, refund and reversal. Everything that can end an order
//! happens to each within moments of the others, and the seed chooses what arrives first.
//!
//! "No order is closed here and paid upstream without a refund on its way; no refund is above what was
//! paid": what holds of every voyage is what is asked here, of many more orders in less time. They
//! share one sea, so that the sweeper's looks are paid for once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use jubao::demo::identity::MERCHANT;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::clients::{ask, hear, order, placed};
use super::sea::Sea;
use super::shop::Wish;
use super::{Sort, payers, returns, sail_all, sink_if_wrecked};
use crate::crash::number;

/// Seas in `./test`.
const SEAS: u64 = 210;
/// Orders of each.
const ORDERS: u64 = 48;
/// Orders begin within this, in milliseconds.
const PLACED_WITHIN_MS: u64 = 15_000;
/// What is ordered. Alipay's codes live on when they are closed; those of WeChat Pay v2 cost least.
const PRODUCTS: [i64; 12] = [102, 102, 101, 202, 204, 204, 304, 301, 302, 401, 401, 401];
/// The shortest time that an order waits, in seconds.
const WAITS_S: i64 = 61;
/// Around its end things happen within this, in milliseconds; a few clients look again after it.
const AROUND_MS: u64 = 6_000;

#[test]
fn whatever_comes_first_nothing_is_closed_here_and_paid_there() {
    let (first, count) = (number("JUBAO_VOYAGE_SEED", 1), number("JUBAO_RACE_SEAS", SEAS));
    let told = sail_all(first, count, &Sort::Race);
    println!("{} orders in {count} seas from seed {first}", count * ORDERS);
    sink_if_wrecked(&told, "JUBAO_RACE_SEAS=1 JUBAO_VOYAGE_SEED=");
}

/// Sends the clients of many orders out.
pub fn send_out(sea: &Arc<Sea>) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for no in 0..ORDERS {
        clients.spawn(one_order(sea.clone(), format!("V{no}")));
    }
    clients
}

async fn one_order(sea: Arc<Sea>, number: String) {
    sea.pass(PLACED_WITHIN_MS).await;
    let waits_s = WAITS_S + i64::try_from(sea.draw(3)).unwrap();
    let expires_at = sea.clock.now().plus_millis(waits_s * 1_000);
    let (product, total_fee) = (sea.pick(&PRODUCTS), 1 + i64::try_from(sea.draw(9_999)).unwrap());
    let wish = Wish { product, total_fee, expires_at, sn: None, told: Vec::new() };
    let members = order(&sea, &number, &wish);
    sea.shop.wishes().insert(number.clone(), wish);
    let Some(data) = placed(&sea, &number, &members).await else { return };
    payers::come(&sea, &data).await;
    // A barcode's end is its reversal, 45 s after it was charged.
    let ends_in_s = if product == 401 { sea.pick(&[2, 8, 45]) } else { waits_s };
    let before_ms = u64::try_from(ends_in_s * 1_000).unwrap().saturating_sub(AROUND_MS / 2);
    tokio::time::sleep(Duration::from_millis(before_ms)).await;
    let count = 2 + sea.draw(3);
    join_all((0..count).map(|_| act(&sea, &number, &data))).await;
    if sea.chance(50) {
        returns::one(&sea, &data).await;
    }
}

/// One of the things that end an order, at a moment of its own.
async fn act(sea: &Sea, number: &str, data: &Value) {
    sea.pass(AROUND_MS).await;
    let sn = data["sn"].as_str().unwrap();
    let act: BoxFuture<'_, ()> = match sea.draw(7) {
        0..=2 => return payers::press(sea, sn),
        3 => tell(sea, number, "/order/close").boxed(),
        4 => tell(sea, number, "/order/reverse").boxed(),
        5 => tell(sea, number, "/order/query").boxed(),
        6 => payers::come(sea, data).boxed(),
        _ => returns::one(sea, data).boxed(),
    };
    act.await;
}

async fn tell(sea: &Sea, number: &str, address: &str) {
    let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number });
    let answer = ask(sea, address, &order).await;
    hear(sea, number, answer.as_ref());
}
