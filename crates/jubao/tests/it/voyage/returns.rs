//! Money that goes back: a merchant's clients who refund in parts, again, at the same moment, and under
//! numbers that another client uses too.

use futures_util::future::join_all;
use jubao::demo::identity::MERCHANT;
use serde_json::{Value, json};

use super::clients::{ask, hear};
use super::sea::Sea;
use super::shop::RefundWish;

/// Rounds of refunds of one order.
const ROUNDS: u64 = 2;
/// Before a round, in milliseconds.
const LATER_MS: u64 = 30_000;
/// Clients that refund at the same moment at most, less one.
const ALSO: u64 = 2;
/// Numbers that they choose from.
const NUMBERS: u64 = 4;
/// Tries of one client.
const TRIES: usize = 3;
/// Between two tries, in milliseconds.
const AGAIN_MS: u64 = 9_000;
/// Why; the words in capitals choose an end at the simulated WeChat Pay.
const REASONS: [&str; 10] =
    ["", "", "", "", "少了一件", "CLOSED", "REFUNDCLOSE", "NOTENOUGH", "ABNORMAL", "CHANGE"];

/// Refunds an order, paid or not.
pub async fn wanted(sea: &Sea, data: &Value) {
    for _ in 0..sea.draw(ROUNDS) {
        sea.pass(LATER_MS).await;
        let clients = 1 + sea.draw(ALSO);
        join_all((0..clients).map(|_| one(sea, data))).await;
    }
}

/// One client's refund: asked for until it is answered, and asked about.
pub async fn one(sea: &Sea, data: &Value) {
    let number = data["out_trade_no"].as_str().unwrap();
    let refund_no = format!("R{number}-{}", sea.draw(NUMBERS - 1));
    let members = wish(sea, (number, &refund_no), data["total_fee"].as_i64().unwrap());
    let query = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_refund_no": refund_no });
    for _ in 0..TRIES {
        let answer = ask(sea, "/payment/refund", &members).await;
        heard(sea, number, &refund_no, answer.as_ref());
        if answer.is_some() && !sea.chance(20) {
            break;
        }
        sea.pass(AGAIN_MS).await;
    }
    for _ in 0..sea.draw(2) {
        sea.pass(AGAIN_MS).await;
        let answer = ask(sea, "/order/refundquery", &query).await;
        heard(sea, number, &refund_no, answer.as_ref());
    }
}

/// What is asked for under a number: the same each time.
fn wish(sea: &Sea, (number, refund_no): (&str, &str), total: i64) -> Value {
    let amount =
        sea.pick(&[Some(total * 6 / 10), Some(total * 6 / 10), Some(1), Some(total), None]);
    let reason = sea.pick(&REASONS);
    let mut refunds = sea.shop.refunds();
    let wish = refunds.entry(refund_no.to_owned()).or_insert_with(|| RefundWish {
        refund_fee: amount.map(|amount| amount.max(1)),
        reason,
        refund_id: None,
        told: Vec::new(),
    });
    let mut members = json!({
        "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": number, "out_refund_no": refund_no,
        "refund_desc": wish.reason,
    });
    if let Some(amount) = wish.refund_fee {
        members["refund_fee"] = amount.into();
    }
    members
}

/// Remembers what an answer says of a refund and of its order.
fn heard(sea: &Sea, number: &str, refund_no: &str, answer: Option<&Value>) {
    hear(sea, number, answer);
    let Some(data) = answer.map(|answer| &answer["data"]).filter(|data| data.is_object()) else {
        return;
    };
    let mut refunds = sea.shop.refunds();
    let wish = refunds.get_mut(refund_no).unwrap();
    let is_asked = wish.refund_fee.is_none_or(|fee| data["refund_fee"] == fee);
    if data["out_refund_no"] != refund_no || !is_asked {
        sea.wrong(format_args!("{refund_no}: another refund is answered: {data}"));
    }
    let refund_id = data["refund_id"].as_str().unwrap().to_owned();
    if wish.refund_id.replace(refund_id.clone()).is_some_and(|before| before != refund_id) {
        sea.wrong(format_args!("I14: {refund_no}: one number, two refunds"));
    }
    wish.told.push(data["refund_status"].as_str().unwrap().to_owned());
}
