//! What is sent, member by member, and the worked example made outside of this program.

use kernel::money::Currency;
use kernel::product::Product;
use kernel::secret::Secret;

use super::{
    APP_ID, BASE, MCH_NO, REFUND_NO, SECRET, SHOWN, TRADE_NO, a_place, a_stamp, account, barcode,
    place, refund, sent, set, trade,
};
use crate::jeepay::Jeepay;
use crate::jeepay::sign::{sign, verifies};
use crate::jeepay::wire::Fields;
use crate::{Channel, Op, Place, SetupError};

#[test]
fn a_sign_is_that_of_the_worked_example() {
    let text = "amount=8&appId=60cc09bce4b0f1c0b83761c9&body=商品描述&clientIp=192.166.1.132\
                &currency=cny&mchNo=M1623984572&mchOrderNo=mho1624005752661\
                &notifyUrl=https://www.jeequan.com&reqTime=1622016572190\
                &returnUrl=https://www.jeequan.com&signType=MD5&subject=商品标题&version=1.0\
                &wayCode=WX_BAR";
    let mut fields = Fields::from_form(text).unwrap();
    fields.0.reverse();
    fields.0.push(("extParam".into(), String::new()));
    let expect = "EA3A2530E550696C99BBC3CEB8F5F77D";
    assert_eq!(sign(&fields, SECRET), expect);
    for (given, secret, is_right) in [
        (expect, SECRET, true),
        (&expect.to_lowercase(), SECRET, true),
        (expect, "EWEFD123RGSRETYDFNGFGFGSHDFG", false),
        (&sign(&fields, ""), "", false),
        ("", SECRET, false),
    ] {
        assert_eq!(verifies(&fields, given, secret), is_right, "{given}");
    }
}

#[test]
fn names_are_sorted_without_regard_to_case() {
    let fields = Fields::from_form("b=1&A=2&a1=3&B2=4").unwrap();
    let text = "A=2&a1=3&b=1&B2=4&key=k";
    // `=` sorts after digits: JeePay sorts whole pieces.
    let text = text.replace("A=2&a1=3&", "a1=3&A=2&").replace("b=1&B2=4&", "B2=4&b=1&");
    assert_eq!(sign(&fields, "k"), crate::legacy::md5_hex(text.as_bytes()).to_uppercase());
}

#[test]
fn an_order_is_sent_with_everything_it_needs() {
    let (request, sent) = sent(&place(Product::AlipayQr), &account());
    assert_eq!(request.url, format!("{BASE}/api/pay/unifiedOrder"));
    assert!(verifies(&sent, sent.of("sign"), SECRET));
    for (name, value) in [
        ("mchNo", MCH_NO),
        ("appId", APP_ID),
        ("reqTime", "1795320005000"),
        ("version", "1.0"),
        ("signType", "MD5"),
        ("mchOrderNo", TRADE_NO),
        ("wayCode", "ALI_QR"),
        ("amount", "8888"),
        ("currency", "cny"),
        ("clientIp", "203.0.113.9"),
        ("subject", "测试 a＆b=c <b>"),
        ("body", "测试 a＆b=c <b>"),
        ("notifyUrl", "https://pay.example/callback/jeepay/1/2/3"),
        ("returnUrl", "https://pay.example/pay/TOKEN?x=1"),
        ("expiredTime", "1800"),
        ("channelExtra", r#"{"payDataType":"codeUrl"}"#),
    ] {
        assert_eq!(sent.of(name), value, "{name}");
    }
    assert_eq!(sent.0.len(), 17);
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["amount"], 8888, "a number");
}

