//! What upstreams of the old kind still ask for: digests and HMACs in hexadecimal, SHA-1 signatures,
//! AES in ECB mode. Nothing new may be built on it.

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use md5::{Digest, Md5};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use zeroize::Zeroizing;

use crate::SetupError;
use crate::seal::{base64, der_of, from_base64, public_der};

/// What PKCS#1 v1.5 puts before a SHA-1 digest (RFC 8017, 9.2).
const SHA1_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// MD5 of `text`, in lower-case hexadecimal.
pub fn md5_hex(text: &[u8]) -> String {
    hex(&Md5::digest(text))
}

/// SHA-1 of `text`, in lower-case hexadecimal.
pub fn sha1_hex(text: &[u8]) -> String {
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, text).as_ref())
}

/// SHA-256 of `text`, in lower-case hexadecimal.
pub fn sha256_hex(text: &[u8]) -> String {
    hex(digest(&SHA256, text).as_ref())
}

/// HMAC-SHA256 of `text`, in lower-case hexadecimal.
pub fn hmac_sha256_hex(key: &[u8], text: &[u8]) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The signature of `text` with SHA-1 and PKCS#1 v1.5 by `private_key` (PEM or bare Base64 of
/// PKCS#8 or PKCS#1), in Base64. The key is blinded while it signs (RUSTSEC-2023-0071).
///
/// # Errors
/// The text is no such key. `setting` is named, the text is not.
pub fn sign_sha1(setting: &str, private_key: &str, text: &[u8]) -> Result<String, SetupError> {
    let fault = || SetupError(format!("{setting}: not an RSA private key"));
    let der = Zeroizing::new(der_of(private_key).ok_or_else(fault)?);
    let key = RsaPrivateKey::from_pkcs8_der(&der);
    let key = key.or_else(|_| RsaPrivateKey::from_pkcs1_der(&der)).map_err(|_| fault())?;
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
    let padding = Pkcs1v15Sign { hash_len: Some(hash.as_ref().len()), prefix: SHA1_INFO.into() };
    let signature = key.sign_with_rng(&mut Blinding, padding, hash.as_ref());
    Ok(base64(&signature.map_err(|_| fault())?))
}

/// Whether `signature` (Base64) over `text` was made by [`sign_sha1`] with the private half of
/// `public_key`, which is read as [`crate::seal::verifies`] reads it.
pub fn verifies_sha1(public_key: &str, text: &[u8], signature: &str) -> bool {
    let Some(signature) = from_base64(signature) else { return false };
    let Some(der) = public_der(public_key) else { return false };
    let algorithm = &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
    UnparsedPublicKey::new(algorithm, der).verify(text, &signature).is_ok()
}

/// Opens AES-256-ECB with PKCS#7 padding; `None` if it is none.
pub fn open_aes_ecb(key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = PaddedBlockDecryptingKey::ecb_pkcs7(UnboundCipherKey::new(&AES_256, key).ok()?);
    let mut bytes = sealed.to_vec();
    let plain = key.ok()?.decrypt(&mut bytes, DecryptionContext::None).ok()?;
    Some(plain.to_vec())
}

/// Seals with AES-256-ECB, as [`open_aes_ecb`] opens.
pub fn seal_aes_ecb(key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = PaddedBlockEncryptingKey::ecb_pkcs7(UnboundCipherKey::new(&AES_256, key).ok()?);
    let mut bytes = plain.to_vec();
    key.ok()?.encrypt(&mut bytes).ok()?;
    Some(bytes)
}

/// Randomness of the system, to blind a key with: it never shows in a signature.
struct Blinding;

impl rsa::rand_core::CryptoRng for Blinding {}

impl rsa::rand_core::RngCore for Blinding {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // Without randomness the bytes stay as they are: unblinded, and still right.
        let _ = aws_lc_rs::rand::fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;

    use super::*;

    #[test]
    fn what_is_signed_verifies() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private = base64(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
        let public = pair.public_key();
        let public = base64(AsDer::<PublicKeyX509Der<'_>>::as_der(public).unwrap().as_ref());
        let signature = sign_sha1("k", &private, b"text").unwrap();
        assert!(verifies_sha1(&public, b"text", &signature));
        assert!(!verifies_sha1(&public, b"texts", &signature));
        let SetupError(why) = sign_sha1("private_key", "geheim", b"text").unwrap_err();
        assert!(why.starts_with("private_key: ") && !why.contains("geheim"), "{why}");
    }

    #[test]
    fn digests_are_those_of_their_standards() {
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), sha256);
        // RFC 4231, case 2.
        let hmac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac_sha256_hex(b"Jefe", b"what do ya want for nothing?"), hmac);
    }
}
