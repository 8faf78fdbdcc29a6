//! What single answers say of barcodes, reversals and refunds, in the manual's words, when they are
//! truly signed.

use kernel::money::{Currency, Money};
use kernel::product::Product;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::words::{
    a_notification, a_paid_trade, is_unreadable, judged, refusal, told, told_as, with,
};
use super::{
    START, TRADE_NO, a_refund, amount_of, charge, charged, close, kind_of, payment_of, place, qr,
    query, query_refund, refund, reverse,
};
use crate::{About, CallbackFault, Doubt, Op, Outcome, RefusalKind};

fn is_busy(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Busy(_)))
}

/// What each operation makes of each documented `sub_code` of 40004; anything else is a doubt.
fn says(op: &Op, table: &[(&str, RefusalKind)]) {
    for (sub_code, kind) in table {
        let outcome = judged(op, &refusal("40004", sub_code));
        assert_eq!(kind_of(&outcome), *kind, "{sub_code}");
        let Outcome::Refused(refused) = outcome else { unreachable!() };
        assert_eq!((refused.code.as_str(), refused.message.as_str()), (*sub_code, "原因"));
    }
    for sub_code in ["ACQ.NEW_WORD", "ACQ.payment_fail", "isv.x", ""] {
        let outcome = judged(op, &refusal("40004", sub_code));
        assert!(is_unreadable(&outcome), "{sub_code} {outcome:?}");
    }
    for sub_code in ["ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "isp.unknow-error"] {
        assert!(is_busy(&judged(op, &refusal("40004", sub_code))), "{sub_code}");
    }
    for (code, sub_code) in [("20000", "isp.unknow-error"), ("40005", "isv.app-call-limited")] {
        assert!(is_busy(&judged(op, &refusal(code, sub_code))), "{code}");
    }
}

#[test]
fn a_charges_refusal_is_one_of_the_manual_or_a_doubt() {
    use RefusalKind::{Business, CodeUsed, NotSupported, NumberUsed};
    says(
        &charge("00"),
        &[
            ("ACQ.PAYMENT_AUTH_CODE_INVALID", CodeUsed),
            ("ACQ.CONTEXT_INCONSISTENT", NumberUsed),
            ("ACQ.ACCESS_FORBIDDEN", NotSupported),
            ("ACQ.BUYER_BALANCE_NOT_ENOUGH", Business),
            ("ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH", Business),
            ("ACQ.ERROR_BALANCE_PAYMENT_DISABLE", Business),
            ("ACQ.BUYER_SELLER_EQUAL", Business),
            ("ACQ.TRADE_BUYER_NOT_MATCH", Business),
            ("ACQ.BUYER_ENABLE_STATUS_FORBID", Business),
            ("ACQ.PULL_MOBILE_CASHIER_FAIL", Business),
            ("ACQ.MOBILE_PAYMENT_SWITCH_OFF", Business),
            ("ACQ.PAYMENT_FAIL", Business),
            ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", Business),
            ("ACQ.BEYOND_PAY_RESTRICTION", Business),
            ("ACQ.BEYOND_PER_RECEIPT_RESTRICTION", Business),
            ("ACQ.TOTAL_FEE_EXCEED", Business),
            ("ACQ.EXIST_FORBIDDEN_WORD", Business),
            ("ACQ.PARTNER_ERROR", Business),
            ("ACQ.INVALID_PARAMETER", Business),
        ],
    );
    let said = |sub_code| judged(&charge("00"), &refusal("40004", sub_code));
    assert_eq!(said("ACQ.TRADE_HAS_SUCCESS"), Outcome::PaidElsewhere);
    assert_eq!(said("ACQ.TRADE_HAS_CLOSE"), Outcome::Closed);
    assert!(is_unreadable(&said("ACQ.TRADE_NOT_EXIST")));
}

#[test]
fn a_refunds_refusal_is_one_of_the_manual_or_a_doubt() {
    use RefusalKind::{BalanceTooLow, Business, NotSupported, NothingLeft, NumberUsed, TooLate};
    says(
        &refund(1, 3000),
        &[
            ("ACQ.SELLER_BALANCE_NOT_ENOUGH", BalanceTooLow),
            ("ACQ.TRADE_HAS_FINISHED", TooLate),
            ("ACQ.TRADE_NOT_ALLOW_REFUND", TooLate),
            ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", NothingLeft),
            ("ACQ.DISCORDANT_REPEAT_REQUEST", NumberUsed),
            ("ACQ.ACCESS_FORBIDDEN", NotSupported),
            ("ACQ.REASON_TRADE_BEEN_FREEZEN", Business),
            ("ACQ.REASON_TRADE_REFUND_FEE_ERR", Business),
            ("ACQ.REFUND_FEE_ERROR", Business),
            ("ACQ.TRADE_NOT_EXIST", Business),
            ("ACQ.TRADE_STATUS_ERROR", Business),
            ("ACQ.INVALID_PARAMETER", Business),
        ],
    );
    for sub_code in ["ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_CANCEL_TIME_OUT"] {
        assert!(is_unreadable(&judged(&refund(1, 3000), &refusal("40004", sub_code))));
    }
}

