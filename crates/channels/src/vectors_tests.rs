//! Every case of `vectors/upstreams.json` is read: a case without a check fails, and so does a check
//! without a case. Each is checked here from its text to its result; that the channels make these
//! texts is shown beside their own code.

use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::sign::md5_sign;
use serde_json::Value;

use crate::{legacy, seal};

/// A case with the key that its signatures verify with.
struct Case<'a>(&'a Value, &'a str);

impl Case<'_> {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.0))
    }

    fn verifies(&self, text: &str, signature: &str) {
        assert!(seal::verifies(self.1, text.as_bytes(), signature), "{}", self.0);
        assert!(!seal::verifies(self.1, format!("{text} ").as_bytes(), signature), "{}", self.0);
    }

    fn verifies_sha1(&self, text: &str, signature: &str) {
        assert!(legacy::verifies_sha1(self.1, text.as_bytes(), signature), "{}", self.0);
        assert!(!seal::verifies(self.1, text.as_bytes(), signature), "{}", self.0);
    }

    /// What the merchant's key makes of a text.
    fn of_merchant(&self, text: &str, form: SignForm) -> String {
        md5_sign(&Secret::new(self.text("key")), text, form)
    }

    fn opens_aes_ecb(&self, key: &str, sealed: &[u8]) {
        let plain = legacy::open_aes_ecb(key.as_bytes(), sealed).unwrap();
        assert_eq!(String::from_utf8(plain.clone()).unwrap(), self.text("plaintext"));
        assert_eq!(legacy::seal_aes_ecb(key.as_bytes(), &plain).unwrap(), sealed);
    }
}

fn md5(text: &str) -> String {
    legacy::md5_hex(text.as_bytes())
}

fn sha256(text: &str) -> String {
    legacy::sha256_hex(text.as_bytes())
}

/// The worked example of the merchants' document.
const OF_THE_DOCUMENT: &str = "attach11bodyabcmch_id10502105689001notify_urlhttps://www.baidu.com\
     out_trade_no2021020920221357790pay_channel_id304return_urlhttps://www.baidu.comtotal_fee10000";

