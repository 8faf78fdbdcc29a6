//! What the payer's wallet begins with: a code to draw, a page to open, or a signed call of its SDK
//! (manual: Native调起支付, H5调起支付, JSAPI调起支付, APP调起支付).

use kernel::product::Product;
use serde_json::{Value, json};

use super::{order, request, setting, wire};
use crate::{Account, Doubt, Place, SetupError, Stamp};

/// Longest `prepay_id` that is believed (manual: 64).
const PREPAY_ID_MAX: usize = 64;

/// The pay text of `order`, from the `body` of the answer to it.
///
/// # Errors
/// The answer does not hold what the product needs, or the account's key cannot sign.
pub(super) fn read(
    order: &Place,
    account: &Account,
    body: &Value,
    stamp: &Stamp,
) -> Result<String, Doubt> {
    match order.product {
        Product::WechatQr => wire::text(body, "/code_url")
            .filter(|url| !url.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| wire::unreadable("code_url")),
        Product::WechatH5 => h5_page(order, body),
        Product::WechatJsapi | Product::WechatApp => {
            let prepay_id = wire::text(body, "/prepay_id")
                .filter(|id| (1..=PREPAY_ID_MAX).contains(&id.len()))
                .filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()))
                .ok_or_else(|| wire::unreadable("prepay_id"))?;
            let call = SdkCall { prepay_id, app: order::app(order, account), account, stamp };
            let is_jsapi = order.product == Product::WechatJsapi;
            let object = if is_jsapi { call.jsapi() } else { call.app() };
            object.map(|object| object.to_string()).map_err(|fault| Doubt::Unreadable(fault.0))
        }
        Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr
        | Product::Micropay => Err(wire::unreadable("product")),
    }
}

/// The app that a call of an SDK names; `None` if `pay_text` is no such call.
pub(super) fn app_of(pay_text: &str) -> Option<String> {
    let call = wire::parse(pay_text.as_bytes())?;
    wire::text(&call, "/appId").or_else(|| wire::text(&call, "/appid")).map(str::to_owned)
}

/// What a call of an SDK is signed over: four lines.
pub(super) fn signed_text(lines: [&str; 4]) -> String {
    lines.map(|line| format!("{line}\n")).concat()
}

/// The page of an H5 order, with the way back appended.
fn h5_page(order: &Place, body: &Value) -> Result<String, Doubt> {
    let is_page = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let h5_url =
        wire::text(body, "/h5_url").filter(is_page).ok_or_else(|| wire::unreadable("h5_url"))?;
    if order.return_url.is_empty() {
        return Ok(h5_url.to_owned());
    }
    let mark = if h5_url.contains('?') { '&' } else { '?' };
    let back = request::escape(&order.return_url);
    Ok(format!("{h5_url}{mark}redirect_url={back}"))
}

/// A call of WeChat's SDK in the making.
struct SdkCall<'a> {
    prepay_id: &'a str,
    app: &'a str,
    account: &'a Account,
    stamp: &'a Stamp,
}

impl SdkCall<'_> {
    /// For an official account's page or a mini program.
    fn jsapi(&self) -> Result<Value, SetupError> {
        let package = format!("prepay_id={}", self.prepay_id);
        let (timestamp, signature) = self.sign(&package)?;
        Ok(json!({
            "appId": self.app,
            "timeStamp": timestamp,
            "nonceStr": self.stamp.nonce,
            "package": package,
            "signType": "RSA",
            "paySign": signature,
        }))
    }

    /// For the merchant's app. The SDK reads `sign`, the merchant API's document `paySign`.
    fn app(&self) -> Result<Value, SetupError> {
        let (timestamp, signature) = self.sign(self.prepay_id)?;
        Ok(json!({
            "appid": self.app,
            "partnerid": self.account.setting(setting::MCHID),
            "prepayid": self.prepay_id,
            "package": "Sign=WXPay",
            "noncestr": self.stamp.nonce,
            "timestamp": timestamp,
            "sign": signature,
            "paySign": signature,
        }))
    }

    /// The moment, and the signature with `last` as the last line.
    fn sign(&self, last: &str) -> Result<(String, String), SetupError> {
        let timestamp = self.stamp.now.seconds().to_string();
        let text = signed_text([self.app, &timestamp, &self.stamp.nonce, last]);
        let signature = self.account.signer(setting::PRIVATE_KEY)?.sign(text.as_bytes())?;
        Ok((timestamp, signature))
    }
}
