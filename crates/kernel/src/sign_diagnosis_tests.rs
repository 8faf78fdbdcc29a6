//! Diagnoses under test: mistakes of keys and schemes, and what is never shown.

use super::*;
use crate::rsa::PrivateKey;

const KEY: &str = "685c6e3eca5c964b2b8240aa151cb75d";

fn diagnosed(fields: &[(&str, &str)], sign: &str, public: &[PublicKey]) -> Diagnosis {
    let (current, old, other) =
        (Secret::new(KEY), Secret::new("an-old-key-0000"), Secret::new("another-key-000"));
    let keys = Keys { current: &current, expired: vec![&old], others: vec![&other], public };
    let signature = ("sign", sign);
    let fields = fields
        .iter()
        .chain([&signature])
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let diagnosis = diagnose(&fields.collect::<Vec<_>>(), &keys);
    let said = format!("{diagnosis:?}");
    assert!(!said.contains(KEY) && (sign.is_empty() || !said.contains(sign)), "{said}");
    diagnosis
}

fn name(fields: &[(&str, &str)], sign: &str, public: &[PublicKey]) -> Option<String> {
    diagnosed(fields, sign, public).mistake.map(|(name, _)| name)
}

fn hmac(key: &str, text: &str) -> String {
    sign::hmac_sign(&Secret::new(key), text, SignForm::Plain)
}

#[test]
fn a_key_of_another_time_or_application_is_found() {
    let md5 = |key: &str| sign::md5_sign(&Secret::new(key), "a1bx", SignForm::Widened);
    let fields = [("a", "1"), ("b", "x")];
    for (key, expect) in [
        ("an-old-key-0000", Some("ExpiredKey")),
        ("another-key-000", Some("AnotherApplicationsKey")),
        ("a-strangers-key", None),
    ] {
        assert_eq!(name(&fields, &md5(key), &[]).as_deref(), expect, "{key}");
        let strong = [("a", "1"), ("sign_type", "HMAC-SHA256")];
        let sign = hmac(key, "a1sign_typeHMAC-SHA256");
        assert_eq!(name(&strong, &sign, &[]).as_deref(), expect, "{key}");
    }
}

#[test]
fn mistakes_of_an_hmac_are_found() {
    let with = [("a", "1"), ("b", ""), ("sign_type", "HMAC-SHA256")];
    let right = "a1bsign_typeHMAC-SHA256";
    let around = format!("{KEY}{right}{KEY}");
    let check = |fields: &[(&str, &str)], sign: &str, expect: KeyMistake| {
        assert_eq!(name(fields, sign, &[]), Some(format!("{expect:?}")));
    };
    check(&with, &hmac(KEY, "a1b"), KeyMistake::SignTypeLeftOut);
    check(&with, &hmac(KEY, "a1sign_typeHMAC-SHA256"), KeyMistake::EmptiesLeftOut);
    check(&with, &hmac(KEY, "a=1&sign_type=HMAC-SHA256"), KeyMistake::JoinedWithSeparators);
    check(&with, &hmac(KEY, &around), KeyMistake::HmacWithKeyAround);
    check(&with, &sign::sha256_hex(&around), KeyMistake::HashInsteadOfHmac);
    check(&[("a", "1")], &hmac(KEY, "a1"), KeyMistake::SignTypeMissing);
    let wide = [("a", "聚"), ("sign_type", "HMAC-SHA256"), ("version", "2")];
    let text = "a聚sign_typeHMAC-SHA256version2";
    let widened = sign::hmac_sign(&Secret::new(KEY), text, SignForm::Widened);
    check(&wide, &widened, KeyMistake::WidenedDespiteVersion2);
    let md5 = sign::md5_sign(&Secret::new(KEY), right, SignForm::Plain);
    check(&with, &md5, KeyMistake::Md5DespiteSignType);
    check(&with, "no signature", KeyMistake::NoSignature);
}

#[test]
fn mistakes_of_rsa2_are_found() {
    let pair = PrivateKey::generate().unwrap();
    let public = [pair.public_key().unwrap()];
    let fields = [("a", "1"), ("sign_type", "RSA2")];
    let sign = |text: &str| pair.sign(text.as_bytes()).unwrap();
    let named = |text: &str, public: &[PublicKey]| name(&fields, &sign(text), public);
    assert_eq!(named("a1", &public).as_deref(), Some("SignTypeLeftOut"));
    assert_eq!(named("a=1&sign_type=RSA2", &public).as_deref(), Some("JoinedWithSeparators"));
    assert_eq!(named("a1sign_typeRSA2", &[]).as_deref(), Some("NoPublicKey"));
    assert_eq!(named("something else", &public), None);
    let widened = sign::spelled("a聚", SignForm::Widened);
    let left_out = name(&[("a", "聚")], &pair.sign(&widened).unwrap(), &public);
    assert_eq!(left_out.as_deref(), Some("SignTypeMissing"), "widened, as PHP does");
}

#[test]
fn keys_and_codes_are_never_shown() {
    let fields = [("body", KEY), ("code", "134602370743606195"), ("total_fee", "5")];
    let diagnosis = diagnosed(&fields, "0".repeat(32).as_str(), &[]);
    assert_eq!(diagnosis.text, "body<key>code<hidden>total_fee5");
    assert_eq!(diagnosis.form, "UPPER(hex(MD5(key + utf8_encode(S) + key)))");
}
