//! The ways in which a merchant may sign (contract section 2): the document's own, and extensions that
//! an application must be allowed. Which one verified is remembered with the order.

use serde::{Deserialize, Serialize};

use crate::order::SignForm;

/// A signature scheme.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Scheme {
    /// The document's: `UPPER(hex(MD5(key ++ S ++ key)))`.
    #[serde(rename = "md5")]
    Md5,
    /// The sister platform's: `UPPER(hex(MD5(T)))`, where T is every parameter sent but `sign` whose value
    /// is not empty, in ascending byte order of the name, as `name=value`, joined by `&`, and then
    /// `&key=` and the key. Plain UTF-8, whatever `version` says.
    #[serde(rename = "suffix")]
    Suffix,
    /// `sign_type=HMAC-SHA256`: `UPPER(hex(HMAC-SHA256(S)))`, keyed by the key.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// `sign_type=RSA2`: Base64 of the RSA-SHA256 signature (PKCS#1 v1.5) of S.
    #[serde(rename = "rsa2")]
    Rsa2,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Suffix, Self::HmacSha256, Self::Rsa2];

    /// What operators write, and the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Suffix => "suffix",
            Self::HmacSha256 => "hmac-sha256",
            Self::Rsa2 => "rsa2",
        }
    }

    /// Reads [`Scheme::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.word() == word)
    }

    /// What a request's `sign_type` says with this scheme; only the stronger ones must say it.
    pub fn sign_type(self) -> &'static str {
        match self {
            Self::Md5 | Self::Suffix => "MD5",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::Rsa2 => "RSA2",
        }
    }

    /// Whether it is anything stronger than MD5.
    pub fn is_strong(self) -> bool {
        match self {
            Self::Md5 | Self::Suffix => false,
            Self::HmacSha256 | Self::Rsa2 => true,
        }
    }
}

/// How a request was signed: by which scheme, and how its text was spelled. Its answers, and the
/// notifications of an order that it placed, are signed the same way.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signing {
    /// The scheme.
    pub scheme: Scheme,
    /// The spelling of the text.
    pub form: SignForm,
}

impl Signing {
    /// Every way.
    pub fn all() -> impl Iterator<Item = Self> {
        let of = |scheme| SignForm::ALL.map(|form| Self { scheme, form });
        Scheme::ALL.into_iter().flat_map(of)
    }

    /// The store's word: the form's alone for the document's scheme, else the scheme's before it.
    pub fn word(self) -> String {
        match self.scheme {
            Scheme::Md5 => self.form.word().to_owned(),
            Scheme::Suffix | Scheme::HmacSha256 | Scheme::Rsa2 => {
                format!("{} {}", self.scheme.word(), self.form.word())
            }
        }
    }

    /// Reads [`Signing::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        let (scheme, form) = word.split_once(' ').unwrap_or((Scheme::Md5.word(), word));
        let (scheme, form) = (Scheme::from_word(scheme)?, SignForm::from_word(form)?);
        Some(Self { scheme, form })
    }
}

impl From<SignForm> for Signing {
    /// The document's scheme in that form.
    fn from(form: SignForm) -> Self {
        Self { scheme: Scheme::Md5, form }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_reads_back_every_way_and_what_it_wrote_before_there_were_schemes() {
        for signing in Signing::all() {
            assert_eq!(Signing::from_word(&signing.word()), Some(signing));
        }
        assert_eq!(Signing::from_word("widened"), Some(SignForm::Widened.into()));
        for word in ["", "hmac", "hmac-sha256", "rsa2 ", "plain md5", "md4 plain"] {
            assert_eq!(Signing::from_word(word), None, "{word}");
        }
    }

    #[test]
    fn the_words_of_settings_and_of_operators_are_the_same() {
        for scheme in Scheme::ALL {
            let json = serde_json::to_string(&scheme).unwrap();
            assert_eq!(json.trim_matches('"'), scheme.word());
            assert_eq!(Scheme::from_word(scheme.word()), Some(scheme));
        }
    }
}
