//! JSON of WeChat Pay v3: read without guessing. A member that occurs twice makes the whole text
//! unreadable, an amount is an integer of fen or nothing.

use std::fmt;

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Provider;
use kernel::time::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::setting;
use crate::Account;

/// Longest `transaction_id` that is believed (manual: 32).
const TRANSACTION_ID_MAX: usize = 64;

/// Reads JSON; `None` if it is none, or names a member twice in one object.
pub(super) fn parse(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Unique>(bytes).ok().map(|unique| unique.0)
}

/// The text at a JSON pointer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// The member in which a transaction names somebody else than the account.
pub(super) fn stranger(transaction: &Value, account: &Account) -> Option<&'static str> {
    [("/mchid", setting::MCHID), ("/appid", setting::APPID)]
        .into_iter()
        .find(|(pointer, key)| text(transaction, pointer) != Some(account.setting(key)))
        .map(|(_, key)| key)
}

/// The facts of a transaction whose `trade_state` is SUCCESS (manual: 查询订单, 支付成功回调通知).
///
/// # Errors
/// The member that is missing or makes no sense; `amount.currency` also if it is none of ours.
pub(super) fn payment(transaction: &Value) -> Result<Payment, &'static str> {
    let transaction_id = text(transaction, "/transaction_id")
        .filter(|id| !id.is_empty() && id.len() <= TRANSACTION_ID_MAX)
        .ok_or("transaction_id")?;
    let currency = text(transaction, "/amount/currency")
        .and_then(Currency::from_code)
        .ok_or("amount.currency")?;
    let total = fen(transaction, "/amount/total").ok_or("amount.total")?;
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

fn fen(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer)?.as_i64().filter(|minor| *minor >= 0)
}

/// A JSON value in which no object names a member twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON whose members are unique")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // Kept, so that an unimportant member does no harm; an amount is never read from it.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member occurs twice"));
            }
        }
        Ok(Value::Object(object))
    }
}
