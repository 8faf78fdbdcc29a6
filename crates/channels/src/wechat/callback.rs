//! Callbacks of WeChat Pay v3 (manual: 支付成功回调通知, 退款结果通知): verified with the account's keys,
//! opened with its APIv3 key, and compared with its names before anything is believed.

use serde_json::Value;

use super::sign::{self, Distrust, Signature};
use super::{refund, setting, wire};
use crate::http::{HttpRequest, HttpResponse};
use crate::{About, Account, Callback, CallbackFacts, CallbackFault, Outcome, Stamp};

/// What `request` says, and how to answer it.
pub(super) fn read(account: &Account, request: &HttpRequest, stamp: &Stamp) -> Callback {
    let json = "application/json";
    Callback {
        facts: facts(account, request, stamp),
        ack: HttpResponse::new(200, json, r#"{"code":"SUCCESS"}"#),
        nack: HttpResponse::new(400, json, r#"{"code":"FAIL","message":"失败"}"#),
    }
}

fn facts(
    account: &Account,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<CallbackFacts, CallbackFault> {
    verify(account, request, stamp)?;
    let event = wire::parse(&request.body).ok_or_else(|| malformed("body"))?;
    let resource = event.pointer("/resource").ok_or_else(|| malformed("resource"))?;
    let told = sign::open(resource, account.setting(setting::APIV3_KEY))
        .and_then(|plain| wire::parse(&plain))
        .ok_or_else(|| malformed("resource"))?;
    if wire::text(&told, "/mchid") != Some(account.setting(setting::MCHID)) {
        return Err(CallbackFault::Mismatch { field: "mchid" });
    }
    match wire::text(&event, "/event_type").and_then(|event| event.split_once('.')) {
        Some(("TRANSACTION", "SUCCESS")) => payment(account, &told),
        Some(("REFUND", word)) => refunded(word, &told),
        Some(_) | None => Err(malformed("event_type")),
    }
}

fn verify(account: &Account, request: &HttpRequest, stamp: &Stamp) -> Result<(), CallbackFault> {
    let signature =
        Signature::read(|name| request.header(name)).map_err(|_| CallbackFault::BadSignature)?;
    // Judged first, so that old messages played back do not make us fetch keys.
    let skew = signature.signed_at.millis_since(stamp.now);
    if skew.saturating_abs() > sign::SKEW_MAX_MS {
        return Err(CallbackFault::BadSignature);
    }
    signature.verify(account, &request.body).map_err(|distrust| match distrust {
        Distrust::UnknownKey(serial) => CallbackFault::UnknownKey { serial },
        Distrust::Unsigned | Distrust::Forged => CallbackFault::BadSignature,
    })
}

fn payment(account: &Account, transaction: &Value) -> Result<CallbackFacts, CallbackFault> {
    let is_own = wire::text(transaction, "/appid") == Some(account.setting(setting::APPID));
    // These may name an app of the merchant's own. Which one the order was placed with, we know when
    // we ask; here we do not.
    let has_own_app = matches!(wire::text(transaction, "/trade_type"), Some("JSAPI" | "APP"));
    if !is_own && !has_own_app {
        return Err(CallbackFault::Mismatch { field: "appid" });
    }
    let trade_no = number(transaction, "/out_trade_no").ok_or_else(|| malformed("out_trade_no"))?;
    let outcome = match outcome(transaction)? {
        Outcome::Paid(_) if !is_own => Outcome::PaidElsewhere,
        outcome => outcome,
    };
    Ok(CallbackFacts { about: About::Trade(trade_no), outcome })
}

/// A refund's end; `word` is what the event is called after it.
fn refunded(word: &str, object: &Value) -> Result<CallbackFacts, CallbackFault> {
    let is_end = matches!(word, "SUCCESS" | "CLOSED" | "ABNORMAL");
    if !is_end || wire::text(object, "/refund_status") != Some(word) {
        return Err(malformed("refund_status"));
    }
    let refund_no = number(object, "/out_refund_no").ok_or_else(|| malformed("out_refund_no"))?;
    let outcome = refund::outcome(object, "/refund_status").map_err(malformed)?;
    Ok(CallbackFacts { about: About::Refund(refund_no), outcome })
}

fn number(object: &Value, pointer: &str) -> Option<String> {
    wire::text(object, pointer).filter(|number| !number.is_empty()).map(str::to_owned)
}

fn outcome(transaction: &Value) -> Result<Outcome, CallbackFault> {
    match wire::text(transaction, "/trade_state") {
        Some("SUCCESS") => wire::payment(transaction).map(Outcome::Paid).map_err(|field| {
            if field.ends_with("currency") {
                CallbackFault::Mismatch { field }
            } else {
                malformed(field)
            }
        }),
        Some("REFUND") => Ok(Outcome::PaidElsewhere),
        _ => Err(malformed("trade_state")),
    }
}

fn malformed(member: &str) -> CallbackFault {
    CallbackFault::Malformed(format!("{member} is missing or makes no sense"))
}
