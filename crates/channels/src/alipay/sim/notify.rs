//! The simulated Alipay's notifications (manual: asynchronous notifications): when they are sent,
//! what they say, and what goes wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alipay::sign;
use crate::alipay::sim::AlipaySimConfig;
use crate::alipay::sim::seal::Platform;
use crate::alipay::sim::trade::{Key, Status, Trade};
use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{CallbackFaultKind, OutgoingCallback};
use crate::{SetupError, Stamp};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How long Alipay waits after each send that was not answered with `success`.
const RETRY_AFTER_MS: [i64; 7] = [
    4 * MINUTE_MS,
    10 * MINUTE_MS,
    10 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    6 * HOUR_MS,
    15 * HOUR_MS,
];
/// How long [`CallbackFaultKind::Late`] holds a notification back.
const LATE_MS: i64 = MINUTE_MS;

/// The buyer of every simulated payment.
pub(super) const BUYER_ID: &str = "2088102122524333";
/// What the buyer's name shows of itself.
pub(super) const BUYER_LOGON_ID: &str = "138****0000";

/// A notification until it is answered or given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Callback {
    key: Key,
    notify_id: String,
    /// The status that it tells, whatever comes later.
    status: Status,
    /// How many refunds it tells of, if the last of them is why it is sent.
    #[serde(default)]
    refunds: Option<usize>,
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
    pub(super) id: u64,
    pub(super) key: Key,
    notify_id: String,
    status: Status,
    refunds: Option<usize>,
    fault: Option<CallbackFaultKind>,
}

impl Callbacks {
    /// Tells of `trade`'s status, if its merchant wants to be told.
    pub(super) fn add(&mut self, trade: &Trade, fault: Option<CallbackFaultKind>, stamp: &Stamp) {
        if trade.order.notify_url.is_empty() || fault == Some(CallbackFaultKind::Lost) {
            return;
        }
        let is_late = fault == Some(CallbackFaultKind::Late);
        let word = |kind| CallbackFaultKind::ALL.into_iter().find(|(other, _)| *other == kind);
        let callback = Callback {
            due_at: stamp.now.plus_millis(if is_late { LATE_MS } else { 0 }).millis(),
            fault: fault.and_then(word).map(|(_, word)| word.to_owned()),
            ..self.of(trade, stamp)
        };
        let copies = if fault == Some(CallbackFaultKind::Twice) { 2 } else { 1 };
        for _ in 0..copies {
            self.counter += 1;
            self.waiting.insert(self.counter, callback.clone());
        }
    }

    /// Tells of `trade`'s last refund.
    pub(super) fn add_refund(&mut self, trade: &Trade, stamp: &Stamp) {
        if trade.order.notify_url.is_empty() {
            return;
        }
        let callback = Callback { refunds: Some(trade.refunds.len()), ..self.of(trade, stamp) };
        self.counter += 1;
        self.waiting.insert(self.counter, callback);
    }

    fn of(&self, trade: &Trade, stamp: &Stamp) -> Callback {
        Callback {
            key: trade.order.key(),
            notify_id: format!("{}{:06}", stamp.nonce.get(..24).unwrap_or(""), self.counter),
            status: trade.status,
            refunds: None,
            sends: 0,
            due_at: stamp.now.millis(),
            fault: None,
        }
    }

    /// The notifications that are due, each once until it is answered.
    pub(super) fn take_due(&mut self, stamp: &Stamp) -> Vec<Due> {
        let now = stamp.now.millis();
        let is_due = |(id, callback): &(&u64, &Callback)| {
            callback.due_at <= now && !self.in_flight.contains(id)
        };
        let due: Vec<Due> = self.waiting.iter().filter(is_due).map(|(id, c)| c.due(*id)).collect();
        self.in_flight.extend(due.iter().map(|due| due.id));
        due
    }

