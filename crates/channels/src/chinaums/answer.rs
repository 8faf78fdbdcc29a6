//! What EasyLink's answers mean. Only words that the account's settings give a meaning count, of the
//! order that was asked for; everything else is [`Outcome::Unknown`].
//!
//! Answers are not known to be signed: what stands for them is the connection. One that carries an
//! `accessKey` must verify.

use kernel::money::Money;
use kernel::order::{Payment, parse_trade_no};
use kernel::product::Provider;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::chinaums::request;
use crate::chinaums::settings::{self as setting, Code, RefundStanding, Standing};
use crate::chinaums::sign::{ACCESS_KEY, verifies};
use crate::chinaums::wire::{self, Fields};
use crate::http::HttpResponse;
use crate::json;
use crate::{Account, Doubt, Outcome, Place, Refund, Refunded, Refusal, RefusalKind, Trade};

/// Which question about an order was asked.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Question {
    /// Where it stands.
    Standing,
    /// To close it, which EasyLink cannot: where it stands, and whether that is its end.
    Closing,
}

/// Which question about a refund was asked.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum RefundQuestion {
    /// To give the money back.
    Giving,
    /// Where it stands.
    Standing,
}

/// The members of an answer.
pub(super) fn open(account: &Account, answer: &HttpResponse) -> Result<Fields, Doubt> {
    match answer.status {
        200 => {}
        429 | 500.. => return Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => return Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
    if answer.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    let Some(Value::Object(object)) = json::parse(&answer.body) else {
        return Err(Doubt::Unreadable("not an object of JSON".to_owned()));
    };
    let fields = Fields::from_json(&object);
    let is_judged = match account.setting(setting::ANSWER_KEY).trim() {
        "off" => false,
        "present" => object.contains_key(ACCESS_KEY),
        _ => true,
    };
    if is_judged && !verifies(&fields, account.setting(setting::SECRET_KEY)) {
        return Err(Doubt::Unreadable("the accessKey does not verify".to_owned()));
    }
    Ok(fields)
}

/// What the answer to a new order says.
pub(super) fn placed(place: &Place, account: &Account, fields: &Fields) -> Outcome {
    if fields.has("orderId") && fields.of("orderId") != place.trade_no {
        return unreadable("the answer is about another order");
    }
    match setting::code(account, fields.of("respCode")) {
        Some(Code::Ok) => {
            let payment_id = fields.of("paymentId");
            let link = request::link(payment_id, place.amount, account);
            match link.ok().filter(|_| wire::is_payment_id(payment_id)) {
                Some(pay_text) => Outcome::Opened { pay_text },
                None => unreadable("accepted, without a paymentId"),
            }
        }
        Some(Code::Busy) => busy(fields),
        Some(Code::Refused(kind)) => Outcome::Refused(refusal(kind, fields)),
        Some(Code::NotFound | Code::NoRefund(_)) => {
            Outcome::Refused(refusal(RefusalKind::Business, fields))
        }
        // Nobody can pay what has no paymentId: an unknown word refuses all the same.
        None if fields.has("respCode") && !fields.has("paymentId") => {
            Outcome::Refused(refusal(RefusalKind::Business, fields))
        }
        None => unreadable("no respCode that has a meaning"),
    }
}

/// What an answer says of an order.
pub(super) fn standing(
    question: Question,
    trade: &Trade,
    account: &Account,
    fields: &Fields,
) -> Outcome {
    match setting::code(account, fields.of("respCode")) {
        Some(Code::Ok) => {}
        Some(Code::Busy) => return busy(fields),
        Some(Code::NotFound) if names_no_other(trade, account, fields) && !fields.has("status") => {
            return Outcome::NotFound;
        }
        Some(Code::NotFound | Code::Refused(_) | Code::NoRefund(_)) | None => {
            return unreadable(&format!("not answered: {}", fields.of("respCode")));
        }
    }
    if !names(trade, account, fields) {
        return unreadable("the answer is not about this order");
    }
    match (setting::standing(account, fields.of("status")), question) {
        (Some(Standing::Paid), _) => match payment(fields, trade.placed_at) {
            Some(payment) => Outcome::Paid(payment),
            None => unreadable("paid, without its facts"),
        },
        (Some(Standing::Unpaid), _) => Outcome::Unpaid { is_acting: false },
        (Some(Standing::Acting), _) => Outcome::Unpaid { is_acting: true },
        // The page is still there to try again, until nobody wants the order any more.
        (Some(Standing::Failed), Question::Standing) => Outcome::Unpaid { is_acting: false },
        (Some(Standing::Failed), Question::Closing) | (Some(Standing::Expired), _) => {
            Outcome::Closed
        }
        (None, _) => unreadable("a status that has no meaning"),
    }
}

/// What an answer says of a refund; [`Outcome::NotFound`] also where it was asked whether to give it.
pub(super) fn refunded(
    question: RefundQuestion,
    refund: &Refund,
    account: &Account,
    fields: &Fields,
) -> Outcome {
    let is_asked = question == RefundQuestion::Standing;
    match setting::code(account, fields.of("respCode")) {
        Some(Code::Ok) => {}
        Some(Code::Busy) => return busy(fields),
        Some(Code::NoRefund(kind)) if !is_asked => return Outcome::Refused(refusal(kind, fields)),
        Some(Code::NotFound) if !fields.has("status") => return Outcome::NotFound,
        Some(Code::Refused(_) | Code::NoRefund(_) | Code::NotFound) | None => {
            return unreadable(&format!("not answered: {}", fields.of("respCode")));
        }
    }
    if let Some(why) = strange(refund, account, fields) {
        return unreadable(why);
    }
    let refund_id = fields.of("refundId").to_owned();
    match setting::refund_standing(account, fields.of("status")) {
        Some(RefundStanding::Done) => Outcome::Refunded(Refunded {
            refund_id,
            amount: refund.amount,
            cash: cash(fields).unwrap_or(refund.amount),
            rate: fields.of("exchangeRate").to_owned(),
            // Not told; no refund is done before it was asked for.
            refunded_at: refund.asked_at,
        }),
        Some(RefundStanding::Pending) => Outcome::RefundPending { refund_id },
        Some(RefundStanding::Failed) => {
            let failed = refusal(RefusalKind::Business, fields);
            if is_asked { Outcome::RefundClosed(failed) } else { Outcome::Refused(failed) }
        }
        None => unreadable("a status that has no meaning"),
    }
}

/// In what an answer about a refund is about something else.
fn strange(refund: &Refund, account: &Account, fields: &Fields) -> Option<&'static str> {
    let amount = Money::from_decimal(fields.of("refundAmount"), refund.amount.currency);
    let currency = wire::currency(fields.of("orderCurrency"));
    if fields.of("refundOrderId") != refund.refund_no {
        return Some("the answer is not about this refund");
    }
    if !names(&refund.trade, account, fields) {
        return Some("the answer is not about this order");
    }
    let is_same = amount == Some(refund.amount) && currency == Some(refund.amount.currency);
    (!is_same).then_some("the answer names another amount")
}

