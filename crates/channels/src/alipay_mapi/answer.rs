//! What MAPI's answers mean. Only words of the manual count, facts only when they are signed, and
//! everything else is [`Outcome::Unknown`].
//!
//! The signature covers the facts alone, the children of `response` flattened. A refusal
//! (`is_success` F) and a refund's bare T carry none that could be verified: TLS vouches for them.

use std::collections::HashSet;

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Provider;
use kernel::time::Timestamp;

use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::settings;
use crate::alipay_mapi::sign::{self, Keys};
use crate::http::HttpResponse;
use crate::xml::{self, Dialect, Element};
use crate::{Account, Doubt, Outcome, Refund, Refunded, Refusal, RefusalKind, Trade};

/// What refusals of a refund mean. A word that is not here leaves the refund unknown.
const REFUSALS: [(&str, RefusalKind); 20] = [
    ("ILLEGAL_SIGN", RefusalKind::Business),
    ("ILLEGAL_ARGUMENT", RefusalKind::Business),
    ("ILLEGAL_PARTNER", RefusalKind::Business),
    ("ILLEGAL_SERVICE", RefusalKind::Business),
    ("ILLEGAL_EXTERFACE", RefusalKind::Business),
    ("ILLEGAL_DYN_MD5_KEY", RefusalKind::Business),
    ("ILLEGAL_ENCRYPT", RefusalKind::Business),
    ("ILLEGAL_SIGN_TYPE", RefusalKind::Business),
    ("ILLEGAL_CURRENCY", RefusalKind::Business),
    ("INVALID_CHARACTER", RefusalKind::Business),
    ("CURRENCY_NOT_SAME", RefusalKind::Business),
    ("PURCHASE_TRADE_NOT_EXIST", RefusalKind::Business),
    ("TRADE_NOT_EXIST", RefusalKind::Business),
    ("TRADE_IS_NOT_EXIST", RefusalKind::Business),
    ("HAS_NO_PRIVILEGE", RefusalKind::NotSupported),
    ("ILLEGAL_PARTNER_EXTERFACE", RefusalKind::NotSupported),
    ("EXTERFACE_IS_CLOSED", RefusalKind::NotSupported),
    ("RETURN_AMOUNT_EXCEED", RefusalKind::NothingLeft),
    ("REFUNDMENT_VALID_DATE_EXCEED", RefusalKind::TooLate),
    ("MERCHANT_BALANCE_NOT_ENOUGH", RefusalKind::BalanceTooLow),
];
/// Alipay's own failures.
const FAILURES: [&str; 3] = ["SYSTEM_ERROR", "SYSTEM_EXCEPTION", "SESSION_TIMEOUT"];
/// How the manual and its older text spell that there is no such trade.
const NOT_FOUND: [&str; 2] = ["TRADE_NOT_EXIST", "TRADE_IS_NOT_EXIST"];
/// How a refund spells it.
const NOTHING_TO_REFUND: &str = "PURCHASE_TRADE_NOT_EXIST";
/// What only a trade shows that was paid once.
const SIGNS_OF_PAYMENT: [&str; 4] = ["gmt_payment", "gmt_refund", "refund_fee", "refund_status"];

/// An answer in MAPI's form.
enum Answer {
    /// `is_success` T, with the verified facts, if it states any.
    Yes(Fields),
    /// `is_success` F, and its `error`.
    No(String),
}

/// What the answer to a query says (manual: single_trade_query).
pub(super) fn queried(trade: &Trade, account: &Account, answer: &HttpResponse) -> Outcome {
    let facts = match open(answer, account) {
        Ok(Answer::Yes(facts)) => facts,
        Ok(Answer::No(word)) if NOT_FOUND.contains(&word.as_str()) => return Outcome::NotFound,
        Ok(Answer::No(word)) => return in_doubt(&word),
        Err(doubt) => return Outcome::Unknown(doubt),
    };
    if facts.of("out_trade_no") != trade.trade_no {
        return unreadable("the answer is about another order");
    }
    match facts.of("trade_status") {
        "TRADE_FINISHED" | "TRADE_SUCCESS" => {
            let amount = queried_amount(&facts, trade, account);
            let payment = amount
                .and_then(|(amount, cash)| payment(&facts, amount, cash, facts.of("gmt_payment")));
            payment.map_or_else(|| unreadable("paid, without its facts"), Outcome::Paid)
        }
        "WAIT_BUYER_PAY" => Outcome::Unpaid { is_acting: true },
        "TRADE_CLOSED" => {
            let was_paid = SIGNS_OF_PAYMENT.iter().any(|name| facts.has(name));
            if was_paid || !trade.transaction_id.is_empty() {
                unreadable("closed after payment")
            } else {
                Outcome::Closed
            }
        }
        _ => unreadable("a trade status that is not in the manual"),
    }
}

