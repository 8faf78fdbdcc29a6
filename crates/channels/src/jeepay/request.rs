//! What is sent: flat JSON with a `sign`. Numbers are ours, amounts are in cents.

use kernel::money::Money;
use kernel::product::Product;
use serde_json::{Map, Value, json};

use crate::http::HttpRequest;
use crate::jeepay::not_supported;
use crate::jeepay::settings as setting;
use crate::jeepay::sign::{SIGN, sign};
use crate::jeepay::wire::Fields;
use crate::{Account, Place, Refund, SetupError, Stamp, Step, Trade};

pub(super) const UNIFIED_ORDER: &str = "/api/pay/unifiedOrder";
pub(super) const QUERY: &str = "/api/pay/query";
pub(super) const REFUND: &str = "/api/refund/refundOrder";
pub(super) const REFUND_QUERY: &str = "/api/refund/query";

/// Characters of `subject`.
const SUBJECT_CHARS_MAX: usize = 64;
/// Characters of `body`.
const BODY_CHARS_MAX: usize = 256;
/// Characters of `refundReason`.
const REASON_CHARS_MAX: usize = 64;

/// Takes an order.
pub(super) fn place(place: &Place, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    check_currency(place.amount, account)?;
    let Some(way) = setting::way(account, place.product) else {
        return Ok(Step::Done(not_supported()));
    };
    if place.product == Product::Micropay && place.code.is_none() {
        return Err(SetupError("a barcode order without its code".into()));
    }
    let life_ms = place.expires_at.millis_since(stamp.now);
    let mut asked = json!({
        "mchOrderNo": place.trade_no,
        "wayCode": way,
        "amount": place.amount.minor,
        "currency": currency(place.amount),
        "clientIp": place.payer_ip,
        "subject": plain(&place.subject, SUBJECT_CHARS_MAX),
        "body": plain(&place.subject, BODY_CHARS_MAX),
        "notifyUrl": place.notify_url,
        "returnUrl": place.return_url,
        "expiredTime": (life_ms / 1000).max(1),
    });
    if let Some(extra) = channel_extra(place) {
        asked["channelExtra"] = extra.to_string().into();
    }
    post(UNIFIED_ORDER, asked, account, stamp)
}

/// Asks where the order `trade_no` stands.
pub(super) fn query(trade_no: &str, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    post(QUERY, json!({ "mchOrderNo": trade_no }), account, stamp)
}

/// Closes an order.
pub(super) fn close(trade: &Trade, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    let path = account.setting(setting::CLOSE_PATH).trim();
    if path.is_empty() {
        return Ok(Step::Done(not_supported()));
    }
    if !path.starts_with('/') || path.contains(['?', '#', ' ']) {
        let key = setting::CLOSE_PATH;
        return Err(SetupError(format!("{key}: begins with /, and has no query")));
    }
    post(path, json!({ "mchOrderNo": trade.trade_no }), account, stamp)
}

/// Gives money back.
pub(super) fn refund(
    refund: &Refund,
    account: &Account,
    stamp: &Stamp,
) -> Result<Step, SetupError> {
    let reason = if refund.reason.is_empty() { "退款" } else { refund.reason.as_str() };
    let asked = json!({
        "mchOrderNo": refund.trade.trade_no,
        "mchRefundNo": refund.refund_no,
        "refundAmount": refund.amount.minor,
        "currency": currency(refund.amount),
        "refundReason": plain(reason, REASON_CHARS_MAX),
        "notifyUrl": refund.notify_url,
    });
    post(REFUND, asked, account, stamp)
}

/// Asks where a refund stands.
pub(super) fn query_refund(
    refund: &Refund,
    account: &Account,
    stamp: &Stamp,
) -> Result<Step, SetupError> {
    check_currency(refund.amount, account)?;
    post(REFUND_QUERY, json!({ "mchRefundNo": refund.refund_no }), account, stamp)
}

/// What only some ways need: the form of the answer, the payer, the payer's code.
fn channel_extra(place: &Place) -> Option<Value> {
    match place.product {
        Product::AlipayQr | Product::WechatQr | Product::UnionpayQr => {
            Some(json!({ "payDataType": "codeUrl" }))
        }
        Product::AlipayWap | Product::WechatH5 | Product::UnionpayLink => {
            Some(json!({ "payDataType": "payUrl" }))
        }
        Product::WechatJsapi => Some(json!({ "openid": place.openid })),
        Product::Micropay => place.code.as_ref().map(|code| json!({ "authCode": code.expose() })),
        Product::AlipayApp | Product::WechatApp | Product::WechatHkJsapi | Product::MixedQr => None,
    }
}

/// A text for people without what would make the signed text of notifications ambiguous.
fn plain(text: &str, chars_max: usize) -> String {
    text.replace('&', "＆").chars().take(chars_max).collect()
}

fn currency(amount: Money) -> String {
    amount.currency.code().to_ascii_lowercase()
}

fn check_currency(amount: Money, account: &Account) -> Result<(), SetupError> {
    if amount.currency == account.currency {
        return Ok(());
    }
    Err(SetupError(format!("currency: the account has {}", account.currency.code())))
}

/// Signs and sends; texts that are empty are left out, as they are not signed.
fn post(path: &str, asked: Value, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    setting::check(account)?;
    let mut members = Map::new();
    for (name, value) in [
        ("mchNo", account.setting(setting::MCH_NO).trim()),
        ("appId", account.setting(setting::APP_ID).trim()),
        ("reqTime", &stamp.now.millis().to_string()),
        ("version", "1.0"),
        ("signType", "MD5"),
    ] {
        members.insert(name.to_owned(), value.into());
    }
    if let Value::Object(asked) = asked {
        members.extend(asked.into_iter().filter(|(_, value)| *value != ""));
    }
    let sign = sign(&Fields::from_json(&members), account.setting(setting::APP_SECRET));
    members.insert(SIGN.to_owned(), sign.into());
    Ok(Step::Send(HttpRequest {
        method: "POST".to_owned(),
        url: format!("{}{path}", base_url(account)?),
        headers: vec![("Content-Type".to_owned(), "application/json;charset=utf-8".to_owned())],
        body: Value::Object(members).to_string().into_bytes(),
    }))
}

fn base_url(account: &Account) -> Result<&str, SetupError> {
    let address = account.setting(setting::BASE_URL).trim().trim_end_matches('/');
    let is_sound = url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let fault = || SetupError(format!("{}: not an http(s) address", setting::BASE_URL));
    is_sound.then_some(address).ok_or_else(fault)
}
