//! What JeePay's answers mean. What it grants is signed; what it refuses is not, and has one code for
//! everything: so a refusal counts only where its words are known, or where nobody can pay anyway.

use kernel::money::Money;
use kernel::order::Payment;
use kernel::product::Product;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::http::HttpResponse;
use crate::jeepay::settings::{self as setting, Word};
use crate::jeepay::sign::{SIGN, verifies};
use crate::jeepay::wire::Fields;
use crate::json;
use crate::{Account, Doubt, Outcome, Place, Refund, Refunded, Refusal, RefusalKind, Trade};

/// `errCode` of wallets for a barcode that cannot be used (again).
const CODE_USED: [&str; 6] = [
    "AUTHCODEEXPIRE",
    "AUTH_CODE_EXPIRED",
    "AUTH_CODE_ERROR",
    "AUTH_CODE_INVALID",
    "INVALID_AUTH_CODE",
    "ACQ.PAYMENT_AUTH_CODE_INVALID",
];

/// What an answer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// Granted: its signed data.
    Data(Fields),
    /// Refused, unsigned.
    Refusal {
        /// `code`, never 0.
        code: i64,
        /// `msg`.
        message: String,
    },
}

/// Reads an answer: `{code, msg, data, sign}`, signed over the members of `data`.
pub(super) fn open(account: &Account, answer: &HttpResponse) -> Result<Said, Doubt> {
    match answer.status {
        200 => {}
        429 | 500.. => return Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => return Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
    if answer.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    let unreadable = |why: &str| Doubt::Unreadable(why.to_owned());
    let envelope = json::parse(&answer.body).ok_or_else(|| unreadable("not JSON"))?;
    let code = envelope.get("code").and_then(Value::as_i64);
    let code = code.ok_or_else(|| unreadable("no code"))?;
    if code != 0 {
        // JeePay signs nothing of a refusal and gives it no data: this one was a grant.
        if ["data", SIGN].iter().any(|name| envelope.get(name).is_some_and(|had| !had.is_null())) {
            return Err(unreadable("a refusal with data or a sign"));
        }
        let message = envelope.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Ok(Said::Refusal { code, message });
    }
    let data = envelope.get("data").and_then(Value::as_object);
    let fields = Fields::from_json(data.ok_or_else(|| unreadable("no data"))?);
    let sign = envelope.get(SIGN).and_then(Value::as_str).unwrap_or_default();
    if !verifies(&fields, sign, account.setting(setting::APP_SECRET)) {
        return Err(unreadable("the sign does not verify"));
    }
    match stranger(account, &fields) {
        None => Ok(Said::Data(fields)),
        Some(field) => Err(unreadable(&format!("another {field}"))),
    }
}

/// The member in which `fields` name somebody else than the account.
pub(super) fn stranger(account: &Account, fields: &Fields) -> Option<&'static str> {
    [("mchNo", setting::MCH_NO), ("appId", setting::APP_ID)]
        .into_iter()
        .find(|(name, key)| fields.has(name) && fields.of(name) != account.setting(key).trim())
        .map(|(name, _)| name)
}

/// What the data that answers a new order says; a barcode's `2` has no facts, and is asked for.
pub(super) fn placed(place: &Place, fields: &Fields) -> Outcome {
    if fields.of("mchOrderNo") != place.trade_no {
        return unreadable("the answer is about another order");
    }
    match (fields.of("orderState"), place.product) {
        ("0" | "1", Product::Micropay) => Outcome::Unpaid { is_acting: true },
        ("0" | "1", product) => match pay_text(product, fields) {
            Some(pay_text) => Outcome::Opened { pay_text },
            None => unreadable("not what the product needs"),
        },
        ("2", _) => Outcome::PaidElsewhere,
        ("3", _) => Outcome::Refused(failure(fields)),
        ("6", _) => Outcome::Closed,
        _ => unreadable("a state that has no meaning"),
    }
}

