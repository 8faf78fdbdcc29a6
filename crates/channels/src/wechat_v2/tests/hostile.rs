//! Whatever bytes come: no panic, and nothing is believed that the key did not sign.

use kernel::product::Product;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::super::WechatV2;
use super::super::xml::Members;
use super::{KEY, MODES, Mode, REFUND_NO, TRADE_NO, World, changed, read, signed, signed_answer};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::Simulator;
use crate::tamper::{Judge, nothing};
use crate::{About, Channel, Doubt, Op, Outcome, Stamp, Step};

const MODE: Mode = Mode::HongKong;

fn ops() -> Vec<Op> {
    vec![
        Op::Place(MODE.order(Product::WechatQr)),
        Op::Place(MODE.order(Product::WechatH5)),
        Op::Place(MODE.order(Product::WechatHkJsapi)),
        Op::Place(MODE.order(Product::Micropay)),
        Op::Query(MODE.trade()),
        Op::Close(MODE.trade()),
        Op::Reverse(MODE.trade()),
        Op::Refund(MODE.refund(1)),
        Op::QueryRefund(MODE.refund(1)),
    ]
}

fn stamp() -> Stamp {
    Stamp { now: super::NOON, nonce: "0".repeat(32) }
}

fn judge(mode: Mode, op: &Op, answer: &HttpResponse) -> Outcome {
    match WechatV2.response(op, &mode.account(), answer, &stamp()) {
        Step::Done(outcome) => outcome,
        Step::Send(_) => panic!("every operation takes one step"),
    }
}

fn is_doubt(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_))
}

fn xml(members: &Members) -> HttpResponse {
    HttpResponse::new(200, "text/xml", members.to_xml("xml"))
}

/// An answer to a query that tells of a payment: the negative control of most tests.
fn paid_answer(mode: Mode) -> HttpResponse {
    let mut world = World::paid(mode);
    let request = world.request(&Op::Query(mode.trade())).unwrap();
    let answer = world.serve(&request).unwrap();
    assert!(matches!(judge(mode, &Op::Query(mode.trade()), &answer), Outcome::Paid(_)));
    answer
}

#[test]
fn an_unsigned_refusal_or_statement_is_never_definite() {
    for op in ops() {
        for (code, message) in [
            ("FAIL", "签名错误"),
            ("FAIL", "ORDERNOTEXIST"),
            ("FAIL", ""),
            ("SUCCESS", "OK"),
            ("", "OK"),
            ("success", "OK"),
        ] {
            let mut members = Members::from([("return_code", code), ("return_msg", message)]);
            assert!(is_doubt(&judge(MODE, &op, &xml(&members))), "{op:?}");
            for (name, value) in [
                ("result_code", "FAIL"),
                ("err_code", "ORDERNOTEXIST"),
                ("trade_state", "CLOSED"),
                ("recall", "N"),
                ("out_trade_no", TRADE_NO),
            ] {
                members.put(name, value);
            }
            assert!(is_doubt(&judge(MODE, &op, &xml(&members))), "{op:?}");
        }
    }
}

#[test]
fn a_signature_of_the_other_kind_or_another_key_is_not_believed() {
    for mode in MODES {
        let op = Op::Query(mode.trade());
        let members = read(&paid_answer(mode).body);
        let other = MODES.into_iter().find(|other| *other != mode).unwrap().sign_type();
        let forged = [
            String::new(),
            members.of("sign").to_ascii_lowercase(),
            members.of("sign")[1..].to_owned(),
            other.sign(&members, KEY),
            mode.sign_type().sign(&members, &"x".repeat(32)),
            mode.sign_type().sign(&members, ""),
        ];
        for sign in forged {
            let mut other_type = changed(&members, "sign", &sign);
            assert!(is_doubt(&judge(mode, &op, &xml(&other_type))), "{sign}");
            // What the message says of its own signature does not count.
            other_type.put("sign_type", other.word());
            let sign = other.sign(&other_type, KEY);
            let answer = xml(&changed(&other_type, "sign", &sign));
            assert!(is_doubt(&judge(mode, &op, &answer)));
        }
    }
}