/// What the order cost, and what the payer paid. Where the answer names no currency, the account
/// says what `total_fee` is in.
fn queried_amount(facts: &Fields, trade: &Trade, account: &Account) -> Option<(Money, Money)> {
    let total = |currency| Money::from_decimal(facts.of("total_fee"), currency);
    if facts.has("currency") {
        let amount = total(Currency::from_code(facts.of("currency"))?)?;
        return Some((amount, amount));
    }
    if settings::choice(account, "query_total_fee") == "cny" {
        return Some((trade.amount, total(Currency::Cny)?));
    }
    let amount = total(trade.amount.currency)?;
    Some((amount, amount))
}

/// The facts of a payment; `None` if one that money depends on is missing or malformed.
pub(super) fn payment(
    facts: &Fields,
    amount: Money,
    cash: Money,
    paid_at: &str,
) -> Option<Payment> {
    let is_whole = amount.minor > 0 && facts.has("trade_no");
    is_whole.then_some(Payment {
        provider: Provider::Alipay,
        transaction_id: facts.of("trade_no").to_owned(),
        amount,
        cash,
        bank_type: String::new(),
        openid: facts.of("buyer_id").to_owned(),
        paid_at: Timestamp::from_beijing(paid_at)?,
    })
}

/// What the answer to a refund says (manual: forex_refund). A synchronous T says that it was done,
/// and as a rule nothing else.
pub(super) fn refunded(refund: &Refund, account: &Account, answer: &HttpResponse) -> Outcome {
    match open(answer, account) {
        Ok(Answer::Yes(facts)) => accepted(refund, account, &facts),
        Ok(Answer::No(word)) => match refusal(&word) {
            Some(refusal) => Outcome::Refused(refusal),
            None => in_doubt(&word),
        },
        Err(doubt) => Outcome::Unknown(doubt),
    }
}

/// What the answer about a refund says. A refusal says nothing of the refund, unless that the trade
/// is not there: a refund that was done could itself be the reason.
pub(super) fn refund_queried(refund: &Refund, account: &Account, answer: &HttpResponse) -> Outcome {
    let is_repeated = settings::choice(account, "refund_query") == "repeat";
    match open(answer, account) {
        Ok(Answer::Yes(facts)) if is_repeated => accepted(refund, account, &facts),
        Ok(Answer::Yes(facts)) => refund_status(refund, &facts),
        Ok(Answer::No(word)) if word == NOTHING_TO_REFUND => Outcome::NotFound,
        Ok(Answer::No(word)) if NOT_FOUND.contains(&word.as_str()) => Outcome::NotFound,
        Ok(Answer::No(word)) => in_doubt(&word),
        Err(doubt) => Outcome::Unknown(doubt),
    }
}

/// A refund's T: done if it was to be done at once, else only taken on.
fn accepted(refund: &Refund, account: &Account, facts: &Fields) -> Outcome {
    if contradicts(refund, facts) || !matches!(facts.of("result_code"), "" | "SUCCESS") {
        return unreadable("the answer is about another refund");
    }
    match settings::choice(account, "refund_sync") {
        "Y" => Outcome::Refunded(done(refund, refund.asked_at)),
        _ => Outcome::RefundPending { refund_id: String::new() },
    }
}

/// Manual: alipay.acquire.refund.query.
fn refund_status(refund: &Refund, facts: &Fields) -> Outcome {
    match facts.of("response_code") {
        "SUCCESS" => {}
        "NOT_FOUND" | "TRADE_NOT_EXIST" => return Outcome::NotFound,
        "QUERY_FAILED" => return Outcome::Unknown(Doubt::Busy("QUERY_FAILED".into())),
        _ => return unreadable("a response_code that is no answer"),
    }
    if !facts.has("out_return_no") || contradicts(refund, facts) {
        return unreadable("the answer is about another refund");
    }
    match facts.of("refund_result_code") {
        "SUCCESS" => {
            let at = Timestamp::from_beijing(facts.of("gmt_create")).unwrap_or(refund.asked_at);
            Outcome::Refunded(done(refund, at))
        }
        "PROCESSING" => Outcome::RefundPending { refund_id: String::new() },
        "FAILED" | "CANCELED" => Outcome::RefundClosed(failure(facts.of("refund_error_code"))),
        _ => unreadable("a refund status that is not in the manual"),
    }
}

