//! Requests to WeChat Pay v2. A request that the account's settings or the order cannot make is
//! refused here, before anything is sent.
//!
//! The same order makes the same request but for its nonce (and, when it is about to expire, its
//! time): WeChat Pay takes a repetition only then.

use std::net::IpAddr;

use kernel::product::Product;
use serde_json::json;

use super::rates;
use super::settings::{self, Settings};
use super::xml::Members;
use crate::http::HttpRequest;
use crate::{
    Account, Op, Outcome, Place, Refund, Refusal, RefusalKind, SetupError, Stamp, Step, Trade,
};

/// Longest `body`, counted in bytes, the stricter reading of the manual (统一下单, 付款码支付).
const BODY_BYTES_MAX: usize = 128;
/// Longest `refund_desc`, in bytes (申请退款).
const REASON_BYTES_MAX: usize = 80;
/// The shortest time that an order is given: more than the minute that WeChat Pay wants, since
/// clocks differ.
const LIFE_MIN_MS: i64 = 90_000;
/// `spbill_create_ip` where the payer's address is not known.
const NO_IP: &str = "127.0.0.1";
const USER_AGENT: &str = concat!("jubao-pay/", env!("CARGO_PKG_VERSION"));

/// What to send for `op`.
///
/// # Errors
/// A setting is missing or unusable, or the order lacks what its product needs.
pub(super) fn step(op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    let settings = Settings::read(account)?;
    let call = match op {
        Op::Place(order) => match place(order, account, &settings, stamp)? {
            Some(call) => call,
            None => return Ok(not_supported()),
        },
        Op::Query(trade) => Call::about(trade, "/pay/orderquery"),
        Op::Close(trade) => Call::about(trade, "/pay/closeorder"),
        Op::Reverse(trade) => {
            settings::certificate(account)?;
            Call::about(trade, "/secapi/pay/reverse")
        }
        Op::Refund(refund) => {
            settings::certificate(account)?;
            ask_refund(refund)
        }
        Op::QueryRefund(refund) => Call {
            path: "/pay/refundquery",
            members: Members::from([("out_refund_no", refund.refund_no.as_str())]),
        },
        Op::Rates => match rates::members(account, stamp.now) {
            Some(members) => Call { path: rates::PATH, members },
            None => return Ok(not_supported()),
        },
        Op::Keys => return Ok(not_supported()),
    };
    Ok(Step::Send(call.send(&settings, stamp)))
}

/// `trade_type` of a product; `None` if it is not one of this channel.
pub(super) fn trade_type(product: Product) -> Option<&'static str> {
    match product {
        Product::WechatQr => Some("NATIVE"),
        Product::WechatH5 => Some("MWEB"),
        Product::WechatJsapi | Product::WechatHkJsapi => Some("JSAPI"),
        Product::WechatApp => Some("APP"),
        Product::Micropay => Some("MICROPAY"),
        Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr => None,
    }
}

/// What this upstream does not have.
pub(super) fn not_supported() -> Step {
    Step::Done(Outcome::Refused(Refusal {
        kind: RefusalKind::NotSupported,
        code: "NOAUTH".to_owned(),
        message: "WeChat Pay v2 has no such product or operation".to_owned(),
    }))
}

/// A path, and the members that are its own.
struct Call {
    path: &'static str,
    members: Members,
}

impl Call {
    /// A call that names an order and nothing else.
    fn about(trade: &Trade, path: &'static str) -> Self {
        Self { path, members: Members::from([("out_trade_no", trade.trade_no.as_str())]) }
    }

    fn send(mut self, settings: &Settings<'_>, stamp: &Stamp) -> HttpRequest {
        for (name, value) in [
            ("appid", settings.appid),
            ("mch_id", settings.mch_id),
            ("sub_mch_id", settings.sub_mch_id),
            ("nonce_str", stamp.nonce.as_str()),
            ("sign_type", settings.sign_type.word()),
        ] {
            self.members.put(name, value);
        }
        let sign = settings.sign_type.sign(&self.members, settings.api_key);
        self.members.put("sign", sign);
        let headers = [("Content-Type", "text/xml; charset=utf-8"), ("User-Agent", USER_AGENT)];
        HttpRequest {
            method: "POST".to_owned(),
            url: format!("{}{}", settings.api_base, self.path),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: self.members.to_xml("xml").into_bytes(),
        }
    }
}

