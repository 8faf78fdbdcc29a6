//! The settings of an account. Aggregators differ in their ways, in what can be closed, and in the
//! words of their refusals.

use kernel::product::Product;

use crate::{Account, RefusalKind, SettingInfo, SetupError};

pub(super) const BASE_URL: &str = "base_url";
pub(super) const MCH_NO: &str = "mch_no";
pub(super) const APP_ID: &str = "app_id";
pub(super) const APP_SECRET: &str = "app_secret";
pub(super) const WAYS: &str = "ways";
pub(super) const CLOSE_PATH: &str = "close_path";
pub(super) const MESSAGES: &str = "messages";

const fn required(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: true, default: "" }
}

/// The settings, as help and docs show them.
pub(super) static SETTINGS: &[SettingInfo] = &[
    required(BASE_URL, "address of the payment service, without /api (https://pay.example)"),
    required(MCH_NO, "merchant's number, 商户号"),
    required(APP_ID, "application's id, 应用AppId"),
    SettingInfo {
        is_secret: true,
        ..required(APP_SECRET, "application's secret, 应用私钥 (AppSecret)")
    },
    SettingInfo {
        key: WAYS,
        help: "wayCode of each product by pay_channel_id; a product without one is not offered \
               (EasyLink: 301=UP_OP)",
        is_secret: false,
        is_required: false,
        default: "101=ALI_WAP 102=ALI_QR 103=ALI_APP 201=WX_H5 202=WX_NATIVE 203=WX_JSAPI \
                  301=UP_WAP 302=UP_QR 401=AUTO_BAR",
    },
    SettingInfo {
        key: CLOSE_PATH,
        help: "path that closes an order; empty: the aggregator cannot (EasyLink)",
        is_secret: false,
        is_required: false,
        default: "/api/pay/close",
    },
    SettingInfo {
        key: MESSAGES,
        help: "pieces of msg with their meaning, since every refusal has the same code; the first \
               that fits counts: busy, exists, not_found, not_open (not to be closed any more), \
               not_offered (of orders), and what only a refund is refused with: no_refund, \
               nothing_left, refund_not_offered, too_late, balance_low",
        is_secret: false,
        is_required: false,
        default: "系统异常=busy 在途退款=busy 已存在=exists 退款订单不存在=no_refund \
                  订单不存在=not_found 不可关闭=not_open 已全额退款=nothing_left \
                  已完成全部订单退款=nothing_left 可退款余额=no_refund 无法完成退款=no_refund \
                  不支持退款！=refund_not_offered 不支持=not_offered",
    },
];

/// What a refusal's `msg` says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Word {
    Busy,
    /// The number is taken: it was asked for before.
    Exists,
    NotFound,
    /// Paid, closed or over: not to be closed any more.
    NotOpen,
    /// A member is missing or in the wrong form.
    BadParams,
    /// The way is not the merchant's.
    NotOffered,
    /// Only a refund is refused so, never a question about one.
    NoRefund(RefusalKind),
}

const WORDS: [(&str, Word); 10] = [
    ("busy", Word::Busy),
    ("exists", Word::Exists),
    ("not_found", Word::NotFound),
    ("not_open", Word::NotOpen),
    ("not_offered", Word::NotOffered),
    ("no_refund", Word::NoRefund(RefusalKind::Business)),
    ("nothing_left", Word::NoRefund(RefusalKind::NothingLeft)),
    ("refund_not_offered", Word::NoRefund(RefusalKind::NotSupported)),
    ("too_late", Word::NoRefund(RefusalKind::TooLate)),
    ("balance_low", Word::NoRefund(RefusalKind::BalanceTooLow)),
];

/// What a refusal says to this account; `None` if that is not known. 10, 11 and 12 are SYSTEM_ERROR,
/// PARAMS_ERROR and DB_ERROR.
pub(super) fn word(account: &Account, code: i64, message: &str) -> Option<Word> {
    match code {
        10 | 12 => return Some(Word::Busy),
        11 => return Some(Word::BadParams),
        _ => {}
    }
    let (_, meaning) = pairs(account.setting(MESSAGES)).find(|(part, _)| message.contains(part))?;
    WORDS.iter().find(|(name, _)| *name == meaning).map(|(_, word)| *word)
}

/// The `wayCode` of a product; `None` if the account has none.
pub(super) fn way(account: &Account, product: Product) -> Option<&str> {
    let id = product.info().channel_id.to_string();
    pairs(account.setting(WAYS)).find(|(key, _)| *key == id).map(|(_, way)| way)
}

/// Judges the settings that are tables, or may not be empty, before anything is sent.
///
/// # Errors
/// The first that cannot be understood, by its name.
pub(super) fn check(account: &Account) -> Result<(), SetupError> {
    for key in [MCH_NO, APP_ID, APP_SECRET] {
        if account.setting(key).trim().is_empty() {
            return Err(SetupError(format!("{key}: empty")));
        }
    }
    let is_word = |meaning: &str| WORDS.iter().any(|(name, _)| *name == meaning);
    let is_product = |id: &str| id.parse().ok().and_then(Product::from_channel_id).is_some();
    check_table(account, MESSAGES, |(_, meaning)| is_word(meaning))?;
    check_table(account, WAYS, |(id, _)| is_product(id))
}

fn check_table(
    account: &Account,
    key: &str,
    is_sound: impl Fn((&str, &str)) -> bool,
) -> Result<(), SetupError> {
    let parts = parts(account.setting(key));
    let mut wrong = parts.filter(|part| !part.split_once('=').is_some_and(&is_sound));
    match wrong.next() {
        None => Ok(()),
        Some(part) => Err(SetupError(format!("{key}: {part} makes no sense"))),
    }
}

fn pairs(table: &str) -> impl Iterator<Item = (&str, &str)> {
    parts(table).filter_map(|part| part.split_once('='))
}

fn parts(table: &str) -> impl Iterator<Item = &str> {
    table.split([' ', ',', '\n']).filter(|part| !part.is_empty())
}
