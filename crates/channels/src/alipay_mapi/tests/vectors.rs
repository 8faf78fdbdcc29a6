//! Worked examples made outside of this program, by a throw-away key.

use kernel::money::{Currency, Money};
use kernel::product::Product;
use serde_json::Value;

use super::{Bench, START, a_place, a_stamp, account_with, text_of};
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, Keys, SignType};
use crate::alipay_mapi::{AlipayMapi, settings};
use crate::{Channel, Op, Step};

fn vector(name: &str) -> (Value, String) {
    let all: Value = serde_json::from_str(include_str!("../../../vectors/upstreams.json")).unwrap();
    let cases = all["vectors"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == name).unwrap().clone();
    (case, all["public_key"].as_str().unwrap().to_owned())
}

fn keys<'a>(md5_key: &'a str, public_key: &'a str) -> Keys<'a> {
    Keys { md5_key, public_key }
}

#[test]
fn an_order_string_is_that_of_the_documents_sample() {
    let (case, public_key) = vector("alipay_mapi_securitypay_RSA");
    let text = case["string_to_sign"].as_str().unwrap();
    let sign = case["sign"].as_str().unwrap();
    assert!(keys("", &public_key).verify(SignType::Rsa, text, sign));
    assert_eq!(sign::order_string(text, sign), case["order_string"]);

    let (signed, fields) = sign::read_order_string(case["order_string"].as_str().unwrap()).unwrap();
    assert_eq!(signed, text);
    assert_eq!(fields.of("sign"), sign);
    assert_eq!(sign::order_text(&fields), text);
}

#[test]
fn a_placed_order_has_the_members_of_the_documents_sample() {
    let (case, _) = vector("alipay_mapi_securitypay_RSA");
    let account =
        account_with(&[("partner", "2088531020000001"), ("refer_url", "https://gw.example/")]);
    let mut place = a_place(Product::AlipayApp);
    place.trade_no = "916074790001".into();
    place.subject = "测试".into();
    place.amount = Money::new(10, Currency::Hkd);
    place.notify_url = "https://gw.example/notify/alipay".into();
    let step = AlipayMapi.request(&Op::Place(place), &account, &a_stamp()).unwrap();
    let Step::Done(outcome) = step else { panic!("nothing is sent") };
    let pay_text = text_of(&outcome);
    let (signed, fields) = sign::read_order_string(&pay_text).unwrap();
    assert_eq!(signed, case["string_to_sign"]);
    assert_eq!(fields.of("sign_type"), "RSA");
}

#[test]
fn a_request_is_signed_with_md5_over_text_and_key() {
    let (case, _) = vector("alipay_mapi_forex_rate_file_MD5");
    let key = case["key"].as_str().unwrap();
    let changes = [("partner", "2088101122136241"), ("sign_type", "MD5"), ("md5_key", key)];
    let mut bench = Bench::with(&changes);
    bench.now = START;
    let stamp = bench.stamp();
    let step = AlipayMapi.request(&Op::Rates, &bench.account, &stamp).unwrap();
    let Step::Send(request) = step else { panic!("a call") };
    let fields = Fields::from_form(request.query()).unwrap();
    assert_eq!(sign::text(&fields), case["string_to_sign"]);
    assert_eq!(fields.of("sign"), case["sign"]);
    assert_eq!(fields.of("sign_type"), case["sign_type"]);
    assert!(request.url.starts_with(settings::gateway(&bench.account).unwrap()));
}

/// Made with `openssl dgst -sha1 -sign` and a key of 1024 bits, as Alipay's own of MAPI is.
#[test]
fn a_signature_of_a_short_key_with_sha1_verifies() {
    let key = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCh/8PP6j8iU8HiGTdRkKLZcA3qq5/nn/f+JWh/3ZF6idJJ\
               l2nXuH4dPJPigvCI5njGIg1MwWXFwqOEJTqyC4qAVtjCTq2lPWs9hNbej6eZ7YuuiSJ+0W/bfr57Q20430Gm\
               A47/4OLYTHnxTrCAUnYynyA99rlB8xgImqoPYUk9IwIDAQAB";
    let sign = "CKwcwdZRmA0BQkNcFuVK413uaf3+c8RXk1/tSr36tvdPeo3UReKSL7Gma+p+vRyMqhhkHseD0ZRK9UvSH\
                nTAC09vEAxdZnkrqfPkSM5bymlvxLOS8zHjl389OPNLuR42iAaUTOAT4IxBxOHWOaP1DPdN/zSA52RZcU7v\
                +FrSiZs=";
    assert!(sign::is_public_key(key));
    let text = "out_trade_no=1&total_fee=0.10";
    assert!(keys("", key).verify(SignType::Rsa, text, sign));
    assert!(!keys("", key).verify(SignType::Rsa, "out_trade_no=1&total_fee=0.11", sign));
    assert!(!keys("", key).verify(SignType::Rsa2, text, sign));
}

#[test]
fn without_a_key_nothing_verifies() {
    let unkeyed = sign::md5("a=1", "");
    assert!(!keys("", "").verify(SignType::Md5, "a=1", &unkeyed));
    assert!(keys("k", "").verify(SignType::Md5, "a=1", &sign::md5("a=1", "k")));
    assert!(!keys("k", "").verify(SignType::Rsa, "a=1", ""));
}
