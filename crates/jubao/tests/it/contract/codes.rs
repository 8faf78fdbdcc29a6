//! Barcodes at every wallet: whatever the payer does and the upstream says, the order ends in SUCCESS,
//! PAYERROR or REVOKED within five minutes, the upstream agrees, and no answer on the way guesses.

use std::time::Duration;

use channels::sim::{OpFaultKind, OpKind};
use kernel::product::Product;
use serde_json::{Value, json};

use super::case::{COMES_RIGHT_S, order, shown};
use super::counter::{Counter, counters};
use super::judge;
use super::play::play_alone;
use super::world::World;

/// A cashier asks so often, in seconds.
const ASKED_EVERY_S: u64 = 5;

/// What a payer's code comes to.
struct Outcome {
    /// What happens, for people.
    name: &'static str,
    /// The code's last two digits.
    end: &'static str,
    /// What goes wrong with the charge on top.
    fault: Option<OpFaultKind>,
    /// What the merchant hears at once; the callback of a payment may be faster than a silence.
    told: &'static [i64],
    /// How it may end.
    ends: &'static [&'static str],
}

/// What one wallet calls failed, another leaves to be reversed.
const UNPAID: &[&str] = &["REVOKED", "PAYERROR"];

/// Heard of an order whose failure the callback has told while its charge was not answered: to be asked.
const IN_DOUBT: &[i64] = &[201, 40400, 492_004];

const fn outcome(name: &'static str, end: &'static str, told: &'static [i64]) -> Outcome {
    Outcome { name, end, fault: None, told, ends: &["SUCCESS"] }
}

const OUTCOMES: [Outcome; 13] = [
    outcome("paid at once", "00", &[200]),
    outcome("a password", "01", &[201]),
    Outcome { ends: UNPAID, ..outcome("the payer cancels", "02", &[201]) },
    Outcome { ends: &["PAYERROR"], ..outcome("no balance", "03", &[40500]) },
    Outcome { ends: &["PAYERROR"], ..outcome("a used code", "04", &[40111]) },
    outcome("a system error, and paid", "05", &[200, 201]),
    Outcome { ends: UNPAID, ..outcome("a system error, and not paid", "06", IN_DOUBT) },
    outcome("silence, and paid", "07", &[200, 201]),
    Outcome { fault: Some(OpFaultKind::Slow), ..outcome("a timeout, and paid", "00", &[200, 201]) },
    Outcome {
        fault: Some(OpFaultKind::Slow),
        ends: UNPAID,
        ..outcome("a timeout, and not paid", "06", IN_DOUBT)
    },
    Outcome {
        fault: Some(OpFaultKind::DroppedBefore),
        ends: UNPAID,
        ..outcome("lost on its way there", "00", &[201])
    },
    Outcome {
        fault: Some(OpFaultKind::ErrorBefore),
        ends: UNPAID,
        ..outcome("another system error, and not paid", "00", &[201])
    },
    Outcome {
        fault: Some(OpFaultKind::Slow),
        ..outcome("a timeout, then a password", "01", &[200, 201])
    },
];

/// Whether the cashier asks while the payer acts, or leaves it all to us.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Cashier {
    Asks,
    Waits,
}

async fn charged(counter: &'static Counter, outcome: &Outcome, cashier: Cashier) {
    let what =
        format!("{} {} ({}), the cashier {cashier:?}", counter.name, outcome.name, outcome.end);
    let world = World::of(counter).await;
    if let Some(kind) = outcome.fault {
        world.upstream.script(OpKind::Place, kind, 1);
    }
    let members = shown(order("M1", Product::Micropay), counter, outcome.end);
    let answer = world.call("/payment/pay", &members).await;
    let code = answer["code"].as_i64().unwrap();
    assert!(outcome.told.contains(&code), "{what}: {answer}");
    let sn = world.sn_of("M1").await.unwrap();
    let compare =
        |answer: &Value| assert_eq!(judge::contradiction(answer, &world.scales(&sn).truth), None);
    compare(&answer);
    for _ in 0..COMES_RIGHT_S / ASKED_EVERY_S {
        if cashier == Cashier::Asks {
            compare(&world.call("/order/query", &json!({ "sn": sn })).await);
        }
        if world.order(&sn).await.state.is_open() {
            assert_eq!(world.scales(&sn).guesses().await, None, "{what}");
            tokio::time::sleep(Duration::from_secs(ASKED_EVERY_S)).await;
        }
    }
    let state = world.order(&sn).await.state.word();
    assert!(outcome.ends.contains(&state), "{what} ends as {state}");
    tokio::time::sleep(Duration::from_secs(ASKED_EVERY_S)).await;
    assert_eq!(world.differences(&sn).await, [""; 0], "{what}");
    let members = shown(order("M2", Product::Micropay), counter, outcome.end);
    let again = world.call("/payment/pay", &members).await;
    assert_eq!(again["code"], 40111, "{what}: the code was used");
}

#[test]
fn a_barcode_ends_as_its_upstream_says_and_nothing_is_guessed_on_the_way() {
    let takes = |counter: &&Counter| counter.account.products.contains(&Product::Micropay);
    let charging: Vec<_> = counters().iter().filter(takes).collect();
    assert!(charging.len() >= 5, "alipay, wechat, wechat_v2, unionpay, jeepay");
    for counter in charging {
        for outcome in &OUTCOMES {
            for cashier in [Cashier::Asks, Cashier::Waits] {
                play_alone(|| charged(counter, outcome, cashier));
            }
        }
    }
}