/// Whether an answer names another number, amount or currency than was asked for.
fn contradicts(refund: &Refund, facts: &Fields) -> bool {
    let currency = refund.amount.currency;
    let is_other = |name, expect: &str| facts.has(name) && facts.of(name) != expect;
    is_other("out_return_no", &refund.refund_no)
        || is_other("out_trade_no", &refund.trade.trade_no)
        || is_other("currency", currency.code())
        || (facts.has("return_amount")
            && Money::from_decimal(facts.of("return_amount"), currency) != Some(refund.amount))
}

/// A refund that failed for good, by its error code, which may be missing.
pub(super) fn failure(word: &str) -> Refusal {
    let business = |code: &str| Refusal {
        kind: RefusalKind::Business,
        code: code.to_owned(),
        message: code.to_owned(),
    };
    refusal(word).unwrap_or_else(|| business(if word.is_empty() { "REFUND_FAIL" } else { word }))
}

fn done(refund: &Refund, refunded_at: Timestamp) -> Refunded {
    Refunded {
        refund_id: String::new(),
        amount: refund.amount,
        cash: refund.amount,
        rate: String::new(),
        refunded_at,
    }
}

fn refusal(word: &str) -> Option<Refusal> {
    let (code, kind) = REFUSALS.into_iter().find(|(known, _)| *known == word)?;
    Some(Refusal { kind, code: code.to_owned(), message: code.to_owned() })
}

/// The body of an answer; a doubt if HTTP says that it is none.
pub(super) fn body(answer: &HttpResponse) -> Result<&[u8], Doubt> {
    match answer.status {
        200 if answer.body.trim_ascii().is_empty() => Err(Doubt::Empty),
        200 => Ok(&answer.body),
        429 | 500.. => Err(Doubt::Busy(format!("HTTP {}", answer.status))),
        _ => Err(Doubt::Unreadable(format!("HTTP {}", answer.status))),
    }
}

/// The error of an answer that is a refusal.
pub(super) fn error(body: &[u8]) -> Option<String> {
    root(body).as_ref().and_then(error_of)
}

fn error_of(root: &Element) -> Option<String> {
    let is_refused = root.leaf("is_success") == Some("F");
    root.leaf("error").filter(|word| is_refused && !word.is_empty()).map(str::to_owned)
}

fn root(body: &[u8]) -> Option<Element> {
    let root = xml::parse(body, Dialect::Full)?;
    (root.name == "alipay" && is_unambiguous(&root)).then_some(root)
}

fn open(answer: &HttpResponse, account: &Account) -> Result<Answer, Doubt> {
    let unreadable = |why: &str| Doubt::Unreadable(why.to_owned());
    let root = root(body(answer)?).ok_or_else(|| unreadable("not XML of MAPI"))?;
    if let Some(word) = error_of(&root) {
        return Ok(Answer::No(word));
    }
    if root.leaf("is_success") != Some("T") || root.child("error").is_some() {
        return Err(unreadable("neither T nor F"));
    }
    let facts = facts(&root).ok_or_else(|| unreadable("the response is no list of facts"))?;
    let is_believed = facts.0.is_empty()
        || settings::choice(account, "answer_signature") == "ignore"
        || is_signed(&root, &facts, account);
    is_believed
        .then_some(Answer::Yes(facts))
        .ok_or_else(|| unreadable("the signature does not verify"))
}

/// The children of `response/<x>`, or of `response` itself.
fn facts(root: &Element) -> Option<Fields> {
    let Some(response) = root.child("response") else { return Some(Fields::default()) };
    match response.children.as_slice() {
        [only] if !only.children.is_empty() => fields(only),
        _ => fields(response),
    }
}

/// The children as named texts; `None` if a name comes twice, or one has children itself.
fn fields(element: &Element) -> Option<Fields> {
    let leaf = |child: &Element| {
        child.children.is_empty().then(|| (child.name.clone(), child.text.clone()))
    };
    Fields(element.children.iter().map(leaf).collect::<Option<_>>()?).checked()
}

/// Whether no two children share a name.
fn is_unambiguous(element: &Element) -> bool {
    let names: HashSet<_> = element.children.iter().map(|child| &child.name).collect();
    names.len() == element.children.len()
}

fn is_signed(root: &Element, facts: &Fields, account: &Account) -> bool {
    let Ok(kind) = settings::sign_type(account) else { return false };
    let sign = root.leaf("sign").unwrap_or_default();
    root.leaf("sign_type") == Some(kind.word())
        && Keys::of(account).verify(kind, &sign::text(facts), sign)
}

fn in_doubt(word: &str) -> Outcome {
    if FAILURES.contains(&word) {
        return Outcome::Unknown(Doubt::Busy(word.to_owned()));
    }
    unreadable(&format!("refused: {word}"))
}

fn unreadable(why: &str) -> Outcome {
    Outcome::Unknown(Doubt::Unreadable(why.to_owned()))
}
