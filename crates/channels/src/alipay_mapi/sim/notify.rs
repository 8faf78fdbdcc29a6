//! The simulated MAPI's notifications: when they are sent, what they say, what goes wrong with
//! them, and for how long `notify_verify` vouches for one.

use std::collections::BTreeMap;

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, SignType};
use crate::alipay_mapi::sim::books::{Refund, Status, Trade};
use crate::http::HttpRequest;
use crate::sim::outbox::{Notice, Outbox};
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

/// What a notification is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) out_trade_no: String,
    news: News,
    notify_id: String,
}

/// All notifications that wait, and those that `notify_verify` knows.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Callbacks {
    #[serde(default)]
    outbox: Outbox<About>,
    /// By `notify_id`: when it was sent last, in milliseconds.
    sent: BTreeMap<String, i64>,
}

impl Callbacks {
    /// Tells of `trade`'s status, if its merchant wants to be told.
    pub(super) fn add_trade(
        &mut self,
        trade: &Trade,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) {
        if !trade.order.notify_url.is_empty() {
            let about = self.about(trade, News::Trade(trade.status), stamp);
            self.outbox.add(&about, fault, stamp.now);
        }
    }

    /// Tells of a refund once it is done, if its merchant wants to be told.
    pub(super) fn add_refund(&mut self, trade: &Trade, refund: &Refund, stamp: &Stamp) {
        if !refund.notify_url.is_empty() {
            let about = self.about(trade, News::Refund(refund.out_return_no.clone()), stamp);
            self.outbox.add(&about, None, Timestamp::from_millis(refund.done_at));
        }
    }

    fn about(&self, trade: &Trade, news: News, stamp: &Stamp) -> About {
        let number = self.outbox.added();
        About {
            out_trade_no: trade.order.out_trade_no.clone(),
            news,
            notify_id: format!("{}{number:06}", stamp.nonce.get(..24).unwrap_or("")),
        }
    }

    /// The notifications that are due.
    pub(super) fn take_due(&mut self, stamp: &Stamp) -> Vec<Notice<About>> {
        let now = stamp.now.millis();
        self.sent.retain(|_, sent_at| now.saturating_sub(*sent_at) <= VOUCHED_MS);
        let due = self.outbox.take_due(&RETRY_AFTER_MS, stamp.now);
        self.sent.extend(due.iter().map(|notice| (notice.about.notify_id.clone(), now)));
        due
    }

    /// Whether a notification was sent within the last minute (manual: notify_verify).
    pub(super) fn vouches(&self, notify_id: &str, stamp: &Stamp) -> bool {
        let age_ms = |sent_at: &i64| stamp.now.millis().saturating_sub(*sent_at);
        self.sent.get(notify_id).is_some_and(|sent_at| age_ms(sent_at) <= VOUCHED_MS)
    }

    /// A notification was answered; `is_taken` ends it.
    pub(super) fn answered(&mut self, id: u64, is_taken: bool) {
        self.outbox.answered(id, is_taken);
    }

    /// After a restart: what was on its way is due at once.
    pub(super) fn send_again(&mut self) {
        self.outbox.send_again();
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.outbox.next_due()
    }
}

/// The request that tells it, signed as the order was.
pub(super) fn request(
    notice: &Notice<About>,
    trade: &Trade,
    sign: impl Fn(SignType, &str) -> String,
    stamp: &Stamp,
) -> OutgoingCallback {
    let (about, fault) = (&notice.about, notice.first_fault());
    let kind = SignType::from_word(&trade.order.sign_type).unwrap_or(SignType::Rsa);
    let (mut fields, url) = facts(about, trade);
    fields.push("notify_time", stamp.now.beijing());
    fields.push("notify_id", about.notify_id.as_str());
    if let Some(fault) = fault {
        spoil(&mut fields, fault, trade);
    }
    let mut text = sign::text(&fields);
    if fault == Some(CallbackFaultKind::BadSignature) {
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
    OutgoingCallback { id: notice.id, request }
}

/// What it says, and where.
fn facts(about: &About, trade: &Trade) -> (Fields, String) {
    let order = &trade.order;
    let common =
        [("out_trade_no", order.out_trade_no.as_str()), ("currency", order.currency.as_str())];
    let mut fields = Fields::of_table(&common);
    match &about.news {
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
