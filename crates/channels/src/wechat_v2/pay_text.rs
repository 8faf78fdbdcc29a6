//! What the wallet's SDK is given (manual: JSAPI调起支付, APP调起支付), as JSON text with the members and
//! the order of the merchants' document. Signed once the prepay number is known, with the algorithm
//! of the order itself.

use serde_json::{Value, json};

use super::settings::{HkPaySign, Settings};
use super::xml::Members;
use crate::Stamp;
use crate::legacy::sha1_hex;

/// A prepaid order, and for which app.
pub(super) struct Prepaid<'a> {
    /// The app that asks for payment.
    pub(super) appid: &'a str,
    pub(super) prepay_id: &'a str,
}

/// For `WeixinJSBridge.invoke('getBrandWCPayRequest')` and mini programs.
pub(super) fn jsapi(settings: &Settings<'_>, prepaid: &Prepaid<'_>, stamp: &Stamp) -> String {
    let package = format!("prepay_id={}", prepaid.prepay_id);
    let sign_type = settings.sign_type;
    let mut config = js_config(prepaid, &package, sign_type.word(), stamp);
    config["paySign"] = sign_type.sign(&members(&config), settings.api_key).into();
    config.to_string()
}

/// For `wx.invoke('getH5PrepayRequest')` of the Hong Kong wallet.
pub(super) fn hk_jsapi(settings: &Settings<'_>, prepaid: &Prepaid<'_>, stamp: &Stamp) -> String {
    let package = settings.hk_package(prepaid.prepay_id);
    let mut config = js_config(prepaid, &package, "SHA1", stamp);
    config["paySign"] = hk_sign(settings.hk_paysign, &members(&config), settings.api_key).into();
    config.to_string()
}

/// For the SDK of apps. The document names the signature `paySign`, the SDK `sign`: both are there.
pub(super) fn app(settings: &Settings<'_>, prepaid: &Prepaid<'_>, stamp: &Stamp) -> String {
    let is_provider = !settings.sub_mch_id.is_empty();
    let mut request = json!({
        "appid": prepaid.appid,
        "partnerid": if is_provider { settings.sub_mch_id } else { settings.mch_id },
        "prepayid": prepaid.prepay_id,
        "package": "Sign=WXPay",
        "noncestr": stamp.nonce,
        "timestamp": stamp.now.seconds().to_string(),
    });
    let sign = settings.sign_type.sign(&members(&request), settings.api_key);
    request["paySign"] = sign.as_str().into();
    request["sign"] = sign.into();
    request.to_string()
}

/// `paySign` of the Hong Kong wallet over the members of its configuration.
pub(super) fn hk_sign(rule: HkPaySign, config: &Members, key: &str) -> String {
    let text = match rule {
        HkPaySign::AppKey => format!(
            "appid={}&appkey={key}&noncestr={}&package={}&timestamp={}",
            config.of("appId"),
            config.of("nonceStr"),
            config.of("package"),
            config.of("timeStamp"),
        ),
        HkPaySign::KeySuffix => super::sign::text(config, key),
    };
    sha1_hex(text.as_bytes())
}

/// The members of a JSON object that are texts.
pub(super) fn members(object: &Value) -> Members {
    let mut members = Members::default();
    for (name, value) in object.as_object().into_iter().flatten() {
        members.put(name, value.as_str().unwrap_or_default());
    }
    members
}

fn js_config(prepaid: &Prepaid<'_>, package: &str, sign_type: &str, stamp: &Stamp) -> Value {
    json!({
        "appId": prepaid.appid,
        "timeStamp": stamp.now.seconds().to_string(),
        "nonceStr": stamp.nonce,
        "package": package,
        "signType": sign_type,
    })
}