#[test]
fn every_product_goes_its_way() {
    let ways =
        ["ALI_WAP", "ALI_QR", "ALI_APP", "WX_H5", "WX_NATIVE", "WX_JSAPI", "UP_WAP", "UP_QR"];
    for (product, way) in SHOWN.into_iter().zip(ways) {
        assert_eq!(sent(&place(product), &account()).1.of("wayCode"), way);
    }
    let jsapi = sent(&place(Product::WechatJsapi), &account()).1;
    assert_eq!(jsapi.of("channelExtra"), r#"{"openid":"oPayer1"}"#);
    let code = sent(&barcode("00"), &account()).1;
    assert_eq!(code.of("wayCode"), "AUTO_BAR");
    assert_eq!(code.of("channelExtra"), r#"{"authCode":"288271620985824600"}"#);
    let mut easylink = account();
    set(&mut easylink, "ways", "301=UP_OP");
    assert_eq!(sent(&place(Product::UnionpayLink), &easylink).1.of("wayCode"), "UP_OP");
}

#[test]
fn empty_texts_are_left_out_and_long_ones_cut() {
    let mut order = a_place(Product::AlipayQr);
    order.payer_ip = String::new();
    order.subject = "测".repeat(300);
    let (_, sent) = sent(&Op::Place(order), &account());
    assert!(!sent.0.iter().any(|(name, _)| name == "clientIp"));
    assert_eq!(sent.of("subject").chars().count(), 64);
    assert_eq!(sent.of("body").chars().count(), 256);
}

#[test]
fn questions_name_our_numbers() {
    let product = Product::AlipayQr;
    let one = || refund(product, 100, REFUND_NO);
    for (op, path, name, number) in [
        (Op::Query(trade(product)), "/api/pay/query", "mchOrderNo", TRADE_NO),
        (Op::Close(trade(product)), "/api/pay/close", "mchOrderNo", TRADE_NO),
        (Op::Refund(one()), "/api/refund/query", "mchRefundNo", REFUND_NO),
        (Op::QueryRefund(one()), "/api/refund/query", "mchRefundNo", REFUND_NO),
    ] {
        let (request, sent) = sent(&op, &account());
        assert_eq!((request.path(), sent.of(name)), (path, number));
        assert!(verifies(&sent, sent.of("sign"), SECRET) && sent.0.len() == 7);
    }
}

#[test]
fn settings_that_make_no_request_possible_are_named_and_never_shown() {
    for (key, value) in [
        ("base_url", "ftp://geheim"),
        ("base_url", ""),
        ("mch_no", ""),
        ("app_id", " "),
        ("app_secret", ""),
        ("ways", "102=ALI_QR 999=X"),
        ("ways", "102"),
        ("messages", "x=geheim"),
    ] {
        let mut account = account();
        set(&mut account, key, value);
        let place = place(Product::AlipayQr);
        match Jeepay.request(&place, &account, &a_stamp()) {
            Err(SetupError(why)) => assert!(why.starts_with(&format!("{key}: ")), "{key} {why}"),
            Ok(step) => assert!(key == "ways" && value == "102", "{step:?}"),
        }
    }
    let mut account = account();
    set(&mut account, "close_path", "api/pay/close");
    assert!(Jeepay.request(&Op::Close(trade(Product::AlipayQr)), &account, &a_stamp()).is_err());
}

#[test]
fn another_currency_than_the_accounts_is_not_sent() {
    let mut order = a_place(Product::AlipayQr);
    order.amount.currency = Currency::Hkd;
    assert!(Jeepay.request(&Op::Place(order), &account(), &a_stamp()).is_err());
    let mut back = refund(Product::AlipayQr, 1, REFUND_NO);
    back.amount.currency = Currency::Hkd;
    assert!(Jeepay.request(&Op::Refund(back), &account(), &a_stamp()).is_err());
}

#[test]
fn nothing_secret_is_printed_or_put_into_an_address() {
    let code = Some(Secret::new("288271620985824600"));
    let op = Op::Place(Place { code, ..a_place(Product::Micropay) });
    let (request, _) = sent(&op, &account());
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(!body.contains(SECRET) && !request.url.contains("2882716209858246"));
    let shown = format!("{request:?} {op:?} {:?}", account());
    assert!(!shown.contains(SECRET) && !shown.contains("2882716209858246"));
}
