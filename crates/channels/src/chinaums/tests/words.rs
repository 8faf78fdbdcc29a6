//! What single answers mean, word by word.

use kernel::money::{Currency, Money};
use serde_json::{Value, json};

use super::{
    AMOUNT, REFUND_NO, START, TRADE_NO, account, is_unreadable, judged, payment_of, place, set,
};
use crate::{Doubt, Op, Outcome, RefusalKind};

const ID: &str = "69cf4a55e6164cd9b2930123456789ab";

fn trade() -> crate::Trade {
    crate::Trade { pay_text: format!("https://x/y?paymentInfoId={ID}"), ..super::trade() }
}

fn query() -> Op {
    Op::Query(trade())
}

fn close() -> Op {
    Op::Close(trade())
}

fn refund(is_asked: bool) -> Op {
    let refund = crate::Refund { trade: trade(), ..super::refund() };
    if is_asked { Op::QueryRefund(refund) } else { Op::Refund(refund) }
}

fn a_paid_order() -> Value {
    json!({
        "paymentId": ID, "status": "1", "respCode": "00", "respMsg": "success",
        "orderCurrency": "344", "orderAmount": "88.88", "reserved": TRADE_NO,
    })
}

fn a_refund() -> Value {
    json!({
        "paymentId": ID, "refundOrderId": REFUND_NO, "refundId": "r1", "status": "1",
        "respCode": "00", "refundAmount": "88.88", "orderCurrency": "344",
    })
}

fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object[name] = value.into();
    object
}

fn code(code: &str) -> Value {
    json!({ "respCode": code, "respMsg": "原因" })
}

#[test]
fn each_status_has_one_meaning_to_a_query_and_one_to_closing() {
    let unpaid = Outcome::Unpaid { is_acting: false };
    let acting = Outcome::Unpaid { is_acting: true };
    for (status, queried, closed) in [
        ("0", &unpaid, &unpaid),
        ("pending", &acting, &acting),
        ("failed", &unpaid, &Outcome::Closed),
        ("expired", &Outcome::Closed, &Outcome::Closed),
    ] {
        let said = with(a_paid_order(), "status", status);
        assert_eq!(judged(&query(), &account(), &said), *queried, "{status}");
        assert_eq!(judged(&close(), &account(), &said), *closed, "{status}");
    }
    for status in ["", "2", "9", "PAID", "01", "refunded"] {
        let said = with(a_paid_order(), "status", status);
        for op in [query(), close()] {
            assert!(is_unreadable(&judged(&op, &account(), &said)), "{status}");
        }
    }
    for op in [query(), close()] {
        assert_eq!(payment_of(&judged(&op, &account(), &a_paid_order())).amount, AMOUNT);
        let number = with(a_paid_order(), "status", 1);
        payment_of(&judged(&op, &account(), &number));
    }
}

#[test]
fn each_code_has_one_meaning_to_each_operation() {
    let of_orders = [
        ("12", RefusalKind::NumberUsed),
        ("30", RefusalKind::Business),
        ("32", RefusalKind::NotSupported),
    ];
    let of_refunds = [
        ("36", RefusalKind::Business),
        ("39", RefusalKind::TooLate),
        ("45", RefusalKind::NothingLeft),
    ];
    for (word, kind) in of_orders {
        assert_eq!(kind_of(judged(&place(), &account(), &code(word))), kind, "{word}");
        // It may be the question that is refused, after a refund that was done.
        assert!(is_unreadable(&judged(&refund(false), &account(), &code(word))), "{word}");
    }
    for (word, kind) in of_refunds {
        assert_eq!(kind_of(judged(&refund(false), &account(), &code(word))), kind, "{word}");
    }
    for (word, _) in of_orders.into_iter().chain(of_refunds) {
        for op in [query(), close(), refund(true)] {
            assert!(is_unreadable(&judged(&op, &account(), &code(word))), "{word}");
        }
    }
    for op in [place(), query(), close(), refund(false), refund(true)] {
        for word in ["03", "04", "05", "37"] {
            let outcome = judged(&op, &account(), &code(word));
            assert!(matches!(outcome, Outcome::Unknown(Doubt::Busy(_))), "{word} {outcome:?}");
        }
        assert!(is_unreadable(&judged(&op, &account(), &json!({}))));
        assert!(is_unreadable(&judged(&op, &account(), &code("00"))), "nothing is told");
    }
}

