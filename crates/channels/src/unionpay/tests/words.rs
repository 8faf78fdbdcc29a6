//! What every code of the manual means in every answer, when it is truly signed.

use kernel::product::Product;

use super::{
    MER_ID, REFUND_NO, START, TRADE_NO, a_refund, a_stamp, account, barcode, close, done, heard,
    is_unknown, is_unreadable, qr, query, query_barcode, refusal_of, reverse, trade, undo,
};
use crate::http::HttpResponse;
use crate::unionpay::Unionpay;
use crate::unionpay::wire::Fields;
use crate::{Channel, Doubt, Op, Outcome, RefusalKind, Step};

const FINAL: [&str; 31] = [
    "01", "10", "11", "13", "30", "31", "32", "33", "35", "36", "38", "39", "40", "45", "60", "61",
    "62", "63", "64", "65", "66", "67", "68", "69", "71", "72", "73", "74", "75", "76", "79",
];
const UNCLEAR: [&str; 10] = ["", "42", "70", "98", "99", "14", "80", "0", "000", "a6"];

/// An answer to the question of type `txn_type` about `order_id`.
fn answer(txn_type: &str, order_id: &str, code: &str) -> Fields {
    let mut fields = Fields::default();
    fields.set_all([
        ("merId", MER_ID),
        ("orderId", order_id),
        ("txnTime", START.compact().as_str()),
        ("txnType", txn_type),
        ("respCode", code),
        ("respMsg", "原因"),
    ]);
    fields
}

/// The answer to a query, with the facts of money.
fn queried(order_id: &str, code: &str) -> Fields {
    let mut fields = answer("00", order_id, "00");
    fields.set_all([
        ("origRespCode", code),
        ("origRespMsg", "原因"),
        ("queryId", "202611221200050000001"),
        ("txnAmt", "8888"),
        ("currencyCode", "156"),
        ("traceTime", "1122120007"),
    ]);
    fields
}

fn judged(op: &Op, fields: Fields) -> Outcome {
    done(heard(op, fields))
}

fn refund_op() -> (Op, Op) {
    let payment = crate::unionpay::answer::payment(&queried(TRADE_NO, "00")).unwrap();
    let refund = crate::Refund { asked_at: START, ..a_refund(&payment, 8888) };
    (Op::Refund(refund.clone()), Op::QueryRefund(refund))
}

fn undo_op() -> Op {
    undo(&crate::unionpay::answer::payment(&queried(TRADE_NO, "00")).unwrap())
}

#[test]
fn the_code_of_a_query_is_not_the_code_of_the_order() {
    for op in [query(), close(), query_barcode()] {
        assert_eq!(judged(&op, answer("00", TRADE_NO, "34")), Outcome::NotFound);
        for code in ["02", "03", "04", "05", "37"] {
            let outcome = judged(&op, answer("00", TRADE_NO, code));
            assert!(matches!(outcome, Outcome::Unknown(Doubt::Busy(_))), "{code} {outcome:?}");
        }
        for code in FINAL.into_iter().chain(UNCLEAR).chain(["12", "A6", "00"]) {
            let outcome = judged(&op, answer("00", TRADE_NO, code));
            assert!(is_unreadable(&outcome), "{code} {outcome:?}");
        }
        for code in ["01", "34", "A6", "05"] {
            let mut fields = queried(TRADE_NO, "00");
            fields.set("respCode", code);
            assert!(!matches!(judged(&op, fields), Outcome::Paid(_)), "{code}");
        }
    }
}

