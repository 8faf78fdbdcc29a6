//! What a request asks for, read from its `biz_content`. A member that is missing, too long or not of
//! its form is `ACQ.INVALID_PARAMETER`, as at Alipay.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde_json::{Map, Value};

use crate::Stamp;
use crate::alipay::sim::AlipaySimConfig;
use crate::alipay::sim::gateway::{Method, Refused, is_address, is_time};
use crate::alipay::sim::seal::SignType;
use crate::alipay::sim::trade::{Key, Order};
use crate::alipay::wire::Fields;

/// Characters of `out_trade_no`, of `out_request_no`, of `auth_code`.
const NUMBER_CHARS_MAX: usize = 64;
/// Characters of `subject`, of `refund_reason`.
const SUBJECT_CHARS_MAX: usize = 256;
/// Characters of `total_amount`.
const AMOUNT_CHARS_MAX: usize = 12;
/// Largest `total_amount`, in fen.
const AMOUNT_MAX: i64 = 10_000_000_000;

const INVALID_PARAMETER: Refused = Refused { code: "40004", sub_code: "ACQ.INVALID_PARAMETER" };

/// A trade, by one of its numbers.
pub(super) enum Number<'a> {
    /// `trade_no`; it counts if both are there.
    Alipays(&'a str),
    /// `out_trade_no`.
    Merchants(&'a str),
}

/// The trade that a request names.
///
/// # Errors
/// It names none.
pub(super) fn number(biz: &Map<String, Value>) -> Result<Number<'_>, Refused> {
    match (text(biz, "trade_no")?, text(biz, "out_trade_no")?) {
        ("", "") => Err(INVALID_PARAMETER),
        ("", number) => Ok(Number::Merchants(number)),
        (number, _) => Ok(Number::Alipays(number)),
    }
}

/// The order that a request asks for; it is `fields` with `biz_content`.
///
/// # Errors
/// `ACQ.INVALID_PARAMETER`.
pub(super) fn order(
    method: Method,
    (fields, biz): (&Fields, &Map<String, Value>),
    config: &AlipaySimConfig,
    stamp: &Stamp,
) -> Result<Order, Refused> {
    let order = Order {
        app_id: config.app_id.clone(),
        out_trade_no: text(biz, "out_trade_no")?.to_owned(),
        total: amount(biz, "total_amount")?,
        subject: text(biz, "subject")?.to_owned(),
        notify_url: fields.of("notify_url").to_owned(),
        return_url: fields.of("return_url").to_owned(),
        quit_url: text(biz, "quit_url")?.to_owned(),
        expires_at: end(text(biz, "time_expire")?, stamp)?,
        sign_type: SignType::from_word(fields.of("sign_type")).unwrap_or_default(),
    };
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let seller_id = text(biz, "seller_id")?;
    let is_sound = (1..=NUMBER_CHARS_MAX).contains(&order.out_trade_no.len())
        && order.out_trade_no.bytes().all(is_digit)
        && (1..=SUBJECT_CHARS_MAX).contains(&order.subject.chars().count())
        && is_address(&order.quit_url)
        && (seller_id.is_empty() || seller_id == config.seller_id)
        && product_codes(method).contains(&text(biz, "product_code")?);
    if is_sound { Ok(order) } else { Err(INVALID_PARAMETER) }
}

/// The code that a payer shows.
///
/// # Errors
/// There is none, or it is not to be read as a barcode.
pub(super) fn auth_code(biz: &Map<String, Value>) -> Result<&str, Refused> {
    let code = text(biz, "auth_code")?;
    let is_sound = ["bar_code", "wave_code", "security_code"].contains(&text(biz, "scene")?)
        && (1..=NUMBER_CHARS_MAX).contains(&code.len());
    if is_sound { Ok(code) } else { Err(INVALID_PARAMETER) }
}

/// A refund of a trade of `total`: its number and its amount. Without a number it is one in full,
/// under the order's own.
///
/// # Errors
/// `ACQ.INVALID_PARAMETER`.
pub(super) fn refund(
    biz: &Map<String, Value>,
    (_, out_trade_no): &Key,
    total: i64,
) -> Result<(String, i64), Refused> {
    let amount = amount(biz, "refund_amount")?;
    let reason = text(biz, "refund_reason")?;
    let is_sound = reason.chars().count() <= SUBJECT_CHARS_MAX;
    match text(biz, "out_request_no")? {
        "" if is_sound && amount == total => Ok((out_trade_no.clone(), amount)),
        "" => Err(INVALID_PARAMETER),
        number if is_sound && number.len() <= NUMBER_CHARS_MAX => Ok((number.to_owned(), amount)),
        _ => Err(INVALID_PARAMETER),
    }
}

/// The refund that a query names.
///
/// # Errors
/// It names none.
pub(super) fn refund_number(biz: &Map<String, Value>) -> Result<&str, Refused> {
    let number = text(biz, "out_request_no")?;
    if number.is_empty() { Err(INVALID_PARAMETER) } else { Ok(number) }
}

/// Whether a query asks for a member that is not told otherwise.
pub(super) fn wants(biz: &Map<String, Value>, option: &str) -> bool {
    let options = biz.get("query_options").and_then(Value::as_array);
    options.is_some_and(|options| options.iter().any(|text| text == option))
}

/// The `product_code`s that a method takes; empty stands for none.
fn product_codes(method: Method) -> &'static [&'static str] {
    match method {
        // The second is the older manual's, and still what an SDK sends.
        Method::WapPay => &["QUICK_WAP_WAY", "QUICK_WAP_PAY"],
        Method::AppPay => &["", "QUICK_MSECURITY_PAY"],
        Method::Pay => &["", "FACE_TO_FACE_PAYMENT"],
        Method::Precreate => &["", "FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"],
        Method::Query | Method::Close | Method::Cancel | Method::Refund | Method::RefundQuery => {
            &[]
        }
    }
}

/// A text of `biz_content`; empty if it is not there.
fn text<'a>(biz: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    match biz.get(name) {
        None => Ok(""),
        Some(value) => value.as_str().ok_or(INVALID_PARAMETER),
    }
}

/// An amount: a text, or a number, as Alipay takes both (the SDKs' examples have either).
fn amount(biz: &Map<String, Value>, name: &str) -> Result<i64, Refused> {
    let text = match biz.get(name) {
        Some(Value::Number(number)) => number.to_string(),
        _ => text(biz, name)?.to_owned(),
    };
    let money = Money::from_decimal(&text, Currency::Cny);
    let minor = money.map(|money| money.minor).filter(|_| text.len() <= AMOUNT_CHARS_MAX);
    minor.filter(|minor| (1..=AMOUNT_MAX).contains(minor)).ok_or(INVALID_PARAMETER)
}

fn end(text: &str, stamp: &Stamp) -> Result<Option<i64>, Refused> {
    if text.is_empty() {
        return Ok(None);
    }
    let at = Timestamp::from_beijing(text).filter(|_| is_time(text));
    let at = at.filter(|at| *at > stamp.now).ok_or(INVALID_PARAMETER)?;
    Ok(Some(at.millis()))
}
