//! The facts of payments and refunds, from members whose signature has been verified. An amount is
//! digits of minor units or nothing.

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Provider;
use kernel::time::Timestamp;

use super::settings::Settings;
use super::xml::Members;

/// Longest number of WeChat Pay's that is believed (manual: 32).
const NUMBER_BYTES_MAX: usize = 64;
/// What an amount is in where no currency is named (manual: 统一下单, fee_type).
const DEFAULT_CURRENCY: Currency = Currency::Cny;

/// The member in which a message names somebody else than the account, be it another merchant of
/// the same service provider.
pub(super) fn stranger(members: &Members, settings: &Settings<'_>) -> Option<&'static str> {
    let own = [
        ("appid", settings.appid),
        ("mch_id", settings.mch_id),
        ("sub_mch_id", settings.sub_mch_id),
    ];
    own.into_iter().find(|(name, expect)| members.of(name) != *expect).map(|(name, _)| name)
}

/// The facts of a payment (manual: 查询订单, 付款码支付, 支付结果通知).
///
/// # Errors
/// The member that is missing or makes no sense; `fee_type` also if it is none of ours.
pub(super) fn payment(members: &Members) -> Result<Payment, &'static str> {
    let transaction_id = members.of("transaction_id");
    if transaction_id.is_empty() || transaction_id.len() > NUMBER_BYTES_MAX {
        return Err("transaction_id");
    }
    let currency = currency(members, "fee_type").ok_or("fee_type")?;
    let amount = Money::new(fee(members, "total_fee").ok_or("total_fee")?, currency);
    if amount.minor == 0 {
        return Err("total_fee");
    }
    let openid = if members.has("sub_openid") { "sub_openid" } else { "openid" };
    Ok(Payment {
        provider: Provider::Wechat,
        transaction_id: transaction_id.to_owned(),
        amount,
        cash: cash(members, ["cash_fee", "cash_fee_type"], amount)?,
        bank_type: members.of("bank_type").to_owned(),
        openid: members.of(openid).to_owned(),
        paid_at: Timestamp::from_compact(members.of("time_end")).ok_or("time_end")?,
    })
}

/// What the payer pays or gets in their currency; `amount` where WeChat Pay is silent.
///
/// # Errors
/// The member that makes no sense.
pub(super) fn cash(
    members: &Members,
    [fee_name, type_name]: [&'static str; 2],
    amount: Money,
) -> Result<Money, &'static str> {
    if !members.has(fee_name) {
        return Ok(amount);
    }
    let minor = fee(members, fee_name).ok_or(fee_name)?;
    Ok(Money::new(minor, currency(members, type_name).ok_or(type_name)?))
}

/// An amount: decimal digits, in minor units.
pub(super) fn fee(members: &Members, name: &str) -> Option<i64> {
    let text = members.of(name);
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// A currency of ours; renminbi where none is named.
pub(super) fn currency(members: &Members, name: &str) -> Option<Currency> {
    if members.has(name) { Currency::from_code(members.of(name)) } else { Some(DEFAULT_CURRENCY) }
}
