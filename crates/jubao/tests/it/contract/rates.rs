//! Exchange rates at both sources: each fault has its code, no fault makes a rate, and once it is over the
//! rates come.

use std::time::Duration;

use channels::sim::{OpFaultKind, OpKind};
use serde_json::{Value, json};

use super::counter::{Counter, counters};
use super::play::play_alone;
use super::world::World;

/// After a first failure an upstream is left alone so long, in seconds.
const RETRY_S: u64 = 60;
/// What the simulators quote for the Hong Kong dollar.
const RIGHT: [&str; 2] = ["0.847370", "0.84570000"];
/// Codes that say that there are no rates.
const NONE: [i64; 6] = [4005, 492_003, 492_004, 492_005, 492_006, 492_007];

/// What a merchant calls a counter's source of rates.
pub fn adapter(counter: &Counter) -> &'static str {
    if counter.channel.starts_with("wechat") { "wechat" } else { "alipay" }
}

/// What in an answer is neither the right rate nor that there is none.
pub fn contradiction(answer: &Value) -> Option<String> {
    let rate = answer["data"]["HKD"]["rate"].as_str();
    let is_right = match answer["code"].as_i64() {
        Some(200) => rate.is_some_and(|rate| RIGHT.contains(&rate)),
        Some(code) => NONE.contains(&code) && answer.get("data").is_none(),
        None => false,
    };
    (!is_right).then(|| format!("no rates: {answer}"))
}

/// The code that a fault of the upstream's has.
fn code(counter: &Counter, kind: OpFaultKind) -> i64 {
    let is_signed = adapter(counter) == "wechat";
    match kind {
        OpFaultKind::Refused
        | OpFaultKind::ErrorBefore
        | OpFaultKind::ErrorAfter
        | OpFaultKind::Busy => 492_006,
        OpFaultKind::DroppedBefore | OpFaultKind::DroppedAfter | OpFaultKind::Empty => 492_005,
        OpFaultKind::Html | OpFaultKind::Truncated => 492_007,
        // Alipay's file is not signed and names nobody, so it cannot do so wrongly.
        OpFaultKind::BadSignature | OpFaultKind::WrongAnswer if is_signed => 492_007,
        OpFaultKind::BadSignature | OpFaultKind::WrongAnswer => 200,
        OpFaultKind::Slow => 492_004,
    }
}

async fn goes_wrong(counter: &'static Counter, kind: OpFaultKind) {
    let world = World::of(counter).await;
    world.upstream.script(OpKind::Rates, kind, 1);
    let expect = code(counter, kind);
    let members = json!({ "adapter": adapter(counter) });
    for time in ["asked", "kept"] {
        let answer = world.call("/exchangerate/fetch", &members).await;
        assert_eq!(answer["code"], expect, "{} {kind:?} {time}: {answer}", counter.name);
        assert_eq!(contradiction(&answer), None);
    }
    assert_eq!(world.upstream.faults_left(), 0);
    tokio::time::sleep(Duration::from_secs(RETRY_S)).await;
    let answer = world.call("/exchangerate/fetch", &members).await;
    assert_eq!(answer["code"], 200, "{} after {kind:?}: {answer}", counter.name);
    assert_eq!(contradiction(&answer), None);
}

#[test]
fn every_fault_of_a_source_has_its_code_and_is_over_a_minute_later() {
    let tell = counters().iter().filter(|one| super::not_asked(one, OpKind::Rates).is_none());
    let tell: Vec<_> = tell.collect();
    assert_eq!(tell.len(), 2, "Alipay and WeChat Pay");
    for counter in tell {
        for (kind, _) in OpFaultKind::ALL {
            play_alone(|| goes_wrong(counter, kind));
        }
    }
}
