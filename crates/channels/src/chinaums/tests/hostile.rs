//! Any bytes at all: reading is total, and nothing that is damaged or unsigned is believed.

use proptest::prelude::*;

use super::{
    Bench, ChinaumsSimConfig, REFUND_NO, account, config, heard, place, refund, set, stepped, trade,
};
use crate::chinaums::Chinaums;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{Served, Simulator};
use crate::tamper::{escapes, nothing};
use crate::{Channel, Op, Outcome, Stamp, Step};

fn ops() -> [Op; 5] {
    [
        place(),
        Op::Query(trade()),
        Op::Close(trade()),
        Op::Refund(refund()),
        Op::QueryRefund(refund()),
    ]
}

fn stamp() -> Stamp {
    Stamp { now: super::START, nonce: "0".repeat(32) }
}

#[test]
fn what_is_no_answer_leaves_everything_unknown() {
    let bodies: [&[u8]; 8] = [
        b"",
        b"  ",
        b"<html></html>",
        b"[]",
        b"\"00\"",
        b"{\"respCode\":\"00\"",
        b"{\"respCode\":\"00\",\"respCode\":\"00\",\"paymentId\":\"a\",\"status\":\"1\"}",
        b"\xff",
    ];
    for op in ops() {
        for body in bodies {
            assert!(matches!(heard(&op, &account(), body), Outcome::Unknown(_)), "{body:?}");
        }
        for status in [201, 301, 400, 404, 429, 500, 503] {
            let answer = HttpResponse::new(status, "application/json", r#"{"respCode":"34"}"#);
            let step = Chinaums.response(&op, &account(), &answer, &stamp());
            assert!(matches!(step, Step::Done(Outcome::Unknown(_))), "{status} {step:?}");
        }
    }
}

#[test]
fn an_answer_that_carries_a_key_must_verify() {
    let body = format!(r#"{{"respCode":"34","accessKey":"{}"}}"#, "0".repeat(64));
    let ask = Op::Query(trade());
    assert!(matches!(heard(&ask, &account(), body.as_bytes()), Outcome::Unknown(_)));
    let mut lax = account();
    set(&mut lax, "answer_key", "off");
    assert_eq!(heard(&ask, &lax, body.as_bytes()), Outcome::NotFound);
    let null = br#"{"respCode":"34","accessKey":null}"#;
    assert!(matches!(heard(&ask, &account(), null), Outcome::Unknown(_)));
}

#[test]
fn nothing_secret_is_printed_or_put_into_an_address() {
    for op in ops() {
        let step = Chinaums.request(&op, &account(), &stamp()).unwrap();
        let Step::Send(request) = step else { panic!("{step:?}") };
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(!body.contains(super::SECRET) && !request.url.contains("SEC0001"));
        assert!(!format!("{:?}", account()).contains(super::SECRET));
    }
    assert!(!Bench::opened().pay_text.contains(super::SECRET));
}

/// Answers are signed only where the contract has it so (`answer_key`); elsewhere TLS vouches.
#[test]
fn no_changed_byte_of_a_signed_answer_is_believed() {
    let mut account = account();
    set(&mut account, "answer_key", "required");
    let mut bench = Bench::with(account, ChinaumsSimConfig { signs_answers: true, ..config() });
    bench.try_answer(&place(), nothing);
    bench.open();
    bench.pay(None);
    bench.try_answer(&Op::Query(bench.trade()), nothing);
    bench.try_answer(&Op::Refund(bench.refund_of(100, REFUND_NO)), nothing);
}

#[test]
fn no_changed_byte_of_a_notification_is_believed() {
    Bench::paid().try_callbacks(1, escapes);
}

proptest! {
    #[test]
    fn reading_an_answer_is_total(body in proptest::collection::vec(any::<u8>(), 0..128)) {
        for op in ops() {
            prop_assert!(matches!(heard(&op, &account(), &body), Outcome::Unknown(_)));
        }
    }

    #[test]
    fn any_members_are_read(
        members in proptest::collection::btree_map(
            "respCode|status|paymentId|orderAmount|reserved|refundOrderId|refundAmount|x",
            "00|34|1|failed|[ -~]{0,12}|.{0,4}",
            0..8,
        ),
    ) {
        let body = serde_json::to_vec(&members).unwrap();
        for op in ops() {
            let step = stepped(&op, &account(), &body);
            let is_money = matches!(step, Step::Done(Outcome::Paid(_) | Outcome::Refunded(_)));
            prop_assert!(!is_money, "{step:?}");
        }
    }

    #[test]
    fn reading_a_notification_is_total(
        url in "/callback\\?[ -~]{0,24}",
        body in proptest::collection::vec(any::<u8>(), 0..128),
    ) {
        let request = HttpRequest { method: "POST".into(), url, headers: Vec::new(), body };
        prop_assert!(Chinaums.callback(&account(), &request, &stamp()).facts.is_err());
    }

    #[test]
    fn the_simulator_serves_any_request(
        path in "/easyLinkApi/(Payment/(Pay|Query|Refund|RefundQuery|CreateChannelData)|.{0,8})",
        query in "\\PC{0,32}",
        body in "[a-zA-Z]{0,8}=[ -~]{0,16}",
    ) {
        let mut bench = Bench::new();
        let request = HttpRequest {
            method: "POST".into(),
            url: format!("{path}?{query}"),
            headers: Vec::new(),
            body: body.into_bytes(),
        };
        let served = bench.sim.serve(&request, &stamp());
        prop_assert!(matches!(served, Served::Answer(_)), "{:?}", served);
        prop_assert_eq!(bench.query_refund(1, REFUND_NO), Outcome::NotFound);
    }
}
