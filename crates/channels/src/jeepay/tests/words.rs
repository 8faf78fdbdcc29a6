//! What single answers mean, word by word.

use kernel::product::{Product, Provider};
use kernel::time::Timestamp;
use serde_json::{Value, json};

use super::{
    AMOUNT, APP_ID, MCH_NO, REFUND_NO, SHOWN, START, TRADE_NO, barcode, done, granted, heard,
    is_busy, is_unreadable, judged, payment_of, place, refund, refused, trade, with,
};
use crate::{Op, Outcome, RefusalKind, Step};

fn query() -> Op {
    Op::Query(trade(Product::AlipayQr))
}

fn close() -> Op {
    Op::Close(trade(Product::AlipayQr))
}

fn give() -> Op {
    Op::Refund(refund(Product::AlipayQr, 100, REFUND_NO))
}

fn ask() -> Op {
    Op::QueryRefund(refund(Product::AlipayQr, 100, REFUND_NO))
}

fn a_paid_order() -> Value {
    json!({
        "payOrderId": "P1", "mchNo": MCH_NO, "appId": APP_ID, "mchOrderNo": TRADE_NO,
        "wayCode": "ALI_QR", "amount": 8888, "currency": "cny", "state": 2,
        "channelOrderNo": "2026", "successTime": 1_795_320_006_000_i64,
    })
}

fn a_refund() -> Value {
    json!({ "refundOrderId": "R1", "mchRefundNo": REFUND_NO, "refundAmount": 100, "state": 2 })
}

fn an_opening(kind: &str, data: &str) -> Value {
    json!({
        "payOrderId": "P1", "mchOrderNo": TRADE_NO, "orderState": 1, "payDataType": kind,
        "payData": data,
    })
}

#[test]
fn each_state_of_an_order_has_one_meaning() {
    let unpaid = |is_acting| Outcome::Unpaid { is_acting };
    for (state, shown, is_failed) in [
        (0, unpaid(false), false),
        (1, unpaid(false), false),
        (3, Outcome::Closed, true),
        (4, Outcome::Reversed, false),
        (6, Outcome::Closed, false),
    ] {
        let said = with(a_paid_order(), "state", state);
        assert_eq!(judged(&query(), &said), shown, "{state}");
        let barcode = judged(&Op::Query(trade(Product::Micropay)), &said);
        match barcode {
            Outcome::Failed(_) => assert!(is_failed),
            Outcome::Unpaid { is_acting } => assert!(is_acting && state < 2),
            other => assert_eq!(other, shown),
        }
    }
    for state in [json!(5), json!(7), json!(""), json!(null), json!("02"), json!(true)] {
        let said = with(a_paid_order(), "state", state.clone());
        assert!(is_unreadable(&judged(&query(), &said)), "{state}");
    }
    let payment = payment_of(&judged(&query(), &a_paid_order()));
    assert_eq!((payment.amount, payment.transaction_id.as_str()), (AMOUNT, "2026"));
    assert_eq!(payment.paid_at, Timestamp::from_seconds(1_795_320_006));
}

#[test]
fn a_payment_without_its_facts_is_not_believed() {
    for (name, value) in [
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(88.88)),
        ("amount", json!("")),
        ("currency", json!("usd")),
        ("currency", json!("")),
        ("mchOrderNo", json!("1120261122120005000006553802")),
        ("mchOrderNo", json!(null)),
        ("mchNo", json!("M0")),
        ("appId", json!("0")),
    ] {
        let said = with(a_paid_order(), name, value.clone());
        assert!(is_unreadable(&judged(&query(), &said)), "{name} {value}");
    }
    let timeless = with(a_paid_order(), "successTime", Value::Null);
    assert_eq!(payment_of(&judged(&query(), &timeless)).paid_at, START);
    let nameless = with(a_paid_order(), "channelOrderNo", Value::Null);
    assert_eq!(payment_of(&judged(&query(), &nameless)).transaction_id, "P1");
    let numberless = with(nameless, "payOrderId", "");
    assert!(is_unreadable(&judged(&query(), &numberless)));
}

