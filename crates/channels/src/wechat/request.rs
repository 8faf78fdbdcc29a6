//! Requests to WeChat Pay v3: Native and H5 orders, queries, closing, platform certificates.
//!
//! A request that the account's settings cannot make is refused here, before anything is sent.

use std::net::IpAddr;

use kernel::money::Currency;
use kernel::product::Product;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{setting, sign};
use crate::http::HttpRequest;
use crate::{Account, Op, Outcome, Place, Refusal, RefusalKind, SetupError, Stamp, Step};

/// Longest `description`, in characters (manual: Native下单).
const DESCRIPTION_CHARS_MAX: usize = 127;
/// `User-Agent` is mandatory (manual: 基本规则).
const USER_AGENT: &str = concat!("jubao-pay/", env!("CARGO_PKG_VERSION"));

/// What to send for `op`.
///
/// # Errors
/// A setting is missing or unusable, or an H5 order does not know its payer's address.
pub(super) fn step(op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    check_settings(account)?;
    match op {
        Op::Place(order) => place(order, account, stamp),
        Op::Query(trade) => {
            let mchid = account.setting(setting::MCHID);
            let target = format!(
                "/v3/pay/transactions/out-trade-no/{}?mchid={mchid}",
                escape(&trade.trade_no)
            );
            send(Call { target, body: None }, account, stamp)
        }
        Op::Close(trade) => {
            let target =
                format!("/v3/pay/transactions/out-trade-no/{}/close", escape(&trade.trade_no));
            let body = json!({ "mchid": account.setting(setting::MCHID) });
            send(Call { target, body: Some(body) }, account, stamp)
        }
        Op::Reverse(_) | Op::Refund(_) | Op::QueryRefund(_) | Op::Rates => Ok(not_supported()),
        Op::Keys if is_public_key_mode(account) => Ok(Step::Done(Outcome::Keys(Vec::new()))),
        Op::Keys => {
            send(Call { target: "/v3/certificates".to_owned(), body: None }, account, stamp)
        }
    }
}

/// Whether answers are verified with the public key of the settings.
pub(super) fn is_public_key_mode(account: &Account) -> bool {
    !account.setting(setting::PUBLIC_KEY_ID).is_empty()
}

/// Percent-encodes whatever could mean something else in a path or a query.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn place(order: &Place, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    if order.amount.currency != Currency::Cny {
        return Err(SetupError("currency: WeChat Pay in the mainland takes CNY only".into()));
    }
    let mut body = json!({
        "appid": account.setting(setting::APPID),
        "mchid": account.setting(setting::MCHID),
        "description": order.subject.chars().take(DESCRIPTION_CHARS_MAX).collect::<String>(),
        "out_trade_no": order.trade_no,
        "time_expire": order.expires_at.rfc3339(),
        "notify_url": order.notify_url,
        "amount": { "total": order.amount.minor, "currency": order.amount.currency.code() },
    });
    let product = match order.product {
        Product::WechatQr => "native",
        Product::WechatH5 => {
            body["scene_info"] = h5_scene(order, account)?;
            "h5"
        }
        Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::WechatJsapi
        | Product::WechatApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::MixedQr
        | Product::Micropay => return Ok(not_supported()),
    };
    let target = format!("/v3/pay/transactions/{product}");
    send(Call { target, body: Some(body) }, account, stamp)
}

fn not_supported() -> Step {
    Step::Done(Outcome::Refused(Refusal {
        kind: RefusalKind::NotSupported,
        code: "NO_AUTH".to_owned(),
        message: "not a product of WeChat Pay".to_owned(),
    }))
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

/// One call: `POST` if it has a body, else `GET`.
struct Call {
    target: String,
    body: Option<Value>,
}

fn send(call: Call, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    let base = account.setting(setting::API_BASE).trim_end_matches('/');
    let mut headers = vec![
        ("Accept".to_owned(), "application/json".to_owned()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("User-Agent".to_owned(), USER_AGENT.to_owned()),
    ];
    if is_public_key_mode(account) {
        let serial = account.setting(setting::PUBLIC_KEY_ID).to_owned();
        headers.push(("Wechatpay-Serial".to_owned(), serial));
    }
    let mut request = HttpRequest {
        method: if call.body.is_some() { "POST" } else { "GET" }.to_owned(),
        url: format!("{base}{}", call.target),
        headers,
        body: call.body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
    };
    let authorization = sign::authorization(account, &request, stamp)?;
    request.headers.push(("Authorization".to_owned(), authorization));
    Ok(Step::Send(request))
}

/// Settings travel in headers and signatures: what has no business there is refused by name.
fn check_settings(account: &Account) -> Result<(), SetupError> {
    for key in [setting::MCHID, setting::APPID, setting::SERIAL_NO] {
        let value = account.setting(key);
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(SetupError(format!("{key}: must be letters and digits")));
        }
    }
    if account.setting(setting::APIV3_KEY).len() != sign::APIV3_KEY_BYTES {
        return Err(SetupError(format!("{}: must be 32 bytes", setting::APIV3_KEY)));
    }
    let public_key_id = account.setting(setting::PUBLIC_KEY_ID);
    if !public_key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        let text = format!("{}: must be PUB_KEY_ID_ and digits", setting::PUBLIC_KEY_ID);
        return Err(SetupError(text));
    }
    if public_key_id.is_empty() != account.setting(setting::PUBLIC_KEY).is_empty() {
        return Err(SetupError("public_key_id, public_key: one needs the other".into()));
    }
    account.signer(setting::PRIVATE_KEY).map(|_| ())
}
