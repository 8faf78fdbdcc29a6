//! The extensions of the signature: who may use them, what they demand, what they cannot be cut into.

use proptest::prelude::*;

use super::*;
use crate::rsa::PrivateKey;
use crate::sign::Signer;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The platform's pair, which stands for the merchant's as well: making one takes a while.
static PAIR: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().unwrap());

fn app_of(schemes: &[Scheme]) -> Application {
    let mut app = an_application();
    app.platform_key = Some(PAIR.clone());
    app.settings.schemes = schemes.to_vec();
    app.settings.rsa_public_keys = vec![PAIR.public_key().unwrap()];
    app
}

/// A JSON body of `fields`, signed as the merchant would.
fn body(fields: &[(&str, &str)], app: &Application, signing: Signing) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let sign = match signing.scheme {
        Scheme::Suffix => {
            let pairs = sorted.iter().map(|(name, text)| (*name, Cow::Borrowed(*text)));
            Signer::of(app).sign_suffix(&pairs.collect::<Vec<_>>())
        }
        Scheme::Md5 | Scheme::HmacSha256 | Scheme::Rsa2 => {
            let text = sign::canonical(sorted.iter().copied());
            Signer::of(app).sign_text(&text, signing).unwrap()
        }
    };
    let mut body = String::from("{");
    for (name, text) in fields.iter().chain([&("sign", sign.as_str())]) {
        json::push_string(&mut body, name);
        body.push(':');
        json::push_string(&mut body, text);
        body.push(',');
    }
    body.pop();
    body + "}"
}

/// An order as a scheme demands it.
fn order_by(scheme: Scheme) -> Vec<(&'static str, &'static str)> {
    let mut fields = order_with(&[("body", "聚宝")]);
    if scheme.is_strong() {
        fields.extend([("sign_type", scheme.sign_type()), ("nonce_str", "n1")]);
        fields.push(("timestamp", "1795320005"));
    }
    fields
}

fn code(body: &str, app: &Application) -> i64 {
    admit_json(body, app, Operation::Place).map_or_else(|fault| fault.code(), |_| 200)
}

#[test]
fn each_scheme_is_told_from_the_others_and_remembered() {
    let app = app_of(&Scheme::ALL);
    for signing in Signing::all() {
        let is_version2 = signing.form == SignForm::Version2;
        let mut fields = order_by(signing.scheme);
        fields.extend(is_version2.then_some(("version", "2")));
        let body = body(&fields, &app, signing);
        let admitted = admit_json(&body, &app, Operation::Place).unwrap();
        let expect = match signing.scheme {
            Scheme::Suffix if !is_version2 => Signing { form: SignForm::Plain, ..signing },
            _ => signing,
        };
        assert_eq!(admitted.sign_form, expect);
        assert_eq!(admitted.nonce.is_some(), signing.scheme.is_strong());
        assert!(admitted.is_form_certain);
    }
}

#[test]
fn a_scheme_that_the_application_does_not_accept_is_refused_once_it_is_known_to_be_authentic() {
    for scheme in [Scheme::Md5, Scheme::HmacSha256, Scheme::Rsa2] {
        let others: Vec<_> = Scheme::ALL.into_iter().filter(|other| *other != scheme).collect();
        let app = app_of(&others);
        let good = body(&order_by(scheme), &app, Signing { scheme, form: SignForm::Plain });
        assert_eq!(code(&good, &app), 40100, "{scheme:?}");
        assert_eq!(code(&good.replace("10000", "10001"), &app), 4004, "{scheme:?}");
    }
    let app = app_of(&[Scheme::Md5]);
    let suffix = Signing { scheme: Scheme::Suffix, form: SignForm::Plain };
    assert_eq!(code(&body(&order_by(Scheme::Suffix), &app, suffix), &app), 4004);
}

#[test]
fn a_stronger_scheme_is_strict_and_guarded_unless_the_setting_says_otherwise() {
    let mut app = app_of(&[Scheme::HmacSha256]);
    let signing = Signing { scheme: Scheme::HmacSha256, form: SignForm::Plain };
    let mut fields = order_by(Scheme::HmacSha256);
    fields.push(("zzz", "1"));
    assert_eq!(code(&body(&fields, &app, signing), &app), 492_001);
    app.settings.strict_names = Switch::Off;
    assert_eq!(code(&body(&fields, &app, signing), &app), 200);
    fields.retain(|(name, _)| *name != "nonce_str");
    assert_eq!(code(&body(&fields, &app, signing), &app), 40100);
    app.settings.replay_guard = Switch::Off;
    assert_eq!(code(&body(&fields, &app, signing), &app), 200);
}