/// Whether the data that answers a barcode says that it is paid, without the facts.
pub(super) fn is_paid_without_facts(place: &Place, fields: &Fields) -> bool {
    place.product == Product::Micropay && placed(place, fields) == Outcome::PaidElsewhere
}

/// Whether data answers the question about a barcode that [`is_paid_without_facts`] led to.
pub(super) fn is_barcode_queried(place: &Place, fields: &Fields) -> bool {
    place.product == Product::Micropay && fields.has("state") && !fields.has("orderState")
}

/// What a refusal of a new order says: nobody can pay what was never shown. But a code may have been
/// charged, and the refusal may be of the question about it: that, unsigned, proves nothing.
pub(super) fn not_placed(
    place: &Place,
    account: &Account,
    (code, message): (i64, &str),
) -> Outcome {
    let word = setting::word(account, code, message);
    if word == Some(Word::Busy) {
        return busy(code, message);
    }
    if place.product == Product::Micropay {
        return unreadable(&format!("refused: {code} {message}"));
    }
    let kind = match word {
        Some(Word::Exists) => RefusalKind::NumberUsed,
        Some(Word::NotOffered) => RefusalKind::NotSupported,
        Some(Word::Busy | Word::NotFound | Word::NotOpen | Word::BadParams | Word::NoRefund(_))
        | None => RefusalKind::Business,
    };
    Outcome::Refused(refusal(kind, &code.to_string(), message))
}

/// What the data that answers a query says of the order `trade_no`. `now`: when that was said.
pub(super) fn standing(
    trade_no: &str,
    product: Product,
    fields: &Fields,
    now: Timestamp,
) -> Outcome {
    if fields.of("mchOrderNo") != trade_no {
        return unreadable("the answer is about another order");
    }
    let is_barcode = product == Product::Micropay;
    match fields.of("state") {
        "0" | "1" => Outcome::Unpaid { is_acting: is_barcode },
        "2" => match payment(fields, Some(product), now) {
            Some(payment) => Outcome::Paid(payment),
            None => unreadable("paid, without its facts"),
        },
        "3" if is_barcode => Outcome::Failed(failure(fields)),
        "3" | "6" => Outcome::Closed,
        "4" => Outcome::Reversed,
        // 5, refunded: neither unpaid nor, any more, paid.
        _ => unreadable("a state that has no meaning here"),
    }
}

/// What a refusal says of a question about an order, or of closing it.
pub(super) fn not_answered(account: &Account, (code, message): (i64, &str)) -> Outcome {
    match setting::word(account, code, message) {
        Some(Word::Busy) => busy(code, message),
        Some(Word::NotFound) => Outcome::NotFound,
        Some(
            Word::NotOpen | Word::Exists | Word::BadParams | Word::NotOffered | Word::NoRefund(_),
        )
        | None => unreadable(&format!("refused: {code} {message}")),
    }
}

/// What the answer to closing says. Its data may be empty: then the sign is all there is.
pub(super) fn closed(trade: &Trade, account: &Account, said: &Said) -> Outcome {
    let (code, message) = match said {
        Said::Data(fields) if !fields.has("mchOrderNo") => return Outcome::Closed,
        Said::Data(fields) if fields.of("mchOrderNo") == trade.trade_no => return Outcome::Closed,
        Said::Data(_) => return unreadable("the answer is about another order"),
        Said::Refusal { code, message } => (*code, message.as_str()),
    };
    if setting::word(account, code, message) == Some(Word::NotOpen) {
        // Paid, failed or closed before. Only a query tells.
        return Outcome::PaidElsewhere;
    }
    not_answered(account, (code, message))
}

/// What data says of a refund.
pub(super) fn refunded(refund: &Refund, fields: &Fields, now: Timestamp) -> Outcome {
    if fields.of("mchRefundNo") != refund.refund_no {
        return unreadable("the answer is about another refund");
    }
    if fields.money("refundAmount", Some(refund.amount.currency)) != Some(refund.amount) {
        return unreadable("the answer names another amount");
    }
    refund_state(fields, refund.amount, now)
}

