//! What UnionPay tells unasked (manual: back notifications): a signed form, of a front transaction only
//! when it succeeded, of a back transaction always.

use crate::http::HttpRequest;
use crate::unionpay::certificate::Moment;
use crate::unionpay::codes::{self, Meaning};
use crate::unionpay::wire::Fields;
use crate::unionpay::{answer, setting, sign};
use crate::{About, Account, CallbackFacts, CallbackFault, Outcome, Stamp};

/// The verified facts of a notification.
///
/// # Errors
/// It is not UnionPay's, not for this merchant, or cannot be understood.
pub(super) fn read(
    account: &Account,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<CallbackFacts, CallbackFault> {
    let text = std::str::from_utf8(&request.body).map_err(|_| malformed("not UTF-8"))?;
    let fields = Fields::from_form(text).ok_or_else(|| malformed("not a form"))?;
    if !sign::is_by_unionpay(&fields, account, Moment::At(stamp.now)) {
        return Err(CallbackFault::BadSignature);
    }
    if fields.of("merId") != account.setting(setting::MER_ID).trim() {
        return Err(CallbackFault::Mismatch { field: "merId" });
    }
    if !fields.has("orderId") {
        return Err(malformed("it names no order"));
    }
    let order_id = fields.of("orderId").to_owned();
    match fields.of("txnType") {
        "01" => Ok(CallbackFacts { about: About::Trade(order_id), outcome: of_payment(&fields)? }),
        "04" => Ok(CallbackFacts { about: About::Refund(order_id), outcome: of_refund(&fields)? }),
        _ => Err(malformed("neither a payment nor a refund")),
    }
}

/// What is not a payment only a query settles: a failed one may have been tried again.
fn of_payment(fields: &Fields) -> Result<Outcome, CallbackFault> {
    Ok(match codes::meaning(fields.of("respCode")) {
        Meaning::Done => Outcome::Paid(
            answer::payment(fields).ok_or_else(|| malformed("paid, without its facts"))?,
        ),
        Meaning::Accepted | Meaning::Unsure => Outcome::Unpaid { is_acting: true },
        Meaning::NotFound
        | Meaning::Busy
        | Meaning::Duplicate
        | Meaning::Final
        | Meaning::Unclear => Outcome::Unpaid { is_acting: false },
    })
}

fn of_refund(fields: &Fields) -> Result<Outcome, CallbackFault> {
    Ok(match codes::meaning(fields.of("respCode")) {
        Meaning::Done => Outcome::Refunded(
            answer::refunded(fields).ok_or_else(|| malformed("refunded, without its facts"))?,
        ),
        Meaning::Accepted
        | Meaning::Unsure
        | Meaning::NotFound
        | Meaning::Busy
        | Meaning::Duplicate
        | Meaning::Final
        | Meaning::Unclear => Outcome::RefundPending { refund_id: fields.of("queryId").to_owned() },
    })
}

fn malformed(why: &str) -> CallbackFault {
    CallbackFault::Malformed(why.to_owned())
}
