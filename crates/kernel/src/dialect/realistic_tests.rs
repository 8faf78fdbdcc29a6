//! Requests as merchants really send them must all be admitted: the unique parse may refuse none.

use proptest::prelude::*;

use super::tests::{admit_json, signed};
use super::*;
use crate::sign::tests::an_application;

const BODIES: &[&str] = &[
    "",
    "Shopping",
    "iPhone wallet case, version2",
    "Café crème & co",
    "聚宝商城订单：苹果手机壳 x2（包邮）",
    "payment for order 2021020920221357790",
    "code: ABC123; discount 5%",
    "subject/detail of attach",
    "🎉 party\\box",
];
const ATTACHES: &[&str] = &[
    "",
    "11",
    "{\"uid\":\"10086\",\"status\":1,\"sn\":\"A1\"}",
    "a:2:{s:3:\"uid\";i:5;}",
    "user=5&store_id=7",
    "YWJjZGVmZw==",
    "sn123|status=1",
    "wallet.version=2",
];
const URLS: &[&str] = &[
    "",
    "https://www.baidu.com",
    "http://聚宝.com/notify",
    "https://shop.example/pay/notify_url.php?out_trade_no=1",
    "https://shop.example/api/version2/notify",
    "https://shop.example/?wc-api=WC_Gateway_Jubao&order_id=17&key=wc_order_9x",
    "https://shop.example/index.php?route=payment/wechat&code=5&return_url=%2Fhome",
    "https://payment.example.com/index/debug?store_id=2&total_fee=5",
    "http://shop.example:8080/wallet/openid/callback#done",
    "https://shop.example/return?body=1&detail=2&mch_id=3",
];
const DETAILS: &[&str] = &[
    "",
    "[]",
    "{\"goods_detail\":[{\"goods_id\":\"1001\",\"body\":\"x\",\"total_fee\":100,\"price\":9}]}",
    "[{\"name\":\"手机\",\"discount\":0,\"code\":\"134602370743606195\"}]",
];
const SUBJECTS: &[(&str, &str)] = &[
    ("pay_channel_id", "304"),
    ("pay_channel_id", "101"),
    ("payment", "alipay.qrcode"),
    ("payment", "聚宝.qrcode"),
    ("payment", "wechat.mweb"),
];
const EXTRAS: &[(&str, &str)] = &[
    ("foo", "bar"),
    ("zone", "Asia/Shanghai"),
    ("device_info", "WEB"),
    ("client_ip", "203.0.113.7"),
    ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
    ("timestamp", "1795320005"),
    ("sign_type", "MD5"),
    ("store_id", "1000342"),
    ("wallet", "CN"),
    ("spbill_create_ip", "8.8.8.8"),
    ("provider", "alipay"),
    ("subject", "聚宝 order"),
    ("version", "2"),
    ("version", "1"),
    ("discount", "0"),
    ("time_expire", "1795321805"),
];

fn pick(table: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(table)
}

prop_compose! {
    fn a_request()(
        texts in (pick(BODIES), pick(ATTACHES), pick(DETAILS)),
        urls in (pick(URLS), pick(URLS)),
        subject in prop::sample::select(SUBJECTS),
        extras in prop::sample::subsequence(EXTRAS, 0..5),
        number in "[A-Za-z0-9_.@-]{1,32}",
        amount in 1..1_000_000_i64,
        by_app in any::<bool>(),
    ) -> Vec<(String, String)> {
        let caller =
            if by_app { ("appid", "1000258") } else { ("mch_id", "10502105689001") };
        let amount = amount.to_string();
        let mut fields = vec![
            caller, subject, ("total_fee", amount.as_str()), ("out_trade_no", number.as_str()),
            ("body", texts.0), ("attach", texts.1), ("detail", texts.2),
            ("notify_url", urls.0), ("return_url", urls.1),
        ];
        fields.extend(extras);
        fields.sort_unstable();
        fields.dedup_by(|left, right| left.0 == right.0);
        fields.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_realistic_request_is_refused(fields in a_request()) {
        let pairs = fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let body = signed(&pairs.collect::<Vec<_>>());
        let admitted = admit_json(&body, &an_application(), Operation::Place);
        prop_assert!(admitted.is_ok(), "{body}: {:?}", admitted.err());
    }
}
