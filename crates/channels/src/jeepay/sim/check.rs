//! What is asked of the simulated JeePay, judged in JeePay's order and words.

use kernel::money::Currency;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::HttpRequest;
use crate::jeepay::sign::{SIGN, verifies};
use crate::jeepay::sim::JeepaySimConfig;
use crate::jeepay::sim::books::RefundAsked;
use crate::jeepay::wire::Fields;
use crate::json;

/// Characters of a merchant's number.
const NUMBER_CHARS_MAX: usize = 30;
/// Seconds that an order waits that does not say so itself.
const LIFE_SECONDS: i64 = 7_200;
/// Ways that are simulated, besides barcodes.
const WAYS: [&str; 10] = [
    "ALI_QR",
    "ALI_WAP",
    "ALI_APP",
    "WX_NATIVE",
    "WX_H5",
    "WX_JSAPI",
    "UP_QR",
    "UP_WAP",
    "UP_OP",
    "QR_CASHIER",
];

/// A refusal: `code` and `msg`. It is not signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused(pub(super) i64, pub(super) String);

impl Refused {
    /// CUSTOM_FAIL: the code of nearly everything.
    pub(super) fn custom(message: impl Into<String>) -> Self {
        Self(9999, message.into())
    }

    pub(super) fn not_found() -> Self {
        Self::custom("订单不存在")
    }

    fn params(name: &str) -> Self {
        Self(11, format!("参数有误[{name}]"))
    }
}

/// A new order whose members are in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) mch_order_no: String,
    /// Never AUTO_BAR: that is the way of the code.
    pub(super) way: String,
    /// Cents.
    pub(super) amount: i64,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) client_ip: String,
    pub(super) notify_url: String,
    pub(super) return_url: String,
    pub(super) life_ms: i64,
}

/// The members of a request, JSON or form.
pub(super) fn read(request: &HttpRequest) -> Result<Fields, Refused> {
    let fault = || Refused::params("body");
    if let Some(Value::Object(object)) = json::parse(&request.body) {
        return Ok(Fields::from_json(&object));
    }
    let text = std::str::from_utf8(&request.body).map_err(|_| fault())?;
    Fields::from_form(text).ok_or_else(fault)
}

/// Whether a request is signed, and this application's.
pub(super) fn admit(fields: &Fields, config: &JeepaySimConfig) -> Result<(), Refused> {
    for name in ["mchNo", "appId", "reqTime", "version", "signType", SIGN] {
        if !fields.has(name) {
            return Err(Refused::params(name));
        }
    }
    if fields.of("signType") != "MD5" || fields.of("version") != "1.0" {
        return Err(Refused::params("version"));
    }
    let is_ours = fields.of("mchNo") == config.mch_no && fields.of("appId") == config.app_id;
    if !is_ours {
        return Err(Refused::custom("商户不存在或商户状态不可用"));
    }
    if verifies(fields, fields.of(SIGN), config.app_secret.expose()) {
        return Ok(());
    }
    Err(Refused::custom("验签失败"))
}

/// A new order, and the barcode if it is one.
pub(super) fn order(
    fields: &Fields,
    config: &JeepaySimConfig,
) -> Result<(Asked, Option<String>), Refused> {
    let extra = json::parse(fields.of("channelExtra").as_bytes()).unwrap_or_default();
    let of_extra = |name: &str| extra.get(name).and_then(Value::as_str).unwrap_or_default();
    let way = way(fields.of("wayCode"), of_extra("authCode"))?;
    if way == "WX_JSAPI" && of_extra("openid").is_empty() {
        return Err(Refused::params("openid"));
    }
    let asked = Asked {
        mch_order_no: number(fields, "mchOrderNo")?,
        amount: amount(fields, "amount", config.currency)?,
        subject: text(fields, "subject", 64)?,
        body: text(fields, "body", 256)?,
        client_ip: fields.of("clientIp").to_owned(),
        notify_url: address(fields, "notifyUrl")?,
        return_url: address(fields, "returnUrl")?,
        life_ms: fields.of("expiredTime").parse().unwrap_or(LIFE_SECONDS).saturating_mul(1000),
        way,
    };
    let code = asked.way.ends_with("_BAR").then(|| of_extra("authCode").to_owned());
    Ok((asked, code))
}

/// A refund.
pub(super) fn refund(fields: &Fields, config: &JeepaySimConfig) -> Result<RefundAsked, Refused> {
    text(fields, "refundReason", 256)?;
    Ok(RefundAsked {
        mch_order_no: number(fields, "mchOrderNo")?,
        mch_refund_no: number(fields, "mchRefundNo")?,
        amount: amount(fields, "refundAmount", config.currency)?,
        notify_url: address(fields, "notifyUrl")?,
    })
}

/// A merchant's number.
pub(super) fn number(fields: &Fields, name: &str) -> Result<String, Refused> {
    text(fields, name, NUMBER_CHARS_MAX)
}

/// The way of an order: AUTO_BAR becomes that of its code.
fn way(asked: &str, code: &str) -> Result<String, Refused> {
    if asked.ends_with("_BAR") {
        let is_digits = code.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = code.get(..2).and_then(|two| two.parse::<u8>().ok()).filter(|_| is_digits);
        let of_code = match (prefix, code.len()) {
            (Some(10..=15), 18) => Some("WX_BAR"),
            (Some(25..=30), 16..=24) => Some("ALI_BAR"),
            (Some(62), 19) => Some("YSF_BAR"),
            _ => None,
        };
        let of_code = of_code.ok_or_else(|| Refused::custom("不支持的条码"))?;
        return Ok(if asked == "AUTO_BAR" { of_code } else { asked }.to_owned());
    }
    let is_known = WAYS.contains(&asked);
    is_known.then(|| asked.to_owned()).ok_or_else(|| Refused::custom("不支持的支付方式"))
}

fn amount(fields: &Fields, name: &str, currency: Currency) -> Result<i64, Refused> {
    let amount = fields.money(name, None).filter(|amount| amount.minor > 0);
    let amount = amount.filter(|amount| amount.currency == currency);
    amount.map(|amount| amount.minor).ok_or_else(|| Refused::params(name))
}

fn text(fields: &Fields, name: &str, chars_max: usize) -> Result<String, Refused> {
    let text = fields.of(name);
    let is_fitting = (1..=chars_max).contains(&text.chars().count());
    is_fitting.then(|| text.to_owned()).ok_or_else(|| Refused::params(name))
}

/// An address, or nothing.
fn address(fields: &Fields, name: &str) -> Result<String, Refused> {
    let text = fields.of(name);
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    if text.is_empty() || is_web {
        return Ok(text.to_owned());
    }
    Err(Refused::custom("异步通知地址协议仅支持http:// 或 https:// !"))
}