/// Whether an answer is about the order: it names what was asked for, and nothing that is another's.
fn names(trade: &Trade, account: &Account, fields: &Fields) -> bool {
    let is_named = match request::payment_id(trade) {
        Some(id) => fields.of("paymentId") == id,
        None => [fields.of("orderId"), fields.of("reserved")].contains(&trade.trade_no.as_str()),
    };
    is_named && names_no_other(trade, account, fields)
}

fn names_no_other(trade: &Trade, account: &Account, fields: &Fields) -> bool {
    let is_same = |name| !fields.has(name) || fields.of(name) == trade.trade_no;
    let payment_id = request::payment_id(trade);
    let is_same_payment =
        !fields.has("paymentId") || payment_id.is_none_or(|id| fields.of("paymentId") == id);
    let is_echo = echo(account, fields).is_none_or(|trade_no| trade_no == trade.trade_no);
    is_same("orderId") && is_same_payment && is_echo
}

/// Our number, if `reserved` brings it back.
pub(super) fn echo<'a>(account: &Account, fields: &'a Fields) -> Option<&'a str> {
    let reserved = fields.of("reserved");
    let is_ours = parse_trade_no(reserved).is_some();
    (is_ours && setting::is_on(account, setting::RESERVED_ECHO)).then_some(reserved)
}

/// The facts of a payment; `None` if one that money depends on is missing. When it was made EasyLink
/// does not tell (`settleDate` may be the next day): `paid_at` is the nearest moment that we know.
pub(super) fn payment(fields: &Fields, paid_at: Timestamp) -> Option<Payment> {
    let amount = wire::money(fields, "orderAmount", "orderCurrency")?;
    let transaction_id = Some(fields.of("paymentId")).filter(|id| wire::is_payment_id(id))?;
    (amount.minor > 0).then(|| Payment {
        provider: Provider::Unionpay,
        transaction_id: transaction_id.to_owned(),
        amount,
        cash: cash(fields).unwrap_or(amount),
        bank_type: String::new(),
        openid: String::new(),
        paid_at,
    })
}

/// What was settled, if that is told in a currency of ours.
fn cash(fields: &Fields) -> Option<Money> {
    wire::money(fields, "settleAmount", "settleCurrency").filter(|cash| cash.minor > 0)
}

fn refusal(kind: RefusalKind, fields: &Fields) -> Refusal {
    let code = fields.of("respCode").to_owned();
    let message = Some(fields.of("respMsg")).filter(|text| !text.is_empty()).unwrap_or(&code);
    Refusal { kind, message: message.to_owned(), code }
}

fn busy(fields: &Fields) -> Outcome {
    Outcome::Unknown(Doubt::Busy(format!("respCode {}", fields.of("respCode"))))
}

/// A doubt about the answer itself.
pub(super) fn unreadable(why: &str) -> Outcome {
    Outcome::Unknown(Doubt::Unreadable(why.to_owned()))
}
