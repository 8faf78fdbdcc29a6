//! What Alipay's answers and notifications mean. A verified signature comes first; then only words
//! of the manual count, and everything else is [`Outcome::Unknown`].

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::{Product, Provider};
use kernel::time::Timestamp;
use serde_json::{Map, Value};

use crate::alipay::wire::{self, Fields};
use crate::alipay::{refund, refusal, sign};
use crate::http::HttpResponse;
use crate::json;
use crate::{Doubt, Op, Outcome, RefusalKind, Trade};

/// Members whose absence says something, so that they must not be overlooked in another form.
const FACTS: [&str; 12] = [
    "code",
    "sub_code",
    "send_pay_date",
    "trans_currency",
    "total_amount",
    "fund_change",
    "refund_fee",
    "refund_status",
    "refund_amount",
    "refund_currency",
    "action",
    "gmt_refund_pay",
];

/// The object of an answer that was signed with `public_key`: `<method>_response`, or
/// `error_response` of the gateway itself (manual: openapi v2, responses).
pub(super) fn open(
    answer: &HttpResponse,
    method: &str,
    public_key: &str,
) -> Result<Map<String, Value>, Doubt> {
    match answer.status {
        200 => {}
        429 | 500.. => return Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => return Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
    if answer.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    let unreadable = |why: &str| Doubt::Unreadable(why.to_owned());
    let text = std::str::from_utf8(&answer.body).map_err(|_| unreadable("not UTF-8"))?;
    let members = wire::raw_members(text).ok_or_else(|| unreadable("not an object of JSON"))?;
    let key = format!("{}_response", method.replace('.', "_"));
    let is_object = |name: &String| *name == key || name == "error_response";
    let mut objects = members.iter().filter(|(name, _)| is_object(name));
    let (Some((_, raw)), None) = (objects.next(), objects.next()) else {
        return Err(unreadable("no answer to this method"));
    };
    let sign = members.iter().find(|(name, _)| name == "sign");
    let sign = sign.and_then(|(_, raw)| serde_json::from_str::<String>(raw).ok());
    let sign = sign.ok_or_else(|| unreadable("not signed"))?;
    let text = sign::signed_text(raw, &sign, public_key)
        .ok_or_else(|| unreadable("the signature does not verify"))?;
    match json::parse(text.as_bytes()) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(unreadable("the answer is no object")),
    }
}

/// What the verified answer to `op` says of our order `trade_no`.
pub(super) fn judge(op: &Op, trade_no: &str, object: &Map<String, Value>) -> Outcome {
    let fields = Fields::from_json(object);
    if object.contains_key("out_trade_no") && fields.of("out_trade_no") != trade_no {
        return unreadable("the answer is about another order");
    }
    let is_text =
        |name: &&str| matches!(object.get(*name), None | Some(Value::Null | Value::String(_)));
    if !FACTS.iter().all(is_text) {
        return unreadable("a fact is no text");
    }
    let sub_code = fields.of("sub_code");
    let is_system_error = ["ACQ.SYSTEM_ERROR", "aop.", "isp."];
    if is_system_error.iter().any(|prefix| sub_code.starts_with(prefix)) {
        return busy(&fields);
    }
    match fields.of("code") {
        "10000" => accepted(op, object, &fields),
        "10003" => acting(op, &fields),
        "20000" | "40005" => busy(&fields),
        "40004" => refusal::business(op, &fields),
        "20001" | "40001" | "40002" | "40003" => {
            refusal::gateway(op, RefusalKind::Business, &fields)
        }
        "40006" => refusal::gateway(op, RefusalKind::NotSupported, &fields),
        _ => unreadable("a code that is not in the manual"),
    }
}

