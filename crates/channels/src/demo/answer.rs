//! What Demo Wallet's answers and notifications mean. A verified signature comes first; then only
//! words of the manual count, about the order that was asked for. Everything else is unknown.

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Provider;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::demo::{MERCHANT, SECRET, sign};
use crate::http::HttpResponse;
use crate::json;
use crate::{
    About, Account, CallbackFacts, CallbackFault, Doubt, Outcome, Place, Refund, Refunded, Refusal,
    RefusalKind, Trade,
};

/// The members of an answer that was signed for `account`.
pub(super) fn open(account: &Account, answer: &HttpResponse) -> Result<Value, Doubt> {
    match answer.status {
        200 => {}
        429 | 500.. => return Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => return Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
    if answer.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    let unreadable = |why: &str| Doubt::Unreadable(why.to_owned());
    let signature = answer.header(sign::HEADER).unwrap_or_default();
    if !sign::verifies(&answer.body, signature, account.setting(SECRET)) {
        return Err(unreadable("the signature does not verify"));
    }
    let said = json::parse(&answer.body).ok_or_else(|| unreadable("not JSON"))?;
    if text(&said, MERCHANT) != account.setting(MERCHANT) {
        return Err(unreadable("another merchant"));
    }
    Ok(said)
}

/// The answer to a new order.
pub(super) fn placed(place: &Place, said: &Value) -> Outcome {
    match text(said, "error") {
        "" => {}
        "NUMBER_USED" => return Outcome::Refused(refusal(RefusalKind::NumberUsed, said)),
        "REFUSED" => return Outcome::Refused(refusal(RefusalKind::Business, said)),
        error => return in_doubt(error),
    }
    if text(said, "order") != place.trade_no {
        return unreadable("another order");
    }
    match (text(said, "state"), text(said, "code_url")) {
        ("open", pay_text) if !pay_text.is_empty() => {
            Outcome::Opened { pay_text: pay_text.to_owned() }
        }
        ("paid", _) => Outcome::PaidElsewhere,
        ("closed", _) => Outcome::Closed,
        _ => unreadable("no state of the manual"),
    }
}

/// Where the order `trade_no` stands.
pub(super) fn standing(trade_no: &str, said: &Value) -> Outcome {
    match text(said, "error") {
        "" => {}
        "NOT_FOUND" => return Outcome::NotFound,
        error => return in_doubt(error),
    }
    if text(said, "order") != trade_no {
        return unreadable("another order");
    }
    match text(said, "state") {
        "open" => Outcome::Unpaid { is_acting: false },
        "paid" => payment(said).map_or_else(|| unreadable("paid, without facts"), Outcome::Paid),
        "closed" => Outcome::Closed,
        _ => unreadable("no state of the manual"),
    }
}

/// The answer to closing: closed, or paid before, whose facts a query tells.
pub(super) fn closed(trade: &Trade, said: &Value) -> Outcome {
    match standing(&trade.trade_no, said) {
        Outcome::Paid(_) => Outcome::PaidElsewhere,
        outcome => outcome,
    }
}

/// Where a refund stands; it is done at once, or refused.
pub(super) fn refunded(refund: &Refund, said: &Value) -> Outcome {
    match text(said, "error") {
        "" => {}
        "NOT_FOUND" => return Outcome::NotFound,
        "TOO_MUCH" => return Outcome::Refused(refusal(RefusalKind::NothingLeft, said)),
        "NUMBER_USED" => return Outcome::Refused(refusal(RefusalKind::NumberUsed, said)),
        "REFUSED" => return Outcome::Refused(refusal(RefusalKind::Business, said)),
        error => return in_doubt(error),
    }
    let names = [("order", &refund.trade.trade_no), ("refund", &refund.refund_no)];
    let amount = Money::new(minor(said).unwrap_or_default(), refund.amount.currency);
    if names.iter().any(|(name, ours)| text(said, name) != *ours) || amount != refund.amount {
        return unreadable("another refund");
    }
    match (text(said, "state"), moment(said, "refunded_at")) {
        ("done", Some(refunded_at)) => Outcome::Refunded(Refunded {
            refund_id: String::new(),
            amount,
            cash: amount,
            rate: String::new(),
            refunded_at,
        }),
        _ => unreadable("no state of the manual"),
    }
}

/// What a notification says, whose signature was verified.
pub(super) fn notified(account: &Account, body: &[u8]) -> Result<CallbackFacts, CallbackFault> {
    let malformed = |why: &str| CallbackFault::Malformed(why.to_owned());
    let said = json::parse(body).ok_or_else(|| malformed("not JSON"))?;
    if text(&said, MERCHANT) != account.setting(MERCHANT) {
        return Err(CallbackFault::Mismatch { field: MERCHANT });
    }
    let trade_no = text(&said, "order").to_owned();
    // Only payments are notified.
    match standing(&trade_no, &said) {
        Outcome::Paid(payment) if !trade_no.is_empty() => {
            Ok(CallbackFacts { about: About::Trade(trade_no), outcome: Outcome::Paid(payment) })
        }
        _ => Err(malformed("not a payment")),
    }
}

/// The facts of a payment; `None` if one that money depends on is missing or malformed.
fn payment(said: &Value) -> Option<Payment> {
    let amount = Money::new(minor(said)?, Currency::from_code(text(said, "currency"))?);
    let transaction_id = text(said, "transaction").to_owned();
    (amount.minor > 0 && !transaction_id.is_empty()).then_some(Payment {
        provider: Provider::Unionpay,
        transaction_id,
        amount,
        cash: amount,
        bank_type: String::new(),
        openid: String::new(),
        paid_at: moment(said, "paid_at")?,
    })
}

fn text<'a>(said: &'a Value, name: &str) -> &'a str {
    said.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn minor(said: &Value) -> Option<i64> {
    said.get("amount").and_then(Value::as_i64)
}

fn moment(said: &Value, name: &str) -> Option<Timestamp> {
    said.get(name).and_then(Value::as_i64).map(Timestamp::from_seconds)
}

fn refusal(kind: RefusalKind, said: &Value) -> Refusal {
    let [code, message] = ["error", "message"].map(|name| text(said, name).to_owned());
    Refusal { kind, code, message }
}

/// An error that is no answer to what was asked.
fn in_doubt(error: &str) -> Outcome {
    if error == "BUSY" {
        return Outcome::Unknown(Doubt::Busy(error.to_owned()));
    }
    unreadable(&format!("refused: {error}"))
}

fn unreadable(why: &str) -> Outcome {
    Outcome::Unknown(Doubt::Unreadable(why.to_owned()))
}
