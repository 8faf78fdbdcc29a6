//! What single answers and notifications mean, in the manual's words, when they are truly signed.

use kernel::money::{Currency, Money};
use kernel::product::Product;
use serde_json::{Value, json};

use super::{
    APP_ID, Bench, KEYS, SELLER_ID, START, TRADE_NO, account, close, place, qr, query, set,
};
use crate::alipay::wire::Fields;
use crate::alipay::{Alipay, sign};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::RsaSigner;
use crate::{
    Callback, CallbackFault, Channel, Doubt, Op, Outcome, RefusalKind, SetupError, Stamp, Step,
};

fn alipay_sign(text: &str) -> String {
    RsaSigner::parse("platform", &KEYS[1].0).unwrap().sign(text.as_bytes()).unwrap()
}

/// An answer with one signed object.
fn signed(name: &str, text: &str) -> HttpResponse {
    let body = format!(r#"{{"{name}":{text},"sign":"{}"}}"#, alipay_sign(text));
    HttpResponse::new(200, "text/html;charset=utf-8", body)
}

fn name_of(op: &Op) -> &'static str {
    match op {
        Op::Place(_) => "alipay_trade_precreate_response",
        Op::Query(_) => "alipay_trade_query_response",
        Op::Close(_) => "alipay_trade_close_response",
        Op::Reverse(_) | Op::Refund(_) | Op::QueryRefund(_) | Op::Rates | Op::Keys => "",
    }
}

fn heard(op: &Op, answer: &HttpResponse) -> Outcome {
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    match Alipay.response(op, &account(), answer, &stamp) {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

fn judged(op: &Op, object: &Value) -> Outcome {
    heard(op, &signed(name_of(op), &object.to_string()))
}

fn is_unreadable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)))
}

fn refusal(code: &str, sub_code: &str) -> Value {
    json!({"code": code, "msg": "m", "sub_code": sub_code, "sub_msg": "原因"})
}

fn a_paid_trade() -> Value {
    json!({
        "code": "10000", "msg": "Success", "out_trade_no": TRADE_NO, "trade_no": "2026",
        "trade_status": "TRADE_SUCCESS", "total_amount": "88.88", "send_pay_date": START.beijing(),
    })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

#[test]
fn a_refusal_of_a_place_says_what_the_merchant_can_do() {
    let cases = [
        ("40004", "ACQ.TOTAL_FEE_EXCEED", RefusalKind::Business),
        ("40004", "ACQ.TRADE_NOT_EXIST", RefusalKind::Business),
        ("40002", "isv.invalid-signature", RefusalKind::Business),
        ("40001", "isv.missing-app-id", RefusalKind::Business),
        ("40003", "isv.x", RefusalKind::Business),
        ("40004", "ACQ.ACCESS_FORBIDDEN", RefusalKind::NotSupported),
        ("40006", "isv.insufficient-isv-permissions", RefusalKind::NotSupported),
        ("40004", "ACQ.CONTEXT_INCONSISTENT", RefusalKind::NumberUsed),
    ];
    for (code, sub_code, kind) in cases {
        match judged(&qr(), &refusal(code, sub_code)) {
            Outcome::Refused(refused) => {
                assert_eq!((refused.kind, refused.code.as_str()), (kind, sub_code));
                assert_eq!(refused.message, "原因");
            }
            other => panic!("{code} {sub_code} {other:?}"),
        }
        for op in [query(), close()] {
            let outcome = judged(&op, &refusal(code, sub_code));
            let is_of_the_order = sub_code == "ACQ.TRADE_NOT_EXIST";
            assert_eq!(outcome == Outcome::NotFound, is_of_the_order, "{sub_code}");
            assert!(is_of_the_order || is_unreadable(&outcome), "{outcome:?}");
        }
    }
}

#[test]
fn what_alipay_says_of_the_order_is_believed_of_every_operation() {
    for op in [qr(), query(), close()] {
        let said = |sub_code| judged(&op, &refusal("40004", sub_code));
        assert_eq!(said("ACQ.TRADE_HAS_SUCCESS"), Outcome::PaidElsewhere);
        assert_eq!(said("ACQ.TRADE_HAS_CLOSE"), Outcome::Closed);
    }
    let not_closable = refusal("40004", "ACQ.TRADE_STATUS_ERROR");
    assert_eq!(judged(&close(), &not_closable), Outcome::PaidElsewhere);
    assert!(is_unreadable(&judged(&query(), &not_closable)));
}

#[test]
fn a_failure_of_alipays_own_leaves_everything_unknown() {
    let cases = [
        ("20000", "isp.unknow-error"),
        ("20000", "aop.unknow-error"),
        ("40004", "ACQ.SYSTEM_ERROR"),
        ("40004", "aop.ACQ.SYSTEM_ERROR"),
        ("40005", "isv.app-call-limited"),
    ];
    for (code, sub_code) in cases {
        for op in [qr(), query(), close()] {
            let outcome = judged(&op, &refusal(code, sub_code));
            assert!(matches!(outcome, Outcome::Unknown(Doubt::Busy(_))), "{outcome:?}");
        }
    }
    for status in [302, 404, 429, 500, 502] {
        let answer =
            HttpResponse { status, ..signed(name_of(&query()), &a_paid_trade().to_string()) };
        assert!(matches!(heard(&query(), &answer), Outcome::Unknown(_)), "{status}");
    }
    for body in ["", " \r\n"] {
        let answer = HttpResponse::new(200, "text/html", body);
        assert_eq!(heard(&query(), &answer), Outcome::Unknown(Doubt::Empty));
    }
}

#[test]
fn a_trades_status_is_a_word_of_the_manual_or_unknown() {
    for word in ["TRADE_SUCCESS", "TRADE_FINISHED"] {
        let outcome = judged(&query(), &with(a_paid_trade(), "trade_status", word.into()));
        assert!(matches!(outcome, Outcome::Paid(_)), "{word}");
    }
    for word in ["trade_success", "TRADE_PENDING", ""] {
        assert!(is_unreadable(&judged(
            &query(),
            &with(a_paid_trade(), "trade_status", word.into())
        )));
    }
    let closed = with(a_paid_trade(), "trade_status", "TRADE_CLOSED".into());
    assert!(is_unreadable(&judged(&query(), &closed)), "closed after payment");
    assert_eq!(judged(&query(), &with(closed, "send_pay_date", "".into())), Outcome::Closed);
}

#[test]
fn a_payment_needs_every_fact_that_money_depends_on() {
    assert!(matches!(judged(&query(), &a_paid_trade()), Outcome::Paid(_)));
    let wrong = [
        ("total_amount", json!("88.888")),
        ("total_amount", json!(88.88)),
        ("total_amount", json!("-1.00")),
        ("total_amount", json!("0.00")),
        ("total_amount", json!("")),
        ("trade_no", json!("")),
        ("send_pay_date", json!("yesterday")),
        ("trans_currency", json!("USD")),
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("1120261122120005000006553802")),
        ("out_trade_no", json!(1)),
        ("code", json!("10003")),
        ("code", json!(10000)),
    ];
    for (name, value) in wrong {
        let outcome = judged(&query(), &with(a_paid_trade(), name, value.clone()));
        assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
    }
}

