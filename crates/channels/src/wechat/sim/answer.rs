//! The platform's side of the protocol: its keys, signed answers, errors in WeChat Pay's words
//! (manual: 签名验证, 错误码).

use serde_json::{Value, json};

use super::super::keys::{ASSOCIATED_DATA, CertificateFacts};
use super::super::sign::{SCHEME, SEAL_ALGORITHM, Signed};
use super::WechatSimConfig;
use super::book::Book;
use crate::http::HttpResponse;
use crate::seal::{self, RsaSigner};
use crate::{SetupError, Stamp};

/// What the platform knows of itself and of its merchant.
pub(super) struct Platform {
    pub(super) config: WechatSimConfig,
    signer: RsaSigner,
    certificate: CertificateFacts,
}

/// A text to be signed, and the serial that the signature names.
pub(super) struct Signing<'a> {
    pub(super) body: &'a [u8],
    pub(super) serial: &'a str,
    /// Whether it is signed as WeChat Pay probes its merchants, so that it does not verify.
    pub(super) is_probe: bool,
}

impl Platform {
    pub(super) fn new(config: WechatSimConfig) -> Result<Self, SetupError> {
        let signer =
            RsaSigner::parse("platform_private_key", config.platform_private_key.expose())?;
        let certificate = CertificateFacts::read(&config.platform_certificate)
            .ok_or_else(|| SetupError("platform_certificate: not a certificate".into()))?;
        Ok(Self { config, signer, certificate })
    }

    /// The headers that every answer and callback carries.
    pub(super) fn headers(&self, what: &Signing, stamp: &Stamp) -> Vec<(String, String)> {
        let timestamp = stamp.now.seconds().to_string();
        let signed = Signed { timestamp: &timestamp, nonce: &stamp.nonce, body: what.body };
        let signature = self.signer.sign(&signed.text()).unwrap_or_default();
        let probe = if what.is_probe { "WECHATPAY/SIGNTEST/" } else { "" };
        [
            ("Wechatpay-Timestamp", timestamp.clone()),
            ("Wechatpay-Nonce", stamp.nonce.clone()),
            ("Wechatpay-Serial", what.serial.to_owned()),
            ("Wechatpay-Signature", format!("{probe}{signature}")),
            ("Wechatpay-Signature-Type", SCHEME.to_owned()),
            ("Request-ID", format!("08{}", stamp.nonce.to_ascii_uppercase())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// `reply` as an answer that is signed as `serial`.
    pub(super) fn signed(&self, reply: &Reply, serial: &str, stamp: &Stamp) -> HttpResponse {
        let body = reply.bytes();
        let signing = Signing { body: &body, serial, is_probe: false };
        let mut headers = self.headers(&signing, stamp);
        headers.push(("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned()));
        HttpResponse { status: reply.status, headers, body }
    }

    /// The list of platform certificates, sealed with the APIv3 key (manual: 获取平台证书).
    pub(super) fn certificates(&self, book: &mut Book, stamp: &Stamp) -> Reply {
        let sealing =
            Sealing { plain: self.config.platform_certificate.as_bytes(), aad: ASSOCIATED_DATA };
        Reply::ok(json!({ "data": [{
            "serial_no": self.config.platform_serial,
            "effective_time": self.certificate.not_before.rfc3339(),
            "expire_time": self.certificate.not_after.rfc3339(),
            "encrypt_certificate": self.sealed(&sealing, book, stamp),
        }] }))
    }

    /// A sealed member: `algorithm`, `nonce`, `associated_data`, `ciphertext`.
    pub(super) fn sealed(&self, what: &Sealing, book: &mut Book, stamp: &Stamp) -> Value {
        let nonce = book.aead_nonce(stamp);
        let key = self.config.apiv3_key.expose().as_bytes();
        let sealed = seal::seal_aes_gcm(key, nonce.as_bytes(), what.aad.as_bytes(), what.plain);
        json!({
            "algorithm": SEAL_ALGORITHM,
            "nonce": nonce,
            "associated_data": what.aad,
            "ciphertext": seal::base64(&sealed.unwrap_or_default()),
        })
    }
}

/// What is sealed, and the text that is bound to it.
pub(super) struct Sealing<'a> {
    pub(super) plain: &'a [u8],
    pub(super) aad: &'static str,
}

/// An answer before it is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// `None`: no body (204).
    pub(super) body: Option<Value>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body) }
    }

    pub(super) fn no_content() -> Self {
        Self { status: 204, body: None }
    }

    /// `{code, message}`.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: Some(json!({ "code": code, "message": message })) }
    }

    /// SYSTEM_ERROR: nothing is said of what was done.
    pub(super) fn system_error() -> Self {
        Self::error(500, "SYSTEM_ERROR", "系统异常，请用相同参数重新调用")
    }

    /// PARAM_ERROR, with what is wrong where.
    pub(super) fn param_error(location: &str, field: &str, issue: &str) -> Self {
        Self {
            status: 400,
            body: Some(json!({
                "code": "PARAM_ERROR",
                "message": format!("参数错误：{field} {issue}"),
                "detail": { "location": location, "field": field, "issue": issue },
            })),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default()
    }
}
