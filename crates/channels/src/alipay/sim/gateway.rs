//! `gateway.do`, simulated: judges a request as Alipay does, in Alipay's words, and reads what it
//! asks for. It changes no trade.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;
use serde_json::{Map, Value};

use crate::Stamp;
use crate::alipay::sign::{self, RSA2};
use crate::alipay::sim::AlipaySimConfig;
use crate::alipay::sim::books::Order;
use crate::alipay::wire::Fields;
use crate::alipay::{CLOSE, PRECREATE, QUERY, WAP_PAY};
use crate::http::HttpRequest;
use crate::seal;

/// Characters of an address in a request.
const URL_CHARS_MAX: usize = 256;
/// Characters of `out_trade_no`.
const NUMBER_CHARS_MAX: usize = 64;
/// Characters of `subject`.
const SUBJECT_CHARS_MAX: usize = 256;
/// Characters of `total_amount`.
const AMOUNT_CHARS_MAX: usize = 12;
/// Largest `total_amount`, in fen.
const AMOUNT_MAX: i64 = 10_000_000_000;

/// A refusal: `code` and `sub_code` of the manual.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) sub_code: &'static str,
}

impl Refused {
    /// Code 40004: the gateway took the request, the business did not.
    pub(super) fn business(sub_code: &'static str) -> Self {
        Self { code: "40004", sub_code }
    }

    /// `msg`: the code in words.
    pub(super) fn message(self) -> &'static str {
        match self.code {
            "20000" => "Service Currently Unavailable",
            "40001" => "Missing Required Arguments",
            "40002" => "Invalid Arguments",
            "40005" => "Call Limited",
            "40006" => "Insufficient Permissions",
            _ => "Business Failed",
        }
    }

    /// `sub_msg`: the reason in words.
    pub(super) fn reason(self) -> &'static str {
        match self.sub_code {
            "ACQ.TRADE_NOT_EXIST" => "交易不存在",
            "ACQ.TRADE_HAS_SUCCESS" => "交易已被支付",
            "ACQ.TRADE_HAS_CLOSE" => "交易已经关闭",
            "ACQ.TRADE_STATUS_ERROR" => "交易状态不合法",
            "ACQ.CONTEXT_INCONSISTENT" => "交易信息被篡改",
            "ACQ.INVALID_PARAMETER" => "参数无效",
            "ACQ.SYSTEM_ERROR" => "系统繁忙",
            "ACQ.EXIST_FORBIDDEN_WORD" => "订单信息中包含违禁词",
            "isv.invalid-signature" => "验签出错，请检查签名、应用公钥和签名类型",
            "isv.invalid-app-id" => "无效的AppID参数",
            "isv.app-call-limited" => "应用调用次数超限",
            "isp.unknow-error" => "系统繁忙",
            other => other,
        }
    }
}

fn missing(sub_code: &'static str) -> Refused {
    Refused { code: "40001", sub_code }
}

fn invalid(sub_code: &'static str) -> Refused {
    Refused { code: "40002", sub_code }
}

const INVALID_PARAMETER: Refused = Refused { code: "40004", sub_code: "ACQ.INVALID_PARAMETER" };

/// A method that is simulated.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Precreate,
    WapPay,
    Query,
    Close,
}

impl Method {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Precreate, PRECREATE),
        (Self::WapPay, WAP_PAY),
        (Self::Query, QUERY),
        (Self::Close, CLOSE),
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == name).map(|(method, _)| method)
    }

    /// The name of its answer's object.
    pub(super) fn answer_name(self) -> String {
        let name = Self::ALL.into_iter().find(|(method, _)| *method == self);
        format!("{}_response", name.map_or("", |(_, name)| name).replace('.', "_"))
    }
}

/// A request's members, query and form together.
pub(super) fn read(request: &HttpRequest) -> Option<Fields> {
    let form = std::str::from_utf8(&request.body).ok()?;
    Fields::from_form(request.query())?.merged(Fields::from_form(form)?)
}

/// Which method is asked for.
///
/// # Errors
/// None that there is: Alipay answers with `error_response`.
pub(super) fn method(fields: &Fields) -> Result<Method, Refused> {
    if !fields.has("method") {
        return Err(missing("isv.missing-method"));
    }
    Method::from_name(fields.of("method")).ok_or_else(|| invalid("isv.invalid-method"))
}

