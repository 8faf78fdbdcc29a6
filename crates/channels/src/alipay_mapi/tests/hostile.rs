//! Any bytes at all: reading is total, and no change of what was signed is believed.

use proptest::prelude::*;

use super::words::{a_paid_trade, signed};
use super::{
    Bench, CALLBACK_URL, a_stamp, account, account_with, heard, is_unreadable, query, query_refund,
    refund, wap,
};
use crate::alipay_mapi::AlipayMapi;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{Served, Simulator};
use crate::tamper::{Free, between, escapes};
use crate::{Channel, Op, Outcome};

fn said(text: &str) -> Outcome {
    heard(&query(), &account(), &HttpResponse::new(200, "text/xml", text))
}

fn a_text() -> String {
    String::from_utf8(signed("trade", &a_paid_trade()).body).unwrap()
}

/// Only the facts are signed (manual: single_trade_query): not the declaration, and not the echo of
/// the request.
fn unsigned(body: &[u8]) -> Vec<Free> {
    let parts = [between(body, "<?xml", "?>"), between(body, "<request>", "</request>")];
    parts.concat().into_iter().map(Free::Unsigned).collect()
}

#[test]
fn no_changed_byte_of_an_answer_is_believed() {
    for sign_type in ["MD5", "RSA", "RSA2"] {
        let mut bench = Bench::with(&[("sign_type", sign_type)]);
        bench.open(&wap());
        bench.pay(None);
        bench.try_answer(&query(), unsigned);
        bench.call(&refund(888));
        bench.wait(60_000);
        bench.try_answer(&query_refund(888), unsigned);
    }
}

#[test]
fn no_changed_byte_of_a_callback_is_believed() {
    for sign_type in ["MD5", "RSA", "RSA2"] {
        let mut bench = Bench::with(&[("sign_type", sign_type), ("refund_sync", "N")]);
        bench.open(&wap());
        bench.pay(None);
        bench.call(&refund(888));
        bench.wait(60_000);
        // `sign_type` is not signed: another word is refused all the same.
        bench.try_callbacks(2, escapes);
    }
}

#[test]
fn an_answer_that_is_not_signed_says_nothing_unless_the_account_trusts_tls() {
    let text = a_text();
    let (before, rest) = text.split_once("<sign>").unwrap();
    let (_, after) = rest.split_once("</sign_type>").unwrap();
    let unsigned = format!("{before}{after}");
    assert!(is_unreadable(&said(&unsigned)));
    let trusting = account_with(&[("answer_signature", "ignore")]);
    let answer = HttpResponse::new(200, "text/xml", unsigned);
    assert!(matches!(heard(&query(), &trusting, &answer), Outcome::Paid(_)));
}

#[test]
fn an_answer_that_could_be_read_in_two_ways_says_nothing() {
    let text = a_text();
    let trusting = account_with(&[("answer_signature", "ignore")]);
    let fee = "<total_fee>88.88</total_fee>";
    let status = "<trade_status>TRADE_FINISHED</trade_status>";
    let forged = [
        text.replace(fee, &format!("{fee}<total_fee>0.01</total_fee>")),
        text.replace(fee, "<total_fee>88.88<!-- --></total_fee>"),
        text.replace(fee, "<total_fee><x>88.88</x></total_fee>"),
        text.replace(status, &format!("{status}<trade_status>TRADE_CLOSED</trade_status>")),
        text.replace("<alipay>", "<alipay><is_success>F</is_success>"),
        text.replace("<alipay>", "<alipay><error>ILLEGAL_SIGN</error>"),
        text.replace("<alipay>", "<alipay><response/>"),
        text.replace("</response>", "</response><response/>"),
        text.replace("</is_success>", "</is_success><is_success>F</is_success>"),
        text.replace("<is_success>T</is_success>", ""),
        text.replace("<is_success>T<", "<is_success>t<"),
        text.replace("alipay>", "Alipay>"),
        text.replace("</response>", "<trade><total_fee>1</total_fee></trade></response>"),
        text.replace("?><", "?><!DOCTYPE alipay [<!ENTITY x \"T\">]><"),
        text.replace("encoding=\"utf-8\"", "encoding=\"gbk\""),
        format!("{text}{text}"),
    ];
    for text in forged {
        assert_ne!(text, a_text());
        for account in [&account(), &trusting] {
            let answer = HttpResponse::new(200, "text/xml", text.clone());
            let outcome = heard(&query(), account, &answer);
            assert!(is_unreadable(&outcome), "{text} {outcome:?}");
        }
    }
}

