//! Keys, signatures and seals against cases made by other programs (`vectors/upstreams.json`).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair as _;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::legacy;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/upstreams.json")).unwrap()
}

/// A case, its member that was signed, and the one that is the signature.
const SIGNED: [(&str, &str, &str); 6] = [
    ("alipay_v2_request_RSA2", "string_to_sign", "sign"),
    ("alipay_v2_notify", "string_to_sign", "params.sign"),
    ("wechat_v3_request", "string_to_sign", "signature"),
    ("wechat_v3_request_get", "string_to_sign", "signature"),
    ("wechat_v3_jsapi_paySign", "string_to_sign", "paySign"),
    ("unionpay_510_rsa", "digest_hex", "signature"),
];

/// The same where an upstream still signs with SHA-1, which [`verifies`] does not believe.
const SIGNED_WITH_SHA1: [(&str, &str, &str); 3] = [
    ("alipay_v2_request_RSA_sha1", "string_to_sign", "sign"),
    ("alipay_mapi_securitypay_RSA", "string_to_sign", "sign"),
    ("unionpay_500_rsa_sha1", "digest_hex", "signature"),
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
    let header = case(&all, "alipay_v3_request");
    let (_, signature) = header["authorization"].as_str().unwrap().split_once("sign=").unwrap();
    check(key, header["string_to_sign"].as_str().unwrap(), signature);
    let answer = case(&all, "alipay_v2_response");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    check(key, answer["signed_substring"].as_str().unwrap(), body["sign"].as_str().unwrap());
}

#[test]
fn a_signature_with_sha1_is_right_by_its_own_rule_only() {
    let all = vectors();
    let key = all["public_key"].as_str().unwrap();
    for (name, text, signature) in SIGNED_WITH_SHA1 {
        let case = case(&all, name);
        let (text, signature) = (case[text].as_str().unwrap(), case[signature].as_str().unwrap());
        assert!(legacy::verifies_sha1(key, text.as_bytes(), signature), "{name}");
        assert!(!legacy::verifies_sha1(key, format!("{text} ").as_bytes(), signature), "{name}");
        assert!(!verifies(key, text.as_bytes(), signature), "{name}");
    }
}

/// Opens what a case holds, and seals it again.
fn open_aes_ecb(key: &str, sealed: &[u8]) -> String {
    let plain = legacy::open_aes_ecb(key.as_bytes(), sealed).unwrap();
    assert_eq!(legacy::seal_aes_ecb(key.as_bytes(), &plain).unwrap(), sealed);
    String::from_utf8(plain).unwrap()
}

#[test]
fn what_upstreams_of_the_old_kind_sealed_opens() {
    let all = vectors();
    let refund = case(&all, "wechat_v2_refund_req_info");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sealed = from_base64(&text(&refund["req_info"])).unwrap();
    assert_eq!(open_aes_ecb(&text(&refund["aes_key"]), &sealed), text(&refund["plaintext"]));
    let tlinx = case(&all, "tlinx");
    let hex = text(&tlinx["params"]["data"]);
    let bytes = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    let key = text(&tlinx["params"]["open_key"]);
    assert_eq!(open_aes_ecb(&key, &bytes.collect::<Vec<_>>()), text(&tlinx["plaintext"]));
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