#[test]
fn a_reversals_refusal_is_one_of_the_manual_or_a_doubt() {
    says(
        &reverse(),
        &[
            ("ACQ.SELLER_BALANCE_NOT_ENOUGH", RefusalKind::BalanceTooLow),
            ("ACQ.TRADE_CANCEL_TIME_OUT", RefusalKind::TooLate),
            ("ACQ.REASON_TRADE_BEEN_FREEZEN", RefusalKind::Business),
            ("ACQ.ACCESS_FORBIDDEN", RefusalKind::NotSupported),
        ],
    );
    for sub_code in ["ACQ.TRADE_HAS_SUCCESS", "ACQ.TRADE_HAS_CLOSE", "ACQ.TRADE_NOT_EXIST"] {
        assert!(is_unreadable(&judged(&reverse(), &refusal("40004", sub_code))));
    }
}

#[test]
fn a_refunds_query_that_is_refused_says_nothing() {
    says(&query_refund(1, 3000), &[]);
    let said = |sub_code| judged(&query_refund(1, 3000), &refusal("40004", sub_code));
    assert_eq!(said("ACQ.TRADE_NOT_EXIST"), Outcome::NotFound);
    for sub_code in ["ACQ.INVALID_PARAMETER", "ACQ.TRADE_HAS_FINISHED", "ACQ.ACCESS_FORBIDDEN"] {
        assert!(is_unreadable(&said(sub_code)), "{sub_code}");
    }
}

#[test]
fn a_request_that_the_gateway_did_not_take_says_nothing_of_an_earlier_one() {
    for (code, sub_code) in [
        ("40002", "isv.invalid-signature"),
        ("40001", "isv.missing-app-id"),
        ("40003", "isv.x"),
        ("20001", "isv.invalid-auth-token"),
    ] {
        assert_eq!(
            kind_of(&judged(&charge("00"), &refusal(code, sub_code))),
            RefusalKind::Business
        );
        for op in [refund(1, 1), reverse(), query_refund(1, 1)] {
            assert!(is_unreadable(&judged(&op, &refusal(code, sub_code))), "{code} {op:?}");
        }
    }
    let forbidden = refusal("40006", "isv.insufficient-isv-permissions");
    for op in [charge("00"), refund(1, 1), reverse()] {
        assert_eq!(kind_of(&judged(&op, &forbidden)), RefusalKind::NotSupported);
    }
    assert!(is_unreadable(&judged(&query_refund(1, 1), &forbidden)));
}

fn a_charge() -> Value {
    json!({
        "code": "10000", "msg": "Success", "out_trade_no": TRADE_NO, "trade_no": "2026",
        "total_amount": "88.88", "gmt_payment": START.beijing(), "buyer_user_id": "2088",
        "buyer_pay_amount": "80.00", "fund_bill_list": [{"fund_channel": "PCREDIT", "amount": "80.00"}],
    })
}

#[test]
fn a_charge_needs_every_fact_that_money_depends_on() {
    let payment = payment_of(&judged(&charge("00"), &a_charge()));
    assert_eq!((payment.amount.minor, payment.cash.minor), (8888, 8000));
    assert_eq!((payment.openid.as_str(), payment.bank_type.as_str()), ("2088", "PCREDIT"));
    assert_eq!(payment.paid_at, START);
    for (name, value) in [
        ("total_amount", json!("")),
        ("total_amount", json!(88.88)),
        ("gmt_payment", json!("")),
        ("trade_no", json!("")),
        ("trans_currency", json!("HKD")),
        ("trans_currency", json!(1)),
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("1")),
        ("code", json!("10002")),
    ] {
        let outcome = judged(&charge("00"), &with(a_charge(), name, value.clone()));
        assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
    }
}

#[test]
fn only_a_charge_waits_for_its_payer() {
    let acting = json!({"code": "10003", "out_trade_no": TRADE_NO});
    assert_eq!(judged(&charge("00"), &acting), Outcome::Unpaid { is_acting: true });
    assert!(is_unreadable(&judged(&charge("00"), &json!({"code": "10003"}))));
    assert!(is_unreadable(&judged(
        &charge("00"),
        &with(acting.clone(), "out_trade_no", "1".into())
    )));
    for op in [qr(), query(), close(), reverse(), refund(1, 1), query_refund(1, 1)] {
        assert!(is_unreadable(&judged(&op, &acting)), "{op:?}");
    }
}

