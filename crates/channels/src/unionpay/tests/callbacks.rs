//! Notifications: forged, repeated, mismatched, late.

use super::{
    Bench, KEYS, MER_ID, NOTIFY, REFUND_NO, START, TRADE_NO, a_refund, account, barcode, of_order,
    payment_of, qr, query, set, signed,
};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{CallbackFaultKind, Simulator};
use crate::unionpay::Unionpay;
use crate::unionpay::sign::CERTIFICATE;
use crate::unionpay::sim::certificate::Party;
use crate::unionpay::wire::Fields;
use crate::{About, Callback, CallbackFault, Channel, Op, Outcome, Stamp};

fn a_notification() -> Fields {
    let mut fields = Fields::default();
    fields.set_all([
        ("merId", MER_ID),
        ("orderId", TRADE_NO),
        ("txnTime", START.compact().as_str()),
        ("txnType", "01"),
        ("respCode", "00"),
        ("queryId", "202611221200050000001"),
        ("txnAmt", "8888"),
        ("currencyCode", "156"),
        ("reserved", "{a=1&b=2}"),
    ]);
    fields
}

fn told_as(body: String) -> Callback {
    let request = HttpRequest {
        method: "POST".into(),
        url: "/callback/unionpay/1".into(),
        headers: Vec::new(),
        body: body.into_bytes(),
    };
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    Unionpay.callback(&account("01"), &request, &stamp)
}

fn told(changes: &[(&str, &str)]) -> Callback {
    let mut fields = a_notification();
    for (name, value) in changes {
        fields.set(name, *value);
    }
    told_as(signed(fields).to_form())
}

fn outcome(changes: &[(&str, &str)]) -> Outcome {
    told(changes).facts.unwrap().outcome
}

#[test]
fn a_notifications_words_are_judged_like_an_answers() {
    for code in ["00", "A6"] {
        let payment = payment_of(&outcome(&[("respCode", code)]));
        assert_eq!((payment.amount.minor, payment.paid_at), (8888, START));
        let facts = told(&[("respCode", code), ("txnType", "04"), ("orderId", REFUND_NO)]).facts;
        let facts = facts.unwrap();
        assert_eq!(facts.about, About::Refund(REFUND_NO.into()));
        assert!(matches!(facts.outcome, Outcome::Refunded(_)));
    }
    for code in ["03", "04", "05"] {
        assert_eq!(outcome(&[("respCode", code)]), Outcome::Unpaid { is_acting: true });
    }
    for code in ["01", "12", "34", "36", "42", "64", "99", ""] {
        assert_eq!(outcome(&[("respCode", code)]), Outcome::Unpaid { is_acting: false });
        let refund = outcome(&[("respCode", code), ("txnType", "04")]);
        assert!(matches!(refund, Outcome::RefundPending { .. }), "{code}");
    }
}

#[test]
fn a_notification_that_cannot_be_believed_is_refused() {
    for (name, value) in [
        ("orderId", ""),
        ("txnType", ""),
        ("txnType", "31"),
        ("txnType", "99"),
        ("txnAmt", ""),
        ("txnAmt", "0"),
        ("txnAmt", "88.88"),
        ("currencyCode", "840"),
        ("queryId", ""),
        ("txnTime", "x"),
    ] {
        let facts = told(&[(name, value)]).facts;
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name} {value} {facts:?}");
    }
    assert_eq!(
        told(&[("merId", "777290058110049")]).facts,
        Err(CallbackFault::Mismatch { field: "merId" })
    );
    assert_eq!(told_as(a_notification().to_form()).facts, Err(CallbackFault::BadSignature));
    let twice = format!("{}&txnAmt=1", signed(a_notification()).to_form());
    assert!(matches!(told_as(twice).facts, Err(CallbackFault::Malformed(_))));
}

#[test]
fn a_notification_needs_a_certificate_that_counts_now() {
    let root = Party::root("simulated UnionPay root", &KEYS[1], (2020, 2049)).unwrap();
    let middle = root.issue("simulated UnionPay middle", &KEYS[2], (2020, 2049)).unwrap();
    for (years, is_believed) in [((2026, 2027), true), ((2020, 2026), false), ((2027, 2049), false)]
    {
        let leaf = middle.issue("041@Z12@00040000:SIGN@1", &KEYS[3], years).unwrap();
        let facts = told(&[(CERTIFICATE, &leaf.pem)]).facts;
        assert_eq!(facts.is_ok(), is_believed, "{years:?}");
        assert!(is_believed || facts == Err(CallbackFault::BadSignature));
    }
}

