//! Whatever bytes come: no panic, and nothing is believed that WeChat Pay did not sign.

use std::sync::LazyLock;

use kernel::product::Product;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq, proptest};
use serde_json::{Value, json};

use super::{
    Mode, NOON, REFUND_NO, World, about, barcode, close, native, order, query, refund,
    signed_answer,
};
use crate::http::{HttpRequest, HttpResponse};
use crate::tamper::{Judge, nothing};
use crate::{Account, Channel, Doubt, Op, Outcome, Place, Refund, Stamp, Step};

/// An account, and messages that it believes: the negative control of every test below.
struct Believed {
    account: Account,
    answer: HttpResponse,
    closed: HttpResponse,
    certificates: HttpResponse,
    refunded: HttpResponse,
    reversed: HttpResponse,
    callback: HttpRequest,
    stamp: Stamp,
}

static BELIEVED: LazyLock<Believed> = LazyLock::new(|| {
    let mut world = World::new(Mode::Certificate);
    world.place(&native());
    world.pay();
    let callback = world.callbacks().remove(0).request;
    let mut answer_to = |op: &Op| {
        let request = world.request(op).unwrap();
        world.serve(&request).unwrap()
    };
    let (answer, certificates) = (answer_to(&query()), answer_to(&Op::Keys));
    answer_to(&Op::Refund(whole_refund()));
    world.wait(3_000);
    let request = world.request(&Op::QueryRefund(whole_refund())).unwrap();
    let refunded = world.serve(&request).unwrap();
    let closed = only_answer(native(), &close());
    let reversed = only_answer(barcode("00"), &reverse());
    let stamp = world.stamp();
    let account = world.account;
    Believed { account, answer, closed, certificates, refunded, reversed, callback, stamp }
});

/// The answer to `op` in a world of its own, in which `place` was placed.
fn only_answer(place: Place, op: &Op) -> HttpResponse {
    let mut world = World::new(Mode::Certificate);
    world.ask(&Op::Place(place));
    let request = world.request(op).unwrap();
    world.serve(&request).unwrap()
}

fn whole_refund() -> Refund {
    refund(REFUND_NO, native().amount.minor)
}

fn reverse() -> Op {
    Op::Reverse(about(Product::Micropay))
}

fn judge(op: &Op, answer: &HttpResponse) -> Outcome {
    match super::Wechat.response(op, &BELIEVED.account, answer, &BELIEVED.stamp) {
        Step::Done(outcome) => outcome,
        Step::Send(_) => panic!("every operation takes one step"),
    }
}

fn is_doubt(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_))
}

#[test]
fn the_messages_are_believed_as_they_are() {
    let believed = &*BELIEVED;
    assert!(matches!(judge(&query(), &believed.answer), Outcome::Paid(_)));
    assert_eq!(judge(&close(), &believed.closed), Outcome::Closed);
    assert!(matches!(judge(&Op::Keys, &believed.certificates), Outcome::Keys(_)));
    let refunded = judge(&Op::QueryRefund(whole_refund()), &believed.refunded);
    assert!(matches!(refunded, Outcome::Refunded(_)));
    assert_eq!(judge(&reverse(), &believed.reversed), Outcome::Reversed);
    let heard = super::Wechat.callback(&believed.account, &believed.callback, &believed.stamp);
    assert!(heard.facts.is_ok());
}

/// The whole body is signed, and these headers; the serial, which names the key, may be spelt in
/// letters of either case.
const SIGNED: [&str; 3] = ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature"];

fn judge_of(believed: &Believed) -> Judge<'_> {
    Judge {
        channel: &super::Wechat,
        account: &believed.account,
        stamp: &believed.stamp,
        headers: &SIGNED,
        free: nothing,
    }
}

#[test]
fn no_changed_byte_of_an_answer_is_believed() {
    let believed = &*BELIEVED;
    for (op, answer) in [
        (query(), &believed.answer),
        (close(), &believed.closed),
        (Op::Keys, &believed.certificates),
        (Op::QueryRefund(whole_refund()), &believed.refunded),
        (reverse(), &believed.reversed),
    ] {
        judge_of(believed).tries_answer(&op, answer);
    }
}

#[test]
fn no_changed_byte_of_a_callback_is_believed() {
    judge_of(&BELIEVED).tries_callback(&BELIEVED.callback);
}

#[test]
fn a_message_under_another_serial_is_not_believed() {
    for bit in 0..7 {
        let mut answer = BELIEVED.answer.clone();
        let serial = answer.headers.iter_mut().find(|(name, _)| name == "Wechatpay-Serial");
        let (_, serial) = serial.unwrap();
        let mut bytes = serial.clone().into_bytes();
        bytes[0] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        let is_another = !changed.eq_ignore_ascii_case(serial);
        *serial = changed;
        assert_eq!(is_doubt(&judge(&query(), &answer)), is_another);
    }
}

