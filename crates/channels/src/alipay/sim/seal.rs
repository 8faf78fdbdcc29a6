//! Signatures of the simulated Alipay. A request says in `sign_type` how it is signed, RSA2 or the
//! old RSA with SHA-1; its answer, and the notifications of its order, are signed the same way.

use kernel::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::alipay::sign::RSA2;
use crate::seal::{self, RsaSigner};
use crate::{SetupError, legacy};

/// How something is signed.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum SignType {
    /// SHA-256.
    #[default]
    Rsa2,
    /// SHA-1.
    Rsa,
}

impl SignType {
    /// Reads `sign_type`.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Rsa2, Self::Rsa].into_iter().find(|kind| kind.word() == word)
    }

    /// `sign_type`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rsa2 => RSA2,
            Self::Rsa => "RSA",
        }
    }

    /// Whether `sign` over `text` was made with the private half of `public_key`.
    pub(super) fn verifies(self, public_key: &str, text: &str, sign: &str) -> bool {
        match self {
            Self::Rsa2 => seal::verifies(public_key, text.as_bytes(), sign),
            Self::Rsa => legacy::verifies_sha1(public_key, text.as_bytes(), sign),
        }
    }
}

/// Alipay's own key.
pub(super) struct Platform {
    signer: RsaSigner,
    private_key: Secret,
}

impl Platform {
    /// # Errors
    /// The text is not a private RSA key.
    pub(super) fn parse(private_key: &str) -> Result<Self, SetupError> {
        let signer = RsaSigner::parse("platform_private_key", private_key)?;
        Ok(Self { signer, private_key: Secret::new(private_key) })
    }

    /// The signature of `text`.
    pub(super) fn sign(&self, kind: SignType, text: &str) -> Result<String, SetupError> {
        match kind {
            SignType::Rsa2 => self.signer.sign(text.as_bytes()),
            SignType::Rsa => {
                let key = self.private_key.expose();
                legacy::sign_sha1("platform_private_key", key, text.as_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_request_verifies_with_the_digest_that_it_names() {
        let all: Value =
            serde_json::from_str(include_str!("../../../vectors/upstreams.json")).unwrap();
        let key = all["public_key"].as_str().unwrap();
        let vectors = all["vectors"].as_array().unwrap();
        for (name, right, wrong) in [
            ("alipay_v2_request_RSA2", SignType::Rsa2, SignType::Rsa),
            ("alipay_v2_request_RSA_sha1", SignType::Rsa, SignType::Rsa2),
        ] {
            let case = vectors.iter().find(|case| case["name"] == name).unwrap();
            let [text, sign] = ["string_to_sign", "sign"].map(|part| case[part].as_str().unwrap());
            assert!(right.verifies(key, text, sign), "{name}");
            assert!(!wrong.verifies(key, text, sign), "{name}");
            assert_eq!(
                SignType::from_word(case["params"]["sign_type"].as_str().unwrap()),
                Some(right)
            );
        }
    }
}
