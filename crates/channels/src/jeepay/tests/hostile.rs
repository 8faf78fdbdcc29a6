//! Any bytes at all: reading is total, and nothing that is damaged or unsigned is believed.

use kernel::product::Product;
use proptest::prelude::*;

use super::{
    Bench, REFUND_NO, a_stamp, account, barcode, granted, heard, judged, place, refund, trade,
};
use crate::http::HttpRequest;
use crate::jeepay::Jeepay;
use crate::sim::{Served, Simulator};
use crate::{Channel, Op, Outcome, Step};

fn ops() -> [Op; 6] {
    let product = Product::AlipayQr;
    [
        place(product),
        barcode("00"),
        Op::Query(trade(product)),
        Op::Close(trade(product)),
        Op::Refund(refund(product, 1, REFUND_NO)),
        Op::QueryRefund(refund(product, 1, REFUND_NO)),
    ]
}

fn is_unknown(step: &Step) -> bool {
    matches!(step, Step::Done(Outcome::Unknown(_)))
}

#[test]
fn what_is_no_answer_leaves_everything_unknown() {
    let bodies: [&[u8]; 10] = [
        b"",
        b"  ",
        b"<html></html>",
        b"[]",
        b"0",
        b"{}",
        b"{\"code\":\"0\"}",
        b"{\"code\":0,\"data\":null,\"sign\":null}",
        b"{\"code\":9999,\"code\":9999}",
        b"{\"code\":0,\"data\":{\"state\":2},\"sign\":\"00000000000000000000000000000000\"}",
    ];
    for op in ops() {
        for body in bodies {
            assert!(is_unknown(&heard(&op, 200, body)), "{op:?} {body:?}");
        }
        for status in [201, 301, 400, 404, 429, 500, 503] {
            let body = super::refused(9999, "订单不存在");
            assert!(is_unknown(&heard(&op, status, &body)), "{status}");
        }
    }
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

/// The answer to a query of a paid order.
fn a_paid_answer() -> Vec<u8> {
    let mut bench = Bench::paid(Product::AlipayQr);
    let query = Op::Query(trade(Product::AlipayQr));
    let Step::Send(request) = Jeepay.request(&query, &account(), &a_stamp()).unwrap() else {
        panic!()
    };
    match bench.sim.serve(&request, &a_stamp()) {
        Served::Answer(answer) => answer.body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_turned_bit_of_an_answer_tells_anything_else() {
    let query = Op::Query(trade(Product::AlipayQr));
    let body = a_paid_answer();
    let truth = heard(&query, 200, &body);
    assert!(matches!(truth, Step::Done(Outcome::Paid(_))));
    for body in damaged(&body) {
        let step = heard(&query, 200, &body);
        // The case of the sign and the words of `msg` do not count.
        assert!(is_unknown(&step) || step == truth, "{}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn no_turned_bit_of_a_notification_tells_anything_else() {
    let mut bench = Bench::paid(Product::AlipayQr);
    let mut request = bench.sim.due_callbacks(&a_stamp()).remove(0).request;
    let truth = Jeepay.callback(&account(), &request, &a_stamp()).facts.unwrap();
    assert!(matches!(truth.outcome, Outcome::Paid(_)));
    for body in damaged(&request.body.clone()) {
        request.body = body;
        if let Ok(facts) = Jeepay.callback(&account(), &request, &a_stamp()).facts {
            assert_eq!(facts, truth);
        }
    }
}

proptest! {
    #[test]
    fn reading_an_answer_is_total(body in proptest::collection::vec(any::<u8>(), 0..128)) {
        for op in ops() {
            prop_assert!(is_unknown(&heard(&op, 200, &body)));
        }
    }

    #[test]
    fn any_signed_members_are_read(
        members in proptest::collection::btree_map(
            "state|orderState|mchOrderNo|amount|currency|mchRefundNo|refundAmount|payData|x",
            "2|1120261122120005000006553801|[ -~]{0,12}|.{0,4}",
            0..8,
        ),
    ) {
        for op in ops() {
            let body = granted(&serde_json::to_value(&members).unwrap());
            let step = heard(&op, 200, &body);
            prop_assert!(!matches!(step, Step::Done(Outcome::Refunded(_))), "{step:?}");
        }
        let outcome = judged(&ops()[2], &serde_json::to_value(&members).unwrap());
        prop_assert!(!matches!(outcome, Outcome::Paid(_)), "no number: {outcome:?}");
    }

    #[test]
    fn reading_a_notification_is_total(body in proptest::collection::vec(any::<u8>(), 0..128)) {
        let url = "/callback/jeepay/1/2/3".to_owned();
        let request = HttpRequest { method: "POST".into(), url, headers: Vec::new(), body };
        prop_assert!(Jeepay.callback(&account(), &request, &a_stamp()).facts.is_err());
    }

    #[test]
    fn the_simulator_serves_any_request(
        path in "/(api/pay/(unifiedOrder|query|close)|api/refund/(refundOrder|query)|jeepay/.{0,8})",
        body in "[a-zA-Z]{0,8}=[ -~]{0,16}",
    ) {
        let mut bench = Bench::new();
        let body = body.into_bytes();
        let request = HttpRequest { method: "POST".into(), url: path, headers: Vec::new(), body };
        let served = bench.sim.serve(&request, &a_stamp());
        prop_assert!(matches!(served, Served::Answer(_)), "{:?}", served);
        prop_assert_eq!(bench.query(), Outcome::NotFound);
    }
}