fn any_headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        "Wechatpay-Timestamp",
        "Wechatpay-Nonce",
        "Wechatpay-Serial",
        "Wechatpay-Signature",
        "Wechatpay-Signature-Type",
    ];
    vec((name, prop_oneof!["[0-9]{0,20}", ".{0,40}"]), 0..8)
}

/// JSON of the shapes that are looked at, with anything in them: `of` with other members.
fn any_of(of: fn() -> &'static HttpResponse) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        proptest::strategy::Just(Value::Null),
        proptest::strategy::Just(json!("SUCCESS")),
        proptest::strategy::Just(json!("CNY")),
        proptest::strategy::Just(json!([])),
    ];
    let name = proptest::sample::select(vec![
        "mchid",
        "appid",
        "out_trade_no",
        "trade_state",
        "transaction_id",
        "success_time",
        "amount",
        "payer",
        "code",
        "message",
        "code_url",
        "h5_url",
        "data",
        "prepay_id",
        "out_refund_no",
        "refund_id",
        "status",
        "recall",
    ]);
    vec((name, leaf), 0..10).prop_map(move |members| {
        let body: &str = str::from_utf8(&of().body).unwrap();
        let mut object: Value = serde_json::from_str(body).unwrap();
        for (name, value) in members {
            object[name] = value;
        }
        object
    })
}

fn any_op() -> impl Strategy<Value = Op> {
    let jsapi = Place { openid: "o1".into(), ..order(Product::WechatJsapi) };
    proptest::sample::select(vec![
        Op::Place(native()),
        Op::Place(jsapi),
        Op::Place(order(Product::WechatApp)),
        Op::Place(barcode("00")),
        query(),
        Op::Query(about(Product::Micropay)),
        close(),
        reverse(),
        Op::Refund(whole_refund()),
        Op::QueryRefund(whole_refund()),
        Op::Rates,
        Op::Keys,
    ])
}

/// Whether an answer to `op` may say that an order is paid.
fn is_told_of_payments(op: &Op) -> bool {
    matches!(op, Op::Query(_))
        || matches!(op, Op::Place(place) if place.product == Product::Micropay)
}

proptest! {
    #[test]
    fn whatever_is_unsigned_is_unknown(
        op in any_op(), status in any::<u16>(), headers in any_headers(), body in vec(any::<u8>(), 0..200),
    ) {
        let outcome = judge(&op, &HttpResponse { status, headers, body });
        prop_assert!(is_doubt(&outcome));
    }

    #[test]
    fn whatever_is_signed_is_judged_without_a_panic(
        op in any_op(),
        status in proptest::sample::select(vec![200_u16, 202, 204, 301, 400, 404, 500]),
        body in prop_oneof![
            any_of(|| &BELIEVED.answer).prop_map(|value| value.to_string()),
            any_of(|| &BELIEVED.refunded).prop_map(|value| value.to_string()),
            ".{0,80}",
        ],
    ) {
        let outcome = judge(&op, &signed_answer(status, &body));
        if let Outcome::Paid(payment) = &outcome {
            prop_assert!(is_told_of_payments(&op) && status == 200);
            prop_assert!(payment.amount.minor > 0 && !payment.transaction_id.is_empty());
        }
        if let Outcome::Refunded(refunded) = &outcome {
            prop_assert!(matches!(&op, Op::Refund(_) | Op::QueryRefund(_)) && status == 200);
            prop_assert_eq!(refunded.amount, whole_refund().amount);
        }
        if status == 204 && op == close() && !body.is_empty() {
            prop_assert!(is_doubt(&outcome));
        }
    }

    #[test]
    fn any_callback_is_refused_without_a_panic(
        method in "[A-Z]{0,5}", headers in any_headers(), body in vec(any::<u8>(), 0..200),
    ) {
        let request = HttpRequest { method, url: "/".into(), headers, body };
        let heard = super::Wechat.callback(&BELIEVED.account, &request, &BELIEVED.stamp);
        prop_assert!(heard.facts.is_err());
    }

    #[test]
    fn any_request_is_served_without_a_panic(
        method in prop_oneof!["GET", "POST", ".{0,5}"],
        url in prop_oneof!["/v3/.{0,40}", "/wechat/.{0,40}", ".{0,40}"],
        body in vec(any::<u8>(), 0..100),
    ) {
        let mut sim = super::new_sim();
        let request = HttpRequest { method, url, headers: Vec::new(), body };
        crate::sim::Simulator::serve(&mut sim, &request, &BELIEVED.stamp);
    }
}

