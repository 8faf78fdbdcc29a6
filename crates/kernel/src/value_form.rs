//! The language of each parameter's value (contract sections 2 and 4): what a text must look like,
//! judged byte by byte. The unique parse asks the same questions of values that nobody sent.

mod cures;
mod free_text;

use std::net::IpAddr;

use crate::application::Application;
use crate::egress_policy::{self, Cidr, UrlFault};
use crate::exchange_rate::RateSource;
use crate::fault::Wording;
use crate::feed::EventType;
use crate::id::{AppId, MchId, Sn};
use crate::password;
use crate::product::{PRODUCTS, Product, Provider};
use crate::refund::RefundState;
use crate::scheme::Scheme;
use crate::state::TradeState;
use crate::time::Timestamp;
use crate::user::{Email, NAME_CHARS_MAX, UserType};
use crate::value_form::cures::{
    AMOUNT, CURSOR, DATE, DISCOUNT, EMAIL, EVENT_TYPES, EXPIRY, INTEGER, IP, LIMIT, OWN, PAGE,
    PRODUCT, PROVIDER, RATE_SOURCE, REFUND_STATUS, SIGN_TYPE, TOKEN, TRADE_NO, TRADE_STATE,
    UNIX_TIME, USER_TYPE, WAIT, WALLET,
};
use crate::value_form::free_text::{LIKE_A_NOTICE, is_like_a_notice, judge_detail, judge_text};

/// Digits of an integer.
const DIGITS_MAX: usize = 18;
/// How far ahead `time_expire` lies at least.
const EXPIRY_MS_MIN: i64 = 60_000;
/// How far ahead `time_expire` lies at most.
const EXPIRY_MS_MAX: i64 = 7 * 86_400_000;

/// The number of a page at most: with a hundred rows each, more than any list has.
pub const PAGE_MAX: i64 = 1_000_000_000;
/// Rows of one answer.
const LIMIT_MAX: i64 = 100;
/// Seconds that an answer waits: shorter than proxies and clients are patient.
const WAIT_S_MAX: i64 = 25;

/// The form of a value.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ValueForm {
    /// The caller's own merchant number.
    OwnMch,
    /// The caller's own application number.
    OwnApp,
    /// `1` or `2`.
    Version,
    /// The word of the scheme that the request is signed by.
    SignType,
    /// 1 to the largest amount of any product.
    Amount,
    /// From 0; above 0 with the application's permission.
    Discount,
    /// The number of a product.
    ChannelId,
    /// The word of a product.
    Payment,
    /// 1–64 of `[A-Za-z0-9_|*@.-]`.
    TradeNo,
    /// A URL that we will connect to.
    NotifyUrl,
    /// A URL that the payer's browser will open.
    PageUrl,
    /// Text that notifications give back: it must not look like other members of theirs.
    Echoed,
    /// Text that is only known.
    Text,
    /// Text for the payer: why money goes back.
    Reason,
    /// JSON text.
    Detail,
    /// A payer's auth code.
    AuthCode,
    /// `[A-Za-z0-9_-]`, up to this many.
    Token(usize),
    /// `CN` or `HK`.
    Wallet,
    /// A provider's word.
    Provider,
    /// The number of a store; 0 is none.
    StoreId,
    /// An IP address.
    Ip,
    /// IP addresses as proxies list them.
    IpList,
    /// Unix time or yyyyMMddHHmmss, 1 minute to 7 days ahead.
    Expiry,
    /// Unix time in seconds.
    UnixTime,
    /// A nonce: `[A-Za-z0-9_+/=.-]`.
    Nonce,
    /// 26 digits beginning with 11.
    Sn,
    /// The number of a page, from 1.
    Page,
    /// Rows of an answer: 1 to 100.
    Limit,
    /// yyyy-MM-dd, in UTC+8.
    Date,
    /// A state of an order.
    TradeState,
    /// A state of a refund.
    RefundStatus,
    /// The number of an event; 0 stands before the first.
    Cursor,
    /// Types of events, with commas between.
    EventTypes,
    /// Seconds that an answer may wait: 0 to 25.
    Wait,
    /// An e-mail address.
    Email,
    /// A password. Whether it may be chosen is another question.
    Password,
    /// What a person is called.
    PersonName,
    /// `merchant`, `store` or `cashier`.
    UserType,
    /// `alipay` or `wechat`.
    RateSource,
}

