//! MAPI's notifications: a form that is signed, and that `notify_verify` must confirm. They name no
//! merchant; where one carries a `seller_id` or `partner` all the same, it must be the account's.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;

use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, Keys, SignType};
use crate::alipay_mapi::{answer, request, settings};
use crate::http::HttpRequest;
use crate::{About, Account, CallbackFacts, CallbackFault, Outcome, Refunded};

/// The verified facts of a notification.
///
/// # Errors
/// It cannot be read, is not Alipay's, or is not for this account.
pub(super) fn read(
    account: &Account,
    request: &HttpRequest,
) -> Result<CallbackFacts, CallbackFault> {
    let fields = form(request).ok_or_else(|| malformed("not a form"))?;
    let kind = SignType::from_word(fields.of("sign_type"));
    let kind = kind.filter(|kind| is_expected(*kind, account));
    let kind = kind.ok_or_else(|| malformed("sign_type is not the account's"))?;
    if !Keys::of(account).verify(kind, &sign::text(&fields), fields.of("sign")) {
        return Err(CallbackFault::BadSignature);
    }
    for field in ["seller_id", "partner"] {
        if fields.has(field) && fields.of(field) != settings::partner(account) {
            return Err(CallbackFault::Mismatch { field });
        }
    }
    if !fields.has("notify_id") {
        return Err(malformed("no notify_id: it could not be confirmed"));
    }
    let about = |name: &str, about: fn(String) -> About| match fields.of(name) {
        "" => Err(malformed("names no order")),
        number => Ok(about(number.to_owned())),
    };
    match fields.of("notify_type") {
        "trade_status_sync" => {
            let about = about("out_trade_no", About::Trade)?;
            Ok(CallbackFacts { about, outcome: of_trade(&fields)? })
        }
        "refund_status_sync" => {
            let about = about("out_return_no", About::Refund)?;
            Ok(CallbackFacts { about, outcome: of_refund(&fields, account) })
        }
        _ => Err(malformed("a notify_type that is not in the manual")),
    }
}

/// What `notify_verify` is to be asked about a notification.
pub(super) fn confirmation(account: &Account, callback: &HttpRequest) -> Option<HttpRequest> {
    request::verify(form(callback)?.of("notify_id"), account).ok()
}

/// Closed is told of a trade that was never paid and of one that was refunded, in the same words:
/// only a query can tell them apart.
fn of_trade(fields: &Fields) -> Result<Outcome, CallbackFault> {
    match fields.of("trade_status") {
        "TRADE_FINISHED" | "TRADE_SUCCESS" => {
            let amount = Currency::from_code(fields.of("currency"))
                .and_then(|currency| Money::from_decimal(fields.of("total_fee"), currency));
            let paid_at = if fields.has("gmt_payment") { "gmt_payment" } else { "notify_time" };
            amount
                .and_then(|amount| answer::payment(fields, amount, amount, fields.of(paid_at)))
                .map(Outcome::Paid)
                .ok_or_else(|| malformed("paid, without its facts"))
        }
        "WAIT_BUYER_PAY" => Ok(Outcome::Unpaid { is_acting: true }),
        _ => Ok(Outcome::PaidElsewhere),
    }
}

/// A success without an amount in the account's currency is left to a query.
fn of_refund(fields: &Fields, account: &Account) -> Outcome {
    let pending = Outcome::RefundPending { refund_id: String::new() };
    match fields.of("refund_status") {
        "REFUND_SUCCESS" => {
            let is_ours = fields.of("currency") == account.currency.code();
            let amount = Money::from_decimal(fields.of("return_amount"), account.currency);
            let at = Timestamp::from_beijing(fields.of("notify_time"));
            match (amount, at) {
                (Some(amount), Some(refunded_at)) if is_ours => Outcome::Refunded(Refunded {
                    refund_id: String::new(),
                    amount,
                    cash: amount,
                    rate: String::new(),
                    refunded_at,
                }),
                _ => pending,
            }
        }
        "REFUND_FAIL" => Outcome::RefundClosed(answer::failure(fields.of("error_code"))),
        _ => pending,
    }
}

/// Whether Alipay signs so for `account`: as its requests are signed, or with RSA, which the app's
/// order string is always signed with.
fn is_expected(kind: SignType, account: &Account) -> bool {
    kind == SignType::Rsa || settings::sign_type(account) == Ok(kind)
}

fn form(request: &HttpRequest) -> Option<Fields> {
    Fields::from_form(std::str::from_utf8(&request.body).ok()?)
}

fn malformed(why: &str) -> CallbackFault {
    CallbackFault::Malformed(why.to_owned())
}