#[test]
fn a_barcode_is_whose_wallet_its_way_names() {
    let micropay = Op::Query(trade(Product::Micropay));
    for (way, provider) in [
        ("ALI_BAR", Provider::Alipay),
        ("WX_BAR", Provider::Wechat),
        ("YSF_BAR", Provider::Unionpay),
        ("UP_BAR", Provider::Unionpay),
    ] {
        let payment = payment_of(&judged(&micropay, &with(a_paid_order(), "wayCode", way)));
        assert_eq!(payment.provider, provider);
    }
    let odd = with(a_paid_order(), "wayCode", "PP_PC");
    assert!(is_unreadable(&judged(&micropay, &odd)));
    assert_eq!(payment_of(&judged(&query(), &odd)).provider, Provider::Alipay);
}

#[test]
fn every_refusal_says_to_each_operation_what_it_may() {
    let not_placed =
        |code, message: &str| done(heard(&place(Product::AlipayQr), 200, &refused(code, message)));
    let not_charged =
        |code, message: &str| done(heard(&barcode("00"), 200, &refused(code, message)));
    for (code, message) in [(10, "x"), (12, "x"), (9999, "系统异常")] {
        for op in [place(Product::AlipayQr), barcode("00"), query(), close(), give(), ask()] {
            assert!(is_busy(&done(heard(&op, 200, &refused(code, message)))), "{code} {op:?}");
        }
    }
    let kind_of = |outcome: Outcome| match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    };
    let exists = "商户订单[1]已存在";
    assert_eq!(kind_of(not_placed(9999, exists)), RefusalKind::NumberUsed);
    assert!(is_unreadable(&not_charged(9999, exists)), "it may have been charged");
    assert_eq!(kind_of(not_placed(9999, "商户应用不支持该支付方式")), RefusalKind::NotSupported);
    assert_eq!(kind_of(not_placed(11, "x")), RefusalKind::Business);
    assert!(is_unreadable(&not_charged(11, "x")));
    assert_eq!(kind_of(not_placed(9999, "验签失败")), RefusalKind::Business);
    for message in ["验签失败", "更新订单异常!", "", "订单不存在", "当前订单不可关闭"]
    {
        assert!(is_unreadable(&not_charged(9999, message)), "{message}");
    }
}

#[test]
fn a_question_is_answered_by_known_words_only() {
    for (message, found) in [
        ("订单不存在", Some(Outcome::NotFound)),
        ("验签失败", None),
        ("", None),
        ("商户订单[1]已存在", None),
        ("订单已全额退款，本次申请失败", None),
    ] {
        for op in [query(), close(), ask()] {
            let outcome = done(heard(&op, 200, &refused(9999, message)));
            match &found {
                Some(expect) => assert_eq!(outcome, *expect, "{message}"),
                None => assert!(is_unreadable(&outcome), "{message} {outcome:?}"),
            }
        }
    }
    let not_open = refused(9999, "当前订单不可关闭");
    assert_eq!(done(heard(&close(), 200, &not_open)), Outcome::PaidElsewhere);
    assert!(is_unreadable(&done(heard(&query(), 200, &not_open))));
}

#[test]
fn closing_is_believed_by_its_sign_and_of_no_other_order() {
    assert_eq!(judged(&close(), &json!({})), Outcome::Closed);
    assert_eq!(judged(&close(), &json!({ "mchOrderNo": TRADE_NO })), Outcome::Closed);
    for other in [json!({ "mchOrderNo": "1" }), json!({ "mchNo": "M0" })] {
        assert!(is_unreadable(&judged(&close(), &other)));
    }
    let unsigned = br#"{"code":0,"msg":"SUCCESS","data":{},"sign":""}"#;
    assert!(is_unreadable(&done(heard(&close(), 200, unsigned))));
}

