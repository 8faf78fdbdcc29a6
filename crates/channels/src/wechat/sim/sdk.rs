//! WeChat's own SDKs: what a page inside WeChat calls (manual: JSAPI调起支付), and what a merchant's app
//! calls (manual: APP调起支付). The call stands as JSON in `GET /wechat/sdk?call=…`, and is verified
//! before the wallet opens.

use kernel::time::Timestamp;
use serde_json::Value;

use super::super::{pay_text, wire};
use super::WechatSimConfig;
use super::book::Book;
use super::trade::{Trade, TradeKind};
use crate::seal;

/// How long an order that was placed can be called up.
const PREPAY_LIFE_MS: i64 = 2 * 60 * 60 * 1000;

/// A call of an SDK, and what its signature covers.
struct SdkCall<'a> {
    kind: TradeKind,
    app: &'a str,
    prepay_id: &'a str,
    text: String,
    signature: &'a str,
}

/// The order that `call` brings up.
///
/// # Errors
/// What the wallet says instead.
pub(super) fn bring_up<'a>(
    book: &'a Book,
    config: &WechatSimConfig,
    call: &str,
    now: Timestamp,
) -> Result<&'a Trade, &'static str> {
    let object = wire::parse(call.as_bytes()).ok_or("调用支付JSAPI缺少参数")?;
    let call =
        if object.get("appId").is_some() { of_page(&object) } else { of_app(&object, config) };
    let call = call.ok_or("调用支付JSAPI缺少参数")?;
    if !seal::verifies(&config.merchant_public_key, call.text.as_bytes(), call.signature) {
        return Err("支付验证签名失败");
    }
    // The number ends with the page's: `wx`, 14 digits of time, the page.
    let page_id = call.prepay_id.get(16..).unwrap_or_default();
    let trade = book
        .by_page(page_id)
        .filter(|trade| trade.prepay_id() == call.prepay_id && trade.kind == call.kind)
        .ok_or("该订单不存在")?;
    if trade.app() != call.app {
        return Err("该公众号支付签名无效");
    }
    if now.millis() > trade.created_ms.saturating_add(PREPAY_LIFE_MS) {
        return Err("订单已过期");
    }
    Ok(trade)
}

fn of_page(object: &Value) -> Option<SdkCall<'_>> {
    let member = |pointer| wire::text(object, pointer);
    if member("/signType")? != "RSA" {
        return None;
    }
    let (app, package) = (member("/appId")?, member("/package")?);
    Some(SdkCall {
        kind: TradeKind::Jsapi,
        app,
        prepay_id: package.strip_prefix("prepay_id=")?,
        text: pay_text::signed_text([app, member("/timeStamp")?, member("/nonceStr")?, package]),
        signature: member("/paySign")?,
    })
}

fn of_app<'a>(object: &'a Value, config: &WechatSimConfig) -> Option<SdkCall<'a>> {
    let member = |pointer| wire::text(object, pointer);
    if member("/package")? != "Sign=WXPay" || member("/partnerid")? != config.mchid {
        return None;
    }
    let (app, prepay_id) = (member("/appid")?, member("/prepayid")?);
    Some(SdkCall {
        kind: TradeKind::App,
        app,
        prepay_id,
        text: pay_text::signed_text([app, member("/timestamp")?, member("/noncestr")?, prepay_id]),
        signature: member("/sign")?,
    })
}
