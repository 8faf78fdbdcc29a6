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
        let product = dice.pick(&[102, 202, 204, 304, 401, 401]);
        let mut order = json!({
            "mch_id": MERCHANT.mch_id.to_string(), "pay_channel_id": product, "total_fee": 1234,
            "out_trade_no": number, "notify_url": self.notify_url, "body": "明前龙井",
        });
        if product == 401 {
            order["code"] = code(&number, dice).into();
            self.know(&number, |told| told.is_barcode = true);
        }
        if dice.chance(HANG_UPS) {
            // Whoever hangs up drops what answers it, wherever that stands.
            let wait = Duration::from_millis(dice.up_to(HANGS_UP_WITHIN_MS));
            let _ = tokio::time::timeout(wait, self.once("/payment/pay", &order)).await;
        }
        let Some(sn) = self.placed(&number, &order).await else { return };
        if product != 304 && product != 401 && dice.up_to(2) > 0 {
            self.pay(&number, &sn).await;
        }
        if product == 401 && dice.chance(50) {
            self.once("/order/reverse", &named(&sn)).await;
        }
        if dice.up_to(2) == 0 {
            let answer = self.once("/order/query", &named(&sn)).await;
            self.hear(&number, answer.as_ref());
        }
        if dice.up_to(3) == 0 {
            let answer = self.once("/order/close", &named(&sn)).await;
            self.hear(&number, answer.as_ref());
        }
        if product != 304 && dice.chance(50) {
            self.refund(&number, &sn, dice).await;
        }
    }

    /// Refunds an order in parts, twice under one number by chance, and asks how it went.
    async fn refund(&self, number: &str, sn: &str, dice: &mut Dice) {
        for part in 0..=dice.up_to(2) {
            let (refund_no, amount) = (format!("R{number}-{part}"), dice.pick(&[500, 740]));
            let mut wish = named(sn);
            wish["out_refund_no"] = refund_no.clone().into();
            wish["refund_fee"] = amount.into();
            let know = |told: &mut Told| {
                told.refunds.entry(refund_no.clone()).or_default().amount = amount;
            };
            self.know(number, know);
            let asked = json!({
                "mch_id": MERCHANT.mch_id.to_string(), "out_refund_no": refund_no,
            });
            let addresses = ["/payment/refund", "/payment/refund", "/order/refundquery"];
            for address in addresses.into_iter().filter(|_| dice.chance(70)) {
                let members = if address == "/order/refundquery" { &asked } else { &wish };
                let answer = self.once(address, members).await;
                self.hear_of_refund(number, &refund_no, answer.as_ref());
            }
        }
    }

    fn hear_of_refund(&self, number: &str, refund_no: &str, answer: Option<&Value>) {
        let Some(data) = answer.map(|answer| &answer["data"]).filter(|data| data.is_object())
        else {
            return;
        };
        let refund_id = data["refund_id"].as_str().unwrap().to_owned();
        let is_done = data["refund_status"] == "SUCCESS";
        self.know(number, |told| {
            let refund = told.refunds.get_mut(refund_no).unwrap();
            let before = refund.refund_id.replace(refund_id.clone());
            assert!(before.is_none_or(|before| before == refund_id), "{refund_no} is two refunds");
            refund.is_done |= is_done;
        });
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
                if answer["code"] == 40111 {
                    // Its code is used up: by this order, whose answer was lost, or upstream.
                    return self.stands(number).await;
                }
            }
            if self.is_over.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The order of that number, if there is one.
    async fn stands(&self, number: &str) -> Option<String> {
        let order = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number });
        let answer = self.once("/order/query", &order).await?;
        let sn = answer["data"]["sn"].as_str().map(str::to_owned);
        self.know(number, |told| told.sn = sn.clone());
        sn
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

/// A code that no other order has. Its last two digits say what its payer does, at once or never.
fn code(number: &str, dice: &mut Dice) -> String {
    let (start, fates) =
        dice.pick(&[("28", ["00", "02", "05", "07"]), ("13", ["00", "03", "05", "07"])]);
    format!("{start}{:0>14}{}", number.trim_start_matches('K'), dice.pick(&fates))
}

/// What names an order.
pub fn named(sn: &str) -> Value {
    json!({ "mch_id": MERCHANT.mch_id.to_string(), "sn": sn })
}
