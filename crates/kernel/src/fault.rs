//! What can be wrong with a request, in words that tell the merchant what to do. A [`Fault`] never
//! carries a cause of ours: causes go to the log.

use std::net::IpAddr;

use crate::code;
use crate::exchange_rate::RatesFault;

/// The language of a `message`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// Chinese, as in the document.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// English if the header `Accept-Language` prefers it to Chinese, else Chinese.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best = (Self::Zh, 0);
        for entry in header.split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::from_tag) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, permille);
            if weight > best.1 {
                best = (language, weight);
            }
        }
        best.0
    }

    fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next()?;
        let is = |word: &str| primary.eq_ignore_ascii_case(word);
        if is("zh") {
            Some(Self::Zh)
        } else if is("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    fn choose(self, [zh, en]: Wording) -> &'static str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// A quality value such as `0.8` in thousandths; nonsense counts 0.
fn permille(quality: &str) -> u32 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = format!("{whole}{fraction:0<3.3}");
    digits.parse::<u32>().map_or(0, |value| value.min(1000))
}

/// A sentence for people: Chinese, English.
pub type Wording = [&'static str; 2];

/// Why a request is not done, in the domain's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// No operation answers at this address.
    UnknownAddress,
    /// Not POST.
    WrongMethod,
    /// The body is neither JSON nor a form that we can read.
    Malformed(Wording),
    /// Not UTF-8.
    NotUtf8,
    /// The body is larger, or has more members, than we read.
    TooLarge,
    /// A required parameter is absent.
    Missing {
        /// Its name, or the names of which one is required.
        field: &'static str,
    },
    /// A parameter that the chosen product requires is absent.
    MissingForProduct {
        /// Its name.
        field: &'static str,
    },
    /// A required parameter is the empty string.
    Empty {
        /// Its name.
        field: &'static str,
    },
    /// Longer than allowed.
    TooLong {
        /// Its name.
        field: &'static str,
        /// The most that is allowed, in characters (`detail`: bytes).
        max: usize,
    },
    /// Wrong form or range, wrong type, unknown name.
    BadFormat {
        /// The name as it was sent.
        field: String,
        /// What is accepted.
        cure: Wording,
    },
    /// A time parameter that is no time, or out of range.
    BadTime {
        /// Its name.
        field: &'static str,
        /// What is accepted.
        cure: Wording,
    },
    /// A parameter that must be JSON text is not.
    BadJson {
        /// Its name.
        field: &'static str,
    },
    /// No enabled application is behind `mch_id` or `appid`.
    UnknownApplication,
    /// The signature is wrong, or is no signature.
    WrongSignature,
    /// Identified and authentic, but this request is not allowed.
    NotAllowed(Wording),
    /// Authentic, but the application may not be used from that address; `None` if it is not known.
    AddressRefused(Option<IpAddr>),
    /// The merchant has no channel for the product, or its upstream does not support it.
    ProductUnavailable,
    /// The order is paid.
    AlreadyPaid,
    /// No such order of this merchant.
    OrderNotFound,
    /// The order is closed.
    AlreadyClosed,
    /// The order is reversed.
    AlreadyReversed,
    /// The order is refunded.
    AlreadyRefunded,
    /// An order with this `out_trade_no` waits for payment.
    DuplicateOrder,
    /// A refund with this `out_refund_no` stands, with another amount; or a refund without a number was
    /// asked for twice.
    DuplicateRefund,
    /// No such record of this merchant.
    NotFound,
    /// The account does not hold what is to be refunded.
    BalanceTooLow,
    /// The order is past its refund period.
    TooLate,
    /// The payer's code was used before, or has expired.
    CodeUsed,
    /// The upstream explicitly refused.
    Refused {
        /// The upstream's reason, for the merchant.
        message: String,
    },
    /// The upstream could not be reached; certainly nothing was executed.
    NotSent,
    /// Sent upstream, no answer in time; the outcome is unknown.
    TimedOut,
    /// The upstream answered nothing.
    EmptyAnswer,
    /// Refused before any effect; safe to repeat as it is.
    Busy,
    /// Failed after the order may exist: query first.
    Uncertain,
    /// The upstream reported an error that no mapping covers.
    UnmappedUpstream,
    /// There are no exchange rates.
    Rates(RatesFault),
    /// E-mail and password are not those of a user: which of the two is wrong is not told.
    WrongLogIn,
    /// Too many log-ins have failed under the e-mail, whether it is anybody's or not.
    LockedOut {
        /// Minutes until the next is looked at.
        minutes: i64,
    },
    /// A defect of ours.
    Defect,
}

