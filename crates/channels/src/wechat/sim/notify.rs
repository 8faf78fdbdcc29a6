//! Callbacks of payments and refunds (manual: 支付成功回调通知, 退款结果通知): sealed, signed, and repeated
//! until acknowledged.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{Platform, Sealing, Signing};
use super::book::Book;
use super::refunds::RefundRow;
use super::trade::TradeState;
use crate::Stamp;
use crate::http::HttpRequest;
use crate::sim::outbox::Notice;
use crate::sim::{CallbackFaultKind, OutgoingCallback};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How long after each attempt the next one follows; after the last there is none.
const REPEAT_AFTER_MS: [i64; 15] = [
    15 * SECOND_MS,
    15 * SECOND_MS,
    30 * SECOND_MS,
    3 * MINUTE_MS,
    10 * MINUTE_MS,
    20 * MINUTE_MS,
    30 * MINUTE_MS,
    30 * MINUTE_MS,
    30 * MINUTE_MS,
    60 * MINUTE_MS,
    3 * HOUR_MS,
    3 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    6 * HOUR_MS,
];
/// What a callback is about.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct About {
    out_trade_no: String,
    /// The refund that it is about, if it is not about the payment.
    out_refund_no: Option<String>,
    /// The envelope's `id`: the same at each attempt.
    event_id: String,
}

impl Book {
    /// Lets the callbacks of a payment begin.
    pub(super) fn schedule(
        &mut self,
        out_trade_no: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) {
        let about = About {
            out_trade_no: out_trade_no.to_owned(),
            out_refund_no: None,
            event_id: event_id(&stamp.nonce),
        };
        self.outbox.add(&about, fault, stamp.now);
    }

    /// Lets the callback of a refund's end begin, if it wants one.
    pub(super) fn schedule_refund(&mut self, row: &RefundRow, stamp: &Stamp) {
        if row.asked.notify_url.is_empty() {
            return;
        }
        let about = About {
            out_trade_no: row.out_trade_no.clone(),
            out_refund_no: Some(row.asked.out_refund_no.clone()),
            event_id: event_id(&stamp.nonce),
        };
        self.outbox.add(&about, None, Timestamp::from_millis(row.ends_ms()));
    }
}

/// The callbacks that are due.
pub(super) fn due(book: &mut Book, platform: &Platform, stamp: &Stamp) -> Vec<OutgoingCallback> {
    let due = book.outbox.take_due(&REPEAT_AFTER_MS, stamp.now);
    let outgoing = |notice: Notice<About>| {
        let request = message(&notice, book, platform, stamp)?;
        Some(OutgoingCallback { id: notice.id, request })
    };
    due.into_iter().filter_map(outgoing).collect()
}

/// What a callback says, before it is sealed.
struct Event {
    url: String,
    serial: String,
    at: Timestamp,
    event_type: String,
    summary: &'static str,
    /// `transaction` or `refund`.
    original_type: &'static str,
    plain: Value,
    is_probe: bool,
}

impl Event {
    fn of_payment(
        book: &Book,
        platform: &Platform,
        notice: &Notice<About>,
        now: Timestamp,
    ) -> Option<Self> {
        let trade = book.trades.get(&notice.about.out_trade_no)?;
        let TradeState::Paid { paid_ms, .. } = trade.state_at(now) else { return None };
        let fault = notice.fault();
        let mut plain = trade.transaction(&platform.config, now);
        spoil(&mut plain, fault);
        Some(Self {
            url: trade.notify_url.clone(),
            serial: trade.signs_as.clone(),
            at: Timestamp::from_millis(paid_ms),
            event_type: "TRANSACTION.SUCCESS".to_owned(),
            summary: "支付成功",
            original_type: "transaction",
            plain,
            is_probe: fault == Some(CallbackFaultKind::BadSignature),
        })
    }

    fn of_refund(row: &RefundRow, mchid: &str, now: Timestamp) -> Self {
        let status = row.status_at(now);
        Self {
            url: row.asked.notify_url.clone(),
            serial: row.signs_as.clone(),
            at: Timestamp::from_millis(row.ends_ms()),
            event_type: format!("REFUND.{status}"),
            summary: match status {
                "SUCCESS" => "退款成功",
                "CLOSED" => "退款关闭",
                _ => "退款异常",
            },
            original_type: "refund",
            plain: row.told(mchid, now),
            is_probe: false,
        }
    }
}

fn message(
    notice: &Notice<About>,
    book: &mut Book,
    platform: &Platform,
    stamp: &Stamp,
) -> Option<HttpRequest> {
    let event = match &notice.about.out_refund_no {
        None => Event::of_payment(book, platform, notice, stamp.now)?,
        Some(number) => {
            Event::of_refund(book.refunds.get(number)?, &platform.config.mchid, stamp.now)
        }
    };
    let mut envelope = json!({
        "id": notice.about.event_id,
        "create_time": event.at.rfc3339(),
        "resource_type": "encrypt-resource",
        "event_type": event.event_type,
        "summary": event.summary,
    });
    let plain = event.plain.to_string();
    let sealing = Sealing { plain: plain.as_bytes(), aad: event.original_type };
    envelope["resource"] = platform.sealed(&sealing, book, stamp);
    envelope["resource"]["original_type"] = event.original_type.into();
    let body = envelope.to_string().into_bytes();
    let signing = Signing { body: &body, serial: &event.serial, is_probe: event.is_probe };
    let mut headers = platform.headers(&signing, stamp);
    headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    headers.push(("User-Agent".to_owned(), "Mozilla/4.0".to_owned()));
    Some(HttpRequest { method: "POST".to_owned(), url: event.url, headers, body })
}

/// Makes a transaction say what is not so.
fn spoil(transaction: &mut Value, fault: Option<CallbackFaultKind>) {
    let another = |name: &Value| Value::from(format!("{}0", name.as_str().unwrap_or_default()));
    match fault {
        Some(CallbackFaultKind::WrongAmount) => {
            let total = transaction["amount"]["total"].as_i64().unwrap_or_default();
            transaction["amount"]["total"] = total.saturating_sub(1).into();
        }
        Some(CallbackFaultKind::WrongCurrency) => {
            transaction["amount"]["currency"] = "HKD".into();
        }
        Some(CallbackFaultKind::WrongApp) => transaction["appid"] = another(&transaction["appid"]),
        Some(CallbackFaultKind::WrongMerchant) => {
            transaction["mchid"] = another(&transaction["mchid"]);
        }
        None
        | Some(
            CallbackFaultKind::Lost
            | CallbackFaultKind::Twice
            | CallbackFaultKind::Late
            | CallbackFaultKind::BadSignature,
        ) => {}
    }
}

/// 36 characters, as the platform's event ids have.
fn event_id(nonce: &str) -> String {
    let digits: Vec<char> = nonce.chars().collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().iter();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)]
        .map(|part| part.collect::<String>())
        .join("-")
}