#[test]
fn an_answer_for_somebody_else_is_unknown() {
    for op in ops() {
        let own = Members::from([("result_code", "FAIL"), ("err_code", "ORDERPAID")]);
        for (name, value) in [
            ("appid", ""),
            ("appid", "another"),
            ("mch_id", ""),
            ("mch_id", "another"),
            ("sub_mch_id", "another"),
        ] {
            let members = resigned(&changed(&signed(MODE, &own), name, value));
            let outcome = judge(MODE, &op, &xml(&members));
            assert!(is_doubt(&outcome), "{name} {value}: {outcome:?}");
        }
    }
}

#[test]
fn a_payment_that_does_not_make_sense_is_unknown() {
    let members = read(&paid_answer(MODE).body);
    for op in [Op::Query(MODE.trade()), Op::Place(MODE.order(Product::Micropay))] {
        assert!(matches!(judge(MODE, &op, &signed_answer(MODE, &members)), Outcome::Paid(_)));
        let long = "4".repeat(65);
        for (name, values) in [
            ("out_trade_no", ["", "another"].as_slice()),
            ("transaction_id", &["", &long]),
            ("total_fee", &["", "0", "-1", "+1", "1.00", " 1", "1e2", "99999999999999999999"]),
            ("fee_type", &["USD", "hkd"]),
            ("cash_fee", &["x", "-1", "1.5"]),
            ("cash_fee_type", &["MYR"]),
            ("time_end", &["", "20261322120005", "2026-11-22 12:00:05", "2026112212000"]),
            ("result_code", &["OK", "success"]),
            ("appid", &["", "another"]),
            ("mch_id", &["", "another"]),
            ("sub_mch_id", &["another"]),
            ("return_code", &["", "OK"]),
        ] {
            for value in values {
                let wrong = resigned(&changed(&members, name, value));
                let outcome = judge(MODE, &op, &xml(&wrong));
                assert!(is_doubt(&outcome), "{name} {value}: {outcome:?}");
            }
        }
        let silent = changed(&changed(&members, "cash_fee", ""), "cash_fee_type", "");
        let Outcome::Paid(payment) = judge(MODE, &op, &xml(&resigned(&silent))) else { panic!() };
        assert_eq!(payment.cash, payment.amount);
        // Where no currency is named it is renminbi: not this order's, and it shows.
        let nameless = resigned(&changed(&members, "fee_type", ""));
        let Outcome::Paid(payment) = judge(MODE, &op, &xml(&nameless)) else { panic!() };
        assert_ne!(payment.amount, MODE.total());
    }
}

fn resigned(members: &Members) -> Members {
    changed(members, "sign", &MODE.sign_type().sign(members, KEY))
}

#[test]
fn xml_that_could_be_understood_differently_is_unknown() {
    for mode in MODES {
        let (op, answer) = (Op::Query(mode.trade()), paid_answer(mode));
        let text = String::from_utf8(answer.body).unwrap();
        let doctype = "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
        for wrong in [
            format!("{doctype}{text}"),
            text.replacen("<xml>", "<xml><total_fee>1</total_fee>", 1),
            text.replacen("<xml>", "<xml><y>&x;</y>", 1),
            text.replacen("<xml>", "<xml><y><z>1</z></y>", 1),
            text.replacen("<xml>", "<xml><!-- -->", 1),
            text.replace("xml>", "root>"),
            format!("{text}{text}"),
            text[..text.len() - 1].to_owned(),
        ] {
            let outcome = judge(mode, &op, &HttpResponse::new(200, "text/xml", wrong.as_str()));
            assert!(matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))), "{wrong}");
        }
        let loose = text.replace("<![CDATA[SUCCESS]]>", "SUCCESS").replace("><", ">\n  <");
        let answer = HttpResponse::new(200, "text/plain", format!("\r\n{loose}\n").as_str());
        assert!(matches!(judge(mode, &op, &answer), Outcome::Paid(_)), "{loose}");
    }
}

