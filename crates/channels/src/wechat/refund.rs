//! Refunds (manual: 申请退款, 查询单笔退款, 退款结果通知): what is asked for, and what the refund object says.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde_json::{Value, json};

use super::wire;
use crate::{Doubt, Outcome, Refund, Refunded, Refusal, RefusalKind, SetupError};

/// Longest `reason`, in characters (manual: 申请退款).
const REASON_CHARS_MAX: usize = 80;

/// The body of the request for `refund`.
///
/// # Errors
/// The currency is not WeChat Pay's.
pub(super) fn body(refund: &Refund) -> Result<Value, SetupError> {
    let (amount, total) = (refund.amount, refund.trade.amount);
    if amount.currency != Currency::Cny || total.currency != Currency::Cny {
        return Err(SetupError("currency: WeChat Pay in the mainland refunds CNY only".into()));
    }
    let mut body = json!({
        "out_trade_no": refund.trade.trade_no,
        "out_refund_no": refund.refund_no,
        "amount": {
            "refund": amount.minor, "total": total.minor, "currency": amount.currency.code(),
        },
    });
    if !refund.reason.is_empty() {
        body["reason"] = refund.reason.chars().take(REASON_CHARS_MAX).collect::<String>().into();
    }
    if !refund.notify_url.is_empty() {
        body["notify_url"] = refund.notify_url.as_str().into();
    }
    Ok(body)
}

/// Where `refund` stands, from its `object`, which must be about it and name its amounts.
///
/// # Errors
/// It does not, or makes no sense.
pub(super) fn standing(refund: &Refund, object: &Value) -> Result<Outcome, Doubt> {
    let other = |what: &str| Err(Doubt::Unreadable(format!("the answer is about another {what}")));
    if wire::text(object, "/out_refund_no") != Some(&refund.refund_no) {
        return other("refund");
    }
    let is_paid_as =
        |id| refund.trade.transaction_id.is_empty() || id == refund.trade.transaction_id;
    if wire::text(object, "/out_trade_no") != Some(&refund.trade.trade_no)
        || !wire::text(object, "/transaction_id").is_none_or(is_paid_as)
    {
        return other("order");
    }
    let is_cny = wire::text(object, "/amount/currency") == Some(Currency::Cny.code());
    if !is_cny || wire::fen(object, "/amount/total") != Some(refund.trade.amount.minor) {
        return other("amount");
    }
    if wire::fen(object, "/amount/refund") != Some(refund.amount.minor) {
        return other("amount");
    }
    outcome(object, "/status").map_err(wire::unreadable)
}

/// What `object` says of itself; its `status` stands at a JSON pointer. Amounts are CNY.
///
/// # Errors
/// The member that is missing or makes no sense.
pub(super) fn outcome(object: &Value, status: &'static str) -> Result<Outcome, &'static str> {
    let refund_id = wire::id(object, "/refund_id").ok_or("refund_id")?.to_owned();
    match wire::text(object, status) {
        Some("SUCCESS") => done(object, refund_id).map(Outcome::Refunded),
        Some("PROCESSING") => Ok(Outcome::RefundPending { refund_id }),
        Some(word @ "CLOSED") => Ok(Outcome::RefundClosed(Refusal {
            kind: RefusalKind::Business,
            code: word.to_owned(),
            message: "退款关闭".to_owned(),
        })),
        Some("ABNORMAL") => Ok(Outcome::RefundStuck),
        Some(_) | None => Err("status"),
    }
}

fn done(object: &Value, refund_id: String) -> Result<Refunded, &'static str> {
    let minor =
        wire::fen(object, "/amount/refund").filter(|minor| *minor > 0).ok_or("amount.refund")?;
    let cash = match object.pointer("/amount/payer_refund") {
        None => minor,
        Some(_) => wire::fen(object, "/amount/payer_refund")
            .filter(|cash| *cash <= minor)
            .ok_or("amount.payer_refund")?,
    };
    let refunded_at = wire::text(object, "/success_time")
        .and_then(Timestamp::from_rfc3339)
        .ok_or("success_time")?;
    Ok(Refunded {
        refund_id,
        amount: Money::new(minor, Currency::Cny),
        cash: Money::new(cash, Currency::Cny),
        rate: String::new(),
        refunded_at,
    })
}
