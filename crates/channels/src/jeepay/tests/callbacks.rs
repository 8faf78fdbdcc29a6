//! Notifications: forged, repeated, about somebody else, without what they should say.

use serde_json::{Value, json};

use super::{
    AMOUNT, APP_ID, Bench, MCH_NO, REFUND_NO, SECRET, START, TRADE_NO, a_stamp, account,
    payment_of, with,
};
use crate::http::HttpRequest;
use crate::jeepay::Jeepay;
use crate::jeepay::sign::sign;
use crate::jeepay::wire::Fields;
use crate::{About, CallbackFacts, CallbackFault, Channel, Outcome};

type Facts = Result<CallbackFacts, CallbackFault>;

fn an_order() -> Value {
    json!({
        "payOrderId": "P1", "mchNo": MCH_NO, "appId": APP_ID, "mchOrderNo": TRADE_NO,
        "wayCode": "WX_NATIVE", "amount": 8888, "currency": "cny", "state": 2,
        "channelOrderNo": "4200", "successTime": 1_795_320_005_000_i64, "subject": "测试",
        "reqTime": 1_795_320_006_000_i64,
    })
}

fn a_refund() -> Value {
    json!({
        "refundOrderId": "R1", "payOrderId": "P1", "mchNo": MCH_NO, "appId": APP_ID,
        "mchRefundNo": REFUND_NO, "refundAmount": 100, "currency": "cny", "state": 2,
        "successTime": 1_795_320_005_000_i64, "reqTime": 1_795_320_006_000_i64,
    })
}

fn signed(members: &Value) -> Fields {
    let mut fields = Fields::from_json(members.as_object().unwrap());
    let sign = sign(&fields, SECRET);
    fields.0.push(("sign".into(), sign));
    fields
}

fn told(fields: &Fields) -> Facts {
    told_text(&fields.to_form())
}

fn told_text(body: &str) -> Facts {
    let request = HttpRequest {
        method: "POST".into(),
        url: "/callback/jeepay/1/2/3".into(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    Jeepay.callback(&account(), &request, &a_stamp()).facts
}

#[test]
fn a_notification_tells_of_an_order() {
    let facts = told(&signed(&an_order())).unwrap();
    assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    let payment = payment_of(&facts.outcome);
    assert_eq!((payment.amount, payment.paid_at), (AMOUNT, START));
    assert_eq!(payment.provider.word(), "wechat");
    let timeless = told(&signed(&with(an_order(), "successTime", Value::Null))).unwrap();
    assert_eq!(payment_of(&timeless.outcome).paid_at, START, "it is sent at once");
}

#[test]
fn what_is_not_plain_lets_a_query_decide() {
    for (name, value) in [
        ("state", json!(0)),
        ("state", json!(1)),
        ("state", json!(3)),
        ("state", json!(4)),
        ("state", json!(5)),
        ("state", json!(9)),
        ("wayCode", json!("QR_CASHIER")),
    ] {
        let facts = told(&signed(&with(an_order(), name, value.clone()))).unwrap();
        assert_eq!(facts.outcome, Outcome::PaidElsewhere, "{name} {value}");
    }
    let closed = told(&signed(&with(an_order(), "state", 6))).unwrap();
    assert_eq!(closed.outcome, Outcome::Closed);
}

#[test]
fn a_notification_tells_of_a_refund() {
    let facts = told(&signed(&a_refund())).unwrap();
    assert_eq!(facts.about, About::Refund(REFUND_NO.into()));
    match facts.outcome {
        Outcome::Refunded(done) => {
            assert_eq!((done.amount.minor, done.refund_id.as_str()), (100, "R1"));
        }
        other => panic!("{other:?}"),
    }
    let of = |state: i64| told(&signed(&with(a_refund(), "state", state)));
    assert!(matches!(of(1).unwrap().outcome, Outcome::RefundPending { .. }));
    for state in [3, 4] {
        assert!(matches!(of(state).unwrap().outcome, Outcome::RefundClosed(_)));
    }
    assert!(matches!(of(9), Err(CallbackFault::Malformed(_))));
    for name in ["refundAmount", "currency"] {
        let facts = told(&signed(&with(a_refund(), name, "")));
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name}");
    }
}

#[test]
fn another_merchants_or_applications_is_refused() {
    for members in [an_order(), a_refund()] {
        for name in ["mchNo", "appId"] {
            let facts = told(&signed(&with(members.clone(), name, "other")));
            assert_eq!(facts, Err(CallbackFault::Mismatch { field: name }));
            let facts = told(&signed(&with(members.clone(), name, "")));
            assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name}");
        }
    }
}

#[test]
fn a_payment_without_its_facts_is_refused() {
    for (name, value) in [
        ("amount", json!("")),
        ("amount", json!(0)),
        ("amount", json!("88.88")),
        ("currency", json!("usd")),
        ("state", json!("")),
        ("mchOrderNo", json!("")),
    ] {
        let facts = told(&signed(&with(an_order(), name, value.clone())));
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name} {value} {facts:?}");
    }
}

#[test]
fn no_member_can_be_changed_added_or_left_out() {
    let honest = signed(&an_order());
    for at in 0..honest.0.len() {
        let (mut changed, mut fewer) = (honest.clone(), honest.clone());
        changed.0[at].1.push('1');
        fewer.0.remove(at);
        for forged in [changed, fewer] {
            assert_eq!(told(&forged), Err(CallbackFault::BadSignature), "{}", honest.0[at].0);
        }
    }
    let form = honest.to_form();
    assert_eq!(told_text(&format!("{form}&more=1")), Err(CallbackFault::BadSignature));
    let twice = told_text(&format!("{form}&state=2"));
    assert!(matches!(twice, Err(CallbackFault::Malformed(_))));
}

#[test]
fn a_signed_text_that_is_cut_otherwise_is_not_believed() {
    let honest = signed(&with(an_order(), "subject", "x"));
    let mut cut = honest.clone();
    // `state=2&subject=x&` and `state=2` with `subject=x` inside are the same signed text.
    cut.0.retain(|(name, _)| name != "subject");
    let state = cut.0.iter_mut().find(|(name, _)| name == "state").unwrap();
    state.1 = "2&subject=x".into();
    assert_eq!(sign(&cut, SECRET), sign(&honest, SECRET));
    assert!(matches!(told(&cut), Err(CallbackFault::Malformed(_))));
}

#[test]
fn what_the_simulator_sends_is_believed_although_the_goods_have_an_ampersand() {
    let mut bench = Bench::paid(kernel::product::Product::AlipayQr);
    let facts = bench.deliver()[0].facts.clone().unwrap();
    assert_eq!(payment_of(&facts.outcome).amount, AMOUNT);
}