#[test]
fn what_the_payer_paid_after_discounts_is_the_cash() {
    let trade = with(a_paid_trade(), "buyer_pay_amount", "80.00".into());
    let trade = with(trade, "buyer_open_id", "open".into());
    let trade = with(trade, "fund_bill_list", json!([{"fund_channel": "PCREDIT"}]));
    let Outcome::Paid(payment) = judged(&query(), &trade) else { panic!("paid") };
    assert_eq!(payment.amount, Money::new(8888, Currency::Cny));
    assert_eq!(payment.cash, Money::new(8000, Currency::Cny));
    assert_eq!((payment.openid.as_str(), payment.bank_type.as_str()), ("open", "PCREDIT"));
}

#[test]
fn an_answer_that_is_not_signed_for_this_method_says_nothing() {
    let text = a_paid_trade().to_string();
    let name = name_of(&query());
    let sign = alipay_sign(&text);
    let twice = text.replacen('{', r#"{"total_amount":"1.00","#, 1);
    let bodies = [
        format!(r#"{{"{name}":{text}}}"#),
        format!(r#"{{"{name}":{text},"sign":""}}"#),
        format!(r#"{{"{name}":{text},"sign":1}}"#),
        format!(r#"{{"{name}":{text},"sign":"{sign}","sign":"{sign}"}}"#),
        format!(r#"{{"{name}":{text},"error_response":{text},"sign":"{sign}"}}"#),
        format!(r#"{{"{name}": {} ,"sign":"{sign}"}}"#, text.replace(':', ": ")),
        format!(r#"{{"alipay_trade_close_response":{text},"sign":"{sign}"}}"#),
        format!(r#"{{"{name}":{twice},"sign":"{}"}}"#, alipay_sign(&twice)),
        format!(r#"{{"{name}":[],"sign":"{}"}}"#, alipay_sign("[]")),
        r#"{"error_response":{"code":"40002","sub_code":"isv.invalid-signature"}}"#.to_owned(),
    ];
    for body in bodies {
        let outcome = heard(&query(), &HttpResponse::new(200, "text/html", body.clone()));
        assert!(is_unreadable(&outcome), "{body} {outcome:?}");
    }
    let refused = refusal("40002", "isv.invalid-app-id").to_string();
    let unsigned = format!(r#"{{"error_response":{refused}}}"#);
    assert!(is_unreadable(&heard(&qr(), &HttpResponse::new(200, "text/html", unsigned))));
    let outcome = heard(&qr(), &signed("error_response", &refused));
    assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
}

#[test]
fn a_close_answered_for_another_order_closes_nothing() {
    let closed = json!({"code": "10000", "out_trade_no": TRADE_NO});
    assert_eq!(judged(&close(), &closed), Outcome::Closed);
    assert!(is_unreadable(&judged(&close(), &with(closed, "out_trade_no", "1".into()))));
    assert!(is_unreadable(&judged(&close(), &json!({"code": "10000"}))));
    assert!(is_unreadable(&judged(&qr(), &json!({"code": "10000", "out_trade_no": TRADE_NO}))));
}

fn stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

#[test]
fn settings_that_make_no_request_possible_are_named_and_not_shown() {
    let cases = [
        ("private_key", "geheim"),
        ("alipay_public_key", "geheim"),
        ("gateway", "ftp://geheim"),
        ("gateway", "http://geheim/gateway.do?x=1"),
    ];
    for (name, value) in cases {
        let mut account = account();
        set(&mut account, name, value);
        for op in [qr(), place(Product::AlipayWap), query(), close()] {
            let SetupError(why) = Alipay.request(&op, &account, &stamp()).unwrap_err();
            assert!(why.starts_with(name) && !why.contains("geheim"), "{why}");
        }
    }
    let Op::Place(mut hkd) = qr() else { unreachable!() };
    hkd.amount = Money::new(1, Currency::Hkd);
    assert!(Alipay.request(&Op::Place(hkd), &account(), &stamp()).is_err());
}

#[test]
fn without_a_setting_the_gateway_is_alipays() {
    let mut account = account();
    set(&mut account, "gateway", "");
    let Step::Send(request) = Alipay.request(&query(), &account, &stamp()).unwrap() else {
        panic!("a call")
    };
    assert!(request.url.starts_with("https://openapi.alipay.com/gateway.do?app_id="));
}

#[test]
fn what_alipay_does_not_offer_is_answered_without_asking() {
    for op in [Op::Keys, place(Product::WechatQr), place(Product::MixedQr)] {
        match Bench::new().call(&op) {
            Outcome::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::NotSupported),
            other => panic!("{other:?}"),
        }
    }
}

/// A notification of a payment, before it is signed.
fn a_notification() -> Fields {
    let fields = [
        ("notify_type", "trade_status_sync"),
        ("charset", "utf-8"),
        ("app_id", APP_ID),
        ("seller_id", SELLER_ID),
        ("out_trade_no", TRADE_NO),
        ("trade_no", "2026"),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "88.88"),
        ("gmt_payment", "2026-11-22 12:00:05"),
        ("sign_type", "RSA2"),
    ];
    Fields(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
}

fn told(changes: &[(&str, &str)]) -> Callback {
    let mut fields = a_notification();
    for (name, value) in changes {
        fields.0.retain(|(key, _)| key != name);
        fields.push(name, *value);
    }
    let sign = alipay_sign(&sign::notice_text(&fields));
    fields.push("sign", sign);
    told_as(fields.to_form())
}

fn told_as(body: String) -> Callback {
    let request = HttpRequest {
        method: "POST".into(),
        url: "/callbacks/alipay/1".into(),
        headers: Vec::new(),
        body: body.into_bytes(),
    };
    Alipay.callback(&account(), &request, &stamp())
}

#[test]
fn a_notifications_words_are_judged_like_an_answers() {
    let outcome = |changes: &[(&str, &str)]| told(changes).facts.unwrap().outcome;
    let Outcome::Paid(payment) = outcome(&[]) else { panic!("paid") };
    assert_eq!((payment.amount.minor, payment.paid_at), (8888, START));
    assert!(matches!(outcome(&[("trade_status", "TRADE_FINISHED")]), Outcome::Paid(_)));
    let waiting = outcome(&[("trade_status", "WAIT_BUYER_PAY")]);
    assert_eq!(waiting, Outcome::Unpaid { is_acting: true });
    let closed = ("trade_status", "TRADE_CLOSED");
    assert_eq!(outcome(&[closed, ("gmt_payment", "")]), Outcome::Closed);
    for to_be_queried in [
        [closed, ("gmt_close", "2026-11-22 12:00:05")],
        [("gmt_refund", "2026-11-22 12:00:05.123"), ("refund_fee", "1.00")],
        [("trade_status", "TRADE_PENDING"), ("gmt_payment", "")],
    ] {
        assert_eq!(outcome(&to_be_queried), Outcome::PaidElsewhere, "{to_be_queried:?}");
    }
}

#[test]
fn a_notification_that_cannot_be_believed_is_refused() {
    for (name, value) in [
        ("sign_type", "RSA"),
        ("charset", "GBK"),
        ("notify_type", "other"),
        ("out_trade_no", ""),
        ("gmt_payment", ""),
        ("total_amount", "88.8a"),
        ("total_amount", "0.00"),
        ("trade_no", ""),
    ] {
        let facts = told(&[(name, value)]).facts;
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name} {value} {facts:?}");
    }
    let mismatch = |field| Err(CallbackFault::Mismatch { field });
    assert_eq!(told(&[("app_id", "1")]).facts, mismatch("app_id"));
    assert_eq!(told(&[("seller_id", "")]).facts, mismatch("seller_id"));
    let unsigned = told_as(a_notification().to_form()).facts;
    assert_eq!(unsigned, Err(CallbackFault::BadSignature));
}

#[test]
fn only_success_acknowledges() {
    let callback = told(&[]);
    assert_eq!((callback.ack.status, callback.ack.body.as_slice()), (200, &b"success"[..]));
    assert_ne!(callback.nack.status, 200);
    assert_ne!(callback.nack.body, b"success");
}
