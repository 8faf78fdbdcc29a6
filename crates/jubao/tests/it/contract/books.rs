//! The simulators' books as they are written, read without a line of the channels: what an upstream
//! holds of an order, which is the truth that everything is compared with.

use kernel::time::Timestamp;
use serde_json::Value;

/// An order as its upstream has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Our number of the attempt.
    pub number: String,
    /// Minor units.
    pub total: i64,
    /// Where it stands.
    pub stands: Stands,
    /// What goes back of it, or has gone.
    pub returns: Vec<Return>,
}

/// Where an order stands at its upstream.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Stands {
    /// Only a code or a page: nobody has come, and the upstream says that it knows no such order.
    Unseen,
    /// It can be paid.
    Waiting,
    /// It was paid; what of it went back is among the returns.
    Paid,
    /// Closed, failed, reversed or expired: nothing of it is paid, and nothing will be.
    Over,
}

/// Money that goes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Return {
    /// Our number of the refund; empty if the upstream undid the order.
    pub number: String,
    /// Minor units.
    pub amount: i64,
    /// Whether it has gone.
    pub is_done: bool,
}

impl Held {
    /// What the upstream still holds of it, in minor units.
    pub fn money(&self) -> i64 {
        let done = self.returns.iter().filter(|one| one.is_done).map(|one| one.amount);
        if self.stands == Stands::Paid { self.total - done.sum::<i64>() } else { 0 }
    }
}

/// Every order in the books of the simulator of that name, at `now`.
pub fn read(name: &str, books: &Value, now: Timestamp) -> Vec<Held> {
    let now_ms = now.millis();
    match name {
        "alipay" => rows(&books["trades"]).map(|one| alipay(one, now_ms)).collect(),
        "alipay_mapi" => rows(&books["trades"]).map(|one| alipay_mapi(one, now_ms)).collect(),
        "wechat" => rows(&books["trades"]).map(|one| wechat(one, books, now_ms)).collect(),
        "wechat_v2" | "wechat_v2_hk" => {
            rows(&books["trades"]).map(|one| wechat_v2(one, now_ms)).collect()
        }
        "chinaums" => rows(&books["payments"]).map(|one| chinaums(one, books, now_ms)).collect(),
        "unionpay" => rows(&books["trades"]).map(|one| unionpay(one, books, now_ms)).collect(),
        "jeepay" => rows(&books["orders"]).map(|one| jeepay(one, books, now_ms)).collect(),
        other => panic!("nobody reads the books of {other} here: its orders cannot be compared"),
    }
}

fn alipay(trade: &Value, now_ms: i64) -> Held {
    let is_alive = trade["ends_at"].as_i64().unwrap() > now_ms;
    let stands = match text(&trade["status"]) {
        _ if trade["paid_at"].as_i64().unwrap() > 0 => Stands::Paid,
        "Coded" if is_alive => Stands::Unseen,
        "WaitBuyerPay" if is_alive => Stands::Waiting,
        _ => Stands::Over,
    };
    let number = text(&trade["order"]["out_trade_no"]);
    let returns = rows(&trade["refunds"]).map(|one| given(one, ("number", "amount"), true));
    held((number, &trade["order"]["total"]), stands, returns)
}

fn alipay_mapi(trade: &Value, now_ms: i64) -> Held {
    let stands = match text(&trade["status"]) {
        _ if trade["paid_at"].as_i64().unwrap() > 0 => Stands::Paid,
        "WaitBuyerPay" if trade["ends_at"].as_i64().unwrap() > now_ms => Stands::Waiting,
        _ => Stands::Over,
    };
    let is_done = |one: &Value| one["done_at"].as_i64().unwrap() <= now_ms;
    let returns =
        rows(&trade["refunds"]).map(|one| given(one, ("out_return_no", "amount"), is_done(one)));
    held((text(&trade["order"]["out_trade_no"]), &trade["order"]["total"]), stands, returns)
}

