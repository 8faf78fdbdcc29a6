//! The simulated API: what it checks, does and answers, and what goes wrong by script.

use kernel::time::Timestamp;
use serde_json::{Value, json};

use crate::Stamp;
use crate::demo::sign;
use crate::demo::sim::books::{Asked, Order, State, Word, transaction};
use crate::demo::sim::{DemoSim, DemoSimConfig};
use crate::http::{HttpRequest, HttpResponse};
use crate::json;
use crate::sim::{OpFaultKind, OpKind, Served};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

impl DemoSim {
    /// Answers a merchant. Only a request that is let in uses up a scripted fault.
    pub(super) fn serve_api(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let Some(kind) = kind_of(request) else {
            return Served::Answer(HttpResponse::new(404, "text/plain", "Not Found"));
        };
        let asked = match self.admit(request) {
            Ok(asked) => asked,
            Err(word) => return Served::Answer(self.refusal(word)),
        };
        match self.script.take(kind) {
            None => Served::Answer(self.perform(kind, &asked, stamp)),
            Some(fault) if fault.is_done() => {
                let right = self.perform(kind, &asked, stamp);
                self.go_wrong(fault, right)
            }
            Some(fault) => self.not_do(fault),
        }
    }

    fn admit(&self, request: &HttpRequest) -> Result<Value, Word> {
        let signature = request.header(sign::HEADER).unwrap_or_default();
        if !sign::verifies(&request.body, signature, self.config.secret.expose()) {
            return Err("BAD_SIGNATURE");
        }
        let asked = json::parse(&request.body).ok_or("BAD_REQUEST")?;
        if asked["merchant"] != *self.config.merchant { Err("BAD_MERCHANT") } else { Ok(asked) }
    }

    /// Does what is asked; the answer is signed.
    fn perform(&mut self, kind: OpKind, asked: &Value, stamp: &Stamp) -> HttpResponse {
        let number = text(asked, "order");
        let refund = (text(asked, "refund"), asked["amount"].as_i64().unwrap_or_default());
        let done = match kind {
            OpKind::Place => {
                read_order(asked, &self.config).and_then(|order| self.books.place(number, order))
            }
            OpKind::Close => self.books.close(number),
            OpKind::Refund if refund.0.is_empty() || refund.1 < 1 => Err("BAD_REQUEST"),
            OpKind::Refund => self.books.refund(number, refund, stamp.now),
            OpKind::Query
            | OpKind::QueryRefund
            | OpKind::Reverse
            | OpKind::Rates
            | OpKind::Keys => Ok(()),
        };
        let order = done.and_then(|()| self.books.order(number).ok_or("NOT_FOUND"));
        let told = order.and_then(|order| match order.refund(refund.0) {
            Some(given) => Ok(refund_facts(number, refund.0, given, &self.config)),
            None if refund.0.is_empty() => Ok(facts(number, order, &self.config, stamp.now)),
            None => Err("NOT_FOUND"),
        });
        match told {
            Ok(told) => self.signed(&told),
            Err(word) => self.refusal(word),
        }
    }

    /// Something goes wrong before anything is done.
    fn not_do(&self, fault: OpFaultKind) -> Served {
        match fault {
            OpFaultKind::Refused => Served::Answer(self.refusal("REFUSED")),
            OpFaultKind::Busy => Served::Answer(self.refusal("BUSY")),
            OpFaultKind::ErrorBefore => Served::Answer(HttpResponse::new(500, "text/plain", "")),
            OpFaultKind::DroppedBefore
            | OpFaultKind::DroppedAfter
            | OpFaultKind::ErrorAfter
            | OpFaultKind::Empty
            | OpFaultKind::Html
            | OpFaultKind::Truncated
            | OpFaultKind::BadSignature
            | OpFaultKind::WrongAnswer
            | OpFaultKind::Slow => Served::Dropped,
        }
    }

