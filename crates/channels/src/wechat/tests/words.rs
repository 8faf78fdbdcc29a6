//! Each documented code, and what it means where money has moved or may move: barcodes, reversals,
//! refunds. Codes of other orders are in `rules`.

use kernel::product::Product;
use serde_json::{Value, json};

use super::{
    APPID, MCHID, Mode, REFUND_NO, TRADE_NO, World, about, barcode, refund, signed_answer,
};
use crate::{Doubt, Op, Outcome, RefusalKind};

/// What a word comes to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Means {
    Refused(RefusalKind),
    PaidElsewhere,
    Acting,
    Reversed,
    Closed,
    NotFound,
    Busy,
    Unreadable,
}

use Means::{Acting, Busy, Closed, NotFound, PaidElsewhere, Refused, Reversed, Unreadable};
use RefusalKind::{
    BalanceTooLow, Business, CodeUsed, NotSupported, NothingLeft, NumberUsed, TooLate,
};

fn means(outcome: &Outcome) -> Means {
    match outcome {
        Outcome::Refused(refusal) => Refused(refusal.kind),
        Outcome::PaidElsewhere => PaidElsewhere,
        Outcome::Unpaid { is_acting: true } => Acting,
        Outcome::Reversed => Reversed,
        Outcome::Closed => Closed,
        Outcome::NotFound => NotFound,
        Outcome::Unknown(Doubt::Busy(_)) => Busy,
        Outcome::Unknown(Doubt::Unreadable(_)) => Unreadable,
        outcome => panic!("{outcome:?}"),
    }
}

/// Judges each code as it stands, without `_`, and with a status that does not matter.
fn check(op: &Op, table: &[(&str, &str, Means)]) {
    let world = World::new(Mode::Certificate);
    for (code, message, expect) in table {
        for (status, code) in [(400, (*code).to_owned()), (403, code.replace('_', ""))] {
            let body = json!({ "code": code, "message": message }).to_string();
            let outcome = world.judge(op, &signed_answer(status, &body));
            assert_eq!(means(&outcome), *expect, "{code} {message}");
            if let Outcome::Refused(refusal) = outcome {
                assert_eq!((&*refusal.code, &*refusal.message), (&*code, *message));
            }
        }
    }
}

/// Words that say "not now", and words that are new to us, whatever was asked.
const OF_ANY: [(&str, &str, Means); 9] = [
    ("SYSTEM_ERROR", "", Busy),
    ("BANK_ERROR", "", Busy),
    ("FREQUENCY_LIMITED", "", Busy),
    ("RATELIMIT_EXCEEDED", "", Busy),
    ("SERVICE_UNAVAILABLE", "", Busy),
    ("BIZERR_NEED_RETRY", "", Busy),
    ("INVALID_REQ_TOO_MUCH", "", Busy),
    ("A_NEW_WORD", "", Unreadable),
    ("", "", Unreadable),
];

/// Words for requests that were not let in or not carried out.
const OF_REQUESTS: [(&str, &str, Means); 9] = [
    ("PARAM_ERROR", "x", Refused(Business)),
    ("INVALID_REQUEST", "x", Refused(Business)),
    ("SIGN_ERROR", "x", Refused(Business)),
    ("TRADE_ERROR", "x", Refused(Business)),
    ("RULE_LIMIT", "x", Refused(Business)),
    ("USER_ACCOUNT_ABNORMAL", "x", Refused(Business)),
    ("NO_AUTH", "x", Refused(NotSupported)),
    ("APPID_MCHID_NOT_MATCH", "x", Refused(NotSupported)),
    ("MCH_NOT_EXISTS", "x", Refused(NotSupported)),
];

#[test]
fn a_barcode_is_refused_only_by_a_word_that_is_final() {
    let op = Op::Place(barcode("00"));
    check(&op, &OF_ANY);
    check(&op, &OF_REQUESTS);
    check(
        &op,
        &[
            ("ORDER_PAID", "", PaidElsewhere),
            ("USER_PAYING", "需要用户输入支付密码", Acting),
            ("ORDER_REVERSED", "", Reversed),
            ("ORDER_CLOSED", "", Refused(NumberUsed)),
            ("OUT_TRADE_NO_USED", "", Refused(NumberUsed)),
            ("INVALID_REQUEST", "201 商户订单号重复", Refused(NumberUsed)),
            ("AUTH_CODE_EXPIRE", "", Refused(CodeUsed)),
            ("AUTH_CODE_EXPIRED", "", Refused(CodeUsed)),
            ("AUTH_CODE_ERROR", "", Refused(CodeUsed)),
            ("AUTH_CODE_INVALID", "", Refused(CodeUsed)),
            ("NOT_ENOUGH", "余额不足", Refused(Business)),
            ("NOTSUPORTCARD", "", Refused(Business)),
            ("BUYER_MISMATCH", "", Refused(Business)),
            ("ACCOUNT_ERROR", "", Refused(Business)),
            ("ORDER_NOT_EXIST", "", Unreadable),
        ],
    );
}

