//! Who may speak to the API (manual: 签名生成; 基本规则 for the headers). Refusals say what was signed
//! here, so that a client's author can compare.

use kernel::time::Timestamp;
use serde_json::json;

use super::super::sign::{self, SCHEME, SKEW_MAX_MS, Signed};
use super::WechatSimConfig;
use super::answer::Reply;
use crate::http::HttpRequest;
use crate::seal;

/// Characters of the signed text that a refusal shows.
const SHOWN_CHARS_MAX: usize = 120;

/// The serial that answers to `request` are signed as.
pub(super) fn answers_as<'a>(config: &'a WechatSimConfig, request: &HttpRequest) -> &'a str {
    match (&config.public_key_id, request.header("Wechatpay-Serial")) {
        (Some(id), Some(asked)) if id == asked => id,
        _ => &config.platform_serial,
    }
}

/// Lets `request` in, or says why not.
pub(super) fn admit(
    config: &WechatSimConfig,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<(), Reply> {
    let claim = request
        .header("Authorization")
        .and_then(Claim::parse)
        .ok_or_else(|| refused("authorization", "Http头Authorization值格式错误"))?;
    if claim.mchid != config.mchid {
        return Err(refused("mchid", "商户号不存在"));
    }
    if !claim.serial_no.eq_ignore_ascii_case(&config.merchant_serial) {
        return Err(refused("serial_no", "商户证书序列号有误"));
    }
    let sent_at = sign::seconds(claim.timestamp)
        .ok_or_else(|| refused("timestamp", "Http头Authorization中的timestamp有误"))?;
    if sent_at.millis_since(now).saturating_abs() > SKEW_MAX_MS {
        return Err(refused(
            "timestamp",
            "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
        ));
    }
    let signed = Signed { timestamp: claim.timestamp, nonce: claim.nonce_str, body: &request.body };
    let text = signed.request_text(&request.method, &sign::target(request));
    if !seal::verifies(&config.merchant_public_key, &text, claim.signature) {
        return Err(not_matching(request, &text));
    }
    check_headers(config, request)
}

fn check_headers(config: &WechatSimConfig, request: &HttpRequest) -> Result<(), Reply> {
    let fault = |name, issue| Err(Reply::param_error("header", name, issue));
    let accept = request.header("Accept").unwrap_or_default();
    if !accept.contains("application/json") && !accept.contains("*/*") {
        return fault("Accept", "须为application/json");
    }
    if request.header("User-Agent").is_none_or(str::is_empty) {
        return fault("User-Agent", "不能为空");
    }
    let content_type = request.header("Content-Type").unwrap_or_default();
    if request.method == "POST" && !content_type.starts_with("application/json") {
        return fault("Content-Type", "须为application/json");
    }
    let is_ours = |serial: &str| {
        serial.eq_ignore_ascii_case(&config.platform_serial)
            || config.public_key_id.as_deref() == Some(serial)
    };
    if request.header("Wechatpay-Serial").is_some_and(|serial| !is_ours(serial)) {
        return fault("Wechatpay-Serial", "平台证书序列号或微信支付公钥ID错误");
    }
    Ok(())
}

/// The parameters of `Authorization`, in whichever order they came.
struct Claim<'a> {
    mchid: &'a str,
    nonce_str: &'a str,
    signature: &'a str,
    timestamp: &'a str,
    serial_no: &'a str,
}

impl<'a> Claim<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let params: Vec<(&str, &str)> = header
            .strip_prefix(SCHEME)?
            .strip_prefix(' ')?
            .split(',')
            .map(|param| {
                let (name, value) = param.trim().split_once('=')?;
                Some((name, value.strip_prefix('"')?.strip_suffix('"')?))
            })
            .collect::<Option<_>>()?;
        let param = |name: &str| {
            let mut values = params.iter().filter(|(key, _)| *key == name);
            let (_, value) = values.next()?;
            values.next().is_none().then_some(*value)
        };
        Some(Self {
            mchid: param("mchid")?,
            nonce_str: param("nonce_str")?,
            signature: param("signature")?,
            timestamp: param("timestamp")?,
            serial_no: param("serial_no")?,
        })
    }
}

fn refused(field: &str, message: &str) -> Reply {
    sign_error(message, json!({ "field": field, "issue": message, "location": "authorization" }))
}

fn not_matching(request: &HttpRequest, text: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(text);
    let detail = json!({
        "field": "signature",
        "issue": "sign not match",
        "location": "authorization",
        "sign_information": {
            "method": request.method,
            "url": sign::target(request),
            "sign_message_length": text.len(),
            "truncated_sign_message": text.chars().take(SHOWN_CHARS_MAX).collect::<String>(),
        },
    });
    sign_error("签名错误，请检查后再试", detail)
}

fn sign_error(message: &str, detail: serde_json::Value) -> Reply {
    let body = json!({ "code": "SIGN_ERROR", "message": message, "detail": detail });
    Reply { status: 401, body: Some(body) }
}
