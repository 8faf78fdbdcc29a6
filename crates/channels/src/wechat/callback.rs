//! Callbacks of WeChat Pay v3 (manual: 支付成功回调通知): verified with the account's keys, opened with
//! its APIv3 key, and compared with its names before anything is believed.

use serde_json::Value;

use super::sign::{self, Distrust, Signature};
use super::{setting, wire};
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
    // Refunds are not made through this channel: no other event is ours to believe.
    if wire::text(&event, "/event_type") != Some("TRANSACTION.SUCCESS") {
        return Err(malformed("event_type"));
    }
    let resource = event.pointer("/resource").ok_or_else(|| malformed("resource"))?;
    let transaction = sign::open(resource, account.setting(setting::APIV3_KEY))
        .and_then(|plain| wire::parse(&plain))
        .ok_or_else(|| malformed("resource"))?;
    if let Some(field) = wire::stranger(&transaction, account) {
        return Err(CallbackFault::Mismatch { field });
    }
    let trade_no = wire::text(&transaction, "/out_trade_no")
        .filter(|number| !number.is_empty())
        .ok_or_else(|| malformed("out_trade_no"))?;
    Ok(CallbackFacts { about: About::Trade(trade_no.to_owned()), outcome: outcome(&transaction)? })
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