/// The state of the refund of `amount` that data tells of.
pub(super) fn refund_state(fields: &Fields, amount: Money, now: Timestamp) -> Outcome {
    let refund_id = fields.of("refundOrderId").to_owned();
    match fields.of("state") {
        "0" | "1" => Outcome::RefundPending { refund_id },
        "2" => Outcome::Refunded(Refunded {
            refund_id,
            amount,
            cash: amount,
            rate: String::new(),
            refunded_at: fields.moment("successTime").unwrap_or(now),
        }),
        "3" | "4" => Outcome::RefundClosed(failure(fields)),
        _ => unreadable("a state that has no meaning"),
    }
}

/// What a refusal of a refund says, once it is known that there is none under its number. It may still
/// be the question that was refused: so only what no question is refused with counts.
pub(super) fn not_refunded(account: &Account, (code, message): (i64, &str)) -> Outcome {
    match setting::word(account, code, message) {
        Some(Word::Busy) => busy(code, message),
        Some(Word::NoRefund(kind)) => Outcome::Refused(refusal(kind, &code.to_string(), message)),
        Some(
            Word::NotFound | Word::NotOpen | Word::Exists | Word::BadParams | Word::NotOffered,
        )
        | None => unreadable(&format!("refused: {code} {message}")),
    }
}

/// The facts of a payment; `None` if one that money depends on is missing. A first notification may
/// lack `successTime`: then it is sent at once.
pub(super) fn payment(
    fields: &Fields,
    product: Option<Product>,
    now: Timestamp,
) -> Option<Payment> {
    let amount = fields.money("amount", None).filter(|amount| amount.minor > 0)?;
    let provider = product.and_then(|product| product.info().provider);
    Some(Payment {
        provider: provider.or_else(|| fields.provider())?,
        transaction_id: fields.transaction_id()?.to_owned(),
        amount,
        cash: amount,
        bank_type: String::new(),
        openid: String::new(),
        paid_at: fields.moment("successTime").unwrap_or(now),
    })
}

/// What the payer gets: the text to draw, the page to open, what the wallet's SDK is given.
fn pay_text(product: Product, fields: &Fields) -> Option<String> {
    let (kind, data) = (fields.of("payDataType"), fields.of("payData"));
    let is_page = data.starts_with("https://") || data.starts_with("http://");
    let is_fitting = match product {
        Product::AlipayQr | Product::WechatQr | Product::UnionpayQr => {
            !data.is_empty() && matches!(kind, "codeUrl" | "payUrl")
        }
        Product::AlipayWap | Product::WechatH5 | Product::UnionpayLink => {
            kind == "payUrl" && is_page
        }
        Product::WechatJsapi => {
            kind == "wxapp" && json::parse(data.as_bytes()).is_some_and(|one| one.is_object())
        }
        Product::AlipayApp => kind == "aliapp" && !data.is_empty(),
        Product::WechatApp | Product::WechatHkJsapi | Product::MixedQr | Product::Micropay => false,
    };
    is_fitting.then(|| data.to_owned())
}

/// Why something failed for good, in the wallet's words.
fn failure(fields: &Fields) -> Refusal {
    let (code, message) = (fields.of("errCode"), fields.of("errMsg"));
    let is_used = CODE_USED.contains(&code);
    let kind = if is_used { RefusalKind::CodeUsed } else { RefusalKind::Business };
    refusal(kind, code, message)
}

fn refusal(kind: RefusalKind, code: &str, message: &str) -> Refusal {
    let message = if message.is_empty() { code } else { message };
    Refusal { kind, code: code.to_owned(), message: message.to_owned() }
}

fn busy(code: i64, message: &str) -> Outcome {
    Outcome::Unknown(Doubt::Busy(format!("{code} {message}")))
}

/// A doubt about the answer itself.
pub(super) fn unreadable(why: &str) -> Outcome {
    Outcome::Unknown(Doubt::Unreadable(why.to_owned()))
}