#[test]
fn only_200_acknowledges() {
    let callback = told(&[]);
    assert_eq!((callback.ack.status, callback.ack.body.as_slice()), (200, &b"ok"[..]));
    assert!(![200, 302].contains(&callback.nack.status));
}

#[test]
fn every_fault_of_a_callback_is_seen_and_the_truth_found() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::new();
        bench.call(&qr());
        let stamp = bench.stamp();
        bench.sim.pay(TRADE_NO, Some(kind), &stamp).unwrap();
        let truth = bench.call(&query());
        let heard = bench.deliver();
        match kind {
            CallbackFaultKind::Lost => {
                assert!(heard.is_empty() && bench.sim.next_due().is_none());
                continue;
            }
            CallbackFaultKind::Twice => {
                let told: Vec<_> = heard.iter().map(of_order).collect();
                assert_eq!(told, [truth.clone(), truth]);
                continue;
            }
            CallbackFaultKind::WrongAmount => {
                assert_eq!(payment_of(&of_order(&heard[0])).amount.minor, 8887);
                continue;
            }
            CallbackFaultKind::WrongCurrency => {
                let amount = payment_of(&of_order(&heard[0])).amount;
                assert_eq!(amount.currency, kernel::money::Currency::Aud);
                continue;
            }
            CallbackFaultKind::Late => assert!(heard.is_empty()),
            CallbackFaultKind::WrongApp | CallbackFaultKind::WrongMerchant => {
                let mismatch = Err(CallbackFault::Mismatch { field: "merId" });
                assert_eq!(heard[0].facts, mismatch, "{word}");
            }
            CallbackFaultKind::BadSignature => {
                assert_eq!(heard[0].facts, Err(CallbackFault::BadSignature));
            }
        }
        bench.wait(60_000);
        assert_eq!(of_order(&bench.deliver()[0]), truth, "{word}");
    }
}

#[test]
fn a_notification_is_repeated_on_the_vendors_schedule() {
    for (is_acknowledged_with, sends) in [(None, 5), (Some(500), 5), (Some(302), 1), (Some(200), 1)]
    {
        let mut bench = Bench::new();
        bench.call(&qr());
        bench.pay(None);
        let mut waited = Vec::new();
        while let Some(at) = bench.sim.next_due() {
            waited.push(at.millis_since(bench.now) / 60_000);
            bench.now = at;
            let stamp = bench.stamp();
            for due in bench.sim.due_callbacks(&stamp) {
                assert_eq!(due.request.url, NOTIFY);
                let answer =
                    is_acknowledged_with.map(|status| HttpResponse::new(status, "text/html", ""));
                bench.sim.callback_answered(due.id, answer.as_ref(), &stamp);
            }
        }
        assert_eq!(waited, [0, 1, 2, 4, 8][..sends]);
    }
}

#[test]
fn a_callback_of_a_barcode_and_of_a_refund_comes_whatever_happens() {
    let mut bench = Bench::new();
    bench.call(&barcode("02"));
    bench.wait(8_000);
    assert_eq!(of_order(&bench.deliver()[0]), Outcome::Unpaid { is_acting: false });
    let mut bench = Bench::new();
    let payment = payment_of(&bench.call(&barcode("00")));
    bench.deliver();
    bench.call(&Op::Refund(a_refund(&payment, 8888)));
    bench.wait(5_000);
    let about = bench.deliver().remove(0).facts.unwrap().about;
    assert_eq!(about, About::Refund(REFUND_NO.into()));
}

#[test]
fn a_callback_for_another_account_is_refused() {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    let stamp = bench.stamp();
    let due = bench.sim.due_callbacks(&stamp).remove(0);
    let mut other = account("01");
    set(&mut other, "mer_id", "777290058110049");
    let facts = Unionpay.callback(&other, &due.request, &stamp).facts;
    assert_eq!(facts, Err(CallbackFault::Mismatch { field: "merId" }));
    let facts = Unionpay.callback(&account("11"), &due.request, &stamp).facts;
    assert_eq!(facts, Err(CallbackFault::BadSignature));
}
