//! Every word of the manual, and what it comes to.

use kernel::product::Product;

use super::super::xml::Members;
use super::{ACTING, Mode, REFUND_NO, TRADE_NO, UNPAID, World, changed, signed_answer};
use crate::RefusalKind::{
    BalanceTooLow, Business, CodeUsed, NotSupported, NothingLeft, NumberUsed, TooLate,
};
use crate::{Doubt, Op, Outcome, Refusal, RefusalKind};

const MODE: Mode = Mode::HongKong;

/// What a word comes to.
#[derive(Clone, PartialEq, Debug)]
enum Means {
    Refused(RefusalKind),
    Is(Outcome),
    Busy,
    Doubt,
}

use Means::{Busy, Doubt as InDoubt, Is, Refused};

fn judge(op: &Op, members: &Members) -> Outcome {
    World::new(MODE).judge(op, &signed_answer(MODE, members))
}

fn fail(op: &Op, code: &str, message: &str, recall: &str) -> Means {
    let members = Members::from([
        ("result_code", "FAIL"),
        ("err_code", code),
        ("err_code_des", message),
        ("recall", recall),
    ]);
    match judge(op, &members) {
        Outcome::Refused(refusal) => {
            assert_eq!(refusal.code, code);
            assert_eq!(refusal.message, if message.is_empty() { code } else { message });
            Refused(refusal.kind)
        }
        Outcome::Unknown(Doubt::Busy(_)) => Busy,
        Outcome::Unknown(Doubt::Unreadable(_)) => InDoubt,
        outcome => Is(outcome),
    }
}

fn check(op: &Op, table: &[(&str, &Means)]) {
    for (codes, expect) in table {
        for code in codes.split(' ') {
            assert_eq!(fail(op, code, "为什么", ""), **expect, "{op:?} {code}");
            let plain = code.replace('_', "");
            assert_eq!(fail(op, &plain, "", ""), **expect, "{plain}");
        }
    }
}

const REQUEST_FAULTS: &str = "PARAM_ERROR LACK_PARAMS SIGNERROR XML_FORMAT_ERROR \
                              REQUIRE_POST_METHOD POST_DATA_EMPTY NOT_UTF8";
const ACCOUNT_FAULTS: &str = "NOAUTH NO_AUTH APPID_NOT_EXIST MCHID_NOT_EXIST APPID_MCHID_NOT_MATCH";
const PASSING: &str =
    "SYSTEMERROR SYSTEM_ERROR BANKERROR BIZERR_NEED_RETRY FREQUENCY_LIMITED INVALID_REQ_TOO_MUCH";

#[test]
fn words_about_a_new_order() {
    let op = Op::Place(MODE.order(Product::WechatQr));
    check(
        &op,
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &Refused(Business)),
            (ACCOUNT_FAULTS, &Refused(NotSupported)),
            ("INVALID_REQUEST NOTENOUGH", &Refused(Business)),
            ("ORDERPAID", &Is(Outcome::PaidElsewhere)),
            ("ORDERCLOSED ORDERREVERSED OUT_TRADE_NO_USED", &Refused(NumberUsed)),
            ("ORDERNOTEXIST USERPAYING A_NEW_WORD", &InDoubt),
        ],
    );
    let repeated = fail(&op, "INVALID_REQUEST", "201 商户订单号重复", "");
    assert_eq!(repeated, Refused(NumberUsed));
}

#[test]
fn words_about_a_code() {
    let op = Op::Place(MODE.order(Product::Micropay));
    check(
        &op,
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &Refused(Business)),
            (ACCOUNT_FAULTS, &Refused(NotSupported)),
            ("USERPAYING", &Is(ACTING)),
            ("AUTHCODEEXPIRE AUTH_CODE_ERROR AUTH_CODE_INVALID", &Refused(CodeUsed)),
            ("NOTENOUGH NOTSUPORTCARD BUYER_MISMATCH TRADE_ERROR", &Refused(Business)),
            ("INVALID_REQUEST", &Refused(Business)),
            ("ORDERPAID", &Is(Outcome::PaidElsewhere)),
            ("ORDERCLOSED", &Is(Outcome::Closed)),
            ("ORDERREVERSED", &Is(Outcome::Reversed)),
            ("OUT_TRADE_NO_USED ORDERNOTEXIST A_NEW_WORD", &InDoubt),
        ],
    );
    assert_eq!(fail(&op, "INVALID_REQUEST", "201 商户订单号重复", ""), InDoubt);
}

