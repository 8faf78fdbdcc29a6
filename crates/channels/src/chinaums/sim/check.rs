//! What is asked of the simulated EasyLink, judged. Codes are UnionPay's: EasyLink's are not published.

use kernel::money::{Currency, Money};
use kernel::time::Timestamp;

use crate::chinaums::request::PAY_SIGNED;
use crate::chinaums::sign::{ACCESS_KEY, verifies};
use crate::chinaums::sim::ChinaumsSimConfig;
use crate::chinaums::wire::{self, Fields};
use crate::http::HttpRequest;

/// Characters of an address.
const URL_CHARS_MAX: usize = 256;
/// Characters of a merchant's number.
const NUMBER_CHARS_MAX: usize = 40;
/// Largest amount, in minor units: twelve digits, as UnionPay's.
const AMOUNT_MAX: i64 = 999_999_999_999;

/// A refusal: `respCode` and `respMsg`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Refused(pub(super) &'static str, pub(super) &'static str);

impl Refused {
    pub(super) const UNKNOWN: Self = Self("04", "交易状态未明，请查询");
    pub(super) const FORM: Self = Self("10", "报文格式错误");
    pub(super) const SIGNATURE: Self = Self("11", "验证签名失败");
    pub(super) const DUPLICATE: Self = Self("12", "重复交易");
    pub(super) const MISSING: Self = Self("13", "报文交易要素缺失");
    pub(super) const NOT_PASSED: Self = Self("30", "交易未通过");
    pub(super) const MERCHANT: Self = Self("31", "商户状态不正确");
    pub(super) const NO_RIGHT: Self = Self("32", "无此交易权限");
    pub(super) const NOT_FOUND: Self = Self("34", "查无此交易");
    pub(super) const NOT_PAID: Self = Self("35", "原交易不存在或状态不正确");
    pub(super) const TOO_MUCH: Self = Self("36", "与原交易信息不符");
    pub(super) const TOO_OFTEN: Self = Self("37", "已超过最大查询次数或操作过于频繁");
    pub(super) const TOO_LATE: Self = Self("39", "交易不在受理时间范围内");
    pub(super) const NOTHING_LEFT: Self = Self("45", "原交易已被成功退货或已被成功撤销");
    pub(super) const SYSTEM: Self = Self("99", "系统错误");
}

/// A new order whose members are in order.
pub(super) struct Order {
    pub(super) order_id: String,
    /// Minor units.
    pub(super) amount: i64,
    pub(super) reserved: String,
    pub(super) callback_url: String,
    pub(super) frontend_url: String,
    pub(super) expires_at: Option<Timestamp>,
}

/// The members of a request.
pub(super) fn read(request: &HttpRequest) -> Result<Fields, Refused> {
    let text = std::str::from_utf8(&request.body).map_err(|_| Refused::FORM)?;
    Fields::from_form(text).ok_or(Refused::FORM)
}

/// A request for a new order. Only [`PAY_SIGNED`] is signed, and has to be there, empty or not.
pub(super) fn order(fields: &Fields, config: &ChinaumsSimConfig) -> Result<Order, Refused> {
    let mut signed = fields.only(&PAY_SIGNED);
    if signed.0.len() != PAY_SIGNED.len() {
        return Err(Refused::MISSING);
    }
    signed.push(ACCESS_KEY, fields.of(ACCESS_KEY));
    admit(&signed, config)?;
    if fields.of("channel") != config.channel {
        return Err(Refused::NO_RIGHT);
    }
    Timestamp::from_beijing(fields.of("orderCreateTime")).ok_or(Refused::FORM)?;
    let expires_at = match fields.of("expireTime") {
        "" => None,
        text => Some(Timestamp::from_beijing(text).ok_or(Refused::FORM)?),
    };
    let reserved = if config.echoes_reserved { fields.of("merReserved") } else { "" };
    Ok(Order {
        order_id: number(fields, "orderId")?,
        amount: amount(fields, config.currency)?,
        reserved: reserved.to_owned(),
        callback_url: address(fields, "callbackUrl")?,
        frontend_url: address(fields, "frontendUrl")?,
        expires_at,
    })
}

/// Whether a request is signed, and this merchant's.
pub(super) fn admit(fields: &Fields, config: &ChinaumsSimConfig) -> Result<(), Refused> {
    if !verifies(fields, config.secret_key.expose()) {
        return Err(Refused::SIGNATURE);
    }
    let is_ours = fields.of("pin") == config.pin && fields.of("secPin") == config.sec_pin;
    if is_ours { Ok(()) } else { Err(Refused::MERCHANT) }
}

/// The member `amount`, in minor units.
pub(super) fn amount(fields: &Fields, currency: Currency) -> Result<i64, Refused> {
    let amount = Money::from_decimal(fields.of("amount"), currency);
    let is_plain = |money: &Money| {
        (1..=AMOUNT_MAX).contains(&money.minor) && wire::major(*money) == fields.of("amount")
    };
    amount.filter(is_plain).map(|money| money.minor).ok_or(Refused::FORM)
}

/// A merchant's number.
pub(super) fn number(fields: &Fields, name: &str) -> Result<String, Refused> {
    let text = fields.of(name);
    let is_number = (1..=NUMBER_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_number.then(|| text.to_owned()).ok_or(Refused::FORM)
}

fn address(fields: &Fields, name: &str) -> Result<String, Refused> {
    let text = fields.of(name);
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_address = is_web && text.chars().count() <= URL_CHARS_MAX;
    is_address.then(|| text.to_owned()).ok_or(Refused::FORM)
}
