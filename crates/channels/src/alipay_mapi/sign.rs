//! What MAPI signs: the non-empty members but `sign` and `sign_type`, sorted by name, as
//! `name=value` joined by `&`, in raw text; in the app's order string with the values in quotes.
//! MD5 appends its key, RSA is PKCS#1 v1.5 with SHA-1, RSA2 with SHA-256.

use aws_lc_rs::constant_time;
use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};

use crate::alipay_mapi::fields::{Fields, decode};
use crate::alipay_mapi::settings;
use crate::seal::{self, from_base64, public_der};
use crate::{Account, SetupError, legacy};

/// `sign_type`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum SignType {
    /// MD5 of the text and a shared key.
    Md5,
    /// RSA with SHA-1.
    Rsa,
    /// RSA with SHA-256.
    Rsa2,
}

impl SignType {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Md5, "MD5"), (Self::Rsa, "RSA"), (Self::Rsa2, "RSA2")];

    /// Its word on the wire.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// Reads [`SignType::word`]; only the exact capital form counts.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(kind, _)| kind)
    }
}

/// What a signature of the other side is verified with; empty where there is no such key.
#[derive(Copy, Clone)]
pub(super) struct Keys<'a> {
    pub(super) md5_key: &'a str,
    pub(super) public_key: &'a str,
}

impl<'a> Keys<'a> {
    /// Those of Alipay, as an account knows them.
    pub(super) fn of(account: &'a Account) -> Self {
        let setting = |key| account.setting(key).trim();
        Self { md5_key: setting("md5_key"), public_key: setting("alipay_public_key") }
    }

    /// Whether `sign` over `text` is one of `kind` by these keys.
    pub(super) fn verify(&self, kind: SignType, text: &str, sign: &str) -> bool {
        match kind {
            SignType::Md5 => {
                let expect = md5(text, self.md5_key);
                let is_same =
                    constant_time::verify_slices_are_equal(expect.as_bytes(), sign.as_bytes());
                !self.md5_key.is_empty() && is_same.is_ok()
            }
            SignType::Rsa => verifies_sha1(self.public_key, text.as_bytes(), sign),
            SignType::Rsa2 => seal::verifies(self.public_key, text.as_bytes(), sign),
        }
    }
}

/// The text under a signature of forms, queries and answers.
pub(super) fn text(fields: &Fields) -> String {
    joined(fields, |name, value| format!("{name}={value}"))
}

/// The text under the signature of an app's order string.
pub(super) fn order_text(fields: &Fields) -> String {
    joined(fields, |name, value| format!("{name}=\"{value}\""))
}

/// The order string that an app gives to Alipay's: the text, and its signature.
pub(super) fn order_string(text: &str, sign: &str) -> String {
    let sign: String = url::form_urlencoded::byte_serialize(sign.as_bytes()).collect();
    format!("{text}&sign=\"{sign}\"&sign_type=\"RSA\"")
}

/// Reads [`order_string`]: the signed text, and every member; the value of `sign` is decoded.
/// `None` if a member is not part of the text.
pub(super) fn read_order_string(order: &str) -> Option<(&str, Fields)> {
    let mut fields = Vec::new();
    let mut rest = order;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        let value = if name == "sign" { decode(value)? } else { value.to_owned() };
        fields.push((name.to_owned(), value));
        match after.strip_prefix('&') {
            Some(after) => rest = after,
            None if after.is_empty() => break,
            None => return None,
        }
    }
    let (text, _) = order.rsplit_once("&sign=\"")?;
    let fields = Fields(fields).checked()?;
    (order_text(&fields) == text).then_some((text, fields))
}

/// The signature of `text` that `account` makes for server calls and pages.
///
/// # Errors
/// The setting of the key is empty or no key.
pub(super) fn sign(account: &Account, text: &str) -> Result<String, SetupError> {
    match settings::sign_type(account)? {
        SignType::Md5 => Ok(md5(text, account.setting("md5_key").trim())),
        SignType::Rsa => sign_rsa(account, text),
        SignType::Rsa2 => account.signer("private_key")?.sign(text.as_bytes()),
    }
}

/// The signature of `text` with RSA and SHA-1, whatever else the account signs with.
///
/// # Errors
/// `private_key` is none.
pub(super) fn sign_rsa(account: &Account, text: &str) -> Result<String, SetupError> {
    legacy::sign_sha1("private_key", account.setting("private_key"), text.as_bytes())
}

/// The MD5 signature of `text`.
pub(super) fn md5(text: &str, key: &str) -> String {
    legacy::md5_hex(format!("{text}{key}").as_bytes())
}

/// Whether `text` is an RSA public key.
pub(super) fn is_public_key(text: &str) -> bool {
    public_der(text).is_some_and(|der| PublicKey::from_der(&der).is_ok())
}

/// As [`legacy::verifies_sha1`], and with keys of 1024 bits too: Alipay's own of MAPI is one.
fn verifies_sha1(public_key: &str, text: &[u8], signature: &str) -> bool {
    let Some(signature) = from_base64(signature) else { return false };
    let Some(der) = public_der(public_key) else { return false };
    let algorithm = &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY;
    UnparsedPublicKey::new(algorithm, der).verify(text, &signature).is_ok()
}

fn joined(fields: &Fields, write: impl Fn(&str, &str) -> String) -> String {
    let is_signed = |(name, value): &&(String, String)| {
        !value.is_empty() && !matches!(name.as_str(), "sign" | "sign_type")
    };
    let mut signed: Vec<_> = fields.0.iter().filter(is_signed).collect();
    signed.sort();
    signed.iter().map(|(name, value)| write(name, value)).collect::<Vec<_>>().join("&")
}
