//! The simulated UnionPay's back notifications: when they are sent, what they say, and what goes wrong
//! with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{CallbackFaultKind, OutgoingCallback};
use crate::unionpay::request::NO_BACK_URL;
use crate::unionpay::sim::books::{Return, Trade};
use crate::unionpay::sim::{Platform, facts};
use crate::unionpay::wire::Fields;
use crate::{SetupError, Stamp};

const MINUTE_MS: i64 = 60_000;
/// How long UnionPay waits after each send that was not acknowledged: five in all.
const RETRY_AFTER_MS: [i64; 4] = [MINUTE_MS, 2 * MINUTE_MS, 4 * MINUTE_MS, 8 * MINUTE_MS];
/// How long [`CallbackFaultKind::Late`] holds a notification back.
const LATE_MS: i64 = MINUTE_MS;

/// A notification until it is answered or given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Callback {
    url: String,
    sign_method: String,
    /// The facts as they were.
    facts: Fields,
    sends: usize,
    due_at: i64,
    /// What goes wrong with the first send, in [`CallbackFaultKind::ALL`]'s words.
    fault: Option<String>,
}

/// All notifications that wait.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Callbacks {
    waiting: BTreeMap<u64, Callback>,
    counter: u64,
    /// Sent, and not answered yet.
    #[serde(skip)]
    in_flight: BTreeSet<u64>,
}

/// One notification that is to be sent now.
pub(super) struct Due {
    id: u64,
    callback: Callback,
}

impl Callbacks {
    /// Tells how an order ended.
    pub(super) fn add_trade(
        &mut self,
        trade: &Trade,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) {
        let order = &trade.order;
        let mut told = facts::of_trade(trade);
        name(&mut told, &order.key.0, &order.key.1, facts::kind(order.way));
        let code = trade.code(stamp.now);
        told.set_all([("respCode", code), ("respMsg", facts::words(code))]);
        self.add((&order.back_url, &order.sign_method), told, fault, stamp);
    }

    /// Tells that a refund or an undoing is done.
    pub(super) fn add_return(&mut self, given: &Return, trade: &Trade, stamp: &Stamp) {
        let mut told = facts::of_return(given, trade);
        let txn_type = if given.is_undo { "31" } else { "04" };
        name(&mut told, &given.key.0, &given.key.1, [txn_type, "00", "000000"]);
        told.set_all([("respCode", "00"), ("respMsg", facts::words("00"))]);
        self.add((&given.back_url, &given.sign_method), told, None, stamp);
    }

    fn add(
        &mut self,
        (url, sign_method): (&str, &str),
        facts: Fields,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) {
        if url == NO_BACK_URL || fault == Some(CallbackFaultKind::Lost) {
            return;
        }
        let is_late = fault == Some(CallbackFaultKind::Late);
        let word = |kind| CallbackFaultKind::ALL.into_iter().find(|(other, _)| *other == kind);
        let callback = Callback {
            url: url.to_owned(),
            sign_method: sign_method.to_owned(),
            facts,
            sends: 0,
            due_at: stamp.now.plus_millis(if is_late { LATE_MS } else { 0 }).millis(),
            fault: fault.and_then(word).map(|(_, word)| word.to_owned()),
        };
        let copies = if fault == Some(CallbackFaultKind::Twice) { 2 } else { 1 };
        for _ in 0..copies {
            self.counter += 1;
            self.waiting.insert(self.counter, callback.clone());
        }
    }

    /// The notifications that are due, each once until it is answered.
    pub(super) fn take_due(&mut self, stamp: &Stamp) -> Vec<Due> {
        let now = stamp.now.millis();
        let is_due = |(id, callback): &(&u64, &Callback)| {
            callback.due_at <= now && !self.in_flight.contains(id)
        };
        let due = |(id, callback): (&u64, &Callback)| Due { id: *id, callback: callback.clone() };
        let due: Vec<Due> = self.waiting.iter().filter(is_due).map(due).collect();
        self.in_flight.extend(due.iter().map(|due| due.id));
        due
    }

    /// Ends a notification that was acknowledged, else plans its next send.
    pub(super) fn answered(&mut self, id: u64, answer: Option<&HttpResponse>, stamp: &Stamp) {
        self.in_flight.remove(&id);
        let Some(callback) = self.waiting.get_mut(&id) else { return };
        let is_taken = answer.is_some_and(|got| matches!(got.status, 200 | 302));
        match RETRY_AFTER_MS.get(callback.sends) {
            Some(delay) if !is_taken => {
                callback.sends += 1;
                callback.due_at = stamp.now.plus_millis(*delay).millis();
            }
            Some(_) | None => {
                self.waiting.remove(&id);
            }
        }
    }

    /// When the next one is due, in milliseconds.
    pub(super) fn next_due(&self) -> Option<i64> {
        let is_idle = |(id, _): &(&u64, &Callback)| !self.in_flight.contains(id);
        self.waiting.iter().filter(is_idle).map(|(_, callback)| callback.due_at).min()
    }

    /// After a restart: what was on its way is sent again.
    pub(super) fn forget_flights(&mut self) {
        self.in_flight.clear();
    }
}

impl Due {
    /// The request that tells it.
    pub(super) fn request(&self, platform: &Platform) -> Result<OutgoingCallback, SetupError> {
        let Callback { url, sign_method, facts, sends, fault, .. } = &self.callback;
        let fault = fault.as_deref().and_then(CallbackFaultKind::from_word);
        let fault = fault.filter(|_| *sends == 0);
        let mut fields = facts.clone();
        fields.set("merId", platform.config.mer_id.as_str());
        if let Some(fault) = fault {
            spoil(&mut fields, fault);
        }
        platform.sign(&mut fields, sign_method)?;
        if fault == Some(CallbackFaultKind::BadSignature) {
            fields.set("respMsg", "成功");
        }
        let form = "application/x-www-form-urlencoded;charset=UTF-8";
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: url.clone(),
            headers: vec![("Content-Type".to_owned(), form.to_owned())],
            body: fields.to_form().into_bytes(),
        };
        Ok(OutgoingCallback { id: self.id, request })
    }
}

/// What every notification echoes.
pub(super) fn name(
    fields: &mut Fields,
    order_id: &str,
    txn_time: &str,
    [txn_type, sub_type, biz_type]: [&str; 3],
) {
    fields.set_all([
        ("version", "5.1.0"),
        ("encoding", "UTF-8"),
        ("accessType", "0"),
        ("orderId", order_id),
        ("txnTime", txn_time),
        ("txnType", txn_type),
        ("txnSubType", sub_type),
        ("bizType", biz_type),
    ]);
}

/// Puts a wrong member in. UnionPay knows no apps: another merchant stands for one.
fn spoil(fields: &mut Fields, fault: CallbackFaultKind) {
    match fault {
        CallbackFaultKind::WrongAmount => {
            let total = fields.of("txnAmt").parse::<i64>().unwrap_or(0);
            fields.set("txnAmt", total.saturating_sub(1).to_string());
        }
        CallbackFaultKind::WrongCurrency => {
            let other = if fields.of("currencyCode") == "036" { "344" } else { "036" };
            fields.set("currencyCode", other);
        }
        CallbackFaultKind::WrongApp | CallbackFaultKind::WrongMerchant => {
            fields.set("merId", "777290058100000");
        }
        CallbackFaultKind::Lost
        | CallbackFaultKind::Twice
        | CallbackFaultKind::Late
        | CallbackFaultKind::BadSignature => {}
    }
}