#[test]
fn words_about_a_query_and_a_closing() {
    check(
        &Op::Query(MODE.trade()),
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &InDoubt),
            (ACCOUNT_FAULTS, &InDoubt),
            ("ORDERNOTEXIST ORDER_NOT_EXIST", &Is(Outcome::NotFound)),
            ("ORDERPAID ORDERCLOSED A_NEW_WORD", &InDoubt),
        ],
    );
    check(
        &Op::Close(MODE.trade()),
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &InDoubt),
            (ACCOUNT_FAULTS, &InDoubt),
            ("ORDERPAID", &Is(Outcome::PaidElsewhere)),
            ("ORDERCLOSED", &Is(Outcome::Closed)),
            ("ORDERREVERSED", &Is(Outcome::Reversed)),
            ("ORDERNOTEXIST", &Is(Outcome::NotFound)),
            ("TRADE_STATE_ERROR A_NEW_WORD", &InDoubt),
        ],
    );
}

#[test]
fn words_about_a_reversal() {
    let op = Op::Reverse(MODE.trade());
    check(
        &op,
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &InDoubt),
            (ACCOUNT_FAULTS, &InDoubt),
            ("REVERSE_EXPIRE", &Refused(TooLate)),
            ("ORDERREVERSED", &Is(Outcome::Reversed)),
            ("ORDERNOTEXIST", &Is(Outcome::NotFound)),
            ("INVALID_TRANSACTIONID INVALID_REQUEST TRADE_ERROR A_NEW_WORD", &InDoubt),
        ],
    );
    for code in ["REVERSE_EXPIRE", "ORDERREVERSED", "TRADE_ERROR", "A_NEW_WORD"] {
        assert_eq!(fail(&op, code, "", "Y"), Busy, "{code}");
    }
    for (recall, expect) in [
        ("N", Some(Outcome::Reversed)),
        ("Y", Some(Outcome::Unknown(Doubt::Busy("recall".into())))),
        ("", None),
        ("n", None),
    ] {
        let outcome = judge(&op, &Members::from([("recall", recall)]));
        let is_doubt = matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)));
        assert_eq!(is_doubt, expect.is_none(), "{recall}");
        assert!(expect.is_none_or(|expect| expect == outcome), "{recall}");
    }
}

#[test]
fn words_about_a_refund() {
    let op = Op::Refund(MODE.refund(1));
    check(
        &op,
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &Refused(Business)),
            (ACCOUNT_FAULTS, &Refused(NotSupported)),
            ("TRADE_OVERDUE", &Refused(TooLate)),
            ("NOTENOUGH", &Refused(BalanceTooLow)),
            ("REFUND_FEE_MISMATCH", &Refused(NumberUsed)),
            ("ERROR USER_ACCOUNT_ABNORMAL INVALID_TRANSACTIONID", &Refused(Business)),
            ("ORDERNOTEXIST CERT_ERROR", &Refused(Business)),
            ("INVALID_REQUEST REFUNDNOTEXIST A_NEW_WORD", &InDoubt),
        ],
    );
    for text in ["订单已全额退款", "累计退款金额大于支付金额"] {
        assert_eq!(fail(&op, "ERROR", text, ""), Refused(NothingLeft));
    }
    check(
        &Op::QueryRefund(MODE.refund(1)),
        &[
            (PASSING, &Busy),
            (REQUEST_FAULTS, &InDoubt),
            (ACCOUNT_FAULTS, &InDoubt),
            ("REFUNDNOTEXIST", &Is(Outcome::NotFound)),
            ("ORDERNOTEXIST A_NEW_WORD", &InDoubt),
        ],
    );
}

#[test]
fn states_of_an_order() {
    let failed = Outcome::Failed(Refusal {
        kind: Business,
        code: "PAYERROR".into(),
        message: "支付失败".into(),
    });
    for (word, online, barcode) in [
        ("NOTPAY", Some(UNPAID), Some(UNPAID)),
        ("ACCEPT", Some(UNPAID), Some(UNPAID)),
        ("USERPAYING", Some(ACTING), Some(ACTING)),
        ("CLOSED", Some(Outcome::Closed), Some(Outcome::Closed)),
        ("REVOKED", Some(Outcome::Reversed), Some(Outcome::Reversed)),
        ("REFUND", Some(Outcome::PaidElsewhere), Some(Outcome::PaidElsewhere)),
        ("PAYERROR", Some(UNPAID), Some(failed)),
        // Paid, without the facts of a payment.
        ("SUCCESS", None, None),
        ("success", None, None),
        ("A_NEW_WORD", None, None),
        ("", None, None),
    ] {
        let members = Members::from([
            ("out_trade_no", TRADE_NO),
            ("trade_state", word),
            ("trade_state_desc", "支付失败"),
        ]);
        for (product, expect) in [(Product::WechatApp, online), (Product::Micropay, barcode)] {
            let outcome = judge(&Op::Query(MODE.trade_of(product)), &members);
            let is_doubt = matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)));
            assert_eq!(is_doubt, expect.is_none(), "{word}: {outcome:?}");
            assert!(expect.is_none_or(|expect| expect == outcome), "{word}");
        }
    }
}

