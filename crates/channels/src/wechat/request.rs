//! Requests to WeChat Pay v3: orders, queries, closing, reversal, refunds, platform certificates.
//!
//! A request that the account's settings cannot make is refused here, before anything is sent.

use kernel::product::Product;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{order, refund, setting, sign};
use crate::http::HttpRequest;
use crate::{Account, Op, Outcome, Refusal, RefusalKind, SetupError, Stamp, Step, Trade};

/// `User-Agent` is mandatory (manual: 基本规则).
const USER_AGENT: &str = concat!("jubao-pay/", env!("CARGO_PKG_VERSION"));
/// Where refunds are asked for (manual: 申请退款).
const REFUNDS: &str = "/v3/refund/domestic/refunds";

/// What to send for `op`.
///
/// # Errors
/// A setting is missing or unusable, or the order lacks what its product needs.
pub(super) fn step(op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError> {
    check_settings(account)?;
    let call = match op {
        Op::Place(place) => match order::path(place.product) {
            Some(path) => {
                Call::post(format!("/v3/pay/transactions/{path}"), order::body(place, account)?)
            }
            None => return Ok(not_supported("not a product of WeChat Pay")),
        },
        Op::Query(trade) => {
            let mchid = account.setting(setting::MCHID);
            Call::get(format!("{}?mchid={mchid}", target(trade)))
        }
        Op::Close(trade) => {
            let body = json!({ "mchid": account.setting(setting::MCHID) });
            Call::post(format!("{}/close", target(trade)), body)
        }
        Op::Reverse(trade) if trade.product == Product::Micropay => {
            let (appid, mchid) = (account.setting(setting::APPID), account.setting(setting::MCHID));
            let body = json!({ "appid": appid, "mchid": mchid });
            Call::post(format!("{}/reverse", target(trade)), body)
        }
        Op::Reverse(_) => return Ok(not_supported("only barcode payments can be reversed")),
        Op::Refund(asked) => Call::post(REFUNDS.to_owned(), refund::body(asked)?),
        Op::QueryRefund(asked) => Call::get(format!("{REFUNDS}/{}", escape(&asked.refund_no))),
        Op::Rates => return Ok(not_supported("WeChat Pay in the mainland has no rates")),
        Op::Keys if is_public_key_mode(account) => {
            return Ok(Step::Done(Outcome::Keys(Vec::new())));
        }
        Op::Keys => Call::get("/v3/certificates".to_owned()),
    };
    send(call, account, stamp)
}

/// Whether answers are verified with the public key of the settings.
pub(super) fn is_public_key_mode(account: &Account) -> bool {
    !account.setting(setting::PUBLIC_KEY_ID).is_empty()
}

/// Percent-encodes whatever could mean something else in a path or a query.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn target(trade: &Trade) -> String {
    format!("/v3/pay/transactions/out-trade-no/{}", escape(&trade.trade_no))
}

fn not_supported(message: &str) -> Step {
    Step::Done(Outcome::Refused(Refusal {
        kind: RefusalKind::NotSupported,
        code: "NO_AUTH".to_owned(),
        message: message.to_owned(),
    }))
}

/// One call: `POST` if it has a body, else `GET`.
struct Call {
    target: String,
    body: Option<Value>,
}

impl Call {
    fn get(target: String) -> Self {
        Self { target, body: None }
    }

    fn post(target: String, body: Value) -> Self {
        Self { target, body: Some(body) }
    }
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
