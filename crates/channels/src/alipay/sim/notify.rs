//! The simulated Alipay's notifications (manual: asynchronous notifications): when they are sent,
//! what they say, and what goes wrong with them.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alipay::sign;
use crate::alipay::sim::AlipaySimConfig;
use crate::alipay::sim::seal::Platform;
use crate::alipay::sim::trade::{Key, Status, Trade};
use crate::alipay::wire::Fields;
use crate::http::HttpRequest;
use crate::sim::outbox::{Notice, Outbox};
use crate::sim::{CallbackFaultKind, OutgoingCallback};
use crate::{SetupError, Stamp};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How long Alipay waits after each send that was not answered with `success`.
pub(super) const RETRY_AFTER_MS: [i64; 7] = [
    4 * MINUTE_MS,
    10 * MINUTE_MS,
    10 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    6 * HOUR_MS,
    15 * HOUR_MS,
];
/// The buyer of every simulated payment.
pub(super) const BUYER_ID: &str = "2088102122524333";
/// What the buyer's name shows of itself.
pub(super) const BUYER_LOGON_ID: &str = "138****0000";

/// What a notification tells, whatever comes later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct News {
    pub(super) key: Key,
    notify_id: String,
    status: Status,
    /// How many refunds it tells of, if the last of them is why it is sent.
    refunds: Option<usize>,
}

/// Tells of `trade`'s status, if its merchant wants to be told.
pub(super) fn tell_trade(
    outbox: &mut Outbox<News>,
    trade: &Trade,
    fault: Option<CallbackFaultKind>,
    stamp: &Stamp,
) {
    tell(outbox, (trade, None), fault, stamp);
}

/// Tells of `trade`'s last refund.
pub(super) fn tell_refund(outbox: &mut Outbox<News>, trade: &Trade, stamp: &Stamp) {
    tell(outbox, (trade, Some(trade.refunds.len())), None, stamp);
}

fn tell(
    outbox: &mut Outbox<News>,
    (trade, refunds): (&Trade, Option<usize>),
    fault: Option<CallbackFaultKind>,
    stamp: &Stamp,
) {
    if trade.order.notify_url.is_empty() {
        return;
    }
    let number = outbox.added();
    let news = News {
        key: trade.order.key(),
        notify_id: format!("{}{number:06}", stamp.nonce.get(..24).unwrap_or("")),
        status: trade.status,
        refunds,
    };
    outbox.add(&news, fault, stamp.now);
}

/// The request that tells it.
pub(super) fn request(
    notice: &Notice<News>,
    trade: &Trade,
    platform: (&AlipaySimConfig, &Platform),
    stamp: &Stamp,
) -> Result<OutgoingCallback, SetupError> {
    let (config, platform) = platform;
    let (news, fault) = (&notice.about, notice.first_fault());
    let mut fields = facts(trade, news.status, config);
    if let Some(count) = news.refunds {
        push_refund(&mut fields, trade, count);
    }
    fields.push("notify_time", stamp.now.beijing());
    fields.push("notify_id", news.notify_id.as_str());
    if let Some(fault) = fault {
        spoil(&mut fields, fault, trade);
    }
    let mut text = sign::notice_text(&fields);
    if fault == Some(CallbackFaultKind::BadSignature) {
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
    Ok(OutgoingCallback { id: notice.id, request })
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
