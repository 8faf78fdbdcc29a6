//! Worked examples made outside of this program, by a throw-away key.

use serde_json::Value;

use crate::unionpay::sign;
use crate::unionpay::wire::Fields;
use crate::{legacy, seal};

fn vector(name: &str) -> (Value, String) {
    let all: Value = serde_json::from_str(include_str!("../../../vectors/upstreams.json")).unwrap();
    let case = all["vectors"].as_array().unwrap().iter().find(|case| case["name"] == name);
    (case.unwrap().clone(), all["public_key"].as_str().unwrap().to_owned())
}

#[test]
fn rsa_signs_the_digits_of_the_digest() {
    let (case, key) = vector("unionpay_510_rsa");
    let mut fields = Fields::default();
    for (name, value) in case["params"].as_object().unwrap() {
        fields.set(name, value.as_str().unwrap());
    }
    fields.set("signature", "of another request");
    assert_eq!(fields.signed_text(), case["string"]);
    let digest = sign::digest(&fields.signed_text());
    assert_eq!(digest, case["digest_hex"]);
    let signature = case["signature"].as_str().unwrap();
    assert!(seal::verifies(&key, digest.as_bytes(), signature));
    assert!(!seal::verifies(&key, fields.signed_text().as_bytes(), signature), "not the text");
}

#[test]
fn a_shared_key_is_a_digest_of_its_own() {
    let (case, _) = vector("unionpay_510_sha256key");
    let text = case["string"].as_str().unwrap();
    let mut fields = Fields::from_raw(text).unwrap();
    assert_eq!(fields.signed_text(), text);
    let secure_key = case["secureKey"].as_str().unwrap();
    assert_eq!(sign::keyed_digest(text, secure_key), case["signature"]);
    fields.set("signature", case["signature"].as_str().unwrap());
    assert!(sign::is_keyed_with(&fields, secure_key));
    assert!(!sign::is_keyed_with(&fields, "8888888"));
    fields.set("txnAmt", "1");
    assert!(!sign::is_keyed_with(&fields, secure_key));
}

#[test]
fn the_older_version_with_sha1_is_never_accepted() {
    let (case, key) = vector("unionpay_500_rsa_sha1");
    let text = case["string"].as_str().unwrap();
    let signature = case["signature"].as_str().unwrap();
    assert_eq!(legacy::sha1_hex(text.as_bytes()), case["digest_hex"]);
    let digest = case["digest_hex"].as_str().unwrap();
    assert!(legacy::verifies_sha1(&key, digest.as_bytes(), signature), "the example is sound");
    assert!(!seal::verifies(&key, digest.as_bytes(), signature));
    assert!(!seal::verifies(&key, sign::digest(text).as_bytes(), signature));
}
