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
fn der_of(text: &str) -> Option<Vec<u8>> {
    let is_content = |line: &&str| !line.starts_with("-----");
    from_base64(&text.lines().map(str::trim).filter(is_content).collect::<String>())
}

fn public_der(text: &str) -> Option<Vec<u8>> {
    let der = der_of(text)?;
    if !text.contains("BEGIN CERTIFICATE") {
        return Some(der);
    }
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::KeyPair as _;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../vectors/upstreams.json")).unwrap()
    }

    /// A case, its member that was signed, and the one that is the signature.
    const SIGNED: [(&str, &str, &str); 5] = [
        ("alipay_v2_request_RSA2", "string_to_sign", "sign"),
        ("alipay_v2_notify", "string_to_sign", "params.sign"),
        ("wechat_v3_request", "string_to_sign", "signature"),
        ("wechat_v3_request_get", "string_to_sign", "signature"),
        ("wechat_v3_jsapi_paySign", "string_to_sign", "paySign"),
    ];

    fn case(all: &Value, name: &str) -> Value {
        let cases = all["vectors"].as_array().unwrap();
        cases.iter().find(|case| case["name"] == name).unwrap().clone()
    }

    fn check(key: &str, text: &str, signature: &str) {
        assert!(verifies(key, text.as_bytes(), signature), "{text}");
        assert!(verifies(
            &key.lines().filter(|l| !l.starts_with('-')).collect::<String>(),
            text.as_bytes(),
            signature
        ));
        assert!(!verifies(key, format!("{text} ").as_bytes(), signature));
        assert!(!verifies(key, text.as_bytes(), &signature[4..]));
    }

    #[test]
    fn signatures_of_every_upstream_verify() {
        let all = vectors();
        let key = all["public_key"].as_str().unwrap();
        for (name, text, signature) in SIGNED {
            let case = case(&all, name);
            let signature = signature.split('.').fold(&case, |value, part| &value[part]);
            check(key, case[text].as_str().unwrap(), signature.as_str().unwrap());
        }
        let answer = case(&all, "alipay_v2_response");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        check(key, answer["signed_substring"].as_str().unwrap(), body["sign"].as_str().unwrap());
    }

    #[test]
    fn what_wechat_sealed_opens() {
        let case = case(&vectors(), "wechat_v3_aead");
        let text = |name: &str| case[name].as_str().unwrap().to_owned();
        let sealed = from_base64(&text("ciphertext")).unwrap();
        let (key, nonce, aad) = (text("apiv3_key"), text("nonce"), text("associated_data"));
        let (key, nonce, aad) = (key.as_bytes(), nonce.as_bytes(), aad.as_bytes());
        let plain = text("plaintext").into_bytes();
        assert_eq!(open_aes_gcm(key, nonce, aad, &sealed), Some(plain.clone()));
        assert_eq!(seal_aes_gcm(key, nonce, aad, &plain), Some(sealed.clone()));
        assert_eq!(open_aes_gcm(key, nonce, b"refund", &sealed), None);
        assert_eq!(open_aes_gcm(&key[1..], nonce, aad, &sealed), None);
        assert_eq!(open_aes_gcm(key, &nonce[1..], aad, &sealed), None);
        assert_eq!(open_aes_gcm(key, nonce, aad, &[]), None);
    }

    #[test]
    fn a_key_is_read_in_every_form_that_upstreams_hand_out() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = base64(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
        let public = pair.public_key();
        let spki = base64(AsDer::<PublicKeyX509Der<'_>>::as_der(public).unwrap().as_ref());
        let pkcs1 = base64(public.as_ref());
        let wrapped = |name: &str, text: &str| {
            let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
            format!("-----BEGIN {name}-----\r\n{}\r\n-----END {name}-----\r\n", lines.join("\r\n"))
        };
        for private in [pkcs8.clone(), wrapped("PRIVATE KEY", &pkcs8)] {
            let signature = RsaSigner::parse("k", &private).unwrap().sign(b"text").unwrap();
            for public in [&spki, &pkcs1, &wrapped("PUBLIC KEY", &spki)] {
                assert!(is_public_key(public) && verifies(public, b"text", &signature));
            }
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for text in ["", "geheim", "Z2VoZWlt", "-----BEGIN PRIVATE KEY-----"] {
            let SetupError(why) = RsaSigner::parse("private_key", text).err().unwrap();
            assert!(!is_public_key(text));
            assert!(why.starts_with("private_key: ") && !why.contains("geheim"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn verifying_is_total(key in ".{0,64}", text in ".{0,16}", signature in ".{0,64}") {
            prop_assert!(!verifies(&key, text.as_bytes(), &signature));
        }
    }
}