fn kind_of(outcome: Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => {
            assert_eq!(refusal.message, "原因");
            refusal.kind
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_that_has_no_meaning_refuses_only_what_then_nobody_can_pay() {
    let outcome = judged(&place(), &account(), &code("Z9"));
    assert!(matches!(outcome, Outcome::Refused(refusal) if refusal.code == "Z9"));
    let odd = with(code("Z9"), "paymentId", ID);
    assert!(is_unreadable(&judged(&place(), &account(), &odd)));
    for op in [query(), close(), refund(false), refund(true)] {
        assert!(is_unreadable(&judged(&op, &account(), &code("Z9"))));
    }
}

#[test]
fn not_found_is_believed_only_where_nothing_else_is_said() {
    for op in [query(), close(), refund(true)] {
        assert_eq!(judged(&op, &account(), &code("34")), Outcome::NotFound);
        let odd = with(code("34"), "status", "1");
        assert!(is_unreadable(&judged(&op, &account(), &odd)));
    }
    let of_other = with(code("34"), "paymentId", "other");
    assert!(is_unreadable(&judged(&query(), &account(), &of_other)));
    let odd = with(code("34"), "status", "1");
    assert!(is_unreadable(&judged(&refund(false), &account(), &odd)));
}

#[test]
fn the_tables_are_the_accounts() {
    let mut account = account();
    set(&mut account, "statuses", "S=paid,W=unpaid");
    set(&mut account, "codes", "0000=ok,E1=not_found,E2=balance_low");
    set(&mut account, "refund_statuses", "F=done");
    let said = with(with(a_paid_order(), "status", "S"), "respCode", "0000");
    payment_of(&judged(&query(), &account, &said));
    assert!(is_unreadable(&judged(&query(), &account, &a_paid_order())));
    assert_eq!(judged(&query(), &account, &code("E1")), Outcome::NotFound);
    let back = with(with(a_refund(), "status", "F"), "respCode", "0000");
    assert!(matches!(judged(&refund(false), &account, &back), Outcome::Refunded(_)));
    let low = judged(&refund(false), &account, &code("E2"));
    assert!(matches!(low, Outcome::Refused(r) if r.kind == RefusalKind::BalanceTooLow));
}

#[test]
fn a_payment_without_its_facts_is_not_believed() {
    for (name, value) in [
        ("orderAmount", json!("")),
        ("orderAmount", json!("0")),
        ("orderAmount", json!("-1")),
        ("orderAmount", json!("88.888")),
        ("orderAmount", json!(88.88)),
        ("orderCurrency", json!("")),
        ("orderCurrency", json!("840")),
        ("paymentId", json!("")),
        ("paymentId", json!("0000")),
        ("reserved", json!("1120261122120005000006553802")),
        ("respCode", json!("")),
    ] {
        let said = with(a_paid_order(), name, value.clone());
        assert!(is_unreadable(&judged(&query(), &account(), &said)), "{name} {value}");
    }
}

#[test]
fn what_comes_back_as_reserved_counts_only_where_it_is_ours() {
    let (foreign, mut deaf) = ("1120261122120005000006553802", account());
    set(&mut deaf, "reserved_echo", "0");
    payment_of(&judged(&query(), &deaf, &with(a_paid_order(), "reserved", foreign)));
    payment_of(&judged(&query(), &account(), &with(a_paid_order(), "reserved", "{x}")));
}

#[test]
fn what_was_settled_is_the_payers_cash_if_it_is_told() {
    let settled = |amount: &str, currency: &str| {
        let said = with(with(a_paid_order(), "settleAmount", amount), "settleCurrency", currency);
        payment_of(&judged(&query(), &account(), &said)).cash
    };
    assert_eq!(settled("80.88", "156"), Money::new(8088, Currency::Cny));
    assert_eq!(settled("80.88", "CNY"), Money::new(8088, Currency::Cny));
    for (amount, currency) in [("", ""), ("80.88", "840"), ("x", "156"), ("0", "156")] {
        assert_eq!(settled(amount, currency), AMOUNT);
    }
    let payment = payment_of(&judged(&query(), &account(), &a_paid_order()));
    assert_eq!((payment.paid_at, payment.transaction_id.as_str()), (START, ID));
}

#[test]
fn a_refund_is_believed_only_of_itself() {
    for (name, value) in [
        ("refundOrderId", "21202611221300050000065539"),
        ("refundOrderId", ""),
        ("paymentId", "0000"),
        ("refundAmount", "88.87"),
        ("refundAmount", ""),
        ("orderCurrency", "156"),
        ("status", "9"),
        ("respCode", "98"),
    ] {
        for is_asked in [true, false] {
            let said = with(a_refund(), name, value);
            let outcome = judged(&refund(is_asked), &account(), &said);
            assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
        }
    }
    let failed = with(a_refund(), "status", "failed");
    assert!(matches!(judged(&refund(false), &account(), &failed), Outcome::Refused(_)));
    assert!(matches!(judged(&refund(true), &account(), &failed), Outcome::RefundClosed(_)));
    let pending = with(a_refund(), "status", "pending");
    let expect = Outcome::RefundPending { refund_id: "r1".into() };
    assert_eq!(judged(&refund(true), &account(), &pending), expect);
}

#[test]
fn a_page_is_opened_only_with_a_number_that_can_stand_in_an_address() {
    let said = |id: &str| with(with(code("00"), "paymentId", id), "formData", json!({ "a": "b" }));
    let opened = judged(&place(), &account(), &said(ID));
    assert!(matches!(opened, Outcome::Opened { pay_text } if pay_text.ends_with(ID)));
    for id in ["", "a&b", "a=b", "你", &"a".repeat(65)] {
        assert!(is_unreadable(&judged(&place(), &account(), &said(id))), "{id}");
    }
    let of_other = with(said(ID), "orderId", "1120261122120005000006553802");
    assert!(is_unreadable(&judged(&place(), &account(), &of_other)));
}

#[test]
fn an_answer_to_a_question_by_our_number_must_name_it() {
    let ask = Op::Query(super::trade());
    payment_of(&judged(&ask, &account(), &a_paid_order()));
    let nameless = with(a_paid_order(), "reserved", "");
    assert!(is_unreadable(&judged(&ask, &account(), &nameless)));
    payment_of(&judged(&ask, &account(), &with(nameless, "orderId", TRADE_NO)));
}