#[test]
fn a_signature_of_another_kind_than_expected_is_not_believed() {
    let text = a_text();
    for kind in ["RSA2", "MD5", "DSA", ""] {
        let other = text.replace("<sign_type>RSA<", &format!("<sign_type>{kind}<"));
        assert!(is_unreadable(&said(&other)), "{kind}");
    }
}

#[test]
fn a_refunds_bare_t_is_the_only_one() {
    let said = |content: &str| {
        let text = format!("<alipay>{content}</alipay>");
        heard(&refund(1), &account(), &HttpResponse::new(200, "text/xml", text))
    };
    assert!(matches!(said("<is_success>T</is_success>"), Outcome::Refunded(_)));
    for content in [
        "<is_success>T</is_success><is_success>F</is_success>",
        "<is_success>T</is_success><error>SYSTEM_ERROR</error>",
        "<is_success>T</is_success><error/>",
        "<is_success>F</is_success>",
        "<is_success>F</is_success><error/>",
        "<is_success>T</is_success><response><x><result_code>FAIL</result_code></x></response>",
        "<is_success/>",
    ] {
        assert!(is_unreadable(&said(content)), "{content}");
    }
}

#[test]
fn neither_codes_nor_keys_reach_a_debug_or_an_address() {
    let mut bench = Bench::with(&[("sign_type", "MD5")]);
    for op in [wap(), query(), refund(1), query_refund(1), Op::Rates] {
        let stamp = bench.stamp();
        let step = AlipayMapi.request(&op, &bench.account, &stamp).unwrap();
        let text = format!("{step:?} {op:?} {:?}", bench.account);
        assert!(!text.contains(super::MD5_KEY) && !text.contains("PRIVATE"), "{text}");
    }
}

proptest! {
    #[test]
    fn reading_an_answer_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let answer = HttpResponse::new(200, "text/xml", body);
        for op in [query(), refund(1), query_refund(1), Op::Rates] {
            let outcome = heard(&op, &account(), &answer);
            prop_assert!(matches!(outcome, Outcome::Unknown(_)), "{:?}", outcome);
        }
    }

    #[test]
    fn reading_what_looks_like_a_rate_file_is_total(
        text in "[0-9]{8}\\|[0-9]{6}\\|[A-Z]{3}\\|[0-9.|\\n]{0,12}",
    ) {
        let answer = HttpResponse::new(200, "text/plain", text);
        let _ = heard(&Op::Rates, &account(), &answer);
    }

    #[test]
    fn reading_a_callback_is_total(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let request = HttpRequest {
            method: "POST".into(),
            url: CALLBACK_URL.into(),
            headers: Vec::new(),
            body,
        };
        prop_assert!(AlipayMapi.callback(&account(), &request, &a_stamp()).facts.is_err());
        let _ = AlipayMapi.confirmation(&account(), &request);
    }

    #[test]
    fn the_simulator_serves_any_request(
        path in "/(mapi/gateway\\.do|alipay_mapi/(app|trades/[0-9]{0,3}/[a-z]{0,4})|.{0,8})",
        query_text in "(order=|service=[a-z_]{0,8}&)?\\PC{0,32}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bench = Bench::new();
        let url = format!("{path}?{query_text}");
        let request = HttpRequest { method: "POST".into(), url, headers: Vec::new(), body };
        let served = bench.sim.serve(&request, &a_stamp());
        prop_assert!(matches!(served, Served::Answer(_)), "{:?}", served);
        prop_assert_eq!(bench.call(&query()), Outcome::NotFound);
    }
}
