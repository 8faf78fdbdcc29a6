//! Platform certificates (manual: 获取平台证书). Trust begins here: who can seal a certificate with
//! the account's APIv3 key is WeChat Pay, and one of the certificates must have signed the answer.

use kernel::time::Timestamp;
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::sign::{self, Signature};
use super::{setting, wire};
use crate::http::HttpResponse;
use crate::{Account, Doubt, UpstreamKey, seal};

/// What certificates are sealed with besides the key.
pub(super) const ASSOCIATED_DATA: &str = "certificate";

/// The certificates that `answer` delivers.
///
/// # Errors
/// Never [`Doubt::UnknownKey`]: asking again would not help.
pub(super) fn read(account: &Account, answer: &HttpResponse) -> Result<Vec<UpstreamKey>, Doubt> {
    let doubt = |text: &str| Doubt::Unreadable(text.to_owned());
    if answer.status != 200 {
        return Err(Doubt::Unreadable(format!("HTTP {}", answer.status)));
    }
    let body = wire::parse(&answer.body).ok_or_else(|| doubt("not JSON"))?;
    let list = body.pointer("/data").and_then(Value::as_array).ok_or_else(|| doubt("no data"))?;
    let apiv3_key = account.setting(setting::APIV3_KEY);
    let keys: Option<Vec<_>> = list.iter().map(|entry| certificate(entry, apiv3_key)).collect();
    let keys = keys.ok_or_else(|| doubt("a certificate cannot be opened with the APIv3 key"))?;
    let signature =
        Signature::read(|name| answer.header(name)).map_err(|_| doubt("without a signature"))?;
    let is_signed = keys.iter().any(|key| {
        key.serial.eq_ignore_ascii_case(signature.serial)
            && signature.signed_at < key.expires_at
            && signature.is_by(&key.pem, &answer.body)
    });
    if is_signed { Ok(keys) } else { Err(doubt("signed by none of its certificates")) }
}

fn certificate(entry: &Value, apiv3_key: &str) -> Option<UpstreamKey> {
    let serial = wire::text(entry, "/serial_no")?;
    let told = Timestamp::from_rfc3339(wire::text(entry, "/expire_time")?)?;
    let sealed = entry.pointer("/encrypt_certificate")?;
    if wire::text(sealed, "/associated_data")? != ASSOCIATED_DATA {
        return None;
    }
    let pem = String::from_utf8(sign::open(sealed, apiv3_key)?).ok()?;
    let facts = CertificateFacts::read(&pem)?;
    let is_named = trimmed(&facts.serial).eq_ignore_ascii_case(trimmed(serial));
    is_named.then(|| UpstreamKey {
        serial: serial.to_owned(),
        pem,
        expires_at: told.min(facts.not_after),
    })
}

fn trimmed(serial: &str) -> &str {
    serial.trim_start_matches('0')
}

/// What a certificate says of itself.
pub(super) struct CertificateFacts {
    /// Its serial number in capital hexadecimal digits.
    pub(super) serial: String,
    /// When it begins to count.
    pub(super) not_before: Timestamp,
    /// When it stops to count.
    pub(super) not_after: Timestamp,
}

impl CertificateFacts {
    /// Reads a PEM certificate.
    pub(super) fn read(pem: &str) -> Option<Self> {
        let content: String =
            pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let der = seal::from_base64(&content)?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let hex = |byte: &u8| format!("{byte:02X}");
        Some(Self {
            serial: certificate.raw_serial().iter().map(hex).collect(),
            not_before: Timestamp::from_seconds(certificate.validity().not_before.timestamp()),
            not_after: Timestamp::from_seconds(certificate.validity().not_after.timestamp()),
        })
    }
}
