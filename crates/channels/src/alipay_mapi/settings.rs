//! What an account of MAPI is made of. What the manual leaves open is chosen here, with the safest
//! default that can work.

use kernel::money::Currency;
use kernel::product::Product;

use crate::alipay_mapi::sign::{self, SignType};
use crate::{Account, ChannelInfo, SettingInfo, SetupError};

/// Where MAPI is for merchants abroad, unless an account says otherwise.
const GATEWAY: &str = "https://intlmapi.alipay.com/gateway.do";

/// The settings that are a choice, with their words.
const CHOICES: [(&str, &[&str]); 5] = [
    ("sign_type", &["RSA", "RSA2", "MD5"]),
    ("answer_signature", &["verify", "ignore"]),
    ("query_total_fee", &["order", "cny"]),
    ("refund_sync", &["Y", "N"]),
    ("refund_query", &["query", "repeat"]),
];

/// The channel's row.
pub(super) static INFO: ChannelInfo = ChannelInfo {
    name: "alipay_mapi",
    title: "支付宝国际 Alipay MAPI (cross-border)",
    products: &[Product::AlipayWap, Product::AlipayApp],
    settings: &[
        required("partner", "PID of the merchant, 2088… (partner ID)"),
        required("refer_url", "address of the merchant's site, registered with Alipay"),
        optional("sign_type", "how requests are signed: RSA, RSA2 or MD5", "RSA"),
        secret(
            "private_key",
            "the merchant's private RSA key: for sign_type RSA and RSA2, and always for AlipayApp",
        ),
        secret("md5_key", "the key of 32 characters that MD5 signs with (安全校验码)"),
        optional(
            "alipay_public_key",
            "Alipay's public key of MAPI, which is not that of openapi",
            "",
        ),
        optional("gateway", "address of MAPI; the test environment has another", GATEWAY),
        optional(
            "answer_signature",
            "verify: what an answer states must be signed; ignore: TLS alone vouches for it",
            "verify",
        ),
        optional(
            "query_total_fee",
            "what single_trade_query's total_fee is in, where it names no currency: order (the \
             order's currency, compared), or cny (what the payer paid; the amount is then the \
             order's)",
            "order",
        ),
        optional(
            "refund_sync",
            "Y: a refund is answered when it is done; N: it is accepted, and told later",
            "Y",
        ),
        optional(
            "refund_query",
            "query: alipay.acquire.refund.query tells of a refund; repeat: forex_refund again, \
             under the same number",
            "query",
        ),
    ],
};

const fn required(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: true, default: "" }
}

const fn optional(key: &'static str, help: &'static str, default: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: false, is_required: false, default }
}

const fn secret(key: &'static str, help: &'static str) -> SettingInfo {
    SettingInfo { key, help, is_secret: true, is_required: false, default: "" }
}

/// The word that an account chose, or the default.
pub(super) fn choice<'a>(account: &'a Account, key: &str) -> &'a str {
    let word = account.setting(key).trim();
    let row = INFO.settings.iter().find(|row| row.key == key && word.is_empty());
    row.map_or(word, |row| row.default)
}

/// How the account signs.
///
/// # Errors
/// Not one of the three ways.
pub(super) fn sign_type(account: &Account) -> Result<SignType, SetupError> {
    SignType::from_word(choice(account, "sign_type"))
        .ok_or_else(|| SetupError("sign_type: not RSA, RSA2 or MD5".into()))
}

/// The account's PID.
pub(super) fn partner(account: &Account) -> &str {
    account.setting("partner").trim()
}

/// The address of MAPI.
///
/// # Errors
/// Not an address.
pub(super) fn gateway(account: &Account) -> Result<&str, SetupError> {
    let setting = account.setting("gateway").trim();
    let address = if setting.is_empty() { GATEWAY } else { setting };
    let is_sound = url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    is_sound
        .then_some(address)
        .ok_or_else(|| SetupError("gateway: not an http(s) address without query".into()))
}

/// Judges every setting before anything is sent: an answer that could not be verified is not asked
/// for.
///
/// # Errors
/// Names the first setting that is wrong.
pub(super) fn check(account: &Account) -> Result<(), SetupError> {
    let partner = partner(account);
    if partner.is_empty() || !partner.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SetupError("partner: not a PID".into()));
    }
    for (key, words) in CHOICES {
        if !words.contains(&choice(account, key)) {
            return Err(SetupError(format!("{key}: not one of {}", words.join(", "))));
        }
    }
    match sign_type(account)? {
        SignType::Md5 if account.setting("md5_key").trim().is_empty() => {
            Err(SetupError("md5_key: missing".into()))
        }
        SignType::Md5 => Ok(()),
        SignType::Rsa | SignType::Rsa2 => check_public_key(account),
    }
}

/// Judges the key that RSA signatures of Alipay are verified with.
///
/// # Errors
/// It is none.
pub(super) fn check_public_key(account: &Account) -> Result<(), SetupError> {
    sign::is_public_key(account.setting("alipay_public_key"))
        .then_some(())
        .ok_or_else(|| SetupError("alipay_public_key: not an RSA public key".into()))
}

/// Judges the currency of an order or a refund. MAPI prices in a foreign currency; an order in
/// renminbi would need another member and a currency of settlement.
///
/// # Errors
/// It is not the account's, or not a foreign one.
pub(super) fn check_currency(account: &Account, currency: Currency) -> Result<(), SetupError> {
    match currency {
        Currency::Hkd | Currency::Aud if currency == account.currency => Ok(()),
        Currency::Hkd | Currency::Aud | Currency::Cny => {
            Err(SetupError("currency: MAPI takes the account's, HKD or AUD".into()))
        }
    }
}