#[test]
fn an_answer_about_somebody_else_is_unknown() {
    let body: Value = serde_json::from_slice(&BELIEVED.answer.body).unwrap();
    for member in ["mchid", "appid", "out_trade_no"] {
        let mut other = body.clone();
        other[member] = "another".into();
        let outcome = judge(&query(), &signed_answer(200, &other.to_string()));
        assert!(is_doubt(&outcome), "{member}");
        other.as_object_mut().unwrap().remove(member);
        assert!(is_doubt(&judge(&query(), &signed_answer(200, &other.to_string()))));
    }
    assert!(matches!(judge(&query(), &signed_answer(200, &body.to_string())), Outcome::Paid(_)));
}

#[test]
fn a_state_that_is_no_fact_is_unknown() {
    for (word, expect) in [
        ("PAYERROR", Some(Outcome::Unpaid { is_acting: false })),
        ("USERPAYING", Some(Outcome::Unpaid { is_acting: true })),
        ("REVOKED", Some(Outcome::Reversed)),
        ("ACCEPT", None),
        ("success", None),
    ] {
        let mut body: Value = serde_json::from_slice(&BELIEVED.answer.body).unwrap();
        body["trade_state"] = word.into();
        let outcome = judge(&query(), &signed_answer(200, &body.to_string()));
        assert_eq!(expect.is_none(), is_doubt(&outcome), "{word}");
        assert!(expect.is_none_or(|expect| expect == outcome), "{word}");
    }
}

#[test]
fn an_answer_that_names_a_member_twice_is_unknown() {
    let body = String::from_utf8(BELIEVED.answer.body.clone()).unwrap();
    let twice = body.replacen('{', r#"{"trade_state":"SUCCESS","#, 1);
    let outcome = judge(&query(), &signed_answer(200, &twice));
    assert_eq!(outcome, Outcome::Unknown(Doubt::Unreadable("not JSON".into())));
}

#[test]
fn another_scheme_of_signature_is_not_believed() {
    let mut answer = BELIEVED.answer.clone();
    for (name, value) in &mut answer.headers {
        if name == "Wechatpay-Signature-Type" {
            *value = "WECHATPAY2-SM2-WITH-SM3".into();
        }
    }
    assert!(is_doubt(&judge(&query(), &answer)));
}

#[test]
fn a_payment_page_must_be_a_page_and_of_the_product() {
    let place = Op::Place(native());
    for body in
        [r#"{"code_url":""}"#, r#"{"h5_url":"https://a.test/?p=1"}"#, "{}", r#"{"code_url":1}"#]
    {
        assert!(is_doubt(&judge(&place, &signed_answer(200, body))), "{body}");
    }
    let h5 = Op::Place(order(Product::WechatH5));
    for body in [r#"{"h5_url":"javascript:alert(1)"}"#, r#"{"code_url":"weixin://x"}"#] {
        assert!(is_doubt(&judge(&h5, &signed_answer(200, body))), "{body}");
    }
    let opened =
        judge(&place, &signed_answer(200, r#"{"code_url":"weixin://wxpay/bizpayurl?pr=1"}"#));
    assert_eq!(opened, Outcome::Opened { pay_text: "weixin://wxpay/bizpayurl?pr=1".into() });
}

#[test]
fn certificates_of_another_key_are_not_believed() {
    let believed = &*BELIEVED;
    let account = super::with_setting(believed.account.clone(), "apiv3_key", &"x".repeat(32));
    let step = super::Wechat.response(&Op::Keys, &account, &believed.certificates, &believed.stamp);
    assert!(matches!(step, Step::Done(Outcome::Unknown(Doubt::Unreadable(_)))));
    let Outcome::Keys(keys) = judge(&Op::Keys, &believed.certificates) else { panic!() };
    assert!(keys[0].expires_at > NOON);
    assert!(is_doubt(&judge(&Op::Keys, &signed_answer(200, r#"{"data":[]}"#))));
}

#[test]
fn a_certificate_under_another_serial_is_not_believed() {
    let believed = &*BELIEVED;
    let mut body: Value = serde_json::from_slice(&believed.certificates.body).unwrap();
    let mut misnamed = body["data"][0].clone();
    body["data"].as_array_mut().unwrap().push(misnamed.clone());
    assert!(matches!(judge(&Op::Keys, &signed_answer(200, &body.to_string())), Outcome::Keys(_)));
    misnamed["serial_no"] = "5157F09EFDC096DE15EBE81A47057A7200000000".into();
    body["data"][1] = misnamed;
    assert!(is_doubt(&judge(&Op::Keys, &signed_answer(200, &body.to_string()))));
}