#[test]
fn a_reversal_is_done_when_alipay_says_not_to_call_again() {
    let done = json!({"code": "10000", "out_trade_no": TRADE_NO, "retry_flag": "N"});
    assert_eq!(judged(&reverse(), &done), Outcome::NotFound, "there was nothing to act on");
    for action in ["close", "refund"] {
        let done = with(done.clone(), "action", action.into());
        assert_eq!(judged(&reverse(), &done), Outcome::Reversed);
        assert!(is_busy(&judged(&reverse(), &with(done, "retry_flag", "Y".into()))));
    }
    for (name, value) in [
        ("action", json!("other")),
        ("action", json!(1)),
        ("retry_flag", json!("")),
        ("retry_flag", json!("n")),
        ("retry_flag", json!(null)),
        ("out_trade_no", json!("1")),
        ("out_trade_no", json!("")),
    ] {
        let outcome = judged(&reverse(), &with(done.clone(), name, value.clone()));
        assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
    }
}

fn a_refunded() -> Value {
    json!({
        "code": "10000", "out_trade_no": TRADE_NO, "trade_no": "2026", "fund_change": "Y",
        "refund_fee": "88.88", "gmt_refund_pay": "2026-11-22 12:00:09",
    })
}

#[test]
fn a_refund_is_done_when_money_moved_and_the_sum_is_possible() {
    let op = refund(1, 3000);
    for sum in ["30.00", "58.88", "88.88"] {
        let outcome = judged(&op, &with(a_refunded(), "refund_fee", sum.into()));
        let Outcome::Refunded(refunded) = outcome else { panic!("{sum} {outcome:?}") };
        assert_eq!(refunded.amount, Money::new(3000, Currency::Cny), "never the sum");
        assert_eq!(refunded.refunded_at, START.plus_millis(4_000));
    }
    for (name, value) in [
        ("refund_fee", json!("29.99")),
        ("refund_fee", json!("88.89")),
        ("refund_fee", json!("30.001")),
        ("refund_fee", json!(30.00)),
        ("fund_change", json!("y")),
        ("fund_change", json!(true)),
        ("gmt_refund_pay", json!("yesterday")),
        ("refund_currency", json!("USD")),
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("1")),
    ] {
        let outcome = judged(&op, &with(a_refunded(), name, value.clone()));
        assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
    }
    for (name, value) in [("fund_change", "N"), ("fund_change", ""), ("refund_fee", "")] {
        let outcome = judged(&op, &with(a_refunded(), name, value.into()));
        assert_eq!(outcome, Outcome::RefundPending { refund_id: String::new() }, "{name} {value}");
    }
    let silent = judged(&op, &with(a_refunded(), "gmt_refund_pay", "".into()));
    let Outcome::Refunded(refunded) = silent else { panic!("{silent:?}") };
    assert_eq!(refunded.refunded_at, a_refund(1, 1).asked_at, "when it was asked for");
}

fn a_known_refund() -> Value {
    json!({
        "code": "10000", "out_trade_no": TRADE_NO, "out_request_no": a_refund(1, 1).refund_no,
        "total_amount": "88.88", "refund_amount": "30.00", "refund_status": "REFUND_SUCCESS",
        "gmt_refund_pay": "2026-11-22 12:00:09",
    })
}

#[test]
fn a_refund_is_there_when_its_status_number_and_amount_say_so() {
    let op = query_refund(1, 3000);
    assert_eq!(amount_of(&judged(&op, &a_known_refund())), 3000);
    for (name, value) in [
        ("refund_status", json!("")),
        ("refund_status", json!(1)),
        ("refund_status", json!("REFUND_PROCESSING")),
        ("refund_amount", json!("")),
        ("refund_amount", json!("30.01")),
        ("refund_amount", json!(30.0)),
        ("total_amount", json!("30.00")),
        ("total_amount", json!(30)),
        ("refund_currency", json!(1)),
        ("out_request_no", json!("")),
        ("out_request_no", json!(a_refund(2, 1).refund_no)),
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("1")),
        ("gmt_refund_pay", json!("yesterday")),
    ] {
        let outcome = judged(&op, &with(a_known_refund(), name, value.clone()));
        assert!(is_unreadable(&outcome), "{name} {value} {outcome:?}");
    }
    for nothing in [json!({"code": "10000"}), json!({"code": "10000", "out_trade_no": TRADE_NO})] {
        assert_eq!(judged(&op, &nothing), Outcome::NotFound);
    }
    assert!(is_unreadable(&judged(&op, &json!({"code": "10000", "out_trade_no": "1"}))));
}

