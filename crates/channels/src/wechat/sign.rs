//! Signatures of WeChat Pay v3, WECHATPAY2-SHA256-RSA2048 (manual: 签名生成, 签名验证), and the sealed
//! members that its callbacks and certificates come in (manual: AEAD_AES_256_GCM).
//!
//! A message is verified over the bytes as they came, never over a copy that was parsed.

use kernel::time::Timestamp;
use serde_json::Value;

use super::{setting, wire};
use crate::http::HttpRequest;
use crate::seal;
use crate::{Account, SetupError, Stamp};

/// Scheme of `Authorization`, and `Wechatpay-Signature-Type`.
pub(super) const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
/// The only algorithm of sealed members.
pub(super) const SEAL_ALGORITHM: &str = "AEAD_AES_256_GCM";
/// Farthest that a message's time may lie from ours, either way.
pub(super) const SKEW_MAX_MS: i64 = 5 * 60 * 1000;
/// Bytes of an APIv3 key.
pub(super) const APIV3_KEY_BYTES: usize = 32;

/// The three lines that end every signed text.
pub(super) struct Signed<'a> {
    /// Seconds since the epoch, as they stand in the message.
    pub(super) timestamp: &'a str,
    /// The nonce, as it stands in the message.
    pub(super) nonce: &'a str,
    /// The body, empty if there is none.
    pub(super) body: &'a [u8],
}

impl Signed<'_> {
    /// What is signed of an answer or a callback.
    pub(super) fn text(&self) -> Vec<u8> {
        let head = format!("{}\n{}\n", self.timestamp, self.nonce);
        [head.as_bytes(), self.body, b"\n"].concat()
    }

    /// What is signed of a request; `target` is the path with its query as sent.
    pub(super) fn request_text(&self, method: &str, target: &str) -> Vec<u8> {
        [format!("{method}\n{target}\n").into_bytes(), self.text()].concat()
    }
}

/// The path and query that a request's signature covers.
pub(super) fn target(request: &HttpRequest) -> String {
    let (path, query) = (request.path(), request.query());
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The value of `Authorization` for `request`.
///
/// # Errors
/// The account's private key cannot sign.
pub(super) fn authorization(
    account: &Account,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<String, SetupError> {
    let signer = account.signer(setting::PRIVATE_KEY)?;
    let timestamp = stamp.now.seconds().to_string();
    let signed = Signed { timestamp: &timestamp, nonce: &stamp.nonce, body: &request.body };
    let signature = signer.sign(&signed.request_text(&request.method, &target(request)))?;
    Ok(format!(
        "{SCHEME} mchid=\"{}\",nonce_str=\"{}\",signature=\"{signature}\",\
         timestamp=\"{timestamp}\",serial_no=\"{}\"",
        account.setting(setting::MCHID),
        stamp.nonce,
        account.setting(setting::SERIAL_NO),
    ))
}

/// Why a message of WeChat Pay is not believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Distrust {
    /// A header is missing or cannot be read.
    Unsigned,
    /// No key of that serial counts at the message's time.
    UnknownKey(String),
    /// The key did not make this signature.
    Forged,
}

/// The `Wechatpay-…` headers of an answer or a callback.
pub(super) struct Signature<'a> {
    timestamp: &'a str,
    nonce: &'a str,
    /// Names the key.
    pub(super) serial: &'a str,
    signature: &'a str,
    /// When WeChat Pay signed it, by its own word.
    pub(super) signed_at: Timestamp,
}

impl<'a> Signature<'a> {
    /// Reads the headers with `header`.
    ///
    /// # Errors
    /// [`Distrust::Unsigned`].
    pub(super) fn read(header: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Distrust> {
        let member = |name| header(name).filter(|text| !text.is_empty()).ok_or(Distrust::Unsigned);
        if header("Wechatpay-Signature-Type").is_some_and(|scheme| scheme != SCHEME) {
            return Err(Distrust::Unsigned);
        }
        let timestamp = member("Wechatpay-Timestamp")?;
        Ok(Self {
            timestamp,
            nonce: member("Wechatpay-Nonce")?,
            serial: member("Wechatpay-Serial")?,
            signature: member("Wechatpay-Signature")?,
            signed_at: seconds(timestamp).ok_or(Distrust::Unsigned)?,
        })
    }

    /// Verifies the signature over `body` with the account's key of that serial.
    ///
    /// # Errors
    /// [`Distrust::UnknownKey`] or [`Distrust::Forged`].
    pub(super) fn verify(&self, account: &Account, body: &[u8]) -> Result<(), Distrust> {
        let key = key_of(account, self.serial, self.signed_at)
            .ok_or_else(|| Distrust::UnknownKey(self.serial.to_owned()))?;
        if self.is_by(key, body) { Ok(()) } else { Err(Distrust::Forged) }
    }

    /// Whether `key` made the signature over `body`.
    pub(super) fn is_by(&self, key: &str, body: &[u8]) -> bool {
        let signed = Signed { timestamp: self.timestamp, nonce: self.nonce, body };
        seal::verifies(key, &signed.text(), self.signature)
    }
}

/// Reads whole seconds since the epoch: digits only.
pub(super) fn seconds(text: &str) -> Option<Timestamp> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten().map(Timestamp::from_seconds)
}

/// The key that signs as `serial`. A certificate counts for what was signed before it expires.
fn key_of<'a>(account: &'a Account, serial: &str, signed_at: Timestamp) -> Option<&'a str> {
    let public_key_id = account.setting(setting::PUBLIC_KEY_ID);
    if !public_key_id.is_empty() && public_key_id.eq_ignore_ascii_case(serial) {
        return Some(account.setting(setting::PUBLIC_KEY));
    }
    let counts = |key: &&crate::UpstreamKey| {
        key.serial.eq_ignore_ascii_case(serial) && signed_at < key.expires_at
    };
    account.upstream_keys.iter().find(counts).map(|key| key.pem.as_str())
}

/// Opens a sealed member (`resource`, `encrypt_certificate`) with the APIv3 key.
pub(super) fn open(sealed: &Value, apiv3_key: &str) -> Option<Vec<u8>> {
    if wire::text(sealed, "/algorithm")? != SEAL_ALGORITHM {
        return None;
    }
    let associated = wire::text(sealed, "/associated_data").unwrap_or_default();
    let bytes = seal::from_base64(wire::text(sealed, "/ciphertext")?)?;
    let nonce = wire::text(sealed, "/nonce")?;
    seal::open_aes_gcm(apiv3_key.as_bytes(), nonce.as_bytes(), associated.as_bytes(), &bytes)
}
