//! Any bytes at all: reading is total, and no change of what was signed is believed.

use proptest::prelude::*;

use super::{Bench, account, close, qr, query};
use crate::alipay::Alipay;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{Served, Simulator};
use crate::{Channel, Outcome, Stamp, Step};

fn heard(body: Vec<u8>) -> Outcome {
    let answer = HttpResponse::new(200, "text/html;charset=utf-8", body);
    match Alipay.response(&query(), &account(), &answer, &stamp()) {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

fn stamp() -> Stamp {
    Stamp { now: super::START, nonce: "0".repeat(32) }
}

/// Every bit of every byte turned by itself, and every byte cut off.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let turned = (0..bytes.len()).flat_map(move |at| {
        (0..8).map(move |bit| {
            let mut copy = bytes.to_vec();
            copy[at] ^= 1 << bit;
            copy
        })
    });
    turned.chain((0..bytes.len()).map(move |at| bytes[..at].to_vec()))
}

fn a_paid_bench() -> Bench {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    bench
}

#[test]
fn no_turned_bit_of_an_answer_is_believed() {
    let mut bench = a_paid_bench();
    let Step::Send(request) = Alipay.request(&query(), &account(), &stamp()).unwrap() else {
        panic!("a call")
    };
    let Served::Answer(answer) = bench.sim.serve(&request, &stamp()) else { panic!("an answer") };
    assert!(matches!(heard(answer.body.clone()), Outcome::Paid(_)));
    for body in damaged(&answer.body) {
        let outcome = heard(body.clone());
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(matches!(outcome, Outcome::Unknown(_)), "{text} {outcome:?}");
    }
}

#[test]
fn no_turned_bit_of_a_callback_tells_anything_else() {
    let mut bench = a_paid_bench();
    let mut request = bench.sim.due_callbacks(&stamp()).remove(0).request;
    let truth = Alipay.callback(&account(), &request, &stamp()).facts.unwrap();
    assert!(matches!(truth.outcome, Outcome::Paid(_)));
    for body in damaged(&request.body.clone()) {
        request.body = body;
        // `%2b` is `%2B`: another spelling of the same facts may pass.
        if let Ok(facts) = Alipay.callback(&account(), &request, &stamp()).facts {
            assert_eq!(facts, truth);
        }
    }
}

proptest! {
    #[test]
    fn reading_an_answer_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(matches!(heard(body), Outcome::Unknown(_)));
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
        path in "/(gateway\\.do|alipay/qr/[a-z]{0,4}|alipay/trades/[0-9]{0,3}/[a-z]{0,4}|.{0,8})",
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
