//! JSON of WeChat Pay v3: read without guessing. An amount is an integer of fen or nothing.

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Provider;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::Doubt;
pub(super) use crate::json::parse;

/// Longest `transaction_id` and `refund_id` that is believed (manual: 32).
const ID_MAX: usize = 64;

/// The text at a JSON pointer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// One of the platform's own numbers at a JSON pointer.
pub(super) fn id<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    text(value, pointer).filter(|id| (1..=ID_MAX).contains(&id.len()))
}

/// Doubt about a member of an answer.
pub(super) fn unreadable(member: &str) -> Doubt {
    Doubt::Unreadable(format!("{member} is missing or makes no sense"))
}

/// The facts of a transaction that is paid (manual: 查询订单, 支付成功回调通知).
///
/// # Errors
/// The member that is missing or makes no sense; `amount.currency` also if it is none of ours.
pub(super) fn payment(transaction: &Value) -> Result<Payment, &'static str> {
    let transaction_id = id(transaction, "/transaction_id").ok_or("transaction_id")?;
    let currency = text(transaction, "/amount/currency")
        .and_then(Currency::from_code)
        .ok_or("amount.currency")?;
    let total = fen(transaction, "/amount/total").filter(|total| *total > 0);
    let total = total.ok_or("amount.total")?;
    let amount = Money::new(total, currency);
    let paid_at = text(transaction, "/success_time")
        .and_then(Timestamp::from_rfc3339)
        .ok_or("success_time")?;
    Ok(Payment {
        provider: Provider::Wechat,
        transaction_id: transaction_id.to_owned(),
        amount,
        cash: cash(transaction, amount)?,
        bank_type: text(transaction, "/bank_type").unwrap_or_default().to_owned(),
        openid: text(transaction, "/payer/openid").unwrap_or_default().to_owned(),
        paid_at,
    })
}

/// What the payer paid; `amount` where WeChat Pay is silent.
fn cash(transaction: &Value, amount: Money) -> Result<Money, &'static str> {
    if transaction.pointer("/amount/payer_total").is_none() {
        return Ok(amount);
    }
    let minor = fen(transaction, "/amount/payer_total").ok_or("amount.payer_total")?;
    let currency = match transaction.pointer("/amount/payer_currency") {
        None => amount.currency,
        Some(code) => code.as_str().and_then(Currency::from_code).ok_or("amount.payer_currency")?,
    };
    Ok(Money::new(minor, currency))
}

/// The amount at a JSON pointer.
pub(super) fn fen(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer)?.as_i64().filter(|minor| *minor >= 0)
}
