//! Demo Wallet, an upstream that does not exist: the smallest whole channel, to copy from. The guide
//! to a new channel (`docs/guide/new-channel.md`) walks through it. Its manual, in five lines:
//!
//! - Every call is a POST of JSON to `{base_url}/demo/v1/…`; every message, answers and refusals and
//!   notifications too, carries `Demo-Signature`: the hexadecimal HMAC-SHA256 of its body.
//! - `orders` takes an order and answers with a code to scan; the same again is the same order.
//! - `orders/query` and `orders/close` name the order; `refunds` and `refunds/query` also the refund.
//! - An answer has a `state`, or an `error` with a `message`. Amounts are minor units.
//! - A payment is notified until it is answered with `success`.

mod answer;
mod sign;
pub mod sim;
#[cfg(test)]
mod tests;

use kernel::product::Product;
use serde_json::{Value, json};

use crate::http::{HttpRequest, HttpResponse};
use crate::{
    Account, Callback, CallbackFault, Channel, ChannelInfo, Op, Outcome, Refund, Refusal,
    RefusalKind, SettingInfo, SetupError, Stamp, Step,
};

const BASE_URL: &str = "base_url";
const MERCHANT: &str = "merchant";
const SECRET: &str = "secret";

const fn required(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: true, default: "" }
}

static INFO: ChannelInfo = ChannelInfo {
    name: "demo",
    title: "Demo Wallet (an example, no real upstream)",
    products: &[Product::UnionpayQr],
    settings: &[
        // Without a default: nobody reaches an upstream that they did not name.
        required(BASE_URL, "address of the simulator, without /demo (http://127.0.0.1:9000)"),
        required(MERCHANT, "merchant's number"),
        SettingInfo { is_secret: true, ..required(SECRET, "key of the HMAC, both ways") },
    ],
};

/// Demo Wallet's API.
pub struct Demo;

impl Channel for Demo {
    fn info(&self) -> &'static ChannelInfo {
        &INFO
    }

    fn request(&self, op: &Op, account: &Account, _stamp: &Stamp) -> Result<Step, SetupError> {
        let (path, members) = match op {
            Op::Place(place) if INFO.products.contains(&place.product) => (
                "orders",
                json!({
                    "order": place.trade_no,
                    "amount": place.amount.minor,
                    "currency": place.amount.currency.code(),
                    "subject": place.subject,
                    "notify_url": place.notify_url,
                    "expires_at": place.expires_at.seconds(),
                }),
            ),
            Op::Query(trade) => ("orders/query", json!({ "order": trade.trade_no })),
            Op::Close(trade) => ("orders/close", json!({ "order": trade.trade_no })),
            Op::Refund(refund) => ("refunds", refund_members(refund)),
            Op::QueryRefund(refund) => ("refunds/query", refund_members(refund)),
            Op::Place(_) | Op::Reverse(_) | Op::Rates | Op::Keys => {
                return Ok(Step::Done(not_supported()));
            }
        };
        post(path, members, account).map(Step::Send)
    }

    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, _stamp: &Stamp) -> Step {
        let said = match answer::open(account, answer) {
            Ok(said) => said,
            Err(doubt) => return Step::Done(Outcome::Unknown(doubt)),
        };
        Step::Done(match op {
            Op::Place(place) => answer::placed(place, &said),
            Op::Query(trade) => answer::standing(&trade.trade_no, &said),
            Op::Close(trade) => answer::closed(trade, &said),
            Op::Refund(refund) | Op::QueryRefund(refund) => answer::refunded(refund, &said),
            Op::Reverse(_) | Op::Rates | Op::Keys => not_supported(),
        })
    }

    fn callback(&self, account: &Account, request: &HttpRequest, _stamp: &Stamp) -> Callback {
        let signature = request.header(sign::HEADER).unwrap_or_default();
        let facts = if sign::verifies(&request.body, signature, account.setting(SECRET)) {
            answer::notified(account, &request.body)
        } else {
            Err(CallbackFault::BadSignature)
        };
        Callback {
            facts,
            ack: HttpResponse::new(200, "text/plain", "success"),
            nack: HttpResponse::new(400, "text/plain", "failure"),
        }
    }
}

fn refund_members(refund: &Refund) -> Value {
    json!({
        "order": refund.trade.trade_no,
        "refund": refund.refund_no,
        "amount": refund.amount.minor,
    })
}

/// Signs and sends.
fn post(path: &str, mut members: Value, account: &Account) -> Result<HttpRequest, SetupError> {
    let secret = account.setting(SECRET);
    if secret.is_empty() {
        return Err(SetupError(format!("{SECRET}: empty")));
    }
    members["merchant"] = account.setting(MERCHANT).into();
    let body = members.to_string().into_bytes();
    let base_url = account.setting(BASE_URL).trim_end_matches('/');
    Ok(HttpRequest {
        method: "POST".to_owned(),
        url: format!("{base_url}/demo/v1/{path}"),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            (sign::HEADER.to_owned(), sign::sign(&body, secret)),
        ],
        body,
    })
}

fn not_supported() -> Outcome {
    let message = "Demo Wallet has no such operation".to_owned();
    Outcome::Refused(Refusal { kind: RefusalKind::NotSupported, code: String::new(), message })
}
