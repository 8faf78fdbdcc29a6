//! Whatever bytes come: no panic, and nothing is believed that WeChat Pay did not sign.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::{prop_assert, proptest};
use serde_json::{Value, json};

use super::{Mode, NOON, World, close, native, query, signed_answer};
use crate::http::{HttpRequest, HttpResponse};
use crate::{Account, Channel, Doubt, Op, Outcome, Stamp, Step};

/// An account, and messages that it believes: the negative control of every test below.
struct Believed {
    account: Account,
    answer: HttpResponse,
    closed: HttpResponse,
    certificates: HttpResponse,
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
    let mut other = World::new(Mode::Certificate);
    other.place(&native());
    let request = other.request(&close()).unwrap();
    let closed = other.serve(&request).unwrap();
    let stamp = world.stamp();
    Believed { account: world.account, answer, closed, certificates, callback, stamp }
});

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
    let heard = super::Wechat.callback(&believed.account, &believed.callback, &believed.stamp);
    assert!(heard.facts.is_ok());
}

/// Headers whose every bit counts; a serial's letters may change their case.
const SIGNED: [&str; 3] = ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature"];

/// Flips bits of one byte of the body or of a header; `at` counts through all of them.
fn flip(headers: &mut [(String, String)], body: &mut [u8], at: usize, mask: u8) {
    let mut counted: Vec<&mut (String, String)> =
        headers.iter_mut().filter(|(name, _)| SIGNED.contains(&name.as_str())).collect();
    let length = body.len() + counted.iter().map(|(_, value)| value.len()).sum::<usize>();
    let mut at = at % length;
    if let Some(byte) = body.get_mut(at) {
        *byte ^= mask;
        return;
    }
    at -= body.len();
    for (_, value) in &mut counted {
        if at < value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[at] ^= mask & 0x7F | u8::from(mask & 0x7F == 0);
            *value = String::from_utf8(bytes).unwrap();
            return;
        }
        at -= value.len();
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

/// JSON of the shapes that are looked at, with anything in them.
fn any_transaction() -> impl Strategy<Value = Value> {
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
    ]);
    vec((name, leaf), 0..10).prop_map(|members| {
        let body: &str = str::from_utf8(&BELIEVED.answer.body).unwrap();
        let mut object: Value = serde_json::from_str(body).unwrap();
        for (name, value) in members {
            object[name] = value;
        }
        object
    })
}

fn any_op() -> impl Strategy<Value = Op> {
    proptest::sample::select(vec![Op::Place(native()), query(), close(), Op::Keys])
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
        body in prop_oneof![any_transaction().prop_map(|value| value.to_string()), ".{0,80}"],
    ) {
        let outcome = judge(&op, &signed_answer(status, &body));
        if let Outcome::Paid(payment) = &outcome {
            prop_assert!(op == query() && status == 200);
            prop_assert!(payment.amount.minor >= 0 && !payment.transaction_id.is_empty());
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

    #[test]
    fn an_answer_with_one_changed_byte_is_unknown(at in any::<usize>(), mask in 1..=u8::MAX) {
        let mut answer = BELIEVED.answer.clone();
        flip(&mut answer.headers, &mut answer.body, at, mask);
        prop_assert!(is_doubt(&judge(&query(), &answer)));
        let mut closed = BELIEVED.closed.clone();
        flip(&mut closed.headers, &mut closed.body, at, mask);
        prop_assert!(is_doubt(&judge(&close(), &closed)));
        let mut certificates = BELIEVED.certificates.clone();
        flip(&mut certificates.headers, &mut certificates.body, at, mask);
        prop_assert!(is_doubt(&judge(&Op::Keys, &certificates)));
    }

    #[test]
    fn a_callback_with_one_changed_byte_is_refused(at in any::<usize>(), mask in 1..=u8::MAX) {
        let mut callback = BELIEVED.callback.clone();
        flip(&mut callback.headers, &mut callback.body, at, mask);
        let heard = super::Wechat.callback(&BELIEVED.account, &callback, &BELIEVED.stamp);
        prop_assert!(heard.facts.is_err());
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
        ("REVOKED", Some(Outcome::Closed)),
        ("REFUND", None),
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
    let h5 = Op::Place(super::order(kernel::product::Product::WechatH5));
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
