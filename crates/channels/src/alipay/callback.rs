//! What Alipay's notifications say (manual: asynchronous notifications). Verified first, then
//! compared with the account, then read; nothing of an unsigned one is ever used.

use crate::alipay::answer::{first_fund, payment};
use crate::alipay::sign;
use crate::alipay::wire::Fields;
use crate::http::HttpRequest;
use crate::json;
use crate::{About, Account, CallbackFacts, CallbackFault, Outcome};

/// Digits of our refund numbers.
const REFUND_NO_DIGITS: usize = 26;

/// The facts of a notification.
///
/// # Errors
/// It is not Alipay's, not this account's, or cannot be read.
pub(super) fn read(
    account: &Account,
    request: &HttpRequest,
) -> Result<CallbackFacts, CallbackFault> {
    let malformed = |why: &str| CallbackFault::Malformed(why.to_owned());
    let text = std::str::from_utf8(&request.body).map_err(|_| malformed("not UTF-8"))?;
    let fields = Fields::from_form(text).ok_or_else(|| malformed("not a form"))?;
    if fields.has("charset") && !fields.of("charset").eq_ignore_ascii_case("utf-8") {
        return Err(malformed("charset is not utf-8"));
    }
    if fields.of("sign_type") != sign::RSA2 {
        return Err(malformed("sign_type is not RSA2"));
    }
    if !sign::notice_verifies(&fields, account.setting("alipay_public_key")) {
        return Err(CallbackFault::BadSignature);
    }
    for field in ["app_id", "seller_id"] {
        let expect = account.setting(field).trim();
        let is_compared = field == "app_id" || !expect.is_empty();
        if is_compared && fields.of(field) != expect {
            return Err(CallbackFault::Mismatch { field });
        }
    }
    if fields.of("notify_type") != "trade_status_sync" || !fields.has("out_trade_no") {
        return Err(malformed("not about a trade"));
    }
    if is_refund(&fields) {
        return Ok(refunded(&fields));
    }
    let outcome = notified(&fields)?;
    Ok(CallbackFacts { about: About::Trade(fields.of("out_trade_no").to_owned()), outcome })
}

fn is_refund(fields: &Fields) -> bool {
    ["gmt_refund", "refund_fee", "out_biz_no"].iter().any(|name| fields.has(name))
}

/// A notification of a refund, ours if it has a number of ours. What it tells is summed up over the
/// whole trade: a query settles it.
fn refunded(fields: &Fields) -> CallbackFacts {
    let refund_no = fields.of("out_biz_no");
    let is_ours =
        refund_no.len() == REFUND_NO_DIGITS && refund_no.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours {
        let outcome = Outcome::RefundPending { refund_id: String::new() };
        return CallbackFacts { about: About::Refund(refund_no.to_owned()), outcome };
    }
    let about = About::Trade(fields.of("out_trade_no").to_owned());
    CallbackFacts { about, outcome: Outcome::PaidElsewhere }
}

/// What a verified notification of a payment says (manual: asynchronous notifications).
///
/// # Errors
/// It claims a payment without the facts of one.
fn notified(fields: &Fields) -> Result<Outcome, CallbackFault> {
    match fields.of("trade_status") {
        "TRADE_SUCCESS" | "TRADE_FINISHED" => {
            let funds = json::parse(fields.of("fund_bill_list").as_bytes());
            let funds = funds.as_ref().and_then(first_fund);
            let payer = ["buyer_id", "buyer_open_id", "open_id"];
            payment(fields, "gmt_payment", &payer, funds)
                .map(Outcome::Paid)
                .ok_or_else(|| CallbackFault::Malformed("paid, without its facts".into()))
        }
        "WAIT_BUYER_PAY" => Ok(Outcome::Unpaid { is_acting: true }),
        "TRADE_CLOSED" if !fields.has("gmt_payment") => Ok(Outcome::Closed),
        // Closed after payment, or a word that is not in the manual: only a query can tell.
        _ => Ok(Outcome::PaidElsewhere),
    }
}