/// Who sends, and when: what some forms depend on.
#[derive(Debug)]
pub struct Sender<'a> {
    mch_id: MchId,
    app_id: AppId,
    may_discount: bool,
    /// The scheme that it signs by.
    pub scheme: Scheme,
    /// Now.
    pub now: Timestamp,
    /// Private targets that the operator allows.
    pub allow: &'a [Cidr],
}

impl<'a> Sender<'a> {
    /// The sender that `app` is, at `now`.
    pub fn new(app: &Application, now: Timestamp, allow: &'a [Cidr]) -> Self {
        Self {
            mch_id: app.mch_id,
            app_id: app.app_id,
            may_discount: app.settings.may_discount,
            scheme: Scheme::Md5,
            now,
            allow,
        }
    }

    /// The same sender, signing by another scheme than the document's.
    #[must_use]
    pub fn signing_by(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }
}

impl Sender<'_> {
    /// A sender of whom nothing is known.
    pub fn stranger(now: Timestamp) -> Self {
        Self {
            mch_id: MchId(0),
            app_id: AppId(0),
            may_discount: false,
            scheme: Scheme::Md5,
            now,
            allow: &[],
        }
    }
}

/// How a value misses its form, and what is accepted.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// 492001.
    Format(Wording),
    /// 490001.
    Time(Wording),
    /// 491001.
    Json,
}

impl ValueForm {
    /// Whether `value` belongs to the language in length and form.
    pub fn accepts(self, value: &str, sender: &Sender<'_>) -> bool {
        !self.is_too_long(value) && self.judge(value, sender).is_ok()
    }

    /// The most that is allowed, where length has a code of its own: characters, of `detail` bytes.
    pub fn length_max(self) -> Option<usize> {
        match self {
            Self::TradeNo | Self::Nonce => Some(64),
            Self::NotifyUrl | Self::PageUrl => Some(512),
            Self::Echoed => Some(128),
            Self::Text | Self::IpList | Self::EventTypes => Some(256),
            Self::Detail => Some(6_000),
            Self::Reason => Some(80),
            Self::Token(max) => Some(max),
            Self::Email => Some(Email::LENGTH_MAX),
            Self::Password => Some(password::CHARS_MAX),
            Self::PersonName => Some(NAME_CHARS_MAX),
            Self::OwnMch
            | Self::OwnApp
            | Self::Version
            | Self::SignType
            | Self::Amount
            | Self::Discount
            | Self::ChannelId
            | Self::Payment
            | Self::AuthCode
            | Self::Wallet
            | Self::Provider
            | Self::StoreId
            | Self::Ip
            | Self::Expiry
            | Self::UnixTime
            | Self::Sn
            | Self::Page
            | Self::Limit
            | Self::Date
            | Self::TradeState
            | Self::RefundStatus
            | Self::Cursor
            | Self::Wait
            | Self::UserType
            | Self::RateSource => None,
        }
    }

    /// Whether a value exceeds [`ValueForm::length_max`].
    pub fn is_too_long(self, value: &str) -> bool {
        self.length_max().is_some_and(|max| {
            value.len() > max && (self == Self::Detail || value.chars().count() > max)
        })
    }

