//! Notifications that are forged, repeated, mismatched or incomplete, and their confirmation.

use kernel::money::{Currency, Money};

use super::{
    Bench, CALLBACK_URL, KEYS, MD5_KEY, PARTNER, REFUND_NO, START, TRADE_NO, a_stamp, account,
    account_with, hkd, payment_of, set,
};
use crate::alipay_mapi::AlipayMapi;
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, SignType};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::RsaSigner;
use crate::sim::Simulator;
use crate::{
    About, Account, Callback, CallbackFacts, CallbackFault, Channel, Outcome, RefusalKind, legacy,
};

/// A notification of a payment, before it is signed.
fn a_payment() -> Fields {
    Fields::of_table(&[
        ("notify_type", "trade_status_sync"),
        ("notify_id", "2026112200222115620064941403711009"),
        ("notify_time", "2026-11-22 12:00:09"),
        ("out_trade_no", TRADE_NO),
        ("trade_no", "2026"),
        ("trade_status", "TRADE_FINISHED"),
        ("total_fee", "88.88"),
        ("currency", "HKD"),
    ])
}

fn a_refund() -> Fields {
    Fields::of_table(&[
        ("notify_type", "refund_status_sync"),
        ("notify_id", "2026112200222183235095291417346698"),
        ("notify_time", "2026-11-22 12:00:05"),
        ("out_trade_no", TRADE_NO),
        ("out_return_no", REFUND_NO),
        ("return_amount", "1.01"),
        ("currency", "HKD"),
        ("refund_status", "REFUND_SUCCESS"),
    ])
}

fn alipay_sign(kind: SignType, text: &str) -> String {
    let key = &KEYS[1].0;
    match kind {
        SignType::Md5 => sign::md5(text, MD5_KEY),
        SignType::Rsa => legacy::sign_sha1("platform", key, text.as_bytes()).unwrap(),
        SignType::Rsa2 => RsaSigner::parse("platform", key).unwrap().sign(text.as_bytes()).unwrap(),
    }
}

fn posted(fields: &Fields) -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        url: CALLBACK_URL.into(),
        headers: Vec::new(),
        body: fields.to_form().into_bytes(),
    }
}

fn told_to(
    account: &Account,
    mut fields: Fields,
    changes: &[(&str, &str)],
    kind: SignType,
) -> Callback {
    for (name, value) in changes {
        fields.set(name, *value);
    }
    let sign = alipay_sign(kind, &sign::text(&fields));
    fields.push("sign", sign);
    fields.push("sign_type", kind.word());
    AlipayMapi.callback(account, &posted(&fields), &a_stamp())
}

fn told(fields: Fields, changes: &[(&str, &str)]) -> Result<CallbackFacts, CallbackFault> {
    told_to(&account(), fields, changes, SignType::Rsa).facts
}

fn outcome(fields: Fields, changes: &[(&str, &str)]) -> Outcome {
    told(fields, changes).unwrap().outcome
}

#[test]
fn a_payment_is_told_with_its_amount_and_time() {
    let facts = told(a_payment(), &[]).unwrap();
    assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    let payment = payment_of(&facts.outcome);
    assert_eq!((payment.amount, payment.cash), (hkd(8888), hkd(8888)));
    assert_eq!(payment.transaction_id, "2026");
    assert_eq!(payment.paid_at, START.plus_millis(4000), "when it was told");
    let changes = [("gmt_payment", "2026-11-22 12:00:05"), ("trade_status", "TRADE_SUCCESS")];
    assert_eq!(payment_of(&outcome(a_payment(), &changes)).paid_at, START);
    let cny = payment_of(&outcome(a_payment(), &[("currency", "CNY")]));
    assert_eq!(cny.amount, Money::new(8888, Currency::Cny), "the gateway compares it");
}

#[test]
fn what_is_no_payment_is_left_to_a_query() {
    let said = |status: &str| outcome(a_payment(), &[("trade_status", status)]);
    assert_eq!(said("WAIT_BUYER_PAY"), Outcome::Unpaid { is_acting: true });
    for word in ["TRADE_CLOSED", "TRADE_PENDING", ""] {
        assert_eq!(said(word), Outcome::PaidElsewhere, "{word}");
    }
}

