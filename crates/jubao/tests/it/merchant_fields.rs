//! Every rule of a field broken over HTTP: exactly its code, the field named, no row left (contract
//! sections 4 and 8).

use serde_json::{Value, json};

use crate::app::TestApp;

/// Says that a member is left out.
pub const ABSENT: Value = Value::Null;

/// A good order with some members changed; [`ABSENT`] leaves one out.
pub fn changed(app: &TestApp, changes: &[(&str, Value)]) -> Value {
    let mut members = app.order(304);
    let map = members.as_object_mut().unwrap();
    for (name, value) in changes {
        map.remove(*name);
        if *value != ABSENT {
            map.insert((*name).to_owned(), value.clone());
        }
    }
    members
}

/// Places an order with one member changed: it must be refused with `code`, naming the member, and
/// must leave nothing behind.
async fn refused(app: &TestApp, rows: &[(&str, Value, i64)]) {
    for (name, value, code) in rows {
        let answer = app.call("/payment/pay", &changed(app, &[(*name, value.clone())])).await;
        let shown = value.to_string().chars().take(80).collect::<String>();
        assert_eq!(answer["code"], *code, "{name} {shown} {answer}");
        let message = answer["message"].as_str().unwrap();
        // Which permission or channel is missing is said without the name of a field.
        let is_named = matches!(code, 40100 | 492_003) || message.contains(name);
        assert!(is_named, "{name} {shown} is not named: {message}");
        assert!(answer.get("data").is_none(), "{answer}");
        assert_eq!(app.orders().await, 0, "{name} {shown} left a row");
    }
}

/// Places an order with one member changed: it must be accepted.
async fn accepted(app: &TestApp, rows: &[(&str, Value)]) {
    for (name, value) in rows {
        let answer = app.call("/payment/pay", &changed(app, &[(*name, value.clone())])).await;
        assert_eq!(answer["code"], 200, "{name} {value} {answer}");
    }
    assert_eq!(app.orders().await, rows.len());
}

/// A text of `count` letters.
pub fn long(letter: &str, count: usize) -> Value {
    letter.repeat(count).into()
}