fn refund_answer(status: &str) -> Members {
    Members::from([
        ("out_trade_no", TRADE_NO),
        ("total_fee", "8888"),
        ("fee_type", "HKD"),
        ("refund_count", "2"),
        ("out_refund_no_0", "another"),
        ("refund_fee_0", "5"),
        ("refund_status_0", "REFUNDCLOSE"),
        ("out_refund_no_1", REFUND_NO),
        ("refund_id_1", "50000"),
        ("refund_fee_1", "1"),
        ("refund_status_1", status),
    ])
}

#[test]
fn states_of_a_refund() {
    let op = Op::QueryRefund(MODE.refund(1));
    let now = super::NOON;
    let Outcome::Refunded(refunded) = judge(&op, &refund_answer("SUCCESS")) else { panic!() };
    // Where WeChat Pay is silent: the amount itself, no rate, the time at which we heard of it.
    assert_eq!((refunded.cash, refunded.rate.as_str()), (MODE.refund(1).amount, ""));
    assert_eq!((refunded.refund_id.as_str(), refunded.refunded_at), ("50000", now));
    let pending = Outcome::RefundPending { refund_id: "50000".into() };
    assert_eq!(judge(&op, &refund_answer("PROCESSING")), pending);
    assert_eq!(judge(&op, &refund_answer("CHANGE")), Outcome::RefundStuck);
    let closed = judge(&op, &refund_answer("REFUNDCLOSE"));
    assert!(matches!(closed, Outcome::RefundClosed(Refusal { kind: Business, .. })), "{closed:?}");
    for word in ["", "success", "FAIL", "A_NEW_WORD"] {
        let outcome = judge(&op, &refund_answer(word));
        assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{word}");
    }
}

#[test]
fn an_answer_about_another_refund_or_amount_is_unknown() {
    let accepted = Members::from([
        ("out_trade_no", TRADE_NO),
        ("out_refund_no", REFUND_NO),
        ("refund_id", "50000"),
        ("total_fee", "8888"),
        ("refund_fee", "1"),
        ("refund_fee_type", "HKD"),
    ]);
    let (ask, query) = (Op::Refund(MODE.refund(1)), Op::QueryRefund(MODE.refund(1)));
    let pending = Outcome::RefundPending { refund_id: "50000".into() };
    assert_eq!(judge(&ask, &accepted), pending);
    let done = refund_answer("SUCCESS");
    for (op, members, name, values) in [
        (&ask, &accepted, "out_trade_no", ["", "another"].as_slice()),
        (&ask, &accepted, "out_refund_no", &["", "another"]),
        (&ask, &accepted, "total_fee", &["", "8887"]),
        (&ask, &accepted, "refund_fee", &["", "2", "1.0", "+1", "01x"]),
        (&ask, &accepted, "refund_fee_type", &["CNY"]),
        (&ask, &accepted, "fee_type", &["CNY"]),
        (&query, &done, "out_trade_no", &["", "another"]),
        (&query, &done, "out_refund_no_1", &["", "another"]),
        (&query, &done, "out_refund_no_0", &[REFUND_NO]),
        (&query, &done, "total_fee", &["", "8887"]),
        (&query, &done, "fee_type", &["CNY"]),
        (&query, &done, "refund_fee_1", &["", "2", "-1"]),
        (&query, &done, "refund_success_time_1", &["yesterday", "2026-13-01 00:00:00"]),
        (&query, &done, "cash_refund_fee_1", &["x", "1.5"]),
    ] {
        for value in values {
            let outcome = judge(op, &changed(members, name, value));
            let is_doubt = matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)));
            assert!(is_doubt, "{name} {value}: {outcome:?}");
        }
    }
}