impl Fault {
    /// A value of the wrong form.
    pub fn bad_format(field: impl Into<String>, cure: Wording) -> Self {
        Self::BadFormat { field: field.into(), cure }
    }

    /// The document's code (table 1.6; contract section 8).
    pub fn code(&self) -> i64 {
        match self {
            Self::UnknownAddress => 404,
            Self::Malformed(_) => 4001,
            Self::UnknownApplication => 4002,
            Self::Missing { .. } => 4003,
            Self::WrongSignature => 4004,
            Self::NotSent => 4005,
            Self::Busy => 4006,
            Self::WrongMethod => 4007,
            Self::NotAllowed(_) | Self::AddressRefused(_) => 40100,
            Self::AlreadyPaid => 40101,
            Self::OrderNotFound => 40102,
            Self::AlreadyClosed => 40103,
            Self::AlreadyReversed => 40104,
            Self::AlreadyRefunded => 40105,
            Self::DuplicateOrder => 40106,
            Self::BalanceTooLow => 40107,
            Self::TooLate => 40108,
            Self::MissingForProduct { .. } => 40109,
            Self::NotUtf8 => 40110,
            Self::CodeUsed => 40111,
            Self::Uncertain => 40400,
            Self::Refused { .. } => 40500,
            Self::UnmappedUpstream => 40600,
            Self::BadTime { .. } => 490_001,
            Self::BadJson { .. } => 491_001,
            Self::TooLong { .. } | Self::TooLarge => 491_002,
            Self::Empty { .. } => 491_003,
            Self::BadFormat { .. } => 492_001,
            Self::NotFound => 492_002,
            Self::ProductUnavailable => 492_003,
            Self::TimedOut => 492_004,
            Self::EmptyAnswer => 492_005,
            Self::DuplicateRefund => 493_001,
            Self::WrongLogIn | Self::LockedOut { .. } => code::GENERAL,
            Self::Rates(why) => match why {
                RatesFault::NoAccount => 492_003,
                RatesFault::NotSent => 4005,
                RatesFault::TimedOut => 492_004,
                RatesFault::Empty => 492_005,
                RatesFault::Refused(_) => 492_006,
                RatesFault::Unreadable => 492_007,
            },
            Self::Defect => code::DEFECT,
        }
    }

    /// `message` of the answer: the table's words, the field where there is one, and the cure.
    pub fn message(&self, language: Language) -> String {
        let row = code::info(self.code());
        let words = language.choose([row.zh, row.en]);
        let detail = self.detail(language);
        if detail.is_empty() {
            return words.to_owned();
        }
        let colon = language.choose(["：", ": "]);
        format!("{words}{colon}{detail}")
    }

