//! Processes are replaced one after the other while merchants and payers go on: nobody notices.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::fleet::{Fleet, named, order};
use crate::crash::number;
use crate::edge_process::wait;
use crate::merchant::TestMerchant;

/// Restarts in `./test`: one of each process.
const RESTARTS: u64 = 3;
/// Processes.
const PROCESSES: usize = 3;
/// Requests in a second, in `./test` and in full.
const RATE: u64 = 200;
/// Of so many orders one is paid, and so told.
const PAID_OF: u64 = 5;

/// What became of the requests.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    sns: Mutex<HashSet<String>>,
    paid: Mutex<HashSet<String>>,
    failures: Mutex<Vec<String>>,
}

impl Seen {
    fn fail(&self, what: &str, answer: Option<Value>) {
        self.failures.lock().unwrap().push(format!("{what}: {answer:?}"));
    }
}

/// One order, from placing to a query.
async fn one_order(fleet: &Fleet, seen: &Seen, (no, notify_url): (u64, &str)) {
    let is_paid = no.is_multiple_of(PAID_OF);
    let product = if is_paid { 204 } else { 304 };
    let (api, wish) = (fleet.balancer.url(), order(product, &format!("R{no}"), notify_url));
    let answer = ask(fleet, seen, (&api, "/payment/pay"), &wish).await;
    let Some(sn) = answer else { return };
    if !seen.sns.lock().unwrap().insert(sn.clone()) {
        seen.fail("one id twice", Some(sn.clone().into()));
    }
    if is_paid {
        let paid = fleet.client.post(format!("{}/pay/{sn}", fleet.sim)).body("{}").send().await;
        assert_eq!(paid.unwrap().status(), 200);
        seen.paid.lock().unwrap().insert(sn);
    } else {
        ask(fleet, seen, (&api, "/order/query"), &named(&sn)).await;
    }
}

/// The order's number of a good answer.
async fn ask(
    fleet: &Fleet,
    seen: &Seen,
    (api, path): (&str, &str),
    members: &Value,
) -> Option<String> {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let answer = fleet.call(api, path, members).await;
    if let Some(answer) = &answer
        && answer["code"] == 200
    {
        return answer["data"]["sn"].as_str().map(str::to_owned);
    }
    seen.fail(path, answer);
    None
}

/// Begins orders at the rate until it is over, however long each takes.
async fn load(fleet: Arc<Fleet>, seen: Arc<Seen>, notify_url: String, is_over: Arc<AtomicBool>) {
    // An order is about two requests.
    let mut tick = interval(Duration::from_millis(2_000 / RATE));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut orders = JoinSet::new();
    for no in 0.. {
        tick.tick().await;
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let (fleet, seen, notify_url) = (fleet.clone(), seen.clone(), notify_url.clone());
        orders.spawn(async move { one_order(&fleet, &seen, (no, &notify_url)).await });
    }
    while let Some(ended) = orders.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_replaced_and_nobody_notices() {
    let restarts = number("JUBAO_ROLLING_RESTARTS", RESTARTS);
    let (fleet, merchant) = (Arc::new(Fleet::make().await), TestMerchant::spawn().await);
    let (seen, is_over) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        processes.push(fleet.process().await);
    }
    let asking = load(fleet.clone(), seen.clone(), merchant.url().to_owned(), is_over.clone());
    let asking = tokio::spawn(asking);
    for _ in 0..restarts {
        let (process, api) = processes.remove(0);
        let (code, said) = process.finish().await;
        assert_eq!(code, 0, "{said:?}");
        fleet.balancer.remove(&api);
        processes.push(fleet.process().await);
    }
    is_over.store(true, Ordering::Relaxed);
    asking.await.unwrap();
    let failures = seen.failures.lock().unwrap().clone();
    assert!(
        failures.is_empty(),
        "{} failed: {:#?}",
        failures.len(),
        &failures[..failures.len().min(5)]
    );
    let paid = seen.paid.lock().unwrap().clone();
    wait("every notice", async || (told(&merchant).len() >= paid.len()).then_some(())).await;
    for (process, _) in processes {
        assert_eq!(process.finish().await.0, 0);
    }
    let told = told(&merchant);
    let twice: Vec<_> = told.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "told more than once: {twice:?}");
    assert_eq!(told.keys().cloned().collect::<HashSet<_>>(), paid);
    println!(
        "{restarts} restarts, {} requests, {} orders, {} notices: none failed, none doubled",
        seen.requests.load(Ordering::Relaxed),
        seen.sns.lock().unwrap().len(),
        told.len(),
    );
}

/// How often the merchant was told of each order.
fn told(merchant: &TestMerchant) -> HashMap<String, usize> {
    let mut told = HashMap::new();
    for one in merchant.received().iter() {
        *told.entry(one.text("sn").to_owned()).or_insert(0) += 1;
    }
    told
}