#[test]
fn a_reversal_is_refused_only_by_a_word_that_is_final() {
    let op = Op::Reverse(about(Product::Micropay));
    check(&op, &OF_ANY);
    check(&op, &OF_REQUESTS);
    check(
        &op,
        &[
            ("ORDER_REVERSED", "", Reversed),
            ("ORDER_CLOSED", "", Closed),
            ("ORDER_NOT_EXIST", "", NotFound),
            ("REVERSE_EXPIRE", "", Refused(TooLate)),
            ("NOT_ENOUGH", "", Refused(BalanceTooLow)),
            ("ORDER_PAID", "", Unreadable),
        ],
    );
}

#[test]
fn a_refund_is_refused_only_by_a_word_that_is_final() {
    let op = Op::Refund(refund(REFUND_NO, 1));
    check(&op, &OF_ANY);
    check(&op, &OF_REQUESTS);
    check(
        &op,
        &[
            ("NOT_ENOUGH", "基本账户余额不足", Refused(BalanceTooLow)),
            ("TRADE_OVERDUE", "", Refused(TooLate)),
            ("REFUND_FEE_MISMATCH", "", Refused(NumberUsed)),
            ("INVALID_REQUEST", "退款金额与首次不一致", Refused(NumberUsed)),
            ("INVALID_REQUEST", "订单金额或退款金额与之前请求不一致", Refused(NumberUsed)),
            ("INVALID_REQUEST", "订单已全额退款", Refused(NothingLeft)),
            ("ERROR", "订单已全额退款", Refused(NothingLeft)),
            ("ERROR", "x", Unreadable),
            ("ORDER_NOT_EXIST", "", Refused(Business)),
            ("RESOURCE_NOT_EXISTS", "", Refused(Business)),
            ("ORDER_PAID", "", Unreadable),
            ("ORDER_CLOSED", "", Unreadable),
        ],
    );
}

#[test]
fn a_query_of_a_refund_finds_it_or_not() {
    let op = Op::QueryRefund(refund(REFUND_NO, 1));
    check(&op, &OF_ANY);
    check(&op, &OF_REQUESTS.map(|(code, message, _)| (code, message, Unreadable)));
    let absent = [("RESOURCE_NOT_EXISTS", "", NotFound), ("REFUNDNOTEXIST", "", NotFound)];
    check(&op, &absent);
}

#[test]
fn each_state_of_a_barcode_means_one_thing() {
    let world = World::new(Mode::Certificate);
    let judged = |state: &str| {
        let body = json!({
            "appid": APPID, "mchid": MCHID, "out_trade_no": TRADE_NO, "trade_state": state,
            "trade_state_desc": "为什么",
        });
        let answer = signed_answer(200, &body.to_string());
        let placed = world.judge(&Op::Place(barcode("00")), &answer);
        assert_eq!(world.judge(&Op::Query(about(Product::Micropay)), &answer), placed);
        placed
    };
    assert_eq!(judged("NOTPAY"), Outcome::Unpaid { is_acting: false });
    assert_eq!(judged("USERPAYING"), Outcome::Unpaid { is_acting: true });
    assert_eq!(judged("CLOSED"), Outcome::Closed);
    assert_eq!(judged("REVOKED"), Outcome::Reversed);
    let Outcome::Failed(refusal) = judged("PAYERROR") else { panic!("not failed") };
    assert_eq!((refusal.code.as_str(), refusal.message.as_str()), ("PAYERROR", "为什么"));
    // Paid without the facts, and a word that is new, are no news.
    for state in ["SUCCESS", "REFUND", "ACCEPT", "success", ""] {
        assert_eq!(means(&judged(state)), Unreadable, "{state}");
    }
}

#[test]
fn a_reversal_counts_when_it_names_its_order_and_is_not_to_be_called_again() {
    let world = World::new(Mode::Certificate);
    let op = Op::Reverse(about(Product::Micropay));
    let judged = |body: &Value| means(&world.judge(&op, &signed_answer(200, &body.to_string())));
    let right = json!({ "appid": APPID, "mchid": MCHID, "out_trade_no": TRADE_NO });
    assert_eq!(judged(&right), Reversed);
    for (recall, expect) in [
        (json!("N"), Reversed),
        (json!(false), Reversed),
        (json!("Y"), Busy),
        (json!(true), Busy),
        (json!(null), Busy),
    ] {
        let mut body = right.clone();
        body["recall"] = recall;
        assert_eq!(judged(&body), expect);
    }
    for name in ["appid", "mchid", "out_trade_no"] {
        let mut body = right.clone();
        body[name] = "another".into();
        assert_eq!(judged(&body), Unreadable, "{name}");
        body.as_object_mut().unwrap().remove(name);
        assert_eq!(judged(&body), Unreadable, "{name}");
    }
    let answer = signed_answer(204, "");
    assert_eq!(means(&world.judge(&op, &answer)), Unreadable);
}
