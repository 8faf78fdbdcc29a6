//! Every rule of a field broken, each answered by exactly its code.

use super::*;
use crate::product::Product;

#[test]
fn amounts_and_products_have_their_codes() {
    for (name, text, expect) in [
        ("total_fee", "(absent)", 4003),
        ("total_fee", "", 491_003),
        ("total_fee", "0", 492_001),
        ("total_fee", "010", 492_001),
        ("total_fee", "+1", 492_001),
        ("total_fee", "-1", 492_001),
        ("total_fee", "1.0", 492_001),
        ("total_fee", "１０", 492_001),
        ("total_fee", "2147483647", 200),
        ("total_fee", "2147483648", 492_001),
        ("pay_channel_id", "(absent)", 4003),
        ("pay_channel_id", "", 491_003),
        ("pay_channel_id", "999", 492_001),
        ("pay_channel_id", "0304", 492_001),
        ("pay_channel_id", "103", 200),
        ("pay_channel_id", "203", 40109),
        ("pay_channel_id", "204", 200),
        ("pay_channel_id", "205", 40109),
        ("pay_channel_id", "301", 200),
        ("pay_channel_id", "302", 200),
        ("pay_channel_id", "401", 40109),
        ("payment", "jubao.qrcode", 200),
        ("payment", "alipay.qrcode", 492_001),
        ("payment", "nonsense", 492_001),
    ] {
        code_of(&[(name, text)], expect);
    }
}

#[test]
fn texts_and_addresses_have_their_codes() {
    let long: &'static str = "长".repeat(129).leak();
    let url: &'static str = format!("https://a.cn/{}", "x".repeat(500)).leak();
    let detail: &'static str = format!("\"{}\"", "x".repeat(6_000)).leak();
    for (name, text, expect) in [
        ("out_trade_no", "A-z_|*@.9", 200),
        ("out_trade_no", "a b", 492_001),
        ("out_trade_no", "聚宝", 492_001),
        ("out_trade_no", long, 491_002),
        ("notify_url", "http://聚宝.com/notify", 200),
        ("notify_url", "ftp://a.cn", 492_001),
        ("notify_url", "http://127.1/", 492_001),
        ("notify_url", "http://localhost/", 492_001),
        ("notify_url", "http://a.cn:22/", 492_001),
        ("notify_url", "http://u:p@a.cn/", 492_001),
        ("notify_url", url, 491_002),
        ("return_url", "javascript:alert(1)", 492_001),
        ("return_url", "http://u@a.cn/", 492_001),
        ("return_url", "http://192.168.0.1/back", 200),
        ("return_url", url, 491_002),
        ("h5_redirect_url", "x", 492_001),
        ("h5_redirect_url", url, 491_002),
        ("body", long, 491_002),
        ("body", "a\nb", 492_001),
        ("body", "a\u{0}b", 492_001),
        ("body", "status1", 492_001),
        ("attach", long, 491_002),
        ("attach", "total_fee1", 492_001),
        ("attach", "notify_urlhttps://evil.example/", 492_001),
        ("detail", "{", 491_001),
        ("detail", "{\"a\":[1]}", 200),
        ("detail", detail, 491_002),
    ] {
        code_of(&[(name, text)], expect);
    }
}

#[test]
fn everything_else_has_its_code() {
    for (name, text, expect) in [
        ("wallet", "US", 492_001),
        ("wallet", "", 200),
        ("discount", "0", 200),
        ("discount", "1", 40100),
        ("discount", "-1", 492_001),
        ("store_id", "x", 492_001),
        ("store_id", "1000342", 200),
        ("spbill_create_ip", "8.8.8.8", 200),
        ("spbill_create_ip", "8.8.8", 492_001),
        ("time_expire", "1795320065", 200),
        ("time_expire", "1795320064", 490_001),
        ("time_expire", "tomorrow", 490_001),
        ("version", "2", 200),
        ("version", "3", 492_001),
        ("provider", "nobody", 492_001),
        ("sub_appid", "a.b", 492_001),
        ("sub_openid", "a b", 492_001),
        ("code", "123", 492_001),
        ("sign_type", "HMAC-SHA256", 492_001),
        ("timestamp", "soon", 490_001),
        ("foo", "bar", 200),
        ("mytotal_fee", "1", 492_001),
        ("foo", "total_fee1", 492_001),
    ] {
        code_of(&[(name, text)], expect);
    }
}

#[test]
fn products_that_need_more_are_admitted_with_it() {
    code_of(&[("pay_channel_id", "401"), ("code", "134602370743606195")], 200);
    let jsapi = [("pay_channel_id", "203"), ("sub_appid", "wx6f"), ("openid", "o1")];
    code_of(&jsapi, 200);
    code_of(&[("pay_channel_id", "(absent)"), ("payment", "unionpay.link")], 200);
}

#[test]
fn an_unknown_name_right_after_a_url_is_refused() {
    code_of(&[("notify_url", "https://a.cn/"), ("operator", "x")], 492_001);
    code_of(&[("operator", "x")], 200);
}

#[test]
fn a_value_that_can_be_cut_is_refused() {
    code_of(&[("notify_url", "https://a.cn/out_trade_noX")], 492_001);
    code_of(&[("body", "x"), ("attach", "notify_url")], 200);
    code_of(&[("body", "discount0")], 492_001);
    code_of(&[("return_url", "https://a.cn/?store_id7")], 492_001);
    code_of(&[("return_url", "https://a.cn/?store_id=7")], 200);
}

#[test]
fn discount_needs_permission_and_stays_below_the_amount() {
    let mut app = an_application();
    app.settings.may_discount = true;
    let order = |discount| placed(&order_with(&[("discount", discount)]), &app);
    assert_eq!(order("9999").unwrap().discount, 9_999);
    assert_eq!(order("10000").unwrap_err().code(), 492_001);
}

#[test]
fn a_full_order_becomes_a_typed_call() {
    let call = placed(
        &order_with(&[
            ("pay_channel_id", "(absent)"),
            ("payment", "wechat.h5"),
            ("out_trade_no", "T1"),
            ("notify_url", "http://聚宝.com/notify"),
            ("h5_redirect_url", "https://a.cn/back"),
            ("body", "聚宝"),
            ("attach", "11"),
            ("detail", "[]"),
            ("wallet", "CN"),
            ("store_id", "7"),
            ("spbill_create_ip", "2001:db8::1"),
            ("time_expire", "20261122123005"),
        ]),
        &an_application(),
    );
    let expect = PlaceCall {
        product: Product::WechatH5,
        total_fee: 10_000,
        discount: 0,
        out_trade_no: Some("T1".into()),
        notify_url: Some("http://聚宝.com/notify".into()),
        return_url: Some("https://a.cn/back".into()),
        body: "聚宝".into(),
        attach: "11".into(),
        detail: "[]".into(),
        wallet: "CN".into(),
        store_id: 7,
        payer_ip: "2001:db8::1".parse().ok(),
        expires_at: Some(Timestamp::from_seconds(1_795_321_805)),
        openid: String::new(),
        sub_appid: String::new(),
        code: None,
    };
    assert_eq!(call, Ok(expect));
}
