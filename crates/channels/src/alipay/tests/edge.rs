//! Any bytes at all: reading is total, and no change of what was signed is believed.

use proptest::prelude::*;

use super::{Bench, account, charge, close, qr, query, query_refund, refund, reverse};
use crate::alipay::Alipay;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{Served, Simulator};
use crate::tamper::{escapes, nothing};
use crate::{Channel, Op, Outcome, Stamp, Step};

fn heard(op: &Op, body: Vec<u8>) -> Outcome {
    let answer = HttpResponse::new(200, "text/html;charset=utf-8", body);
    match Alipay.response(op, &account(), &answer, &stamp()) {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

fn stamp() -> Stamp {
    Stamp { now: super::START, nonce: "0".repeat(32) }
}

fn a_paid_bench() -> Bench {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    bench
}

#[test]
fn no_changed_byte_of_an_answer_is_believed() {
    Bench::new().try_answer(&qr(), nothing);
    let mut bench = a_paid_bench();
    for op in [query(), refund(1, 3000), query_refund(1, 3000), reverse()] {
        bench.try_answer(&op, nothing);
    }
    Bench::new().try_answer(&charge("00"), nothing);
}

#[test]
fn no_changed_byte_of_a_callback_is_believed() {
    let mut bench = a_paid_bench();
    bench.call(&refund(1, 3000));
    // `sign_type` is not signed: another word is refused all the same.
    bench.try_callbacks(2, escapes);
}

proptest! {
    #[test]
    fn reading_an_answer_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        for op in [qr(), query(), close(), charge("00"), refund(1, 1), query_refund(1, 1), reverse()] {
            prop_assert!(matches!(heard(&op, body.clone()), Outcome::Unknown(_)));
        }
    }

    #[test]
    fn reading_a_callback_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let request = HttpRequest {
            method: "POST".into(),
            url: "/callbacks/alipay/1".into(),
            headers: Vec::new(),
            body,
        };
        prop_assert!(Alipay.callback(&account(), &request, &stamp()).facts.is_err());
    }

    #[test]
    fn the_simulator_serves_any_request(
        path in "/(gateway\\.do|alipay/app|alipay/qr/[a-z]{0,4}|alipay/trades/[0-9]{0,3}/[a-z]{0,4}|.{0,8})",
        query in "\\PC{0,32}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bench = Bench::new();
        let url = format!("{path}?{query}");
        let request = HttpRequest { method: "POST".into(), url, headers: Vec::new(), body };
        let served = bench.sim.serve(&request, &stamp());
        prop_assert!(matches!(served, Served::Answer(_)), "{:?}", served);
        prop_assert_eq!(bench.call(&close()), Outcome::NotFound);
    }
}