#[test]
fn every_code_of_an_order_is_judged_as_the_manual_has_it() {
    let of = |op: &Op, code: &str| judged(op, queried(TRADE_NO, code));
    let acting = Outcome::Unpaid { is_acting: true };
    for op in [query(), close(), query_barcode()] {
        for code in ["00", "A6"] {
            assert!(matches!(of(&op, code), Outcome::Paid(_)), "{code}");
        }
        for code in ["03", "04", "05"] {
            assert_eq!(of(&op, code), acting, "{code}");
        }
        assert_eq!(of(&op, "34"), Outcome::NotFound);
        for code in UNCLEAR.into_iter().chain(["02", "12", "37"]) {
            assert!(is_unreadable(&of(&op, code)), "{code}");
        }
    }
    for code in FINAL {
        assert_eq!(of(&query(), code), Outcome::Unpaid { is_acting: false }, "{code}");
        assert_eq!(of(&close(), code), Outcome::Closed, "{code}");
        let Outcome::Failed(refusal) = of(&query_barcode(), code) else { panic!("{code}") };
        assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, "原因"));
    }
}

#[test]
fn a_refused_place_says_what_the_merchant_can_do() {
    for code in FINAL {
        let kind = match code {
            "32" => RefusalKind::NotSupported,
            _ => RefusalKind::Business,
        };
        let refused = refusal_of(&judged(&qr(), answer("01", TRADE_NO, code)));
        assert_eq!(refused, (kind, code.to_owned()));
        let kind = if code == "36" { RefusalKind::CodeUsed } else { kind };
        let barcode = barcode("00");
        let refused = refusal_of(&judged(&barcode, answer("01", TRADE_NO, code)));
        assert_eq!(refused, (kind, code.to_owned()));
        let queried = refusal_of(&judged(&barcode, queried(TRADE_NO, code)));
        assert_eq!(queried, (kind, code.to_owned()));
    }
    let used = refusal_of(&judged(&qr(), answer("01", TRADE_NO, "12")));
    assert_eq!(used, (RefusalKind::NumberUsed, "12".into()));
    for code in UNCLEAR.into_iter().chain(["02", "03", "04", "34", "37"]) {
        for op in [qr(), barcode("00")] {
            let outcome = judged(&op, answer("01", TRADE_NO, code));
            assert!(is_unknown(&outcome), "{code} {outcome:?}");
        }
    }
    assert!(is_unknown(&judged(&qr(), answer("01", TRADE_NO, "05"))));
    assert!(is_unreadable(&judged(&qr(), answer("01", TRADE_NO, "00"))), "no qrCode");
}

#[test]
fn a_barcode_that_was_accepted_is_queried() {
    let op = barcode("00");
    for code in ["00", "A6", "12"] {
        let Step::Send(request) = heard(&op, answer("01", TRADE_NO, code)) else { panic!() };
        assert!(request.url.ends_with("/queryTrans.do"));
    }
    let acting = Outcome::Unpaid { is_acting: true };
    assert_eq!(judged(&op, answer("01", TRADE_NO, "05")), acting);
    for code in ["03", "04", "05"] {
        assert_eq!(judged(&op, queried(TRADE_NO, code)), acting);
    }
    // It was taken a moment ago: that it is not to be found proves nothing.
    assert!(is_unknown(&judged(&op, queried(TRADE_NO, "34"))));
    assert!(is_unknown(&judged(&op, answer("00", TRADE_NO, "34"))));
}

#[test]
fn a_reversal_is_done_only_when_it_says_so() {
    for code in ["00", "A6"] {
        assert_eq!(judged(&reverse(), answer("99", TRADE_NO, code)), Outcome::Reversed);
    }
    assert_eq!(judged(&reverse(), answer("99", TRADE_NO, "34")), Outcome::NotFound);
    for code in UNCLEAR.into_iter().chain(["02", "03", "04", "05", "12", "35", "36", "37", "45"]) {
        let outcome = judged(&reverse(), answer("99", TRADE_NO, code));
        assert!(is_unknown(&outcome), "{code} {outcome:?}");
    }
    assert_eq!(
        refusal_of(&judged(&reverse(), answer("99", TRADE_NO, "39"))).0,
        RefusalKind::TooLate
    );
}

