//! Merchants and payers who do not know that the process dies: what is not answered is asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::secret::Secret;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::world::{Oracle, Told, World, client};
use crate::dice::Dice;

/// Between two tries at a process that does not answer.
const AGAIN: Duration = Duration::from_millis(20);

/// Callers that hang up on their first try, in a hundred.
const HANG_UPS: u64 = 25;
/// When they do at the latest, in milliseconds.
const HANGS_UP_WITHIN_MS: u64 = 40;

/// Callers that go on until they are stopped.
pub struct Load {
    tasks: JoinSet<()>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    /// Starts `connections` callers.
    pub fn start(world: &World, connections: u64) -> Self {
        let (is_over, orders) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for number in 0..connections {
            let caller = Caller {
                api: world.api.clone(),
                sim: world.sim.clone(),
                notify_url: world.merchant.url().to_owned(),
                oracle: world.oracle.clone(),
                client: client(),
                is_over: is_over.clone(),
                orders: orders.clone(),
            };
            tasks.spawn(async move {
                let mut dice = Dice::new(number);
                while !caller.is_over.load(Ordering::Relaxed) {
                    caller.one_order(&mut dice).await;
                }
            });
        }
        Self { tasks, is_over }
    }

    /// Lets every caller finish the order it is at.
    pub async fn stop(mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

struct Caller {
    api: String,
    sim: String,
    notify_url: String,
    oracle: Oracle,
    client: reqwest::Client,
    is_over: Arc<AtomicBool>,
    orders: Arc<AtomicU64>,
}

impl Caller {
    /// Places an order until it stands; then, by chance, it is paid, queried, closed.
    async fn one_order(&self, dice: &mut Dice) {
        let number = format!("K{}", self.orders.fetch_add(1, Ordering::Relaxed));
        let product = [102, 202, 304][usize::try_from(dice.up_to(2)).unwrap()];
        let order = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": product, "total_fee": 1234,
            "out_trade_no": number, "notify_url": self.notify_url, "body": "明前龙井",
        });
        if dice.chance(HANG_UPS) {
            // Whoever hangs up drops what answers it, wherever that stands.
            let wait = Duration::from_millis(dice.up_to(HANGS_UP_WITHIN_MS));
            let _ = tokio::time::timeout(wait, self.once("/payment/pay", &order)).await;
        }
        let Some(sn) = self.placed(&number, &order).await else { return };
        if product != 304 && dice.up_to(2) > 0 {
            self.pay(&number, &sn).await;
        }
        if dice.up_to(2) == 0 {
            let answer = self.once("/order/query", &named(&sn)).await;
            self.hear(&number, answer.as_ref());
        }
        if dice.up_to(3) == 0 {
            let answer = self.once("/order/close", &named(&sn)).await;
            self.hear(&number, answer.as_ref());
        }
    }

    /// Asks until an answer says that the order stands, or that it never will.
    async fn placed(&self, number: &str, order: &Value) -> Option<String> {
        loop {
            let answer = self.once("/payment/pay", order).await;
            if let Some(answer) = &answer {
                let sn = answer["data"]["sn"].as_str().map(str::to_owned);
                if let Some(sn) = sn.filter(|sn| !sn.is_empty()) {
                    let mut told = self.oracle.lock().unwrap();
                    let one = told.entry(number.to_owned()).or_default();
                    let before = one.sn.replace(sn.clone());
                    assert!(before.is_none_or(|before| before == sn), "{number} has two orders");
                    return Some(sn);
                }
            }
            if self.is_over.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn pay(&self, number: &str, sn: &str) {
        let url = format!("{}/pay/{sn}", self.sim);
        let answer = self.client.post(url).body("{}").send().await.unwrap();
        if answer.status() == 200 {
            self.know(number, |told| told.is_paid = true);
        }
    }

    /// Remembers what an answer says of an order's state.
    fn hear(&self, number: &str, answer: Option<&Value>) {
        let state = answer.and_then(|answer| answer["data"]["trade_state"].as_str());
        match state {
            Some("SUCCESS") => self.know(number, |told| told.is_success = true),
            Some("CLOSED") => self.know(number, |told| told.is_closed = true),
            Some(_) | None => {}
        }
    }

    fn know(&self, number: &str, fact: impl FnOnce(&mut Told)) {
        fact(self.oracle.lock().unwrap().entry(number.to_owned()).or_default());
    }

    /// One request; `None` if no whole answer came.
    async fn once(&self, path: &str, members: &Value) -> Option<Value> {
        let signed = signing::signed(members, &Secret::new(MERCHANT.key)).unwrap();
        let sent = self.client.post(format!("{}{path}", self.api)).body(signed.to_string());
        let text = sent.send().await.ok()?.text().await.ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// What names an order.
pub fn named(sn: &str) -> Value {
    json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn })
}