    /// What follows the table's words; empty if they say it all.
    fn detail(&self, language: Language) -> String {
        match self {
            Self::Missing { field }
            | Self::MissingForProduct { field }
            | Self::Empty { field }
            | Self::BadJson { field } => (*field).to_owned(),
            Self::TooLong { field, max } => {
                format!("{field}{}{max}", language.choose([" 最多 ", ", at most "]))
            }
            Self::BadFormat { field, cure } => format!("{field} {}", language.choose(*cure)),
            Self::BadTime { field, cure } => format!("{field} {}", language.choose(*cure)),
            Self::Malformed(cure) | Self::NotAllowed(cure) => language.choose(*cure).to_owned(),
            Self::AddressRefused(ip) => {
                let ip = ip.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
                format!("{ip} {}", language.choose(REFUSED_ADDRESS))
            }
            Self::Refused { message } => message.clone(),
            Self::Rates(why) => match why {
                RatesFault::NoAccount => language.choose(NO_RATES).to_owned(),
                RatesFault::Refused(message) => message.clone(),
                RatesFault::NotSent
                | RatesFault::TimedOut
                | RatesFault::Empty
                | RatesFault::Unreadable => language.choose(RATES_LATER).to_owned(),
            },
            Self::WrongLogIn => language.choose(WRONG_LOG_IN).to_owned(),
            Self::LockedOut { minutes } => {
                let [before, after] = LOCKED_OUT;
                format!("{}{minutes}{}", language.choose(before), language.choose(after))
            }
            Self::UnknownAddress
            | Self::WrongMethod
            | Self::NotUtf8
            | Self::UnknownApplication
            | Self::WrongSignature
            | Self::AlreadyPaid
            | Self::OrderNotFound
            | Self::AlreadyClosed
            | Self::AlreadyReversed
            | Self::AlreadyRefunded
            | Self::DuplicateOrder
            | Self::DuplicateRefund
            | Self::NotFound
            | Self::BalanceTooLow
            | Self::TooLate
            | Self::CodeUsed
            | Self::Defect => String::new(),
            Self::TooLarge => language.choose(TOO_LARGE).to_owned(),
            Self::ProductUnavailable => language.choose(NO_CHANNEL).to_owned(),
            Self::NotSent | Self::Busy => language.choose(REPEAT).to_owned(),
            Self::TimedOut | Self::EmptyAnswer | Self::Uncertain | Self::UnmappedUpstream => {
                language.choose(QUERY_FIRST).to_owned()
            }
        }
    }
}

const REFUSED_ADDRESS: Wording = [
    "不在该应用的 IP 白名单内，请联系平台添加",
    "is not among the addresses that the application may be used from; ask the operator to add it",
];
const NO_RATES: Wording =
    ["该商户没有提供汇率的通道账户", "no account of this merchant tells exchange rates"];
const RATES_LATER: Wording =
    ["今日汇率暂不可得，请稍后再试", "today's rates are not known; try again later"];
const WRONG_LOG_IN: Wording = ["邮箱或密码不正确", "the e-mail or the password is wrong"];
const LOCKED_OUT: [Wording; 2] = [
    ["登录失败次数过多，请在 ", "too many log-ins have failed; try again in "],
    [" 分钟后再试", " minutes"],
];
const TOO_LARGE: Wording =
    ["请求体最多 64 KiB、64 个参数", "a body has at most 64 KiB and 64 parameters"];
const NO_CHANNEL: Wording =
    ["该商户未开通此支付产品", "this merchant has no channel for the product"];
const REPEAT: Wording = ["未执行，可原样重试", "nothing was done; it can be repeated as it is"];
const QUERY_FIRST: Wording =
    ["结果未知，请先查询订单", "the outcome is unknown; query the order first"];

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers(header: &str, expect: Language) {
        assert_eq!(Language::from_accept_language(header), expect, "{header}");
    }

    #[test]
    fn english_only_when_it_is_preferred() {
        prefers("", Language::Zh);
        prefers("*", Language::Zh);
        prefers("fr-FR", Language::Zh);
        prefers("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh);
        prefers("en", Language::En);
        prefers("EN-us,en;q=0.9,zh;q=0.8", Language::En);
        prefers("zh;q=0.5, en;q=0.75", Language::En);
        prefers("en;q=0", Language::Zh);
        prefers("en;q=x", Language::Zh);
    }

    #[test]
    fn a_message_names_the_field_and_the_cure() {
        let fault = Fault::bad_format("total_fee", ["应为整数", "must be an integer"]);
        assert_eq!(fault.message(Language::Zh), "参数格式不符合指定要求：total_fee 应为整数");
        let english = "Parameter does not have the required form: total_fee must be an integer";
        assert_eq!(fault.message(Language::En), english);
        assert_eq!(Fault::DuplicateOrder.message(Language::Zh), "订单号重复");
        let refused = Fault::Refused { message: "余额不足".into() };
        assert_eq!(refused.message(Language::Zh), "支付错误：余额不足");
    }
}