/// How a case is checked.
type Check = fn(&Case<'_>);

const CHECKS: [(&str, Check); 22] = [
    ("jubao_seed_md5", |case| {
        assert_eq!(case.of_merchant(OF_THE_DOCUMENT, SignForm::Widened), case.text("expect"));
    }),
    ("jubao_seed_md5_nonascii", |case| {
        let text = case.text("sorted_concat");
        let widened = case.of_merchant(text, SignForm::Widened);
        assert_eq!(widened, case.text("expect_version_absent"));
        // The version is signed where there is one; its name is the last.
        let raw = case.of_merchant(&format!("{text}version2"), SignForm::Version2);
        assert_eq!(raw, case.text("expect_raw_utf8_when_joined_string_same_but_version2"));
    }),
    ("alipay_v2_request_RSA2", |case| {
        case.verifies(case.text("string_to_sign"), case.text("sign"))
    }),
    ("alipay_v2_request_RSA_sha1", |case| {
        case.verifies_sha1(case.text("string_to_sign"), case.text("sign"));
    }),
    ("alipay_v2_response", |case| {
        let body: Value = serde_json::from_str(case.text("body")).unwrap();
        case.verifies(case.text("signed_substring"), body["sign"].as_str().unwrap());
    }),
    ("alipay_v2_notify", |case| {
        case.verifies(case.text("string_to_sign"), case.0["params"]["sign"].as_str().unwrap());
    }),
    ("alipay_v3_request", |case| {
        let (_, signature) = case.text("authorization").split_once("sign=").unwrap();
        case.verifies(case.text("string_to_sign"), signature);
    }),
    ("alipay_mapi_securitypay_RSA", |case| {
        case.verifies_sha1(case.text("string_to_sign"), case.text("sign"));
        assert!(case.text("order_string").starts_with(case.text("string_to_sign")));
    }),
    ("alipay_mapi_forex_rate_file_MD5", |case| {
        let text = format!("{}{}", case.text("string_to_sign"), case.text("key"));
        assert_eq!((md5(&text).as_str(), "MD5"), (case.text("sign"), case.text("sign_type")));
    }),
    ("wechat_v2", |case| {
        let text = case.text("string_to_sign");
        let (_, key) = text.split_once("&key=").unwrap();
        let hmac = legacy::hmac_sha256_hex(key.as_bytes(), text.as_bytes());
        assert_eq!(md5(text).to_uppercase(), case.text("md5"));
        assert_eq!(hmac.to_uppercase(), case.text("hmac_sha256"));
    }),
    ("wechat_v2_refund_req_info", |case| {
        assert_eq!(md5(case.text("api_key")), case.text("aes_key"));
        let sealed = seal::from_base64(case.text("req_info")).unwrap();
        case.opens_aes_ecb(case.text("aes_key"), &sealed);
    }),
    ("wechat_v3_request", |case| {
        case.verifies(case.text("string_to_sign"), case.text("signature"))
    }),
    ("wechat_v3_request_get", |case| {
        case.verifies(case.text("string_to_sign"), case.text("signature"));
    }),
    ("wechat_v3_jsapi_paySign", |case| {
        case.verifies(case.text("string_to_sign"), case.text("paySign"));
    }),
    ("wechat_v3_aead", |case| {
        let part = |name: &str| case.text(name).as_bytes();
        let sealed = seal::from_base64(case.text("ciphertext")).unwrap();
        let (key, nonce, aad) = (part("apiv3_key"), part("nonce"), part("associated_data"));
        let plain = seal::open_aes_gcm(key, nonce, aad, &sealed);
        assert_eq!(plain.as_deref(), Some(part("plaintext")));
    }),
    ("unionpay_510_rsa", |case| {
        assert_eq!(sha256(case.text("string")), case.text("digest_hex"));
        case.verifies(case.text("digest_hex"), case.text("signature"));
    }),
    ("unionpay_510_sha256key", |case| {
        let text = format!("{}&{}", case.text("string"), sha256(case.text("secureKey")));
        assert_eq!(sha256(&text), case.text("signature"));
    }),
    ("unionpay_500_rsa_sha1", |case| {
        assert_eq!(legacy::sha1_hex(case.text("string").as_bytes()), case.text("digest_hex"));
        case.verifies_sha1(case.text("digest_hex"), case.text("signature"));
    }),
    ("easylink_accessKey", |case| {
        assert_eq!(sha256(case.text("string")), case.text("accessKey"));
    }),
    ("jeepay_md5", |case| {
        assert_eq!(md5(case.text("string")).to_uppercase(), case.text("sign"));
    }),
    ("tlinx", |case| {
        let param = |name: &str| case.0["params"][name].as_str().unwrap();
        let digit = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        let sealed: Vec<u8> = param("data").as_bytes().chunks(2).map(digit).collect();
        case.opens_aes_ecb(param("open_key"), &sealed);
        assert_eq!(md5(&legacy::sha1_hex(case.text("string").as_bytes())), case.text("sign"));
    }),
    ("epay_md5", |case| assert_eq!(md5(case.text("string")), case.text("sign"))),
];

#[test]
fn no_case_is_left_unread() {
    let all: Value = serde_json::from_str(include_str!("../vectors/upstreams.json")).unwrap();
    let (key, cases) = (all["public_key"].as_str().unwrap(), all["vectors"].as_array().unwrap());
    let names: Vec<_> = cases.iter().map(|case| case["name"].as_str().unwrap()).collect();
    assert_eq!(names, CHECKS.map(|(name, _)| name));
    for ((_, check), case) in CHECKS.iter().zip(cases) {
        check(&Case(case, key));
    }
}