fn accepted(op: &Op, object: &Map<String, Value>, fields: &Fields) -> Outcome {
    // Of a refund that is not there, Alipay says nothing at all.
    if !fields.has("out_trade_no") && !matches!(op, Op::QueryRefund(_)) {
        return unreadable("the answer names no order");
    }
    match op {
        Op::Place(place) if place.product == Product::Micropay => {
            paid(object, fields, "gmt_payment")
                .unwrap_or_else(|| unreadable("paid, without its facts"))
        }
        Op::Place(_) if fields.has("qr_code") => {
            Outcome::Opened { pay_text: fields.of("qr_code").to_owned() }
        }
        Op::Place(_) => unreadable("no qr_code"),
        Op::Query(trade) => queried(trade, object, fields),
        Op::Close(_) => Outcome::Closed,
        Op::Reverse(_) => refund::cancelled(fields),
        Op::Refund(asked) => refund::asked(asked, fields),
        Op::QueryRefund(asked) => refund::queried(asked, fields),
        Op::Rates | Op::Keys => unreadable("not asked"),
    }
}

/// Code 10003: the payer has to confirm (manual: alipay.trade.pay).
fn acting(op: &Op, fields: &Fields) -> Outcome {
    match op {
        Op::Place(place) if place.product == Product::Micropay && fields.has("out_trade_no") => {
            Outcome::Unpaid { is_acting: true }
        }
        Op::Place(_)
        | Op::Query(_)
        | Op::Close(_)
        | Op::Reverse(_)
        | Op::Refund(_)
        | Op::QueryRefund(_)
        | Op::Rates
        | Op::Keys => unreadable("a payer acts, where none was asked to"),
    }
}

/// A trade's status in the answer to a query (manual: alipay.trade.query).
fn queried(trade: &Trade, object: &Map<String, Value>, fields: &Fields) -> Outcome {
    let paid = || paid(object, fields, "send_pay_date");
    match fields.of("trade_status") {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => {
            paid().unwrap_or_else(|| unreadable("paid, without its facts"))
        }
        "WAIT_BUYER_PAY" => Outcome::Unpaid { is_acting: true },
        "TRADE_CLOSED" if fields.has("send_pay_date") => {
            refund::closed_after_payment(trade, paid())
        }
        "TRADE_CLOSED" => Outcome::Closed,
        _ => unreadable("a trade status that is not in the manual"),
    }
}

/// The payment that an answer tells, if it tells all of it.
fn paid(object: &Map<String, Value>, fields: &Fields, paid_at: &str) -> Option<Outcome> {
    let funds = object.get("fund_bill_list").and_then(first_fund);
    let payer = ["buyer_user_id", "buyer_open_id", "open_id"];
    payment(fields, paid_at, &payer, funds).map(Outcome::Paid)
}

/// The facts of a payment; `None` if one that money depends on is missing or malformed.
pub(super) fn payment(
    fields: &Fields,
    paid_at: &str,
    payer: &[&str],
    bank_type: Option<String>,
) -> Option<Payment> {
    let currency = Currency::Cny;
    if fields.has("trans_currency") && fields.of("trans_currency") != currency.code() {
        return None;
    }
    let amount = Money::from_decimal(fields.of("total_amount"), currency)?;
    let cash = Money::from_decimal(fields.of("buyer_pay_amount"), currency).unwrap_or(amount);
    let openid = payer.iter().map(|name| fields.of(name)).find(|text| !text.is_empty());
    let is_whole = amount.minor > 0 && fields.has("trade_no");
    is_whole.then_some(Payment {
        provider: Provider::Alipay,
        transaction_id: fields.of("trade_no").to_owned(),
        amount,
        cash,
        bank_type: bank_type.unwrap_or_default(),
        openid: openid.unwrap_or_default().to_owned(),
        paid_at: Timestamp::from_beijing(fields.of(paid_at))?,
    })
}

/// The first channel of `fund_bill_list`: queries spell it `fund_channel`, notifications
/// `fundChannel`.
pub(super) fn first_fund(list: &Value) -> Option<String> {
    let first = list.get(0)?;
    let channel = first.get("fund_channel").or_else(|| first.get("fundChannel"))?;
    channel.as_str().map(str::to_owned)
}

/// A doubt about the answer itself.
pub(super) fn unreadable(why: &str) -> Outcome {
    Outcome::Unknown(Doubt::Unreadable(why.to_owned()))
}

fn busy(fields: &Fields) -> Outcome {
    Outcome::Unknown(Doubt::Busy(format!("{} {}", fields.of("code"), fields.of("sub_code"))))
}