#[test]
fn only_a_refund_that_there_is_not_is_asked_for() {
    let step = heard(&give(), 200, &refused(9999, "订单不存在"));
    assert!(matches!(step, Step::Send(request) if request.path() == "/api/refund/refundOrder"));
    let step = heard(&ask(), 200, &refused(9999, "订单不存在"));
    assert_eq!(done(step), Outcome::NotFound);
    for (message, kind) in [
        ("订单已全额退款，本次申请失败", RefusalKind::NothingLeft),
        ("退款单已完成全部订单退款，本次申请失败", RefusalKind::NothingLeft),
        ("申请金额超出订单可退款余额，请检查退款金额", RefusalKind::Business),
        ("订单状态不正确， 无法完成退款", RefusalKind::Business),
        ("退款订单不存在", RefusalKind::Business),
        ("当前通道不支持退款！", RefusalKind::NotSupported),
    ] {
        match done(heard(&give(), 200, &refused(9999, message))) {
            Outcome::Refused(refusal) => assert_eq!(refusal.kind, kind, "{message}"),
            other => panic!("{message} {other:?}"),
        }
    }
    // The last two may be of the question, after a refund that was done.
    for (code, message) in [
        (9999, "验签失败"),
        (9999, "商户退款订单号[1]已存在"),
        (9999, "更新退款单异常!"),
        (9999, "不支持退款查询"),
        (11, "参数有误"),
    ] {
        assert!(is_unreadable(&done(heard(&give(), 200, &refused(code, message)))), "{message}");
    }
    let pending = refused(9999, "支付订单具有在途退款申请，请稍后再试");
    assert!(is_busy(&done(heard(&give(), 200, &pending))));
}

#[test]
fn each_state_of_a_refund_has_one_meaning() {
    let pending = Outcome::RefundPending { refund_id: "R1".into() };
    for op in [give(), ask()] {
        for state in [0, 1] {
            assert_eq!(judged(&op, &with(a_refund(), "state", state)), pending);
        }
        assert!(matches!(judged(&op, &a_refund()), Outcome::Refunded(_)));
        for state in [3, 4] {
            let failed = judged(&op, &with(a_refund(), "state", state));
            match (&op, failed) {
                (Op::Refund(_), Outcome::Refused(_)) => {}
                (_, Outcome::RefundClosed(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        for (name, value) in [
            ("state", json!(9)),
            ("mchRefundNo", json!("1")),
            ("refundAmount", json!(99)),
            ("refundAmount", json!("")),
            ("currency", json!("hkd")),
            ("currency", json!("usd")),
        ] {
            assert!(is_unreadable(&judged(&op, &with(a_refund(), name, value))), "{name}");
        }
    }
}

#[test]
fn a_product_is_opened_only_with_what_it_needs() {
    let page = "https://pay.example/1";
    let samples =
        [("codeUrl", "weixin://x"), ("payUrl", page), ("wxapp", r#"{"a":"b"}"#), ("aliapp", "a=b")];
    for product in SHOWN {
        for (kind, data) in samples {
            let is_right = match product {
                Product::AlipayApp => kind == "aliapp",
                Product::WechatJsapi => kind == "wxapp",
                Product::AlipayQr | Product::WechatQr | Product::UnionpayQr => {
                    ["codeUrl", "payUrl"].contains(&kind)
                }
                _ => kind == "payUrl",
            };
            match judged(&place(product), &an_opening(kind, data)) {
                Outcome::Opened { pay_text } => assert!(is_right && pay_text == data),
                outcome => assert!(!is_right && is_unreadable(&outcome), "{product:?} {kind}"),
            }
        }
    }
    for (kind, data) in [("form", "<form>"), ("payUrl", "javascript:1"), ("none", ""), ("", "")] {
        let outcome = judged(&place(Product::AlipayWap), &an_opening(kind, data));
        assert!(is_unreadable(&outcome), "{kind}");
    }
    assert!(is_unreadable(&judged(&place(Product::WechatJsapi), &an_opening("wxapp", "x"))));
}

#[test]
fn an_opening_is_judged_by_its_state() {
    let op = place(Product::AlipayQr);
    let said = |state: i64| with(an_opening("codeUrl", "x"), "orderState", state);
    assert_eq!(judged(&op, &said(2)), Outcome::PaidElsewhere);
    assert_eq!(judged(&op, &said(6)), Outcome::Closed);
    assert!(matches!(judged(&op, &said(3)), Outcome::Refused(_)));
    for state in [4, 5, 9] {
        assert!(is_unreadable(&judged(&op, &said(state))), "{state}");
    }
    let of_other = with(said(1), "mchOrderNo", "1");
    assert!(is_unreadable(&judged(&op, &of_other)));
    let step = heard(&barcode("00"), 200, &granted(&said(2)));
    assert!(matches!(step, Step::Send(request) if request.path() == "/api/pay/query"));
    assert!(is_unreadable(&judged(&op, &a_paid_order())), "not what was asked");
}
