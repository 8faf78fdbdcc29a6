//! Signatures of version 5.1.0: RSA over the hexadecimal digest of the text (`signMethod` 01), or a
//! digest with a shared key (11). A message signed in another way than the account's is not believed.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::legacy::sha256_hex;
use crate::seal;
use crate::unionpay::certificate::{self, Moment};
use crate::unionpay::setting;
use crate::unionpay::wire::{Fields, SIGNATURE};
use crate::{Account, SetupError};

/// The member that carries UnionPay's certificate.
pub(super) const CERTIFICATE: &str = "signPubKeyCert";

/// How an account and UnionPay sign.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Method {
    /// RSA, both sides with certificates.
    Certificate,
    /// SHA-256 with a key that both sides know.
    SecureKey,
}

impl Method {
    /// Every method with its word.
    pub(super) const ALL: [(Self, &'static str); 2] =
        [(Self::Certificate, "01"), (Self::SecureKey, "11")];

    /// Reads `signMethod`.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(method, _)| method)
    }

    /// `signMethod`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Certificate => "01",
            Self::SecureKey => "11",
        }
    }

    fn of(account: &Account) -> Result<Self, SetupError> {
        let word = account.setting(setting::SIGN_METHOD).trim();
        Self::from_word(word).ok_or_else(|| SetupError("sign_method: neither 01 nor 11".into()))
    }
}

/// Adds `signMethod`, `certId` and `signature` to a request's members.
///
/// # Errors
/// A setting that signing, or believing the answer, needs is missing or does not parse.
pub(super) fn sign_request(fields: &mut Fields, account: &Account) -> Result<(), SetupError> {
    let method = Method::of(account)?;
    fields.set("signMethod", method.word());
    let signature = match method {
        Method::Certificate => {
            for name in [setting::ROOT, setting::MIDDLE] {
                serial_of(account, name)?;
            }
            fields.set("certId", serial_of(account, setting::CERTIFICATE)?);
            let signer = account.signer(setting::PRIVATE_KEY)?;
            signer.sign(digest(&fields.signed_text()).as_bytes())?
        }
        Method::SecureKey => {
            let secure_key = account.setting(setting::SECURE_KEY);
            if secure_key.is_empty() {
                return Err(SetupError("secure_key: sign_method 11 needs it".into()));
            }
            keyed_digest(&fields.signed_text(), secure_key)
        }
    };
    fields.set(SIGNATURE, signature);
    Ok(())
}

/// Whether UnionPay signed these members for `account`.
pub(super) fn is_by_unionpay(fields: &Fields, account: &Account, moment: Moment) -> bool {
    let Ok(method) = Method::of(account) else { return false };
    if fields.of("signMethod") != method.word() {
        return false;
    }
    match method {
        Method::Certificate => certificate::trusted_key(account, fields.of(CERTIFICATE), moment)
            .is_some_and(|key| {
                let digest = digest(&fields.signed_text());
                seal::verifies(&key, digest.as_bytes(), fields.of(SIGNATURE))
            }),
        Method::SecureKey => {
            let secure_key = account.setting(setting::SECURE_KEY);
            !secure_key.is_empty() && is_keyed_with(fields, secure_key)
        }
    }
}

/// Whether the signature of `fields` is the digest with `secure_key`.
pub(super) fn is_keyed_with(fields: &Fields, secure_key: &str) -> bool {
    let expect = keyed_digest(&fields.signed_text(), secure_key);
    verify_slices_are_equal(expect.as_bytes(), fields.of(SIGNATURE).as_bytes()).is_ok()
}

/// What RSA signs: the digest's 64 digits, not its bytes.
pub(super) fn digest(text: &str) -> String {
    sha256_hex(text.as_bytes())
}

/// `signMethod` 11.
pub(super) fn keyed_digest(text: &str, secure_key: &str) -> String {
    digest(&format!("{text}&{}", digest(secure_key)))
}

fn serial_of(account: &Account, setting: &str) -> Result<String, SetupError> {
    let serial = certificate::serial(account.setting(setting));
    serial.ok_or_else(|| SetupError(format!("{setting}: not a certificate")))
}
