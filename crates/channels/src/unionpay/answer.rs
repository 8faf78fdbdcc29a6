//! What every answer and every notification of UnionPay has: its signature, the transaction that it is
//! about, and the facts of money.

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Provider;
use kernel::time::Timestamp;

use crate::http::HttpResponse;
use crate::unionpay::certificate::Moment;
use crate::unionpay::request::currency_code;
use crate::unionpay::wire::Fields;
use crate::unionpay::{setting, sign};
use crate::{Account, Doubt, Refunded};

/// Digits of `txnAmt`.
const AMOUNT_DIGITS_MAX: usize = 12;
/// How far before the order `traceTime` may lie, whose year is not told: a little, for clocks differ.
const EARLY_MAX_MS: i64 = 24 * 60 * 60 * 1000;

/// The members of an answer, not verified yet.
pub(super) fn read(answer: &HttpResponse) -> Result<Fields, Doubt> {
    match answer.status {
        200 => {}
        429 | 500.. => return Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => return Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
    if answer.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    let text = std::str::from_utf8(&answer.body).ok();
    text.and_then(Fields::from_raw).ok_or_else(|| Doubt::Unreadable("not members".into()))
}

/// Verifies that UnionPay signed an answer, for the account's merchant, after `since`.
pub(super) fn verify(fields: &Fields, account: &Account, since: Timestamp) -> Result<(), Doubt> {
    if !sign::is_by_unionpay(fields, account, Moment::Since(since)) {
        return Err(Doubt::Unreadable("the signature does not verify".into()));
    }
    if fields.of("merId") != account.setting(setting::MER_ID).trim() {
        return Err(Doubt::Unreadable("the answer is for another merchant".into()));
    }
    Ok(())
}

/// The facts of a payment; `None` if one that money depends on is missing or malformed.
pub(super) fn payment(fields: &Fields) -> Option<Payment> {
    let amount = amount(fields)?;
    Some(Payment {
        provider: Provider::Unionpay,
        transaction_id: query_id(fields)?,
        amount,
        cash: settled(fields).unwrap_or(amount),
        bank_type: fields.of("issInsCode").to_owned(),
        // `accNo` is the payer's card: not kept.
        openid: String::new(),
        paid_at: traced_at(fields)?,
    })
}

/// The facts of a refund that is done; `None` as for [`payment`].
pub(super) fn refunded(fields: &Fields) -> Option<Refunded> {
    let amount = amount(fields)?;
    Some(Refunded {
        refund_id: query_id(fields)?,
        amount,
        cash: settled(fields).unwrap_or(amount),
        rate: fields.of("exchangeRate").to_owned(),
        refunded_at: traced_at(fields)?,
    })
}

fn query_id(fields: &Fields) -> Option<String> {
    fields.has("queryId").then(|| fields.of("queryId").to_owned())
}

/// `txnAmt` in `currencyCode`.
pub(super) fn amount(fields: &Fields) -> Option<Money> {
    money(fields, "txnAmt", "currencyCode")
}

/// What was settled, if it is in a currency that we know.
fn settled(fields: &Fields) -> Option<Money> {
    money(fields, "settleAmt", "settleCurrencyCode")
}

fn money(fields: &Fields, amount: &str, currency: &str) -> Option<Money> {
    let text = fields.of(amount);
    let is_plain = (1..=AMOUNT_DIGITS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit());
    let minor = text.parse::<i64>().ok().filter(|minor| is_plain && *minor > 0)?;
    let code = fields.of(currency);
    let known = Currency::ALL.into_iter().find(|known| currency_code(*known) == code)?;
    Some(Money::new(minor, known))
}

/// `traceTime` (MMDDhhmmss) in the year of `txnTime` or the next one; without it, `txnTime`.
fn traced_at(fields: &Fields) -> Option<Timestamp> {
    let ordered_at = Timestamp::from_compact(fields.of("txnTime"))?;
    if !fields.has("traceTime") {
        return Some(ordered_at);
    }
    let year = fields.of("txnTime").get(..4)?.parse::<u32>().ok()?;
    let in_year = |year: u32| {
        Timestamp::from_compact(&format!("{year:04}{}", fields.of("traceTime")))
            .filter(|at| at.millis_since(ordered_at) > -EARLY_MAX_MS)
    };
    in_year(year).or_else(|| in_year(year.saturating_add(1)))
}
