//! Any bytes at all: reading is total, and no change of what was signed is believed.

use proptest::prelude::*;

use super::{
    Bench, START, a_refund, a_stamp, account, barcode, close, done, qr, query, reverse, undo,
};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{Served, Simulator};
use crate::tamper::{escapes, nothing};
use crate::unionpay::Unionpay;
use crate::unionpay::sign::CERTIFICATE;
use crate::unionpay::wire::Fields;
use crate::{Channel, Op, Outcome, Stamp};

fn stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

fn heard(op: &Op, body: Vec<u8>) -> Outcome {
    let answer = HttpResponse::new(200, "text/html;charset=UTF-8", body);
    done(Unionpay.response(op, &account("01"), &answer, &a_stamp()))
}

fn all_ops() -> Vec<Op> {
    let payment = kernel::order::Payment {
        provider: kernel::product::Provider::Unionpay,
        transaction_id: "202611221200050000001".into(),
        amount: kernel::money::Money::new(8888, kernel::money::Currency::Cny),
        cash: kernel::money::Money::new(8888, kernel::money::Currency::Cny),
        bank_type: String::new(),
        openid: String::new(),
        paid_at: START,
    };
    let refund = a_refund(&payment, 1);
    vec![
        qr(),
        barcode("00"),
        query(),
        close(),
        reverse(),
        undo(&payment),
        Op::Refund(refund.clone()),
        Op::QueryRefund(refund),
    ]
}

#[test]
fn no_changed_byte_of_an_answer_is_believed() {
    for sign_method in ["01", "11"] {
        Bench::signing(sign_method).try_answer(&qr(), nothing);
        let mut bench = Bench::signing(sign_method);
        let payment = bench.paid();
        bench.try_answer(&query(), nothing);
        bench.try_answer(&Op::Refund(a_refund(&payment, 100)), nothing);
    }
}

#[test]
fn no_changed_byte_of_a_callback_is_believed() {
    for sign_method in ["01", "11"] {
        let mut bench = Bench::signing(sign_method);
        bench.paid();
        bench.try_callbacks(1, escapes);
    }
}

proptest! {
    #[test]
    fn reading_an_answer_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        for op in all_ops() {
            prop_assert!(matches!(heard(&op, body.clone()), Outcome::Unknown(_)));
        }
    }

    #[test]
    fn reading_a_signed_answer_is_total(
        members in proptest::collection::btree_map("[a-z]{1,6}|txnType|respCode|origRespCode|txnAmt", ".{0,12}", 0..8),
        certificate in ".{0,64}",
    ) {
        for op in all_ops() {
            let mut fields = Fields::default();
            fields.set_all(members.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            fields.set(CERTIFICATE, certificate.as_str());
            prop_assert!(matches!(heard(&op, fields.to_raw().into_bytes()), Outcome::Unknown(_)));
        }
    }

    #[test]
    fn reading_a_callback_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let url = "/callback/unionpay/1".to_owned();
        let request = HttpRequest { method: "POST".into(), url, headers: Vec::new(), body };
        prop_assert!(Unionpay.callback(&account("01"), &request, &stamp()).facts.is_err());
    }

    #[test]
    fn the_simulator_serves_any_request(
        path in "/(gateway/api/(front|back|app)TransReq\\.do|gateway/api/queryTrans\\.do|unionpay/(qr|orders)/[0-9]{0,3}|.{0,8})",
        is_get: bool,
        text in "\\PC{0,32}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bench = Bench::new();
        let (method, url) = (if is_get { "GET" } else { "POST" }, format!("{path}?{text}"));
        let request = HttpRequest { method: method.into(), url, headers: Vec::new(), body };
        let served = bench.sim.serve(&request, &stamp());
        prop_assert!(matches!(served, Served::Answer(_)), "{:?}", served);
        prop_assert_eq!(bench.call(&close()), Outcome::NotFound);
    }
}
