//! The simulated MAPI's notifications: when they are sent, what they say, what goes wrong with
//! them, and for how long `notify_verify` vouches for one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, SignType};
use crate::alipay_mapi::sim::books::{Refund, Status, Trade};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{CallbackFaultKind, OutgoingCallback};

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
/// How long `notify_verify` vouches for a send.
const VOUCHED_MS: i64 = MINUTE_MS;

/// The buyer of every simulated payment.
pub(super) const BUYER_ID: &str = "2088102122524333";

/// What a notification tells, whatever comes later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum News {
    Trade(Status),
    Refund(String),
}

/// A notification until it is answered or given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Callback {
    out_trade_no: String,
    news: News,
    notify_id: String,
    sends: usize,
    due_at: i64,
    /// What goes wrong with the first send, in [`CallbackFaultKind::ALL`]'s words.
    fault: Option<String>,
}

/// All notifications that wait, and those that `notify_verify` knows.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Callbacks {
    waiting: BTreeMap<u64, Callback>,
    counter: u64,
    /// By `notify_id`: when it was sent last, in milliseconds.
    sent: BTreeMap<String, i64>,
    /// Sent, and not answered yet; after a restart they are sent again.
    #[serde(skip)]
    in_flight: BTreeSet<u64>,
}

impl Callbacks {
    /// Tells of `trade`'s status, if its merchant wants to be told.
    pub(super) fn add_trade(
        &mut self,
        trade: &Trade,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) {
        if trade.order.notify_url.is_empty() || fault == Some(CallbackFaultKind::Lost) {
            return;
        }
        let is_late = fault == Some(CallbackFaultKind::Late);
        let due_at = stamp.now.plus_millis(if is_late { LATE_MS } else { 0 }).millis();
        let mut callback = self.callback(trade, News::Trade(trade.status), due_at, stamp);
        let word = |kind| CallbackFaultKind::ALL.into_iter().find(|(other, _)| *other == kind);
        callback.fault = fault.and_then(word).map(|(_, word)| word.to_owned());
        if fault == Some(CallbackFaultKind::Twice) {
            self.add(callback.clone());
        }
        self.add(callback);
    }

    /// Tells of a refund once it is done, if its merchant wants to be told.
    pub(super) fn add_refund(&mut self, trade: &Trade, refund: &Refund, stamp: &Stamp) {
        if !refund.notify_url.is_empty() {
            let news = News::Refund(refund.out_return_no.clone());
            let callback = self.callback(trade, news, refund.done_at, stamp);
            self.add(callback);
        }
    }

    fn callback(&self, trade: &Trade, news: News, due_at: i64, stamp: &Stamp) -> Callback {
        Callback {
            out_trade_no: trade.order.out_trade_no.clone(),
            news,
            notify_id: format!("{}{:06}", stamp.nonce.get(..24).unwrap_or(""), self.counter),
            sends: 0,
            due_at,
            fault: None,
        }
    }

    fn add(&mut self, callback: Callback) {
        self.counter += 1;
        self.waiting.insert(self.counter, callback);
    }

    /// The notifications that are due, each once until it is answered.
    pub(super) fn take_due(&mut self, stamp: &Stamp) -> Vec<Due> {
        let now = stamp.now.millis();
        self.sent.retain(|_, sent_at| now.saturating_sub(*sent_at) <= VOUCHED_MS);
        let is_due = |(id, callback): &(&u64, &Callback)| {
            callback.due_at <= now && !self.in_flight.contains(id)
        };
        let due: Vec<Due> = self.waiting.iter().filter(is_due).map(|(id, c)| c.due(*id)).collect();
        self.in_flight.extend(due.iter().map(|due| due.id));
        self.sent.extend(due.iter().map(|due| (due.callback.notify_id.clone(), now)));
        due
    }

    /// Whether a notification was sent within the last minute (manual: notify_verify).
    pub(super) fn vouches(&self, notify_id: &str, stamp: &Stamp) -> bool {
        let age_ms = |sent_at: &i64| stamp.now.millis().saturating_sub(*sent_at);
        self.sent.get(notify_id).is_some_and(|sent_at| age_ms(sent_at) <= VOUCHED_MS)
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
}

/// One notification that is to be sent now.
pub(super) struct Due {
    id: u64,
    callback: Callback,
    fault: Option<CallbackFaultKind>,
}

impl Callback {
    fn due(&self, id: u64) -> Due {
        let fault = self.fault.as_deref().and_then(CallbackFaultKind::from_word);
        Due { id, callback: self.clone(), fault: fault.filter(|_| self.sends == 0) }
    }
}

impl Due {
    /// The trade that it is about.
    pub(super) fn out_trade_no(&self) -> &str {
        &self.callback.out_trade_no
    }

    /// The request that tells it, signed as the order was.
    pub(super) fn request(
        &self,
        trade: &Trade,
        sign: impl Fn(SignType, &str) -> String,
        stamp: &Stamp,
    ) -> OutgoingCallback {
        let kind = SignType::from_word(&trade.order.sign_type).unwrap_or(SignType::Rsa);
        let (mut fields, url) = self.facts(trade);
        fields.push("notify_time", stamp.now.beijing());
        fields.push("notify_id", self.callback.notify_id.as_str());
        if let Some(fault) = self.fault {
            spoil(&mut fields, fault, trade);
        }
        let mut text = sign::text(&fields);
        if self.fault == Some(CallbackFaultKind::BadSignature) {
            text.push('!');
        }
        fields.push("sign", sign(kind, &text));
        fields.push("sign_type", kind.word());
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let request = HttpRequest {
            method: "POST".to_owned(),
            url,
            headers: vec![("Content-Type".to_owned(), form.to_owned())],
            body: fields.to_form().into_bytes(),
        };
        OutgoingCallback { id: self.id, request }
    }

    /// What it says, and where.
    fn facts(&self, trade: &Trade) -> (Fields, String) {
        let order = &trade.order;
        let common =
            [("out_trade_no", order.out_trade_no.as_str()), ("currency", order.currency.as_str())];
        let mut fields = Fields::of_table(&common);
        match &self.callback.news {
            News::Trade(status) => {
                fields.push("notify_type", "trade_status_sync");
                fields.push("trade_no", trade.trade_no.as_str());
                fields.push("trade_status", status.word());
                fields.push("total_fee", order.decimal(order.total));
                (fields, order.notify_url.clone())
            }
            News::Refund(out_return_no) => {
                let refund = trade.refund(out_return_no);
                let amount = refund.map_or(0, |refund| refund.amount);
                fields.push("notify_type", "refund_status_sync");
                fields.push("out_return_no", out_return_no.as_str());
                fields.push("return_amount", order.decimal(amount));
                fields.push("refund_status", "REFUND_SUCCESS");
                (fields, refund.map_or_else(String::new, |refund| refund.notify_url.clone()))
            }
        }
    }
}

/// Puts a wrong member in. MAPI's notifications name no app and no merchant: a seller that is not
/// the account's stands for both.
fn spoil(fields: &mut Fields, fault: CallbackFaultKind, trade: &Trade) {
    match fault {
        CallbackFaultKind::WrongAmount => {
            fields.set("total_fee", trade.order.decimal(trade.order.total.saturating_sub(1)));
        }
        CallbackFaultKind::WrongCurrency => fields.set("currency", "CNY"),
        CallbackFaultKind::WrongMerchant | CallbackFaultKind::WrongApp => {
            fields.set("seller_id", "2088000000000000");
        }
        CallbackFaultKind::Lost
        | CallbackFaultKind::Twice
        | CallbackFaultKind::Late
        | CallbackFaultKind::BadSignature => {}
    }
}