/// Admits a request: common members and signature (manual: openapi v2, common parameters).
///
/// # Errors
/// What is missing or invalid, in the gateway's words.
pub(super) fn admit(fields: &Fields, config: &AlipaySimConfig) -> Result<(), Refused> {
    let required = [
        ("app_id", "isv.missing-app-id"),
        ("timestamp", "isv.missing-timestamp"),
        ("version", "isv.missing-version"),
        ("sign_type", "isv.missing-signature-type"),
        ("sign", "isv.missing-signature"),
    ];
    if let Some((_, sub_code)) = required.into_iter().find(|(name, _)| !fields.has(name)) {
        return Err(missing(sub_code));
    }
    let text = sign::request_text(fields);
    let is_url = |name| is_address(fields.of(name));
    let rules = [
        (fields.of("app_id") == config.app_id, "isv.invalid-app-id"),
        (fields.of("sign_type") == RSA2, "isv.invalid-signature-type"),
        (fields.of("charset").eq_ignore_ascii_case("utf-8"), "isv.invalid-charset"),
        (fields.of("version") == "1.0", "isv.invalid-parameter"),
        (!fields.has("format") || fields.of("format") == "JSON", "isv.invalid-format"),
        (is_time(fields.of("timestamp")), "isv.invalid-timestamp"),
        (is_url("notify_url") && is_url("return_url"), "isv.invalid-parameter"),
        (
            seal::verifies(&config.app_public_key, text.as_bytes(), fields.of("sign")),
            "isv.invalid-signature",
        ),
    ];
    match rules.into_iter().find(|(is_kept, _)| !is_kept) {
        Some((_, sub_code)) => Err(invalid(sub_code)),
        None => Ok(()),
    }
}

/// `biz_content` of an admitted request.
///
/// # Errors
/// It is not an object of JSON.
pub(super) fn biz_content(fields: &Fields) -> Result<Map<String, Value>, Refused> {
    match crate::json::parse(fields.of("biz_content").as_bytes()) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(invalid("isv.invalid-parameter")),
    }
}

/// The merchant's number that a query or a close names.
///
/// # Errors
/// It names none.
pub(super) fn number(biz: &Map<String, Value>) -> Result<&str, Refused> {
    let number = text(biz, "out_trade_no")?;
    if number.is_empty() { Err(INVALID_PARAMETER) } else { Ok(number) }
}

/// The order that a precreate or a page asks for.
///
/// # Errors
/// `ACQ.INVALID_PARAMETER`: a member is missing, too long or not of its form.
pub(super) fn order(
    fields: &Fields,
    biz: &Map<String, Value>,
    config: &AlipaySimConfig,
    stamp: &Stamp,
) -> Result<Order, Refused> {
    let total = amount(text(biz, "total_amount")?)?;
    let order = Order {
        app_id: config.app_id.clone(),
        out_trade_no: text(biz, "out_trade_no")?.to_owned(),
        total,
        subject: text(biz, "subject")?.to_owned(),
        notify_url: fields.of("notify_url").to_owned(),
        return_url: fields.of("return_url").to_owned(),
        quit_url: text(biz, "quit_url")?.to_owned(),
        expires_at: end(text(biz, "time_expire")?, stamp)?,
    };
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let seller_id = text(biz, "seller_id")?;
    let is_sound = (1..=NUMBER_CHARS_MAX).contains(&order.out_trade_no.len())
        && order.out_trade_no.bytes().all(is_digit)
        && (1..=SUBJECT_CHARS_MAX).contains(&order.subject.chars().count())
        && is_address(&order.quit_url)
        && (seller_id.is_empty() || seller_id == config.seller_id)
        && product_codes(fields).contains(&text(biz, "product_code")?);
    if is_sound { Ok(order) } else { Err(INVALID_PARAMETER) }
}

/// The `product_code`s that a method takes; empty stands for none.
fn product_codes(fields: &Fields) -> &'static [&'static str] {
    match method(fields) {
        Ok(Method::WapPay) => &["QUICK_WAP_WAY"],
        Ok(Method::Precreate) => &["", "FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"],
        Ok(Method::Query | Method::Close) | Err(_) => &[],
    }
}

/// A text of `biz_content`; empty if it is not there.
fn text<'a>(biz: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    match biz.get(name) {
        None => Ok(""),
        Some(value) => value.as_str().ok_or(INVALID_PARAMETER),
    }
}

fn amount(text: &str) -> Result<i64, Refused> {
    let money = Money::from_decimal(text, Currency::Cny);
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

fn is_time(text: &str) -> bool {
    text.len() == 19 && Timestamp::from_beijing(text).is_some()
}

fn is_address(text: &str) -> bool {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    text.is_empty() || (is_web && text.chars().count() <= URL_CHARS_MAX)
}