fn place(
    order: &Place,
    account: &Account,
    settings: &Settings<'_>,
    stamp: &Stamp,
) -> Result<Option<Call>, SetupError> {
    if order.amount.currency != account.currency {
        return Err(SetupError("currency: the order's is not the account's".into()));
    }
    let Some(trade_type) = trade_type(order.product) else { return Ok(None) };
    let expires_at = order.expires_at.max(stamp.now.plus_millis(LIFE_MIN_MS));
    let ip = order.payer_ip.parse::<IpAddr>().ok().map(|ip| ip.to_string());
    let mut members = Members::from([
        ("body", subject(order).as_str()),
        ("out_trade_no", order.trade_no.as_str()),
        ("total_fee", order.amount.minor.to_string().as_str()),
        ("fee_type", order.amount.currency.code()),
        ("spbill_create_ip", ip.as_deref().unwrap_or(NO_IP)),
        ("time_expire", expires_at.compact().as_str()),
    ]);
    add_app(order, settings, &mut members)?;
    if order.product == Product::Micropay {
        let code = order.code.as_ref().ok_or_else(|| needs("code"))?;
        members.put("auth_code", code.expose());
        return Ok(Some(Call { path: "/pay/micropay", members }));
    }
    members.put("trade_type", trade_type);
    members.put("notify_url", order.notify_url.as_str());
    match order.product {
        Product::WechatQr => members.put("product_id", order.trade_no.as_str()),
        Product::WechatH5 if ip.is_none() => return Err(needs("payer_ip")),
        Product::WechatH5 => members.put("scene_info", h5_scene(settings)),
        Product::WechatJsapi | Product::WechatHkJsapi => add_payer(order, &mut members)?,
        Product::WechatApp
        | Product::Micropay
        | Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr => {}
    }
    Ok(Some(Call { path: "/pay/unifiedorder", members }))
}

fn needs(what: &str) -> SetupError {
    SetupError(format!("{what}: this product needs it"))
}

/// The merchant's own app. Without a sub-merchant there is only the account's (服务商模式).
fn add_app(
    order: &Place,
    settings: &Settings<'_>,
    members: &mut Members,
) -> Result<(), SetupError> {
    if !settings.sub_mch_id.is_empty() {
        members.put("sub_appid", order.sub_appid.as_str());
    } else if !["", settings.appid].contains(&order.sub_appid.as_str()) {
        let text = "sub_mch_id: an order of another app than the account's needs it";
        return Err(SetupError(text.into()));
    }
    Ok(())
}

/// The payer, as the app that the order names knows them.
fn add_payer(order: &Place, members: &mut Members) -> Result<(), SetupError> {
    if order.openid.is_empty() {
        return Err(needs("openid"));
    }
    let name = if members.has("sub_appid") { "sub_openid" } else { "openid" };
    members.put(name, order.openid.as_str());
    Ok(())
}

fn h5_scene(settings: &Settings<'_>) -> String {
    let mut info = json!({ "type": "Wap" });
    for (name, value) in [("wap_url", settings.app_url), ("wap_name", settings.app_name)] {
        if !value.is_empty() {
            info[name] = value.into();
        }
    }
    json!({ "h5_info": info }).to_string()
}

fn ask_refund(refund: &Refund) -> Call {
    let trade = &refund.trade;
    let members = Members::from([
        ("out_trade_no", trade.trade_no.as_str()),
        ("out_refund_no", refund.refund_no.as_str()),
        ("total_fee", trade.amount.minor.to_string().as_str()),
        ("refund_fee", refund.amount.minor.to_string().as_str()),
        ("refund_fee_type", refund.amount.currency.code()),
        ("refund_desc", clipped(&refund.reason, REASON_BYTES_MAX).as_str()),
        ("notify_url", refund.notify_url.as_str()),
    ]);
    Call { path: "/secapi/pay/refund", members }
}

fn subject(order: &Place) -> String {
    let subject = clipped(&order.subject, BODY_BYTES_MAX);
    if subject.is_empty() { order.trade_no.clone() } else { subject }
}

/// `text` on one line, without white space around it, as far as it has room.
fn clipped(text: &str, bytes_max: usize) -> String {
    let plain: String =
        text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let plain = plain.trim();
    plain[..plain.floor_char_boundary(bytes_max)].trim_end().to_owned()
}