#[test]
fn a_payment_without_a_fact_that_money_depends_on_is_refused() {
    let cases = [
        ("total_fee", ""),
        ("total_fee", "0.00"),
        ("total_fee", "-1.00"),
        ("total_fee", "88.888"),
        ("total_fee", "8.8e1"),
        ("currency", ""),
        ("currency", "hkd"),
        ("currency", "USD"),
        ("trade_no", ""),
        ("notify_time", ""),
        ("notify_id", ""),
        ("notify_type", ""),
        ("notify_type", "batch_refund_notify"),
        ("out_trade_no", ""),
    ];
    for (name, value) in cases {
        let facts = told(a_payment(), &[(name, value)]);
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name} {value} {facts:?}");
    }
}

#[test]
fn a_refund_is_told_with_its_number_and_amount() {
    let facts = told(a_refund(), &[]).unwrap();
    assert_eq!(facts.about, About::Refund(REFUND_NO.into()));
    let Outcome::Refunded(refunded) = facts.outcome else { panic!("refunded") };
    assert_eq!((refunded.amount, refunded.cash, refunded.refunded_at), (hkd(101), hkd(101), START));

    let pending = Outcome::RefundPending { refund_id: String::new() };
    let unclear = [
        ("currency", "CNY"),
        ("currency", ""),
        ("return_amount", ""),
        ("return_amount", "1.011"),
        ("notify_time", ""),
        ("refund_status", "REFUND_PROCESSING"),
        ("refund_status", ""),
    ];
    for (name, value) in unclear {
        assert_eq!(outcome(a_refund(), &[(name, value)]), pending, "{name} {value}");
    }
    let failed = [
        ("", RefusalKind::Business),
        ("SOMETHING_NEW", RefusalKind::Business),
        ("MERCHANT_BALANCE_NOT_ENOUGH", RefusalKind::BalanceTooLow),
        ("REFUNDMENT_VALID_DATE_EXCEED", RefusalKind::TooLate),
    ];
    for (word, kind) in failed {
        let changes = [("refund_status", "REFUND_FAIL"), ("error_code", word)];
        let Outcome::RefundClosed(refusal) = outcome(a_refund(), &changes) else {
            panic!("{word}")
        };
        assert_eq!(refusal.kind, kind);
        assert!(!refusal.code.is_empty());
    }
    let facts = told(a_refund(), &[("out_return_no", "")]);
    assert!(matches!(facts, Err(CallbackFault::Malformed(_))));
}

#[test]
fn a_notification_is_signed_as_the_account_signs_or_with_rsa() {
    let kinds = [SignType::Md5, SignType::Rsa, SignType::Rsa2];
    for own in kinds {
        let account = account_with(&[("sign_type", own.word())]);
        for kind in kinds {
            let facts = told_to(&account, a_payment(), &[], kind).facts;
            let is_taken = kind == own || kind == SignType::Rsa;
            assert_eq!(facts.is_ok(), is_taken, "{own:?} {kind:?} {facts:?}");
        }
    }
}

#[test]
fn a_notification_that_is_not_signed_by_alipay_is_refused() {
    let account = account();
    let mut signed = a_payment();
    signed.push("sign", alipay_sign(SignType::Rsa, &sign::text(&a_payment())));
    signed.push("sign_type", "RSA");
    let facts = |fields: &Fields| AlipayMapi.callback(&account, &posted(fields), &a_stamp()).facts;
    assert!(facts(&signed).is_ok());
    for (name, value) in
        [("total_fee", "88.89"), ("sign", ""), ("sign", "AAAA"), ("buyer_id", "2088")]
    {
        let mut forged = signed.clone();
        forged.set(name, value);
        assert_eq!(facts(&forged), Err(CallbackFault::BadSignature), "{name}");
    }
    for word in ["MD5", "RSA2", "DSA", "rsa", ""] {
        let mut forged = signed.clone();
        forged.set("sign_type", word);
        assert!(facts(&forged).is_err(), "{word}");
    }
    // Signed by the merchant's own key instead of Alipay's.
    let mut own = a_payment();
    let text = sign::text(&own);
    own.push("sign", legacy::sign_sha1("merchant", &KEYS[0].0, text.as_bytes()).unwrap());
    own.push("sign_type", "RSA");
    assert_eq!(facts(&own), Err(CallbackFault::BadSignature));
}