#[test]
fn an_undoing_is_done_only_when_its_query_says_so() {
    let (op, number) = (undo_op(), format!("{TRADE_NO}U"));
    for code in ["00", "A6", "05", "12"] {
        assert!(matches!(heard(&op, answer("31", &number, code)), Step::Send(_)), "{code}");
    }
    for code in UNCLEAR.into_iter().chain(["02", "03", "04", "37"]) {
        assert!(is_unknown(&judged(&op, answer("31", &number, code))), "{code}");
    }
    assert_eq!(judged(&op, answer("31", &number, "34")), Outcome::NotFound);
    for code in FINAL {
        refusal_of(&judged(&op, answer("31", &number, code)));
        refusal_of(&judged(&op, queried(&number, code)));
    }
    for code in ["00", "A6"] {
        assert_eq!(judged(&op, queried(&number, code)), Outcome::Reversed);
    }
    for code in UNCLEAR.into_iter().chain(["02", "03", "04", "05", "12", "34", "37"]) {
        assert!(is_unknown(&judged(&op, queried(&number, code))), "{code}");
    }
    // The answer about the order itself says nothing of the undoing.
    assert!(is_unknown(&judged(&op, queried(TRADE_NO, "00"))));
}

#[test]
fn a_refused_refund_says_what_the_merchant_can_do() {
    let (op, query) = refund_op();
    for code in FINAL {
        let kind = match code {
            "32" => RefusalKind::NotSupported,
            "39" => RefusalKind::TooLate,
            "45" => RefusalKind::NothingLeft,
            "64" => RefusalKind::BalanceTooLow,
            _ => RefusalKind::Business,
        };
        let refused = refusal_of(&judged(&op, answer("04", REFUND_NO, code)));
        assert_eq!(refused, (kind, code.to_owned()));
        let Outcome::RefundClosed(refusal) = judged(&query, queried(REFUND_NO, code)) else {
            panic!("{code}")
        };
        assert_eq!((refusal.kind, refusal.code.as_str()), (kind, code));
    }
    assert_eq!(refusal_of(&judged(&op, answer("04", REFUND_NO, "34"))).0, RefusalKind::Business);
    for code in UNCLEAR.into_iter().chain(["02", "03", "04", "37"]) {
        let outcome = judged(&op, answer("04", REFUND_NO, code));
        assert!(is_unknown(&outcome), "{code} {outcome:?}");
    }
    for code in ["00", "A6", "05"] {
        let outcome = judged(&op, answer("04", REFUND_NO, code));
        assert!(matches!(outcome, Outcome::RefundPending { .. }), "{code} {outcome:?}");
    }
    assert!(matches!(heard(&op, answer("04", REFUND_NO, "12")), Step::Send(_)));
}

#[test]
fn every_code_of_a_refund_is_judged_as_the_manual_has_it() {
    let (op, query) = refund_op();
    for code in ["00", "A6"] {
        for op in [&op, &query] {
            assert!(matches!(judged(op, queried(REFUND_NO, code)), Outcome::Refunded(_)));
        }
    }
    for code in ["03", "04", "05"] {
        let outcome = judged(&query, queried(REFUND_NO, code));
        assert!(matches!(outcome, Outcome::RefundPending { .. }), "{code}");
    }
    for code in UNCLEAR.into_iter().chain(["02", "12", "37"]) {
        assert!(is_unreadable(&judged(&query, queried(REFUND_NO, code))), "{code}");
    }
    assert_eq!(judged(&query, answer("00", REFUND_NO, "34")), Outcome::NotFound);
    // It was used before, and is not to be found: that cannot be.
    assert!(is_unreadable(&judged(&op, answer("00", REFUND_NO, "34"))));
    assert_eq!(refusal_of(&judged(&op, queried(REFUND_NO, "64"))).0, RefusalKind::BalanceTooLow);
}

