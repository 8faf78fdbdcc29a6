//! Signatures of WeChat Pay v2 (manual: 安全规范, 签名算法): every member that is not empty but `sign`,
//! sorted, as `name=value` joined by `&`, and the API key at the end.

use aws_lc_rs::constant_time;

use super::xml::Members;
use crate::legacy::{hmac_sha256_hex, md5_hex};

/// Bytes of an API key.
pub(super) const API_KEY_BYTES: usize = 32;

/// How a message is signed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum SignType {
    /// MD5 of the text.
    Md5,
    /// HMAC-SHA256 of the text, keyed with the API key once more.
    HmacSha256,
}

impl SignType {
    /// The word of `sign_type`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }

    /// Reads [`SignType::word`].
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Md5, Self::HmacSha256].into_iter().find(|kind| kind.word() == word)
    }

    /// The signature of `members`, in capital hexadecimal.
    pub(super) fn sign(self, members: &Members, key: &str) -> String {
        let text = text(members, key);
        let digest = match self {
            Self::Md5 => md5_hex(text.as_bytes()),
            Self::HmacSha256 => hmac_sha256_hex(key.as_bytes(), text.as_bytes()),
        };
        digest.to_ascii_uppercase()
    }

    /// Whether `members` carry their own signature.
    pub(super) fn verifies(self, members: &Members, key: &str) -> bool {
        let (own, expect) = (members.of("sign").as_bytes(), self.sign(members, key));
        constant_time::verify_slices_are_equal(own, expect.as_bytes()).is_ok()
    }
}

/// The text under a signature.
pub(super) fn text(members: &Members, key: &str) -> String {
    let signed = members.iter().filter(|(name, _)| *name != "sign");
    let pairs: String = signed.map(|(name, value)| format!("{name}={value}&")).collect();
    format!("{pairs}key={key}")
}