#[test]
fn a_status_other_than_200_is_a_doubt_whatever_the_body_says() {
    let answer = paid_answer(MODE);
    for (status, is_busy) in [(201, false), (204, false), (302, false), (400, false), (404, false)]
        .into_iter()
        .chain([(429, true), (500, true), (502, true), (503, true)])
    {
        let outcome =
            judge(MODE, &Op::Query(MODE.trade()), &HttpResponse { status, ..answer.clone() });
        let Outcome::Unknown(doubt) = outcome else { panic!("{status}") };
        assert_eq!(matches!(doubt, Doubt::Busy(_)), is_busy, "{status}");
    }
}

#[test]
fn the_answer_to_one_operation_is_none_to_another() {
    let mut world = World::new(MODE);
    let mut answers = Vec::new();
    for op in [
        Op::Place(MODE.order(Product::WechatQr)),
        Op::Query(MODE.trade()),
        Op::Reverse(MODE.trade()),
    ] {
        let request = world.request(&op).unwrap();
        answers.push((op, world.serve(&request).unwrap()));
    }
    let mut world = World::paid(MODE);
    for op in [Op::Query(MODE.trade()), Op::Refund(MODE.refund(1)), Op::QueryRefund(MODE.refund(1))]
    {
        let request = world.request(&op).unwrap();
        answers.push((op, world.serve(&request).unwrap()));
    }
    for op in ops() {
        for (own, answer) in &answers {
            let is_same = std::mem::discriminant(own) == std::mem::discriminant(&op);
            let is_charge = matches!(&op, Op::Place(place) if place.product == Product::Micropay);
            if !is_same && !is_charge {
                let outcome = judge(MODE, &op, answer);
                assert!(is_doubt(&outcome), "{op:?} {own:?}: {outcome:?}");
            }
        }
    }
}

#[test]
fn a_means_to_pay_must_be_of_the_product() {
    let place = |product| Op::Place(MODE.order(product));
    let opened = |trade_type, name, value| {
        Members::from([("trade_type", trade_type), ("prepay_id", "wx1"), (name, value)])
    };
    let good = opened("NATIVE", "code_url", "weixin://wxpay/bizpayurl?pr=1");
    let outcome = judge(MODE, &place(Product::WechatQr), &signed_answer(MODE, &good));
    assert_eq!(outcome, Outcome::Opened { pay_text: "weixin://wxpay/bizpayurl?pr=1".into() });
    for (product, members) in [
        (Product::WechatQr, opened("NATIVE", "mweb_url", "https://wx.tenpay.com/?p=1")),
        (Product::WechatQr, opened("JSAPI", "code_url", "weixin://x")),
        (Product::WechatQr, opened("", "code_url", "weixin://x")),
        (Product::WechatH5, opened("MWEB", "mweb_url", "javascript:alert(1)")),
        (Product::WechatH5, opened("MWEB", "code_url", "weixin://x")),
        (Product::WechatApp, opened("JSAPI", "", "")),
        (Product::WechatJsapi, changed(&opened("JSAPI", "", ""), "prepay_id", "")),
    ] {
        let outcome = judge(MODE, &place(product), &signed_answer(MODE, &members));
        assert!(is_doubt(&outcome), "{product:?} {members:?}: {outcome:?}");
    }
}

