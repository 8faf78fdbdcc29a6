//! RSA2 for merchants who want it (contract section 2): RSA-SHA256, PKCS#1 v1.5. A merchant registers
//! public keys; the platform has a pair of its own for answers and notifications. A private key is
//! never printed, and leaves this module only as a signature.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKey as RsaPublicKey};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Bytes of the smallest modulus; shorter keys do not verify anything.
const MODULUS_BYTES_MIN: usize = 256;
/// Digits of a line of PEM.
const PEM_LINE: usize = 64;

/// A public key: Base64 of its SubjectPublicKeyInfo or PKCS#1 form, without line ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(String);

impl PublicKey {
    /// Reads PEM, or bare Base64; `None` if it is no RSA public key of 2048 bits or more.
    pub fn parse(text: &str) -> Option<Self> {
        let der = STANDARD.decode(content_of(text)).ok()?;
        RsaPublicKey::from_der(&der).ok()?;
        (der.len() > MODULUS_BYTES_MIN).then(|| Self(STANDARD.encode(der)))
    }

    /// The key as Base64.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The key as PEM.
    pub fn pem(&self) -> String {
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in self.0.as_bytes().chunks(PEM_LINE) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem + "-----END PUBLIC KEY-----\n"
    }

    /// Whether `signature` over `text` was made with the private half.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        STANDARD.decode(&self.0).is_ok_and(|der| {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).verify(text, signature).is_ok()
        })
    }
}

/// The Base64 of PEM, or of bare Base64 in lines.
fn content_of(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect()
}

/// The bytes of a signature in Base64; `None` if it is none.
pub fn signature(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A private key with its public half. Clones share it.
#[derive(Clone)]
pub struct PrivateKey(Arc<KeyPair>);

impl PrivateKey {
    /// Makes a pair of 2048 bits. Called where randomness may be drawn: by the shell.
    ///
    /// # Errors
    /// The library has none.
    pub fn generate() -> Result<Self, KeyRefused> {
        KeyPair::generate(KeySize::Rsa2048).map(|pair| Self(Arc::new(pair))).map_err(|_| KeyRefused)
    }

    /// Reads [`PrivateKey::sealable`], and what merchants have: PEM of the PKCS#8 or PKCS#1 form.
    ///
    /// # Errors
    /// The text is no private key, or a locked one.
    pub fn parse(text: &Secret) -> Result<Self, KeyRefused> {
        let content = Secret::new(content_of(text.expose()));
        let der = Zeroizing::new(STANDARD.decode(content.expose()).map_err(|_| KeyRefused)?);
        let pair = KeyPair::from_pkcs8(&der).or_else(|_| KeyPair::from_der(&der));
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| KeyRefused)
    }

    /// The key as a text to be sealed.
    ///
    /// # Errors
    /// The library does not give it out.
    pub fn sealable(&self) -> Result<Secret, KeyRefused> {
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&*self.0).map_err(|_| KeyRefused)?;
        Ok(Secret::new(STANDARD.encode(der.as_ref())))
    }

    /// The public half.
    ///
    /// # Errors
    /// The library does not give it out.
    pub fn public_key(&self) -> Result<PublicKey, KeyRefused> {
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(self.0.public_key());
        Ok(PublicKey(STANDARD.encode(der.map_err(|_| KeyRefused)?.as_ref())))
    }

    /// The signature of `text` in Base64.
    ///
    /// # Errors
    /// The library refuses the key.
    pub fn sign(&self, text: &[u8]) -> Result<String, KeyRefused> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        // PKCS#1 v1.5 draws no randomness; the argument is there for other paddings.
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| KeyRefused)?;
        Ok(STANDARD.encode(signature))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PrivateKey(…)")
    }
}

/// The library did not take a key. It says no more, and the key is not repeated.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct KeyRefused;

impl fmt::Display for KeyRefused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the RSA key cannot be used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_signs_is_sealed_and_comes_back() {
        let key = PrivateKey::generate().unwrap();
        let again = PrivateKey::parse(&key.sealable().unwrap()).unwrap();
        let public = again.public_key().unwrap();
        assert_eq!(PublicKey::parse(&public.pem()), Some(public.clone()));
        assert_eq!(PublicKey::parse(public.text()), Some(public.clone()));
        let signature = STANDARD.decode(key.sign(b"text").unwrap()).unwrap();
        assert!(public.verifies(b"text", &signature));
        assert!(!public.verifies(b"texts", &signature));
        assert!(!public.verifies(b"text", &signature[1..]));
        assert_eq!(format!("{key:?}"), "PrivateKey(…)");
    }

    #[test]
    fn what_is_no_public_key_is_not_read() {
        for text in ["", "x", "aGVsbG8=", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"] {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
    }
}