#[test]
fn without_its_key_an_account_believes_no_md5() {
    let mut account = account_with(&[("sign_type", "MD5")]);
    set(&mut account, "md5_key", "");
    let mut forged = a_payment();
    forged.push("sign", sign::md5(&sign::text(&a_payment()), ""));
    forged.push("sign_type", "MD5");
    let facts = AlipayMapi.callback(&account, &posted(&forged), &a_stamp()).facts;
    assert_eq!(facts, Err(CallbackFault::BadSignature));
}

#[test]
fn another_merchants_notification_is_a_mismatch() {
    for field in ["seller_id", "partner"] {
        let facts = told(a_payment(), &[(field, "2088000000000000")]);
        assert_eq!(facts, Err(CallbackFault::Mismatch { field }));
        assert!(told(a_payment(), &[(field, PARTNER)]).is_ok());
    }
}

#[test]
fn a_member_that_comes_twice_makes_a_notification_unreadable() {
    let mut request = posted(&a_payment());
    request.body.extend(b"&total_fee=0.01");
    let facts = AlipayMapi.callback(&account(), &request, &a_stamp()).facts;
    assert!(matches!(facts, Err(CallbackFault::Malformed(_))));
}

#[test]
fn only_success_acknowledges() {
    let callback = told_to(&account(), a_payment(), &[], SignType::Rsa);
    assert_eq!((callback.ack.status, callback.ack.body.as_slice()), (200, &b"success"[..]));
    assert_ne!(callback.nack.status, 200);
    assert_ne!(callback.nack.body, b"success");
}

#[test]
fn the_upstream_is_asked_whether_a_notification_is_its_own() {
    let asked = AlipayMapi.confirmation(&account(), &posted(&a_payment())).unwrap();
    assert_eq!(asked.method, "GET");
    let expect = "http://127.0.0.1:9000/mapi/gateway.do?service=notify_verify&\
                  partner=2088531020000001&notify_id=2026112200222115620064941403711009";
    assert_eq!(asked.url, expect);
    assert!(asked.body.is_empty());
    let mut broken = posted(&a_payment());
    broken.body = b"a=%ff".to_vec();
    assert_eq!(AlipayMapi.confirmation(&account(), &broken), None);
}

#[test]
fn only_the_word_true_confirms() {
    let says =
        |status, body: &str| AlipayMapi.is_confirmed(&HttpResponse::new(status, "text/html", body));
    assert!(says(200, "true"));
    for body in ["false", "invalid", "", "True", "true\n", " true", "truetrue", "<p>true</p>"] {
        assert!(!says(200, body), "{body:?}");
    }
    assert!(!says(500, "true"));
}

#[test]
fn a_notification_is_vouched_for_within_a_minute_of_its_sending() {
    let mut bench = Bench::paid();
    let stamp = bench.stamp();
    let due = bench.sim.due_callbacks(&stamp).remove(0);
    let asked = AlipayMapi.confirmation(&bench.account, &due.request).unwrap();
    let says = |bench: &mut Bench, request: &HttpRequest| {
        String::from_utf8(bench.send(request).body).unwrap()
    };
    assert_eq!(says(&mut bench, &asked), "true");
    bench.wait(60_000);
    assert_eq!(says(&mut bench, &asked), "true");
    bench.wait(1);
    assert_eq!(says(&mut bench, &asked), "false");
    let other =
        HttpRequest { url: asked.url.replace("notify_id=", "notify_id=0"), ..asked.clone() };
    assert_eq!(says(&mut bench, &other), "false");
    let foreign = HttpRequest { url: asked.url.replace(PARTNER, "2088"), ..asked.clone() };
    assert_eq!(says(&mut bench, &foreign), "invalid");

    let stamp = bench.stamp();
    bench.sim.callback_answered(due.id, None, &stamp);
    bench.wait(4 * 60_000);
    let stamp = bench.stamp();
    assert_eq!(bench.sim.due_callbacks(&stamp).len(), 1);
    assert_eq!(says(&mut bench, &asked), "true", "sent again, vouched for again");
}
