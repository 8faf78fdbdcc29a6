//! The table of settings under test.

use super::*;
use crate::rsa::PrivateKey;

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn set(name: &str, value: &str) -> Result<Settings, String> {
    apply(&Settings::default(), &[pair(name, value)])
}

#[test]
fn every_member_of_the_settings_is_one_row_of_the_table() {
    let json = serde_json::to_value(Settings::default()).unwrap();
    let members: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    let rows: Vec<_> = SETTINGS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(members, rows);
}

#[test]
fn what_is_shown_can_be_set_again_and_changes_nothing() {
    let key = PrivateKey::generate().unwrap().public_key().unwrap();
    let pairs = [
        ("enabled", "off"),
        ("schemes", "hmac-sha256,rsa2"),
        ("rsa_public_keys", key.text()),
        ("allowed_ips", "203.0.113.0/24, 2001:db8::1"),
        ("strict_names", "off"),
        ("pinned_names", "mch_id,total_fee"),
        ("replay_guard", "on"),
        ("may_discount", "on"),
        ("notice_format", "json"),
        ("notify_url", "https://shop.example/notify?a=1"),
        ("notify_closed", "on"),
        ("late_payment", "honour"),
        ("repeat_is_success", "on"),
        ("sandbox", "on"),
        (
            "refund_password",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
        ),
        ("moved_in", "on"),
    ];
    let pairs = pairs.map(|(name, value)| pair(name, value));
    let changed = apply(&Settings::default(), &pairs).unwrap();
    for row in SETTINGS {
        assert_ne!(row.value(&changed), row.default(), "{} is not tried here", row.name);
    }
    let shown: Vec<_> = SETTINGS.iter().map(|row| pair(row.name, &row.value(&changed))).collect();
    assert_eq!(apply(&Settings::default(), &shown), Ok(changed.clone()));
    assert_eq!(differences(&Settings::default(), &changed).len(), SETTINGS.len());
    let defaults: Vec<_> = SETTINGS.iter().map(|row| pair(row.name, DEFAULT)).collect();
    assert_eq!(apply(&changed, &defaults), Ok(Settings::default()));
}

#[test]
fn what_is_refused_names_the_setting_and_the_cure() {
    for (name, value, cure) in [
        ("strict", "on", "no setting strict: there are enabled, schemes"),
        ("enabled", "perhaps", "enabled: on or off"),
        ("schemes", "", "schemes: one or more of md5"),
        ("schemes", "md4", "schemes: one or more of md5"),
        ("schemes", "rsa2", "rsa_public_keys=@FILE"),
        ("rsa_public_keys", "x", "rsa_public_keys: RSA public keys of 2048"),
        ("allowed_ips", "10.0.0.0/33", "allowed_ips: IPv4 and IPv6"),
        ("allowed_ips", "shop.example", "allowed_ips: IPv4 and IPv6"),
        ("pinned_names", "sign", "pinned_names: names of parameters without sign"),
        ("pinned_names", "Name", "pinned_names: names of parameters"),
        ("replay_guard", "", "replay_guard: on, off or default"),
        ("notice_format", "xml", "notice_format: auto, form or json"),
        ("notify_url", "shop.example", "notify_url: an absolute http or https"),
        ("late_payment", "keep", "late_payment: refund or honour"),
        ("refund_password", "on", "refund_password: off, or the hash"),
        ("refund_password", "", "refund_password: off, or the hash"),
        ("refund_password", "long tea house", "jubao merchant refund-password"),
    ] {
        let refused = set(name, value).unwrap_err();
        assert!(refused.contains(cure), "{name}={value}: {refused}");
    }
}

#[test]
fn one_refused_value_leaves_all_as_they_were() {
    let pairs = [pair("sandbox", "on"), pair("late_payment", "keep")];
    assert!(apply(&Settings::default(), &pairs).is_err());
}