    /// Ends a notification that was answered with `success`, else plans its next send.
    pub(super) fn answered(&mut self, id: u64, answer: Option<&HttpResponse>, stamp: &Stamp) {
        self.in_flight.remove(&id);
        let Some(callback) = self.waiting.get_mut(&id) else { return };
        let is_taken = answer.is_some_and(|got| got.status == 200 && got.body == b"success");
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

impl Callback {
    fn due(&self, id: u64) -> Due {
        let fault = self.fault.as_deref().and_then(CallbackFaultKind::from_word);
        Due {
            id,
            key: self.key.clone(),
            notify_id: self.notify_id.clone(),
            status: self.status,
            refunds: self.refunds,
            fault: fault.filter(|_| self.sends == 0),
        }
    }
}

impl Due {
    /// The request that tells it.
    pub(super) fn request(
        &self,
        trade: &Trade,
        platform: (&AlipaySimConfig, &Platform),
        stamp: &Stamp,
    ) -> Result<OutgoingCallback, SetupError> {
        let (config, platform) = platform;
        let mut fields = facts(trade, self.status, config);
        if let Some(count) = self.refunds {
            push_refund(&mut fields, trade, count);
        }
        fields.push("notify_time", stamp.now.beijing());
        fields.push("notify_id", self.notify_id.as_str());
        if let Some(fault) = self.fault {
            spoil(&mut fields, fault, trade);
        }
        let mut text = sign::notice_text(&fields);
        if self.fault == Some(CallbackFaultKind::BadSignature) {
            text.push('!');
        }
        fields.push("sign", platform.sign(trade.order.sign_type, &text)?);
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: trade.order.notify_url.clone(),
            headers: vec![("Content-Type".to_owned(), form.to_owned())],
            body: fields.to_form().into_bytes(),
        };
        Ok(OutgoingCallback { id: self.id, request })
    }
}

/// What a notification says of a trade that has come to `status`.
fn facts(trade: &Trade, status: Status, config: &AlipaySimConfig) -> Fields {
    let total = fen(trade.order.total);
    let mut fields = Fields::default();
    let fixed = [
        ("notify_type", "trade_status_sync"),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("sign_type", trade.order.sign_type.word()),
        ("app_id", &config.app_id),
        ("auth_app_id", &config.app_id),
        ("seller_id", &config.seller_id),
        ("buyer_id", BUYER_ID),
        ("buyer_logon_id", BUYER_LOGON_ID),
        ("trade_no", &trade.trade_no),
        ("out_trade_no", &trade.order.out_trade_no),
        ("subject", &trade.order.subject),
        ("trade_status", status.word()),
        ("total_amount", &total),
    ];
    for (name, value) in fixed {
        fields.push(name, value);
    }
    fields.push("gmt_create", time(trade.created_at));
    if trade.paid_at > 0 {
        for name in ["receipt_amount", "invoice_amount", "buyer_pay_amount"] {
            fields.push(name, total.as_str());
        }
        fields.push("point_amount", "0.00");
        fields.push("gmt_payment", time(trade.paid_at));
        let funds = format!(r#"[{{"amount":"{total}","fundChannel":"ALIPAYACCOUNT"}}]"#);
        fields.push("fund_bill_list", funds);
    }
    if status == Status::Closed {
        fields.push("gmt_close", time(trade.closed_at));
    }
    fields
}

/// What a notification says of the last of `count` refunds; the sum is of all of them.
fn push_refund(fields: &mut Fields, trade: &Trade, count: usize) {
    let Some(refund) = trade.refunds.get(count.saturating_sub(1)) else { return };
    fields.push("gmt_refund", format!("{}.{:03}", time(refund.at), refund.at.rem_euclid(1000)));
    fields.push("refund_fee", fen(trade.refunded_by(count)));
    fields.push("out_biz_no", refund.number.as_str());
}

/// Puts a wrong member in. Alipay's notifications carry no currency: another seller stands for it.
fn spoil(fields: &mut Fields, fault: CallbackFaultKind, trade: &Trade) {
    match fault {
        CallbackFaultKind::WrongAmount => {
            fields.replace("total_amount", fen(trade.order.total.saturating_sub(1)));
        }
        CallbackFaultKind::WrongCurrency | CallbackFaultKind::WrongMerchant => {
            fields.replace("seller_id", "2088000000000000".to_owned());
        }
        CallbackFaultKind::WrongApp => fields.replace("app_id", "2014000000000000".to_owned()),
        CallbackFaultKind::Lost
        | CallbackFaultKind::Twice
        | CallbackFaultKind::Late
        | CallbackFaultKind::BadSignature => {}
    }
}

/// An amount as Alipay writes it.
pub(super) fn fen(minor: i64) -> String {
    Money::new(minor, Currency::Cny).decimal()
}

/// A time as Alipay writes it.
pub(super) fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).beijing()
}
