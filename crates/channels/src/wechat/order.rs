//! What WeChat Pay is told of a new order (manual: Native下单, H5下单, JSAPI下单, APP下单, 付款码支付).

use std::net::IpAddr;

use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};

use super::setting;
use crate::{Account, Place, SetupError};

/// Longest `description`, in characters (manual: Native下单).
const DESCRIPTION_CHARS_MAX: usize = 127;
/// Longest `store_info.out_id`, in characters (manual: 付款码支付).
const STORE_CHARS_MAX: usize = 32;

/// The last part of the address that takes orders of `product`; `None` if it is not WeChat Pay's.
pub(super) fn path(product: Product) -> Option<&'static str> {
    match product {
        Product::WechatQr => Some("native"),
        Product::WechatH5 => Some("h5"),
        Product::WechatJsapi => Some("jsapi"),
        Product::WechatApp => Some("app"),
        Product::Micropay => Some("codepay"),
        Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr => None,
    }
}

/// Whether the payer pays inside an app or a page that may be the merchant's own.
pub(super) fn has_own_app(product: Product) -> bool {
    matches!(product, Product::WechatJsapi | Product::WechatApp)
}

/// The app that `order` names: the merchant's own if there is one, else the account's.
pub(super) fn app<'a>(order: &'a Place, account: &'a Account) -> &'a str {
    let is_own = has_own_app(order.product) && !order.sub_appid.is_empty();
    if is_own { &order.sub_appid } else { account.setting(setting::APPID) }
}

/// The body of the request for `order`.
///
/// # Errors
/// What the product needs is missing, or is nothing that WeChat Pay could take.
pub(super) fn body(order: &Place, account: &Account) -> Result<Value, SetupError> {
    let fault = |text: &str| Err(SetupError(text.to_owned()));
    if order.amount.currency != Currency::Cny {
        return fault("currency: WeChat Pay in the mainland takes CNY only");
    }
    let app = app(order, account);
    // Signed later between line ends, so it must not have any.
    if !app.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return fault("sub_appid: must be letters and digits");
    }
    let mut body = json!({
        "appid": app,
        "mchid": account.setting(setting::MCHID),
        "description": order.subject.chars().take(DESCRIPTION_CHARS_MAX).collect::<String>(),
        "out_trade_no": order.trade_no,
        "amount": { "total": order.amount.minor, "currency": order.amount.currency.code() },
    });
    if order.product == Product::Micropay {
        let Some(code) = &order.code else { return fault("code: a barcode payment needs it") };
        body["payer"] = json!({ "auth_code": code.expose() });
        body["scene_info"] = store_scene(order, account)?;
        return Ok(body);
    }
    body["time_expire"] = order.expires_at.rfc3339().into();
    body["notify_url"] = order.notify_url.as_str().into();
    if order.product == Product::WechatJsapi {
        if order.openid.is_empty() {
            return fault("openid: an order inside WeChat needs the payer's openid");
        }
        body["payer"] = json!({ "openid": order.openid });
    }
    if order.product == Product::WechatH5 {
        body["scene_info"] = h5_scene(order, account)?;
    }
    Ok(body)
}

/// `scene_info` of an H5 order: WeChat Pay binds it to the payer's address.
fn h5_scene(order: &Place, account: &Account) -> Result<Value, SetupError> {
    if order.payer_ip.parse::<IpAddr>().is_err() {
        return Err(SetupError("payer_ip: an H5 order needs the payer's IP address".into()));
    }
    let mut h5_info = json!({ "type": "Wap" });
    for key in [setting::APP_NAME, setting::APP_URL] {
        if !account.setting(key).is_empty() {
            h5_info[key] = account.setting(key).into();
        }
    }
    Ok(json!({ "payer_client_ip": order.payer_ip, "h5_info": h5_info }))
}

/// `scene_info` of a barcode payment: the store is mandatory, the scanner's address is not.
fn store_scene(order: &Place, account: &Account) -> Result<Value, SetupError> {
    let store = account.setting(setting::STORE_OUT_ID);
    if !(1..=STORE_CHARS_MAX).contains(&store.chars().count()) {
        let text = format!(
            "{}: a barcode payment needs it, of 32 characters at most",
            setting::STORE_OUT_ID
        );
        return Err(SetupError(text));
    }
    let mut scene = json!({ "store_info": { "out_id": store } });
    if order.payer_ip.parse::<IpAddr>().is_ok() {
        scene["device_ip"] = order.payer_ip.as_str().into();
    }
    Ok(scene)
}