#[test]
fn a_trade_closed_after_payment_is_paid_or_for_a_barcode_reversed() {
    let closed = with(a_paid_trade(), "trade_status", "TRADE_CLOSED".into());
    assert_eq!(payment_of(&judged(&query(), &closed)).amount.minor, 8888);
    assert!(is_unreadable(&judged(&query(), &with(closed.clone(), "trade_no", "".into()))));
    assert!(is_unreadable(&judged(&query(), &with(closed.clone(), "send_pay_date", 1.into()))));
    assert_eq!(judged(&Op::Query(charged()), &closed), Outcome::Reversed);
    let unpaid = with(closed, "send_pay_date", Value::Null);
    assert_eq!(judged(&Op::Query(charged()), &unpaid), Outcome::Closed);
}

#[test]
fn a_notification_of_a_refund_is_about_a_number_of_ours_or_a_hint() {
    let number = a_refund(1, 1).refund_no;
    let refund = [("gmt_refund", "2026-11-22 12:00:05.123"), ("refund_fee", "1.00")];
    for status in ["TRADE_SUCCESS", "TRADE_CLOSED"] {
        let ours =
            [refund[0], refund[1], ("out_biz_no", number.as_str()), ("trade_status", status)];
        let facts = told(&ours).facts.unwrap();
        assert_eq!(facts.about, About::Refund(number.clone()));
        assert_eq!(facts.outcome, Outcome::RefundPending { refund_id: String::new() });
    }
    for other in ["", "1", TRADE_NO, "2220261122120005000000000x1"] {
        let facts = told(&[refund[0], refund[1], ("out_biz_no", other)]).facts.unwrap();
        assert_eq!(facts.about, About::Trade(TRADE_NO.into()), "{other}");
        assert_eq!(facts.outcome, Outcome::PaidElsewhere);
    }
}

#[test]
fn a_forged_notification_of_a_refund_is_not_read() {
    let mut forged = a_notification();
    forged.push("out_biz_no", a_refund(1, 1).refund_no);
    forged.push("refund_fee", "1.00");
    assert_eq!(told_as(forged.to_form()).facts, Err(CallbackFault::BadSignature));
    forged.push("sign", "AAAA");
    assert_eq!(told_as(forged.to_form()).facts, Err(CallbackFault::BadSignature));
}

/// Every operation that is answered.
fn every_op() -> Vec<Op> {
    let app = place(Product::AlipayApp);
    vec![qr(), app, charge("00"), query(), close(), reverse(), refund(1, 3000), query_refund(1, 1)]
}

proptest! {
    #[test]
    fn judging_is_total(
        words in proptest::collection::vec((0..14_usize, 0..16_usize), 0..8),
        code in 0..6_usize,
    ) {
        const NAMES: [&str; 14] = [
            "sub_code", "out_trade_no", "trade_no", "trade_status", "total_amount", "send_pay_date",
            "gmt_payment", "fund_change", "refund_fee", "refund_status", "refund_amount",
            "out_request_no", "retry_flag", "action",
        ];
        let values = [
            json!(""), json!("Y"), json!("N"), json!("88.88"), json!("30.00"), json!("0.01"), json!(1),
            json!(null), json!([]), json!(TRADE_NO), json!("TRADE_SUCCESS"), json!("TRADE_CLOSED"),
            json!("REFUND_SUCCESS"), json!("2026-11-22 12:00:05"), json!("close"),
            json!("ACQ.TRADE_NOT_EXIST"),
        ];
        const CODES: [&str; 6] = ["10000", "10003", "20000", "40002", "40004", "40006"];
        let mut object = json!({ "code": CODES[code] });
        for (name, value) in words {
            object[NAMES[name]] = values[value].clone();
        }
        for op in every_op() {
            let outcome = judged(&op, &object);
            let is_money = matches!(outcome, Outcome::Paid(_) | Outcome::Refunded(_) | Outcome::Reversed);
            let is_ours = object["out_trade_no"] == TRADE_NO && object["code"] == "10000";
            prop_assert!(!is_money || is_ours, "{:?} {:?} {:?}", op, object, outcome);
        }
    }

    #[test]
    fn hearing_is_total(words in proptest::collection::vec((0..7_usize, 0..8_usize), 0..7)) {
        const NAMES: [&str; 7] = [
            "out_biz_no", "refund_fee", "gmt_refund", "trade_status", "gmt_payment", "total_amount",
            "fund_bill_list",
        ];
        const VALUES: [&str; 8] = [
            "", "22202611221200050000000001", "88.88", "TRADE_CLOSED", "2026-11-22 12:00:05", "[{}]",
            "2026-11-22 12:00:05.123", "1",
        ];
        let changes: Vec<_> =
            words.into_iter().map(|(name, value)| (NAMES[name], VALUES[value])).collect();
        if let Ok(facts) = told(&changes).facts {
            let is_refund = matches!(facts.about, About::Refund(_));
            let is_pending = matches!(facts.outcome, Outcome::RefundPending { .. });
            prop_assert_eq!(is_refund, is_pending, "{:?} {:?}", changes, facts);
        }
    }
}