#[test]
fn sign_type_says_how_it_is_signed() {
    let app = app_of(&Scheme::ALL);
    for (scheme, word, expect) in [
        (Scheme::Md5, "MD5", 200),
        (Scheme::Suffix, "MD5", 200),
        (Scheme::Md5, "md5", 492_001),
        (Scheme::Md5, "HMAC-SHA256", 492_001),
        (Scheme::HmacSha256, "MD5", 4004),
        (Scheme::HmacSha256, "RSA2", 4004),
        (Scheme::Rsa2, "HMAC-SHA256", 4004),
    ] {
        let mut fields = order_by(scheme);
        fields.retain(|(name, _)| *name != "sign_type");
        fields.push(("sign_type", word));
        let form = SignForm::Plain;
        assert_eq!(
            code(&body(&fields, &app, Signing { scheme, form }), &app),
            expect,
            "{scheme:?} {word}"
        );
    }
}

#[test]
fn an_address_that_is_not_allowed_is_named_after_the_signature_was_verified() {
    let mut app = app_of(&[Scheme::Md5]);
    app.settings.allowed_ips = vec!["203.0.113.0/24".parse().unwrap()];
    let good = body(&order_by(Scheme::Md5), &app, SignForm::Plain.into());
    let from = |body: &str, ip: Option<&str>| {
        let from = ip.map(|ip| ip.parse().unwrap());
        let context = Context { now: NOW, allow: &[], from };
        admit(&open(&raw(body, Operation::Place)).unwrap(), &app, &context)
    };
    assert!(from(&good, Some("203.0.113.9")).is_ok());
    let refused = from(&good, Some("2001:db8::1")).unwrap_err();
    assert_eq!(refused.code(), 40100);
    assert!(refused.message(crate::fault::Language::En).contains("2001:db8::1"));
    assert_eq!(from(&good, None).unwrap_err().code(), 40100);
    let forged = good.replace("10000", "10001");
    assert_eq!(from(&forged, Some("2001:db8::1")).unwrap_err().code(), 4004);
}

/// Every request that a text signed by `suffix` could belong to: each `&name=` begins a parameter, or
/// does not.
fn cuts(text: &str) -> Vec<Vec<(String, String)>> {
    let mut found: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for piece in text.split('&') {
        let mut next = Vec::new();
        for cut in found {
            if let Some((name, value)) = piece.split_once('=')
                && crate::fields::is_name(name)
                && cut.last().is_none_or(|(last, _)| last.as_str() < name)
                && !value.is_empty()
            {
                let mut begun = cut.clone();
                begun.push((name.to_owned(), value.to_owned()));
                next.push(begun);
            }
            if let Some((_, value)) = cut.clone().last_mut() {
                value.push('&');
                value.push_str(piece);
                let mut joined = cut.clone();
                joined.last_mut().unwrap().1.clone_from(value);
                next.push(joined);
            }
        }
        found = next;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_two_cuts_of_one_suffix_text_that_are_accepted_differ_outside_the_free_texts(
        pieces in proptest::collection::vec(prop_oneof![
            Just("attach=x"), Just("body=y"), Just("detail={}"), Just("mch_id=10502105689001"),
            Just("notify_url=https://a.example/?q=1"), Just("return_url=https://b.example/"),
            Just("out_trade_no=n1"), Just("total_fee=1"), Just("foo=1"), Just("oz=2"),
            Just("zzz=3"), Just("store_id=1"), Just("subject=s"), Just("a b"),
        ], 1..6)
    ) {
        let app = app_of(&[Scheme::Suffix]);
        let mut sorted = pieces.clone();
        sorted.extend(["mch_id=10502105689001", "pay_channel_id=304", "total_fee=100"]);
        sorted.sort_unstable();
        sorted.dedup();
        let signing = Signing { scheme: Scheme::Suffix, form: SignForm::Plain };
        for text in [sorted.join("&"), format!("attach=x&{}&{}", pieces[0], sorted.join("&"))] {
            let mut accepted = Vec::new();
            for cut in cuts(&text) {
                let fields: Vec<_> = cut.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                if admit_json(&body(&fields, &app, signing), &app, Operation::Place).is_ok() {
                    let is_free = |name: &str| matches!(name, "attach" | "body" | "detail");
                    let table = NameTable::of(Operation::Place);
                    let mut typed = cut.clone();
                    typed.retain(|(name, _)| !is_free(name) && table.row(name).is_some());
                    accepted.push(typed);
                }
            }
            accepted.dedup();
            prop_assert!(accepted.len() <= 1, "{text}: {accepted:?}");
        }
    }
}
