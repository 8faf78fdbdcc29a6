//! RSA signatures and AES-GCM sealing, as upstreams use them. Keys come as PEM text, or as the bare
//! Base64 that Alipay's tools hand out.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, PublicKey};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::SetupError;

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads Base64 with padding; white space around it does not count.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

/// A private RSA key that signs with SHA-256 and PKCS#1 v1.5.
pub struct RsaSigner(KeyPair);

impl RsaSigner {
    /// Reads PKCS#8 or PKCS#1, as PEM or bare Base64.
    ///
    /// # Errors
    /// The text is no such key. `setting` is named, the text is not.
    pub fn parse(setting: &str, text: &str) -> Result<Self, SetupError> {
        let fault =
            || SetupError(format!("{setting}: not an RSA private key of 2048 bits or more"));
        let der = der_of(text).ok_or_else(fault)?;
        let pair = KeyPair::from_pkcs8(&der).or_else(|_| KeyPair::from_der(&der));
        pair.map(Self).map_err(|_| fault())
    }

    /// The signature of `text`, in Base64.
    ///
    /// # Errors
    /// The library refuses the key.
    pub fn sign(&self, text: &[u8]) -> Result<String, SetupError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        // PKCS#1 v1.5 draws no randomness; the argument is there for other paddings.
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| SetupError("the private key cannot sign".into()))?;
        Ok(base64(&signature))
    }
}

/// Whether `signature` (Base64) over `text` was made with the private half of `public_key`: PEM or
/// bare Base64 of a SubjectPublicKeyInfo or a PKCS#1 key, or a PEM certificate.
pub fn verifies(public_key: &str, text: &[u8], signature: &str) -> bool {
    let Some(signature) = from_base64(signature) else { return false };
    let Some(der) = public_der(public_key) else { return false };
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).verify(text, &signature).is_ok()
}

/// Whether `text` is a key that [`verifies`] can use: a setting is judged before anything is sent.
pub fn is_public_key(text: &str) -> bool {
    public_der(text).is_some_and(|der| PublicKey::from_der(&der).is_ok())
}

/// Opens what was sealed with AES-256-GCM: the key is 32 bytes, the nonce 12, the tag comes last.
pub fn open_aes_gcm(key: &[u8], nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut bytes = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(<[u8; NONCE_LEN]>::try_from(nonce).ok()?);
    let length = key.open_in_place(nonce, Aad::from(aad), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

/// Seals with AES-256-GCM, as [`open_aes_gcm`] opens.
pub fn seal_aes_gcm(key: &[u8], nonce: &[u8], aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut bytes = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key(<[u8; NONCE_LEN]>::try_from(nonce).ok()?);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut bytes).ok()?;
    Some(bytes)
}

/// The DER bytes behind PEM or bare Base64.
pub(crate) fn der_of(text: &str) -> Option<Vec<u8>> {
    let is_content = |line: &&str| !line.starts_with("-----");
    from_base64(&text.lines().map(str::trim).filter(is_content).collect::<String>())
}

pub(crate) fn public_der(text: &str) -> Option<Vec<u8>> {
    let der = der_of(text)?;
    if !text.contains("BEGIN CERTIFICATE") {
        return Some(der);
    }
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