    /// Judges a value that is not too long.
    ///
    /// # Errors
    /// The value does not have the form.
    pub fn judge(self, value: &str, sender: &Sender<'_>) -> Result<(), Wrong> {
        let format =
            |is_good: bool, cure: Wording| is_good.then_some(()).ok_or(Wrong::Format(cure));
        match self {
            Self::OwnMch => format(MchId::parse(value) == Some(sender.mch_id), OWN),
            Self::OwnApp => format(AppId::parse(value) == Some(sender.app_id), OWN),
            Self::Version => format(matches!(value, "1" | "2"), ["应为 1 或 2", "must be 1 or 2"]),
            Self::SignType => format(value == sender.scheme.sign_type(), SIGN_TYPE),
            Self::Amount => format(is_amount(value), AMOUNT),
            Self::Discount => format(is_discount(value, sender), DISCOUNT),
            Self::ChannelId => {
                format(integer(value).and_then(Product::from_channel_id).is_some(), PRODUCT)
            }
            Self::Payment => format(Product::from_payment(value, None).is_some(), PRODUCT),
            Self::TradeNo => format(consists_of(value, b"_|*@.-"), TRADE_NO),
            Self::NotifyUrl => {
                egress_policy::judge_url(value, sender.allow).map(|_| ()).map_err(wrong_url)
            }
            Self::PageUrl => egress_policy::judge_page(value).map(|_| ()).map_err(wrong_url),
            Self::Echoed => {
                judge_text(value).and_then(|()| format(!is_like_a_notice(value), LIKE_A_NOTICE))
            }
            Self::Text | Self::Reason | Self::PersonName | Self::Password => judge_text(value),
            Self::Detail => judge_detail(value),
            Self::AuthCode => {
                format(Provider::of_code(value).is_some(), ["不是付款码", "is no payer's code"])
            }
            Self::Token(_) => format(consists_of(value, b"_-"), TOKEN),
            Self::Wallet => format(matches!(value, "CN" | "HK"), WALLET),
            Self::Provider => format(matches!(value, "wechat" | "alipay" | "unionpay"), PROVIDER),
            Self::StoreId => format(integer(value).is_some(), INTEGER),
            Self::Ip => format(value.parse::<IpAddr>().is_ok(), IP),
            Self::IpList => format(is_ip_list(value), IP),
            Self::Expiry => expiry(value, sender.now).map(|_| ()).ok_or(Wrong::Time(EXPIRY)),
            Self::UnixTime => integer(value).map(|_| ()).ok_or(Wrong::Time(UNIX_TIME)),
            Self::Nonce => format(consists_of(value, b"_+/=.-"), TOKEN),
            Self::Sn => {
                format(is_sn(value), ["应为 11 开头的 26 位数字", "must be 26 digits from 11"])
            }
            Self::Page => format(is_within(value, 1, PAGE_MAX), PAGE),
            Self::Limit => format(is_within(value, 1, LIMIT_MAX), LIMIT),
            Self::Date => Timestamp::from_date(value).map(|_| ()).ok_or(Wrong::Time(DATE)),
            Self::TradeState => format(TradeState::from_word(value).is_some(), TRADE_STATE),
            Self::RefundStatus => format(!RefundState::of_status(value).is_empty(), REFUND_STATUS),
            Self::Cursor => format(integer(value).is_some(), CURSOR),
            Self::EventTypes => format(EventType::list(value).is_some(), EVENT_TYPES),
            Self::Wait => format(is_within(value, 0, WAIT_S_MAX), WAIT),
            Self::Email => format(Email::parse(value).is_some(), EMAIL),
            Self::UserType => format(UserType::from_word(value).is_some(), USER_TYPE),
            Self::RateSource => format(RateSource::from_word(value).is_some(), RATE_SOURCE),
        }
    }
}

/// An integer as it must be spelled: digits without sign or leading zeros.
pub fn integer(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = text == "0" || !text.starts_with('0');
    let is_good = is_plain && is_canonical && (1..=DIGITS_MAX).contains(&text.len());
    if is_good { text.parse().ok() } else { None }
}

/// Reads `time_expire`: at least a minute and at most seven days ahead of `now`.
pub fn expiry(text: &str, now: Timestamp) -> Option<Timestamp> {
    let at = match text.len() {
        14 => Timestamp::from_compact(text)?,
        _ => Timestamp::from_seconds(integer(text)?),
    };
    (EXPIRY_MS_MIN..=EXPIRY_MS_MAX).contains(&at.millis_since(now)).then_some(at)
}

fn is_within(value: &str, least: i64, most: i64) -> bool {
    integer(value).is_some_and(|number| (least..=most).contains(&number))
}

fn is_amount(value: &str) -> bool {
    let max = PRODUCTS.iter().map(|row| row.amount_max).max().unwrap_or(0);
    integer(value).is_some_and(|amount| (1..=max).contains(&amount))
}

fn is_discount(value: &str, sender: &Sender<'_>) -> bool {
    integer(value).is_some_and(|discount| discount == 0 || sender.may_discount)
}

fn consists_of(value: &str, others: &[u8]) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    !value.is_empty() && value.bytes().all(is_good)
}

fn is_sn(value: &str) -> bool {
    value.len() == Sn::LENGTH
        && value.starts_with("11")
        && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ip_list(value: &str) -> bool {
    value.split(',').all(|ip| ip.trim_matches(' ').parse::<IpAddr>().is_ok())
}

fn wrong_url(fault: UrlFault) -> Wrong {
    Wrong::Format(match fault {
        UrlFault::Shape => ["应为 http(s) 绝对网址", "must be an absolute http(s) URL"],
        UrlFault::UserInfo => ["不能含有用户名", "must not hold user info"],
        UrlFault::Address => ["地址不是公网地址", "is not at a public address"],
        UrlFault::ReservedName => ["域名是保留名称", "has a reserved host name"],
        UrlFault::Port => ["端口不被允许", "has a port that is not allowed"],
    })
}

#[cfg(test)]
#[path = "value_form_tests.rs"]
mod tests;
