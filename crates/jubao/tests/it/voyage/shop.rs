//! The merchant: its server, which hears notices, and what its clients were told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use channels::http::{HttpRequest, HttpResponse};
use gateway::egress::{EgressFault, MERCHANT as LIMITS, Sending, Wire};
use jubao::demo::identity::MERCHANT;
use jubao::signing;
use kernel::id::{Id, Sn};
use kernel::secret::Secret;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use super::node::Life;
use super::sea::Sea;

/// Where notices go.
pub const NOTIFY_URL: &str = "https://shop.example/notify";
/// A notice is not acknowledged so often at most, so that a voyage ends in its day.
const REFUSALS_MAX: usize = 3;

/// What the merchant knows of one order.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What it asked for: `pay_channel_id`.
    pub product: i64,
    /// What it asked for, in minor units.
    pub total_fee: i64,
    /// When it stops waiting.
    pub expires_at: Timestamp,
    /// Our number, once an answer named it.
    pub sn: Option<String>,
    /// The states that answers named, one after the other.
    pub told: Vec<ToldState>,
}

/// A state that an answer named, in milliseconds of the true time.
#[derive(Copy, Clone, Debug)]
pub struct ToldState {
    /// When it was asked.
    pub asked_at: i64,
    /// When it was answered.
    pub answered_at: i64,
    /// What was said.
    pub state: TradeState,
}

/// What the merchant knows of one refund.
#[derive(Clone, Debug)]
pub struct RefundWish {
    /// What it asked for, in minor units; `None`: all that is left.
    pub refund_fee: Option<i64>,
    /// Why.
    pub reason: &'static str,
    /// Our number, once an answer named it.
    pub refund_id: Option<String>,
    /// What answers said of it, one after the other: `refund_status`.
    pub told: Vec<String>,
}

/// Facts of a notice, by name.
pub type Facts = BTreeMap<String, String>;

/// The merchant's side.
#[derive(Default)]
pub struct Shop {
    wishes: Mutex<BTreeMap<String, Wish>>,
    refunds: Mutex<BTreeMap<String, RefundWish>>,
    heard: Mutex<BTreeMap<String, Vec<Facts>>>,
}

impl Shop {
    /// Its orders by its own number.
    pub fn wishes(&self) -> MutexGuard<'_, BTreeMap<String, Wish>> {
        self.wishes.lock().unwrap()
    }

    /// Its refunds by its own number.
    pub fn refunds(&self) -> MutexGuard<'_, BTreeMap<String, RefundWish>> {
        self.refunds.lock().unwrap()
    }

    /// What its server heard of an order: one entry for each time, acknowledged or not.
    pub fn heard_of(&self, sn: &str) -> Vec<Facts> {
        self.heard.lock().unwrap().get(sn).cloned().unwrap_or_default()
    }

    /// How many orders its server heard of.
    pub fn heard_count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Takes a notice in; says how often it has heard of that order before.
    async fn hear(&self, sea: &Sea, request: &HttpRequest) -> usize {
        let members = signing::read(&request.body).unwrap();
        if !signing::is_signed(&members, &Secret::new(MERCHANT.key)) {
            sea.wrong("a notice is not signed with the merchant's key");
        }
        let is_fact = |(name, _): &(String, String)| name != "nonce_str" && name != "sign";
        let facts: Facts = members.into_iter().filter(is_fact).collect();
        let sn = facts["sn"].clone();
        // It tells what has happened, which need not be the last that happened.
        let history =
            store::order_events::of_order(&sea.looking, MERCHANT.mch_id, id_of(&sn)).await;
        if !history.unwrap().iter().any(|event| event.to.word() == facts["trade_state"]) {
            sea.wrong(format_args!("I9: {sn}: a notice says {facts:?}"));
        }
        let mut heard = self.heard.lock().unwrap();
        let of_order = heard.entry(sn).or_default();
        of_order.push(facts);
        of_order.len() - 1
    }
}

fn id_of(sn: &str) -> Id {
    Sn::parse(sn).unwrap().id()
}

/// A process's way to the merchant's server.
pub struct ShopWire {
    sea: Weak<Sea>,
    life: Arc<Life>,
}

impl ShopWire {
    /// The way of a process that lives `life`.
    pub fn new(sea: &Arc<Sea>, life: &Arc<Life>) -> Self {
        Self { sea: Arc::downgrade(sea), life: life.clone() }
    }

    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
        let sea = self.sea.upgrade().unwrap();
        self.life.step().await;
        let answer = answer(&sea, request).await;
        let said = answer.as_ref().map_or_else(
            |fault| format!("{fault:?}"),
            |answer| format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
        );
        sea.note(format_args!("notice: {said}"));
        self.life.step().await;
        answer
    }
}

impl Wire for ShopWire {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(self.exchange(request))
    }
}

async fn answer(sea: &Sea, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
    sea.pass(sea.pick(&[100, 100, 4_000])).await;
    let is_bad = sea.goes_wrong(sea.weather.shop);
    let fate = if is_bad { sea.draw(4) } else { 5 };
    if fate == 0 {
        return Err(EgressFault::NotSent("no connection".into()));
    }
    let times = sea.shop.hear(sea, request).await;
    let says = |status, text: &str| Ok(HttpResponse::new(status, "text/plain", text));
    match fate {
        _ if times >= REFUSALS_MAX => says(200, "SUCCESS"),
        1 => {
            tokio::time::sleep(LIMITS.total).await;
            Err(EgressFault::Timeout)
        }
        2 => Err(EgressFault::Broken("the connection broke".into())),
        3 => says(500, "SUCCESS"),
        4 => says(200, "FAIL"),
        _ => says(200, "success"),
    }
}