fn url(length: usize) -> Value {
    let head = "https://shop.example/";
    format!("{head}{}", "x".repeat(length - head.len())).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_amount_or_product_has_its_code() {
    let app = TestApp::spawn().await;
    app.disable_accounts(&["alipay_mapi", "wechat_v2", "chinaums", "unionpay"]).await;
    refused(
        &app,
        &[
            ("total_fee", ABSENT, 4003),
            ("total_fee", json!(""), 491_003),
            ("total_fee", json!(0), 492_001),
            ("total_fee", json!(-1), 492_001),
            ("total_fee", json!("1.00"), 492_001),
            ("total_fee", json!("+1"), 492_001),
            ("total_fee", json!("01"), 492_001),
            ("total_fee", json!(" 1"), 492_001),
            ("total_fee", json!("1e3"), 492_001),
            ("total_fee", json!("０１"), 492_001),
            ("total_fee", json!("0x10"), 492_001),
            ("total_fee", json!(2_147_483_648_i64), 492_001),
            ("total_fee", json!(999_999_999_999_999_999_i64), 492_001),
            ("pay_channel_id", ABSENT, 4003),
            ("pay_channel_id", json!(""), 491_003),
            ("pay_channel_id", json!(999), 492_001),
            ("pay_channel_id", json!("0304"), 492_001),
            ("pay_channel_id", json!("alipay.qrcode"), 492_001),
            ("pay_channel_id", json!(103), 492_003),
            ("pay_channel_id", json!(204), 492_003),
            ("pay_channel_id", json!(301), 492_003),
            ("pay_channel_id", json!(302), 492_003),
            ("payment", json!("nonsense"), 492_001),
            ("payment", json!("Alipay.qrcode"), 492_001),
            ("payment", json!("alipay.qrcode"), 492_001),
            ("discount", json!(1), 40100),
            ("discount", json!(-1), 492_001),
            ("discount", json!("x"), 492_001),
            ("provider", json!("paypal"), 492_001),
            ("wallet", json!("US"), 492_001),
            ("wallet", json!("cn"), 492_001),
            ("sign_type", json!("HMAC-SHA256"), 492_001),
            ("version", json!(3), 492_001),
            ("version", json!("02"), 492_001),
        ],
    )
    .await;
    for (id, field) in [(203, "sub_appid"), (205, "sub_appid"), (401, "code")] {
        let answer =
            app.call("/payment/pay", &changed(&app, &[("pay_channel_id", json!(id))])).await;
        assert_eq!(answer["code"], 40109, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(field), "{answer}");
    }
    assert_eq!(app.orders().await, 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_text_has_its_code() {
    let app = TestApp::spawn().await;
    refused(
        &app,
        &[
            ("out_trade_no", json!("a b"), 492_001),
            ("out_trade_no", json!("订单1"), 492_001),
            ("out_trade_no", json!("a/b"), 492_001),
            ("out_trade_no", long("x", 65), 491_002),
            ("body", long("长", 129), 491_002),
            ("body", json!("a\nb"), 492_001),
            ("body", json!("a\u{0}b"), 492_001),
            ("body", json!("a\u{7f}b"), 492_001),
            ("body", json!("total_fee1"), 492_001),
            ("body", json!("x discount0"), 492_001),
            ("body", json!("return_urlhttps://evil.example/"), 492_001),
            ("attach", long("x", 129), 491_002),
            ("attach", json!("status1"), 492_001),
            ("attach", json!("sn1120260101000000"), 492_001),
            ("attach", json!("trade_stateSUCCESS"), 492_001),
            ("attach", json!("out_trade_noX"), 492_001),
            ("attach", json!("notify_urlhttps://evil.example/"), 492_001),
            ("attach", json!("\t"), 492_001),
            ("detail", json!("{"), 491_001),
            ("detail", json!("nonsense"), 491_001),
            ("detail", json!("{'a':1}"), 491_001),
            ("detail", json!(format!("\"{}\"", "x".repeat(5_999))), 491_002),
            ("sub_appid", json!("wx.1"), 492_001),
            ("sub_appid", long("x", 33), 491_002),
            ("sub_openid", json!("o 1"), 492_001),
            ("sub_openid", long("x", 129), 491_002),
            ("openid", json!("o 1"), 492_001),
            ("code", json!("123"), 492_001),
            ("code", json!("13460237074360619x"), 492_001),
            ("code", json!("163460237074360619"), 492_001),
            ("store_id", json!("x"), 492_001),
            ("store_id", json!(1_000_343), 492_001),
            ("spbill_create_ip", json!("8.8.8"), 492_001),
            ("spbill_create_ip", json!("localhost"), 492_001),
            ("client_ip", json!("nobody"), 492_001),
            ("time_expire", json!("tomorrow"), 490_001),
            ("time_expire", json!("20200101000000"), 490_001),
            ("time_expire", json!("20261301000000"), 490_001),
            ("time_expire", json!(app.clock.now().seconds() + 30), 490_001),
            ("time_expire", json!(app.clock.now().seconds() + 8 * 86_400), 490_001),
            ("timestamp", json!("soon"), 490_001),
            ("nonce_str", json!("a b"), 492_001),
            ("nonce_str", long("x", 65), 491_002),
            ("subject", long("x", 257), 491_002),
            ("device_info", json!("a\u{1b}b"), 492_001),
        ],
    )
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_has_its_code() {
    let app = TestApp::spawn().await;
    refused(
        &app,
        &[
            ("notify_url", json!("shop.example/notify"), 492_001),
            ("notify_url", json!("//shop.example/"), 492_001),
            ("notify_url", json!("ftp://shop.example/"), 492_001),
            ("notify_url", json!("file:///etc/passwd"), 492_001),
            ("notify_url", json!("gopher://shop.example/"), 492_001),
            ("notify_url", json!("http://user:word@shop.example/"), 492_001),
            ("notify_url", json!("http://10.0.0.1/"), 492_001),
            ("notify_url", json!("http://192.168.1.1/"), 492_001),
            ("notify_url", json!("http://169.254.169.254/latest/meta-data"), 492_001),
            ("notify_url", json!("http://0.0.0.0/"), 492_001),
            ("notify_url", json!("http://[::ffff:10.0.0.1]/"), 492_001),
            ("notify_url", json!("http://[fd00::1]/"), 492_001),
            ("notify_url", json!("http://167772161/"), 492_001),
            ("notify_url", json!("http://0xa000001/"), 492_001),
            ("notify_url", json!("http://shop.example:22/"), 492_001),
            ("notify_url", json!("http://shop.example:6379/"), 492_001),
            ("notify_url", json!("http://shop.example/a b"), 492_001),
            ("notify_url", json!("http://shop.example/\r\nX: y"), 492_001),
            ("notify_url", json!("https://shop.example/out_trade_noX"), 492_001),
            ("operator", json!("right after a URL"), 492_001),
            ("notify_url", url(513), 491_002),
            ("return_url", json!("javascript:alert(1)"), 492_001),
            ("return_url", json!("http://a@shop.example/"), 492_001),
            ("return_url", json!("/orders/1"), 492_001),
            ("return_url", url(513), 491_002),
            ("h5_redirect_url", json!("weixin://"), 492_001),
            ("h5_redirect_url", url(513), 491_002),
        ],
    )
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_allow_is_accepted() {
    let app = TestApp::spawn().await;
    accepted(
        &app,
        &[
            ("total_fee", json!("1")),
            ("total_fee", json!(1_998.999_999_999_999_8)),
            ("out_trade_no", json!("A-z_|*@.9")),
            ("out_trade_no", long("9", 64)),
            ("out_trade_no", json!("")),
            ("body", long("长", 128)),
            ("body", json!("iPhone wallet case, version2")),
            ("attach", json!("{\"status\":1,\"sn\":\"A1\"}")),
            ("attach", ABSENT),
            ("detail", json!("{\"goods\":[1,{\"a\":null}]}")),
            ("discount", json!(0)),
            ("wallet", json!("CN")),
            ("wallet", json!("")),
            ("provider", json!("alipay")),
            ("store_id", json!("1000342")),
            ("spbill_create_ip", json!("2001:db8::1")),
            ("time_expire", json!(app.clock.now().seconds() + 3_600)),
            ("time_expire", json!(app.clock.now().plus_millis(3_600_000).compact())),
            ("version", json!(1)),
            ("version", json!("2")),
            ("notify_url", json!("http://聚宝.com/notify")),
            ("notify_url", json!("https://shop.example/pay/notify_url.php?out_trade_no=1")),
            ("notify_url", json!("https://shop.example:8443/api/version2/notify")),
            ("notify_url", url(512)),
            ("return_url", json!("http://192.168.0.1/back")),
            ("sub_openid", json!("oxoPW5SUhI")),
            ("openid", json!("oxoPW5SUhI")),
            ("foo", json!("7")),
        ],
    )
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_and_number_of_a_product_is_understood() {
    let app = TestApp::spawn().await;
    for (word, id) in [
        ("alipay.wappay", 101),
        ("alipay.qrcode", 102),
        ("wechat.mweb", 201),
        ("wechat.h5", 201),
        ("wechat.qrcode", 202),
        ("jubao.qrcode", 304),
        ("聚宝.qrcode", 304),
        ("blueocean.qrcode", 304),
    ] {
        let by_word = [("pay_channel_id", ABSENT), ("payment", json!(word))];
        for changes in [&by_word[..], &[("pay_channel_id", json!(id)), ("payment", json!(word))]] {
            let answer = app.call("/payment/pay", &changed(&app, changes)).await;
            assert_eq!(answer["code"], 200, "{word} {answer}");
            assert_eq!(answer["data"]["pay_channel_id"], id, "{word}");
            assert!(!answer["data"]["qrcode"].as_str().unwrap().is_empty(), "{word} {answer}");
        }
    }
    let back = [("h5_redirect_url", json!("https://shop.example/back"))];
    let answer = app.call("/payment/pay", &changed(&app, &back)).await;
    let stored = app.stored(answer["data"]["sn"].as_str().unwrap()).await;
    assert_eq!(stored.return_url, "https://shop.example/back");
    app.finish().await;
}