fn wechat(trade: &Value, books: &Value, now_ms: i64) -> Held {
    let state = &trade["state"];
    let acting = &state["Acting"];
    let has_acted = acting["until_ms"].as_i64().is_some_and(|until| until <= now_ms);
    let stands = match word(state) {
        "Paid" => Stands::Paid,
        "Acting" if !has_acted => Stands::Waiting,
        "Acting" if acting["transaction_id"].is_string() => Stands::Paid,
        "NotPay" | "UserPaying" if trade["expires_ms"].as_i64().unwrap() > now_ms => {
            Stands::Waiting
        }
        _ => Stands::Over,
    };
    let number = text(&trade["out_trade_no"]);
    let mine = rows(&books["refunds"]).filter(|one| text(&one["out_trade_no"]) == number);
    // The simulator's own three seconds.
    let is_done = |one: &Value| one["created_ms"].as_i64().unwrap() + 3_000 <= now_ms;
    let returns = mine.map(|one| given(&one["asked"], ("out_refund_no", "refund"), is_done(one)));
    held((number, &trade["total"]), stands, returns)
}

fn wechat_v2(trade: &Value, now_ms: i64) -> Held {
    let stands = match word(&trade["state"]) {
        "Paid" => Stands::Paid,
        "NotPay" | "UserPaying" if trade["expires_ms"].as_i64().unwrap() > now_ms => {
            Stands::Waiting
        }
        _ => Stands::Over,
    };
    let is_done = |one: &Value| one["done_ms"].as_i64().unwrap() <= now_ms;
    let returns =
        rows(&trade["refunds"]).map(|one| given(one, ("out_refund_no", "fee"), is_done(one)));
    held((text(&trade["out_trade_no"]), &trade["total"]), stands, returns)
}

fn chinaums(payment: &Value, books: &Value, now_ms: i64) -> Held {
    let stands = match word(&payment["state"]) {
        "Paid" => Stands::Paid,
        "Expired" => Stands::Over,
        _ if payment["expires_ms"].as_i64().unwrap() <= now_ms => Stands::Over,
        _ => Stands::Waiting,
    };
    let id = text(&payment["payment_id"]);
    let mine = rows(&books["refunds"]).filter(|one| text(&one["payment_id"]) == id);
    let is_done = |one: &Value| one["done_ms"].as_i64().unwrap() <= now_ms;
    let returns = mine.map(|one| given(one, ("refund_order_id", "amount"), is_done(one)));
    held((text(&payment["order_id"]), &payment["amount"]), stands, returns)
}

fn unionpay(trade: &Value, books: &Value, now_ms: i64) -> Held {
    let key = &trade["order"]["key"];
    let is_alive = trade["order"]["ends_at"].as_i64().is_none_or(|end| end > now_ms);
    let stands = match word(&trade["state"]) {
        "Paid" => Stands::Paid,
        "Fresh" if is_alive => Stands::Unseen,
        "Acting" if is_alive => Stands::Waiting,
        _ => Stands::Over,
    };
    let mine = rows(&books["returns"]).filter(|one| one["of"] == *key);
    let returns = mine.map(|one| Return {
        number: text(&one["key"][0]).to_owned(),
        amount: one["total"].as_i64().unwrap(),
        is_done: one["done_at"].as_i64().unwrap() <= now_ms,
    });
    held((text(&key[0]), &trade["order"]["total"]), stands, returns)
}

fn jeepay(order: &Value, books: &Value, now_ms: i64) -> Held {
    let stands = match word(&order["state"]) {
        "Paid" => Stands::Paid,
        "Init" | "Paying" => Stands::Waiting,
        _ => Stands::Over,
    };
    let number = text(&order["asked"]["mch_order_no"]);
    let mine = rows(&books["refunds"]).filter(|one| text(&one["mch_order_no"]) == number);
    let is_done = |one: &Value| one["done_ms"].as_i64().unwrap() <= now_ms;
    let returns = mine.map(|one| given(one, ("mch_refund_no", "amount"), is_done(one)));
    held((number, &order["asked"]["amount"]), stands, returns)
}

fn held(
    (number, total): (&str, &Value),
    stands: Stands,
    returns: impl Iterator<Item = Return>,
) -> Held {
    let total = total.as_i64().unwrap();
    Held { number: number.to_owned(), total, stands, returns: returns.collect() }
}

fn given(row: &Value, (number, amount): (&str, &str), is_done: bool) -> Return {
    Return { number: text(&row[number]).to_owned(), amount: row[amount].as_i64().unwrap(), is_done }
}

/// The rows of a list, or of a map.
fn rows(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(rows) => Box::new(rows.iter()),
        Value::Object(rows) => Box::new(rows.values()),
        other => panic!("no rows: {other}"),
    }
}

/// A variant's name, with or without contents.
fn word(value: &Value) -> &str {
    let of_object = || value.as_object().and_then(|one| one.keys().next()).map(String::as_str);
    value.as_str().or_else(of_object).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