#[test]
fn another_amount_that_goes_back_is_not_believed() {
    let (op, query) = refund_op();
    for (name, value) in [("txnAmt", "8887"), ("currencyCode", "344"), ("txnAmt", "")] {
        let mut fields = queried(REFUND_NO, "00");
        fields.set(name, value);
        assert!(is_unreadable(&judged(&query, fields)), "{name} {value}");
    }
    let mut fields = answer("04", REFUND_NO, "00");
    fields.set("txnAmt", "8887");
    assert!(is_unreadable(&judged(&op, fields)));
    let mut fields = queried(REFUND_NO, "05");
    fields.set("txnAmt", "8887");
    assert!(is_unreadable(&judged(&query, fields)));
    let (op, number) = (undo_op(), format!("{TRADE_NO}U"));
    for mut fields in [answer("31", &number, "00"), queried(&number, "00")] {
        fields.set("txnAmt", "8887");
        assert!(is_unreadable(&judged(&op, fields)));
    }
}

#[test]
fn a_payment_needs_every_fact_that_money_depends_on() {
    let wrong = [
        ("txnAmt", "0"),
        ("txnAmt", "-1"),
        ("txnAmt", "+1"),
        ("txnAmt", "88.88"),
        ("txnAmt", "1234567890123"),
        ("txnAmt", ""),
        ("currencyCode", ""),
        ("currencyCode", "840"),
        ("queryId", ""),
        ("traceTime", "yesterday"),
        ("traceTime", "1322120007"),
    ];
    for (name, value) in wrong {
        let mut fields = queried(TRADE_NO, "00");
        fields.set(name, value);
        assert!(is_unreadable(&judged(&query(), fields)), "{name} {value}");
    }
}

#[test]
fn a_payment_is_of_the_year_of_its_order_or_the_next() {
    let paid_at = |trace_time: &str| {
        let mut fields = queried(TRADE_NO, "00");
        fields.set("traceTime", trace_time);
        super::payment_of(&judged(&query(), fields)).paid_at.beijing()
    };
    assert_eq!(paid_at("1122120007"), "2026-11-22 12:00:07");
    assert_eq!(paid_at("1122115959"), "2026-11-22 11:59:59");
    assert_eq!(paid_at("0101000000"), "2027-01-01 00:00:00");
    assert_eq!(paid_at(""), "2026-11-22 12:00:05");
}

#[test]
fn what_is_settled_in_a_currency_we_do_not_know_is_not_the_cash() {
    let mut fields = queried(TRADE_NO, "00");
    fields.set_all([("settleAmt", "1200"), ("settleCurrencyCode", "840")]);
    let payment = super::payment_of(&judged(&query(), fields));
    assert_eq!(payment.cash, payment.amount);
}

#[test]
fn any_other_status_leaves_everything_unknown() {
    for status in [201, 302, 400, 404, 429, 500, 502] {
        let body = super::signed(queried(TRADE_NO, "00")).to_raw();
        let answer = HttpResponse { status, ..HttpResponse::new(200, "text/html", body) };
        let outcome = done(Unionpay.response(&query(), &account("01"), &answer, &a_stamp()));
        assert!(is_unknown(&outcome), "{status}");
    }
    for body in ["", " \r\n"] {
        let answer = HttpResponse::new(200, "text/html", body);
        let outcome = done(Unionpay.response(&query(), &account("01"), &answer, &a_stamp()));
        assert_eq!(outcome, Outcome::Unknown(Doubt::Empty));
    }
}

#[test]
fn what_unionpay_does_not_offer_is_answered_without_asking() {
    let products = [Product::WechatQr, Product::AlipayWap, Product::MixedQr];
    let others = [Op::Rates, Op::Keys, Op::Reverse(trade(Product::UnionpayQr))];
    for op in products.map(super::place).into_iter().chain(others) {
        let mut bench = super::Bench::new();
        assert_eq!(refusal_of(&bench.call(&op)).0, RefusalKind::NotSupported);
        assert_eq!(bench.sent, 0);
    }
}