    /// It is done, and `right` would be the answer.
    fn go_wrong(&self, fault: OpFaultKind, mut right: HttpResponse) -> Served {
        match fault {
            OpFaultKind::Slow => return Served::Late(right, SLOW_MS),
            OpFaultKind::ErrorAfter => right = HttpResponse::new(500, "text/plain", ""),
            OpFaultKind::Empty => right.body.clear(),
            OpFaultKind::Html => {
                right = HttpResponse::new(200, "text/html", "<html><h1>Bad Gateway</h1></html>");
            }
            OpFaultKind::Truncated => right.body.truncate(right.body.len() / 2),
            OpFaultKind::BadSignature => right.body.push(b' '),
            OpFaultKind::WrongAnswer => right = self.mistake(&right),
            OpFaultKind::DroppedAfter
            | OpFaultKind::DroppedBefore
            | OpFaultKind::Refused
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => return Served::Dropped,
        }
        Served::Answer(right)
    }

    /// A well signed answer that is not the right one: another amount if it tells one, else order.
    fn mistake(&self, right: &HttpResponse) -> HttpResponse {
        let mut told = json::parse(&right.body).unwrap_or_default();
        match told["amount"].as_i64() {
            Some(amount) => told["amount"] = amount.saturating_add(1).into(),
            None => told["order"] = "1120260101000000000000000099".into(),
        }
        self.signed(&told)
    }

    fn refusal(&self, word: Word) -> HttpResponse {
        let merchant = &self.config.merchant;
        self.signed(&json!({ "merchant": merchant, "error": word, "message": word }))
    }

    fn signed(&self, told: &Value) -> HttpResponse {
        let body = told.to_string().into_bytes();
        let signature = sign::sign(&body, self.config.secret.expose());
        let mut answer = HttpResponse::new(200, "application/json", body);
        answer.headers.push((sign::HEADER.to_owned(), signature));
        answer
    }
}

/// What is told of an order.
pub(super) fn facts(number: &str, order: &Order, config: &DemoSimConfig, now: Timestamp) -> Value {
    let mut told = json!({
        "merchant": config.merchant,
        "order": number,
        "amount": order.asked.amount,
        "currency": config.currency.code(),
    });
    match order.state(now) {
        State::Open => {
            told["state"] = "open".into();
            told["code_url"] = format!("{}/demo/pay/{number}", config.base_url).into();
        }
        State::Paid { at } => {
            told["state"] = "paid".into();
            told["transaction"] = transaction(number).into();
            told["paid_at"] = at.into();
        }
        State::Closed => told["state"] = "closed".into(),
    }
    told
}

fn refund_facts(
    number: &str,
    refund: &str,
    (amount, at): (i64, i64),
    config: &DemoSimConfig,
) -> Value {
    json!({
        "merchant": config.merchant,
        "order": number,
        "refund": refund,
        "state": "done",
        "amount": amount,
        "refunded_at": at,
    })
}

fn read_order(asked: &Value, config: &DemoSimConfig) -> Result<Asked, Word> {
    let amount = asked["amount"].as_i64().filter(|amount| *amount > 0);
    let [number, subject, notify_url, currency] =
        ["order", "subject", "notify_url", "currency"].map(|name| text(asked, name));
    let is_whole =
        ![number, subject, notify_url].contains(&"") && currency == config.currency.code();
    let (subject, notify_url) = (subject.to_owned(), notify_url.to_owned());
    match (amount, asked["expires_at"].as_i64()) {
        (Some(amount), Some(expires_at)) if is_whole => {
            Ok(Asked { amount, subject, notify_url, expires_at })
        }
        _ => Err("BAD_REQUEST"),
    }
}

fn kind_of(request: &HttpRequest) -> Option<OpKind> {
    match (request.method.as_str(), request.path().strip_prefix("/demo/v1/")?) {
        ("POST", "orders") => Some(OpKind::Place),
        ("POST", "orders/query") => Some(OpKind::Query),
        ("POST", "orders/close") => Some(OpKind::Close),
        ("POST", "refunds") => Some(OpKind::Refund),
        ("POST", "refunds/query") => Some(OpKind::QueryRefund),
        _ => None,
    }
}

fn text<'a>(asked: &'a Value, name: &str) -> &'a str {
    asked[name].as_str().unwrap_or_default()
}
