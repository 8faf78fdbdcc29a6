//! Callbacks of WeChat Pay v2 (manual: 支付结果通知, 退款结果通知).
//!
//! A payment's is signed. A refund's is only sealed, block by block, so that blocks could be moved
//! about: it says which refund to ask for, and its end is what the query says.

use super::facts;
use super::settings::Settings;
use super::xml::Members;
use crate::http::{HttpRequest, HttpResponse};
use crate::legacy::{md5_hex, open_aes_ecb};
use crate::seal::from_base64;
use crate::{About, Account, Callback, CallbackFacts, CallbackFault, Outcome};

/// What `request` says, and how to answer it.
pub(super) fn read(account: &Account, request: &HttpRequest) -> Callback {
    let answer = |status, code, message| {
        let members = Members::from([("return_code", code), ("return_msg", message)]);
        HttpResponse::new(status, "text/xml; charset=utf-8", members.to_xml("xml"))
    };
    Callback {
        facts: facts(account, request),
        ack: answer(200, "SUCCESS", "OK"),
        nack: answer(400, "FAIL", "失败"),
    }
}

fn facts(account: &Account, request: &HttpRequest) -> Result<CallbackFacts, CallbackFault> {
    let settings = Settings::read(account).map_err(|fault| CallbackFault::Malformed(fault.0))?;
    let members = Members::parse(&request.body, "xml").ok_or_else(|| malformed("body"))?;
    if members.of("return_code") != "SUCCESS" {
        return Err(malformed("return_code"));
    }
    if members.has("req_info") { refund(&settings, &members) } else { payment(&settings, &members) }
}

fn payment(settings: &Settings<'_>, members: &Members) -> Result<CallbackFacts, CallbackFault> {
    if !settings.sign_type.verifies(members, settings.api_key) {
        return Err(CallbackFault::BadSignature);
    }
    if let Some(field) = facts::stranger(members, settings) {
        return Err(CallbackFault::Mismatch { field });
    }
    let outcome = match members.of("result_code") {
        "SUCCESS" => facts::payment(members).map(Outcome::Paid).map_err(|field| match field {
            "fee_type" => CallbackFault::Mismatch { field },
            _ => malformed(field),
        })?,
        // It did not go well this time: whether the order is over, only a query can tell.
        "FAIL" => Outcome::Unpaid { is_acting: false },
        _ => return Err(malformed("result_code")),
    };
    let about = About::Trade(number(members, "out_trade_no")?);
    Ok(CallbackFacts { about, outcome })
}

fn refund(settings: &Settings<'_>, members: &Members) -> Result<CallbackFacts, CallbackFault> {
    let root = from_base64(members.of("req_info"))
        .and_then(|sealed| open_aes_ecb(&seal_key(settings.api_key), &sealed))
        .ok_or(CallbackFault::BadSignature)?;
    if let Some(field) = facts::stranger(members, settings) {
        return Err(CallbackFault::Mismatch { field });
    }
    let root = Members::parse(&root, "root").ok_or_else(|| malformed("req_info"))?;
    if !["SUCCESS", "CHANGE", "REFUNDCLOSE"].contains(&root.of("refund_status")) {
        return Err(malformed("refund_status"));
    }
    let about = About::Refund(number(&root, "out_refund_no")?);
    let outcome = Outcome::RefundPending { refund_id: root.of("refund_id").to_owned() };
    Ok(CallbackFacts { about, outcome })
}

/// What `req_info` is sealed with: the MD5 of the API key, as text.
pub(super) fn seal_key(api_key: &str) -> Vec<u8> {
    md5_hex(api_key.as_bytes()).into_bytes()
}

fn number(members: &Members, name: &'static str) -> Result<String, CallbackFault> {
    if members.has(name) { Ok(members.of(name).to_owned()) } else { Err(malformed(name)) }
}

fn malformed(member: &str) -> CallbackFault {
    CallbackFault::Malformed(format!("{member} is missing or makes no sense"))
}
