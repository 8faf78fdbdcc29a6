//! Judges a request as UnionPay does, and reads what it asks for. It changes nothing.

use kernel::time::Timestamp;

use crate::Stamp;
use crate::http::HttpRequest;
use crate::unionpay::sim::Platform;
use crate::unionpay::sim::books::{Code, Key, Order, Way};
use crate::unionpay::wire::Fields;

/// Characters of an address.
const URL_CHARS_MAX: usize = 256;
/// Bytes of `orderDesc`.
const DESC_BYTES_MAX: usize = 32;
/// Digits of `txnAmt`.
const AMOUNT_DIGITS_MAX: usize = 12;
/// Digits of a payer's code, which begins with 62.
const CODE_DIGITS: usize = 19;

/// A transaction that is simulated.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    ApplyQr,
    Barcode,
    Front,
    Ask,
    Refund,
    Undo,
    Reversal,
}

/// Where each is sent, its `txnType` and its `txnSubType`.
const KINDS: [(Kind, &str, &str, &str); 7] = [
    (Kind::ApplyQr, "backTransReq", "01", "07"),
    (Kind::Barcode, "backTransReq", "01", "06"),
    (Kind::Front, "frontTransReq", "01", "01"),
    (Kind::Ask, "queryTrans", "00", "00"),
    (Kind::Refund, "backTransReq", "04", "00"),
    (Kind::Undo, "backTransReq", "31", "00"),
    (Kind::Reversal, "backTransReq", "99", "01"),
];

/// A request's members: the form, and for a page that is opened with GET the query.
pub(super) fn read(request: &HttpRequest) -> Option<Fields> {
    if request.method == "GET" {
        return Fields::from_form(request.query());
    }
    Fields::from_form(std::str::from_utf8(&request.body).ok()?)
}

/// Admits a request: common members, signature, merchant (manual: part 1, common members).
///
/// # Errors
/// 13 a member is missing, 10 one has not its form, 11 the signature, 31 the merchant, 32 there is no
/// such transaction at this address.
pub(super) fn admit(fields: &Fields, path: &str, platform: &Platform) -> Result<Kind, Code> {
    let required = [
        "version",
        "encoding",
        "signMethod",
        "signature",
        "txnType",
        "txnSubType",
        "bizType",
        "channelType",
        "accessType",
        "merId",
        "orderId",
        "txnTime",
    ];
    if !required.iter().all(|name| fields.has(name)) {
        return Err("13");
    }
    let is_form = fields.of("version") == "5.1.0"
        && fields.of("encoding").eq_ignore_ascii_case("utf-8")
        && ["05", "07", "08"].contains(&fields.of("channelType"))
        && ["0", "1", "2"].contains(&fields.of("accessType"))
        && is_digits(fields.of("merId"), 15)
        && is_order_id(fields.of("orderId"))
        && Timestamp::from_compact(fields.of("txnTime")).is_some();
    if !is_form {
        return Err("10");
    }
    if !platform.is_by_merchant(fields) {
        return Err("11");
    }
    if fields.of("merId") != platform.config.mer_id {
        return Err("31");
    }
    let is_asked = |(_, at, txn_type, sub_type): &&(Kind, &str, &str, &str)| {
        path == format!("/gateway/api/{at}.do")
            && fields.of("txnType") == *txn_type
            && fields.of("txnSubType") == *sub_type
    };
    KINDS.iter().find(is_asked).map(|(kind, ..)| *kind).ok_or("32")
}

/// `orderId` and `txnTime`.
pub(super) fn key(fields: &Fields) -> Key {
    (fields.of("orderId").to_owned(), fields.of("txnTime").to_owned())
}

/// The order that an admitted request asks for.
///
/// # Errors
/// 13 a member is missing, 10 one has not its form.
pub(super) fn order(fields: &Fields, way: Way, stamp: &Stamp) -> Result<Order, Code> {
    let also: &[&str] = match way {
        Way::Qr => &[],
        Way::Front => &["frontUrl"],
        Way::Barcode => &["qrNo", "termId"],
    };
    let required = ["txnAmt", "currencyCode", "backUrl"];
    if !required.iter().chain(also).all(|name| fields.has(name)) {
        return Err("13");
    }
    let ends_at = match fields.of("payTimeout") {
        "" => None,
        text => Some(Timestamp::from_compact(text).filter(|at| *at > stamp.now).ok_or("10")?),
    };
    let biz_type = if way == Way::Front { "000201" } else { "000000" };
    let is_barcode = way == Way::Barcode;
    let is_form = ["156", "344", "036"].contains(&fields.of("currencyCode"))
        && fields.of("bizType") == biz_type
        && is_address(fields.of("backUrl"))
        && (!fields.has("frontUrl") || is_address(fields.of("frontUrl")))
        && fields.of("orderDesc").len() <= DESC_BYTES_MAX
        && (!is_barcode || is_code(fields.of("qrNo")))
        && (!is_barcode || is_alphanumeric(fields.of("termId"), 8..=8));
    if !is_form {
        return Err("10");
    }
    Ok(Order {
        key: key(fields),
        way,
        total: amount(fields)?,
        currency: fields.of("currencyCode").to_owned(),
        goods: fields.of("orderDesc").to_owned(),
        back_url: fields.of("backUrl").to_owned(),
        front_url: fields.of("frontUrl").to_owned(),
        sign_method: fields.of("signMethod").to_owned(),
        ends_at: ends_at.map(Timestamp::millis),
    })
}

/// What a refund or an undoing asks for, in minor units.
///
/// # Errors
/// 13 a member is missing, 10 one has not its form.
pub(super) fn given_back(fields: &Fields) -> Result<i64, Code> {
    if !["origQryId", "txnAmt", "backUrl"].iter().all(|name| fields.has(name)) {
        return Err("13");
    }
    if is_address(fields.of("backUrl")) { amount(fields) } else { Err("10") }
}

fn amount(fields: &Fields) -> Result<i64, Code> {
    let text = fields.of("txnAmt");
    let is_plain = text.len() <= AMOUNT_DIGITS_MAX && is_digits(text, text.len());
    text.parse().ok().filter(|minor| is_plain && *minor > 0).ok_or("10")
}

fn is_order_id(text: &str) -> bool {
    is_alphanumeric(text, 8..=40)
}

fn is_alphanumeric(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_code(text: &str) -> bool {
    text.starts_with("62") && is_digits(text, CODE_DIGITS)
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_address(text: &str) -> bool {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    is_web && text.chars().count() <= URL_CHARS_MAX
}
