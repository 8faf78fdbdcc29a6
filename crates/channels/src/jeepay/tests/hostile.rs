//! Any bytes at all: reading is total, and nothing that is damaged or unsigned is believed.

use kernel::product::Product;
use proptest::prelude::*;

use super::{
    Bench, REFUND_NO, a_stamp, account, barcode, granted, heard, judged, place, refund, trade,
};
use crate::http::HttpRequest;
use crate::jeepay::Jeepay;
use crate::sim::{Served, Simulator};
use crate::tamper::{Free, between, escapes};
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

/// JeePay signs the members of `data`: not `code`, which is 0 where it signs at all, and not `msg`.
/// The case of the sign does not count there.
fn unsigned(body: &[u8]) -> Vec<Free> {
    let message = between(body, "\"msg\":\"", "\"").into_iter().map(Free::Unsigned);
    let name = between(body, ",\"", "\":\"SUCCESS").into_iter().map(Free::Unsigned);
    let sign = between(body, "\"sign\":\"", "\"").into_iter().map(Free::Case);
    message.chain(name).chain(sign).collect()
}

#[test]
fn no_changed_byte_of_an_answer_is_believed() {
    Bench::new().try_answer(&place(Product::AlipayQr), unsigned);
    Bench::new().try_answer(&barcode("00"), unsigned);
    let mut bench = Bench::paid(Product::AlipayQr);
    bench.try_answer(&Op::Query(trade(Product::AlipayQr)), unsigned);
    let refund = refund(Product::AlipayQr, 100, REFUND_NO);
    bench.call(&Op::Refund(refund.clone()));
    bench.try_answer(&Op::QueryRefund(refund), unsigned);
}

#[test]
fn no_changed_byte_of_a_notification_is_believed() {
    /// The case of the sign does not count either.
    fn unsigned(body: &[u8]) -> Vec<Free> {
        let sign = between(body, "sign=", "&").into_iter().map(Free::Case);
        escapes(body).into_iter().chain(sign).collect()
    }
    let mut bench = Bench::paid(Product::AlipayQr);
    bench.refund(100, REFUND_NO);
    bench.try_callbacks(2, unsigned);
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