fn any_members() -> impl Strategy<Value = Members> {
    let name = select(vec![
        "result_code",
        "err_code",
        "trade_state",
        "trade_type",
        "prepay_id",
        "code_url",
        "mweb_url",
        "out_trade_no",
        "out_refund_no",
        "transaction_id",
        "total_fee",
        "fee_type",
        "cash_fee",
        "cash_fee_type",
        "time_end",
        "recall",
        "refund_fee",
        "refund_status_0",
        "refund_fee_0",
        "out_refund_no_0",
        "refund_success_time_0",
        "return_code",
        "appid",
        "req_info",
    ]);
    let value = prop_oneof![
        select(vec![
            "SUCCESS",
            "FAIL",
            "NOTPAY",
            "CLOSED",
            "REVOKED",
            "NATIVE",
            "N",
            "Y",
            "1",
            "8888",
            "HKD",
            "CNY",
            "ORDERPAID",
            "20261122120005",
            TRADE_NO,
            REFUND_NO,
        ])
        .prop_map(str::to_owned),
        "[^\u{0}-\u{1f}]{0,12}",
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    vec((name, value), 0..12).prop_map(|pairs| {
        let mut members = Members::default();
        for (name, value) in pairs {
            members.put(name, value);
        }
        members
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let xml = any_members().prop_map(|members| members.to_xml("xml").into_bytes());
    prop_oneof![vec(any::<u8>(), 0..200), xml]
}

/// Tries the answers to `ops` and the callbacks of a world whose order is paid.
fn try_all(mode: Mode, ops: &[Op]) {
    let mut world = World::paid(mode);
    let callbacks = world.callbacks();
    assert_eq!(callbacks.len(), 1);
    let (account, stamp) = (world.account.clone(), world.stamp());
    let judge =
        Judge { channel: &WechatV2, account: &account, stamp: &stamp, headers: &[], free: nothing };
    for callback in callbacks {
        judge.tries_callback(&callback.request);
    }
    for op in ops {
        let request = world.request(op).unwrap();
        let answer = world.serve(&request).unwrap();
        judge.tries_answer(op, &answer);
    }
}

#[test]
fn no_changed_byte_of_an_answer_or_a_callback_is_believed() {
    for mode in MODES {
        let query_refund = Op::QueryRefund(mode.refund(100));
        try_all(mode, &[Op::Query(mode.trade()), Op::Refund(mode.refund(100)), query_refund]);
    }
}

proptest! {
    #[test]
    fn whatever_is_unsigned_is_unknown(
        op in select(ops()),
        status in prop_oneof![Just(200), any::<u16>()],
        body in any_body(),
    ) {
        let outcome = judge(MODE, &op, &HttpResponse { status, headers: Vec::new(), body });
        prop_assert!(is_doubt(&outcome));
    }

    #[test]
    fn whatever_is_signed_is_judged_without_a_panic(op in select(ops()), members in any_members()) {
        let outcome = judge(MODE, &op, &signed_answer(MODE, &members));
        if let Outcome::Paid(payment) = &outcome {
            prop_assert!(payment.amount.minor > 0 && !payment.transaction_id.is_empty());
            prop_assert_eq!(members.of("out_trade_no"), TRADE_NO);
        }
    }

    #[test]
    fn any_callback_is_refused_without_a_panic(
        body in any_body(), members in any_members(),
    ) {
        let post = |body| HttpRequest { method: "POST".into(), url: "/".into(), headers: vec![], body };
        let hear = |mode: Mode, body| WechatV2.callback(&mode.account(), &post(body), &stamp()).facts;
        for mode in MODES {
            prop_assert!(hear(mode, body.clone()).is_err());
        }
        if let Ok(facts) = hear(MODE, signed(MODE, &members).to_xml("xml").into_bytes()) {
            prop_assert_eq!(facts.about, About::Trade(members.of("out_trade_no").to_owned()));
        }
    }

    #[test]
    fn any_request_is_served_without_a_panic(
        method in prop_oneof!["GET", "POST", ".{0,5}"],
        url in prop_oneof![
            "/pay/(unifiedorder|micropay|orderquery|closeorder|refundquery)",
            "/secapi/pay/(reverse|refund)",
            "/wechat_v2/.{0,40}",
            "/wechat_v2/invoke\\?config=\\{\"(prepayid|package)\":\"prepay_id=.{0,20}\"\\}",
            ".{0,40}",
        ],
        members in any_members(),
        body in vec(any::<u8>(), 0..100),
        is_signed in any::<bool>(),
    ) {
        let mut sim = super::new_sim(MODE);
        let mut own = members;
        own.put("body", "x");
        let signed = signed(Mode::Mainland, &own).to_xml("xml").into_bytes();
        let body = if is_signed { signed } else { body };
        let request = HttpRequest { method, url, headers: Vec::new(), body };
        sim.serve(&request, &stamp());
    }
}
