//! Worked examples made outside of this program: the manual's, and ours.

use serde_json::{Value, json};

use super::super::callback::seal_key;
use super::super::pay_text::{hk_sign, members};
use super::super::settings::HkPaySign;
use super::super::sign::{SignType, text};
use super::super::xml::Members;
use crate::legacy::{open_aes_ecb, seal_aes_ecb};
use crate::seal::{base64, from_base64};

fn vector(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../../vectors/upstreams.json")).unwrap();
    let cases = all["vectors"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap().clone()
}

#[test]
fn a_message_is_signed_as_the_manual_says() {
    let case = vector("wechat_v2");
    let members = Members::from([
        ("sign", "left out"),
        ("nonce_str", "ibuaiVcKdpRxkhJA"),
        ("mch_id", "10000100"),
        ("appid", "wxd930ea5d5a258f4f"),
        ("device_info", "1000"),
        ("body", "test"),
        ("empty", ""),
    ]);
    let key = "192006250b4c09247ec02edce69f6a2d";
    assert_eq!(text(&members, key), case["string_to_sign"]);
    assert_eq!(SignType::Md5.sign(&members, key), case["md5"]);
    assert_eq!(SignType::HmacSha256.sign(&members, key), case["hmac_sha256"]);
}

#[test]
fn a_call_of_the_wallet_is_signed_as_the_manual_says() {
    let config = json!({
        "appId": "wxd678efh567hg6787",
        "timeStamp": "1490840662",
        "nonceStr": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "package": "prepay_id=wx2017033010242291fcfe0db70013231072",
        "signType": "MD5",
    });
    let sign = SignType::Md5.sign(&members(&config), "qazwsxedcrfvtgbyhnujmikolp111111");
    assert_eq!(sign, "22D9B4E54AB1950F51E0649E8810ACD6");
}

#[test]
fn a_call_of_the_hong_kong_wallet_is_signed_by_either_rule() {
    let config = json!({
        "appId": "wxf8b4f85f3a794e77",
        "timeStamp": "189026618",
        "nonceStr": "adssdasssd13d",
        "package": "prepay_id=wx1",
        "signType": "SHA1",
    });
    let sign = hk_sign(HkPaySign::AppKey, &members(&config), "KEY");
    assert_eq!(sign, "310d887d359833b5b25dec2968b77ace64e1b822");
    let text = "appId=wxf8b4f85f3a794e77&nonceStr=adssdasssd13d&package=prepay_id=wx1\
                &signType=SHA1&timeStamp=189026618&key=KEY";
    let sign = hk_sign(HkPaySign::KeySuffix, &members(&config), "KEY");
    assert_eq!(sign, crate::legacy::sha1_hex(text.as_bytes()));
}

#[test]
fn the_notification_of_a_refund_is_opened() {
    let case = vector("wechat_v2_refund_req_info");
    let key = seal_key(case["api_key"].as_str().unwrap());
    assert_eq!(key, case["aes_key"].as_str().unwrap().as_bytes());
    let plain = open_aes_ecb(&key, &from_base64(case["req_info"].as_str().unwrap()).unwrap());
    let plain = plain.unwrap();
    assert_eq!(str::from_utf8(&plain).unwrap(), case["plaintext"]);
    assert_eq!(base64(&seal_aes_ecb(&key, &plain).unwrap()), case["req_info"]);
    let root = Members::parse(&plain, "root").unwrap();
    assert_eq!(root.of("out_refund_no"), "R1");
    assert_eq!(root.of("refund_recv_accout"), "支付用户的零钱");
}
