//! Notifications. They carry no number of ours that is certain: `reserved` is signed and may bring it
//! back; the `order` in the address is not signed, so what comes by it alone is only a hint.

use crate::chinaums::answer;
use crate::chinaums::request::ORDER;
use crate::chinaums::settings::{self as setting, Code, Standing};
use crate::chinaums::sign;
use crate::chinaums::wire::Fields;
use crate::http::HttpRequest;
use crate::{About, Account, CallbackFacts, CallbackFault, Outcome, Stamp};

/// Reads a notification.
pub(super) fn read(
    account: &Account,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<CallbackFacts, CallbackFault> {
    let malformed = |why: &str| CallbackFault::Malformed(why.to_owned());
    let text = std::str::from_utf8(&request.body).map_err(|_| malformed("not UTF-8"))?;
    let fields = Fields::from_form(text).ok_or_else(|| malformed("not a form"))?;
    if !sign::verifies(&fields, account.setting(setting::SECRET_KEY)) {
        return Err(CallbackFault::BadSignature);
    }
    if !sign::is_cut_one_way(&fields) {
        return Err(malformed("a member could be cut in two"));
    }
    if !fields.has("paymentId") || !fields.has("status") {
        return Err(malformed("not about a payment"));
    }
    let address = Fields::from_form(request.query()).ok_or_else(|| malformed("address"))?;
    let (named, echo) = (address.of(ORDER), answer::echo(account, &fields));
    if echo.is_some_and(|echo| !named.is_empty() && echo != named) {
        return Err(CallbackFault::Mismatch { field: "reserved" });
    }
    let trade_no = echo.unwrap_or(named);
    if trade_no.is_empty() {
        return Err(malformed("names no order of ours"));
    }
    let outcome = match echo {
        Some(_) => told(account, &fields, stamp)?,
        None => Outcome::PaidElsewhere,
    };
    Ok(CallbackFacts { about: About::Trade(trade_no.to_owned()), outcome })
}

/// What a notification says of the order that it names under its signature.
fn told(account: &Account, fields: &Fields, stamp: &Stamp) -> Result<Outcome, CallbackFault> {
    let is_paid = setting::standing(account, fields.of("status")) == Some(Standing::Paid);
    if !is_paid || setting::code(account, fields.of("respCode")) != Some(Code::Ok) {
        return Ok(Outcome::PaidElsewhere);
    }
    // It is sent when the payer has paid.
    answer::payment(fields, stamp.now)
        .map(Outcome::Paid)
        .ok_or_else(|| CallbackFault::Malformed("paid, without its facts".to_owned()))
}
