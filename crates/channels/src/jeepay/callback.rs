//! Notifications of orders and of refunds: a form with a `sign`.

use crate::http::HttpRequest;
use crate::jeepay::answer;
use crate::jeepay::settings as setting;
use crate::jeepay::sign::{SIGN, is_cut_one_way, verifies};
use crate::jeepay::wire::Fields;
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
    if !verifies(&fields, fields.of(SIGN), account.setting(setting::APP_SECRET)) {
        return Err(CallbackFault::BadSignature);
    }
    if !is_cut_one_way(&fields) {
        return Err(malformed("a member could be cut in two"));
    }
    for name in ["mchNo", "appId", "state"] {
        if !fields.has(name) {
            return Err(malformed("not about an order"));
        }
    }
    if let Some(field) = answer::stranger(account, &fields) {
        return Err(CallbackFault::Mismatch { field });
    }
    let (order, refund) = (fields.of("mchOrderNo"), fields.of("mchRefundNo"));
    let (about, outcome) = match (order, refund) {
        ("", "") => return Err(malformed("names neither order nor refund")),
        (_, "") => (About::Trade(order.to_owned()), paid(&fields, stamp)?),
        (_, refund) => (About::Refund(refund.to_owned()), refunded(&fields, stamp)?),
    };
    Ok(CallbackFacts { about, outcome })
}

/// Paid and closed are facts; of anything else, and of a wallet that has no name, a query tells.
fn paid(fields: &Fields, stamp: &Stamp) -> Result<Outcome, CallbackFault> {
    match fields.of("state") {
        "2" if fields.provider().is_some() => answer::payment(fields, None, stamp.now)
            .map(Outcome::Paid)
            .ok_or_else(|| CallbackFault::Malformed("paid, without its facts".to_owned())),
        "6" => Ok(Outcome::Closed),
        _ => Ok(Outcome::PaidElsewhere),
    }
}

fn refunded(fields: &Fields, stamp: &Stamp) -> Result<Outcome, CallbackFault> {
    let malformed = || CallbackFault::Malformed("a refund, without its facts".to_owned());
    let amount = fields.money("refundAmount", None).ok_or_else(malformed)?;
    match answer::refund_state(fields, amount, stamp.now) {
        Outcome::Unknown(_) => Err(malformed()),
        outcome => Ok(outcome),
    }
}
