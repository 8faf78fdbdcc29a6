//! What the simulated `gateway.do` says of a trade or a refund, member by member, as the manual has
//! it. Every amount is a text with two decimals.

use serde_json::{Map, Value, json};

use crate::Stamp;
use crate::alipay::sim::gateway::{Method, Refused};
use crate::alipay::sim::notify::{self, fen};
use crate::alipay::sim::trade::Trade;

/// Amounts that the payer gave and the merchant got.
const TAKEN: [&str; 3] = ["buyer_pay_amount", "receipt_amount", "invoice_amount"];

/// A trade's two numbers.
pub(super) fn numbers(trade: &Trade) -> Map<String, Value> {
    object(json!({ "out_trade_no": trade.order.out_trade_no, "trade_no": trade.trade_no }))
}

/// The answer to a query of a trade (manual: alipay.trade.query).
pub(super) fn queried(trade: &Trade, stamp: &Stamp) -> Map<String, Value> {
    let mut facts = numbers(trade);
    facts.extend(object(json!({
        "trade_status": trade.word(stamp.now),
        "total_amount": fen(trade.order.total),
        "buyer_logon_id": notify::BUYER_LOGON_ID,
        "buyer_user_id": notify::BUYER_ID,
        "buyer_user_type": "PRIVATE",
    })));
    taken(&mut facts, trade, "send_pay_date");
    facts
}

/// The answer to a barcode that was paid (manual: alipay.trade.pay).
pub(super) fn charged(trade: &Trade) -> Map<String, Value> {
    let mut facts = acting(trade);
    facts.extend(object(json!({ "code": "10000", "msg": "Success" })));
    taken(&mut facts, trade, "gmt_payment");
    facts
}

/// The answer to a barcode whose payer has to confirm.
pub(super) fn acting(trade: &Trade) -> Map<String, Value> {
    let mut facts = numbers(trade);
    facts.extend(object(json!({
        "code": "10003",
        "msg": "order success pay inprocess",
        "buyer_logon_id": notify::BUYER_LOGON_ID,
        "buyer_user_id": notify::BUYER_ID,
        "total_amount": fen(trade.order.total),
    })));
    facts
}

fn taken(facts: &mut Map<String, Value>, trade: &Trade, paid_at: &str) {
    let is_paid = trade.paid_at > 0;
    let total = fen(trade.order.total);
    let text = if is_paid { total.as_str() } else { "0.00" };
    for name in TAKEN {
        facts.insert(name.to_owned(), text.into());
    }
    facts.insert("point_amount".to_owned(), "0.00".into());
    if is_paid {
        facts.insert(paid_at.to_owned(), notify::time(trade.paid_at).into());
        let funds = json!([{ "amount": total, "fund_channel": "ALIPAYACCOUNT" }]);
        facts.insert("fund_bill_list".to_owned(), funds);
    }
}

/// The answer to a refund (manual: alipay.trade.refund): the sum of all of the trade's.
pub(super) fn refunded(trade: &Trade, number: &str, change: &str) -> Map<String, Value> {
    let at = trade.refunds.iter().find(|refund| refund.number == number);
    let mut facts = numbers(trade);
    facts.extend(object(json!({
        "buyer_logon_id": notify::BUYER_LOGON_ID,
        "buyer_user_id": notify::BUYER_ID,
        "fund_change": change,
        "refund_fee": fen(trade.refunded_by(trade.refunds.len())),
        "gmt_refund_pay": at.map(|refund| notify::time(refund.at)),
    })));
    facts
}

/// The answer to a query of a refund (manual: alipay.trade.fastpay.refund.query): nothing if it is
/// not there.
pub(super) fn refund(trade: &Trade, number: &str, tells_time: bool) -> Map<String, Value> {
    let Some(refund) = trade.refunds.iter().find(|refund| refund.number == number) else {
        return Map::new();
    };
    let mut facts = numbers(trade);
    facts.extend(object(json!({
        "out_request_no": number,
        "total_amount": fen(trade.order.total),
        "refund_amount": fen(refund.amount),
        "refund_status": "REFUND_SUCCESS",
    })));
    if tells_time {
        facts.insert("gmt_refund_pay".to_owned(), notify::time(refund.at).into());
    }
    facts
}

/// A refusal in the manual's words.
pub(super) fn refusal(refused: Refused) -> Map<String, Value> {
    object(json!({
        "code": refused.code,
        "msg": refused.message(),
        "sub_code": refused.sub_code,
        "sub_msg": refused.reason(),
    }))
}

/// A refusal of `method`: that of a charge says what was taken.
pub(super) fn refusal_of(method: Method, refused: Refused) -> Map<String, Value> {
    let mut object = refusal(refused);
    if method == Method::Pay {
        let names = TAKEN.into_iter().chain(["point_amount"]);
        object.extend(names.map(|name| (name.to_owned(), "0.00".into())));
    }
    object
}

/// A JSON object's members.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
