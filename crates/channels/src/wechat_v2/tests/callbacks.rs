//! Callbacks: what is believed, what is refused, and how each is answered.

use kernel::product::Product;

use super::super::callback::seal_key;
use super::super::xml::Members;
use super::{
    APPID, KEY, MCH_ID, MODES, Mode, REFUND_NO, TRADE_NO, World, changed, read, with_setting,
};
use crate::http::HttpRequest;
use crate::legacy::seal_aes_ecb;
use crate::sim::{CallbackFaultKind, Simulator};
use crate::{About, CallbackFault, Outcome, seal};

/// The callbacks of a payment with `fault`.
fn callbacks(world: &mut World, fault: Option<CallbackFaultKind>) -> Vec<HttpRequest> {
    world.place(&world.mode.order(Product::WechatQr));
    let stamp = world.stamp();
    world.sim.pay(TRADE_NO, fault, &stamp).unwrap();
    world.callbacks().into_iter().map(|callback| callback.request).collect()
}

#[test]
fn only_a_callback_without_a_fault_is_believed_as_it_is() {
    for mode in MODES {
        for (kind, _) in CallbackFaultKind::ALL {
            let mut world = World::new(mode);
            let requests = callbacks(&mut world, Some(kind));
            let mut facts: Vec<_> =
                requests.iter().map(|request| world.hear(request).facts).collect();
            match kind {
                CallbackFaultKind::Lost => {
                    assert!(facts.is_empty());
                    assert_eq!(world.sim.next_due(), None);
                }
                CallbackFaultKind::Twice => {
                    assert_eq!(facts.len(), 2);
                    assert_eq!(facts[0], facts[1]);
                    assert!(facts[0].is_ok());
                }
                CallbackFaultKind::Late => {
                    assert!(facts.is_empty());
                    world.wait(59_999);
                    assert!(world.callbacks().is_empty());
                    world.wait(1);
                    assert_eq!(world.callbacks().len(), 1);
                }
                CallbackFaultKind::WrongAmount | CallbackFaultKind::WrongCurrency => {
                    // Told as it stands: the gateway compares it with the order.
                    let Ok(told) = facts.remove(0) else { panic!("{kind:?}") };
                    let Outcome::Paid(payment) = told.outcome else { panic!("{kind:?}") };
                    assert_ne!(payment.amount, mode.total());
                }
                CallbackFaultKind::WrongApp => {
                    assert_eq!(facts, [Err(CallbackFault::Mismatch { field: "appid" })]);
                }
                CallbackFaultKind::WrongMerchant => {
                    assert_eq!(facts, [Err(CallbackFault::Mismatch { field: "mch_id" })]);
                }
                CallbackFaultKind::BadSignature => {
                    assert_eq!(facts, [Err(CallbackFault::BadSignature)]);
                }
            }
            let Outcome::Paid(payment) = world.query() else { panic!("{kind:?}") };
            assert_eq!(payment.amount, mode.total());
        }
    }
}

#[test]
fn both_answers_are_what_the_manual_says() {
    let mut world = World::new(Mode::Mainland);
    let callback = callbacks(&mut world, None).remove(0);
    let heard = world.hear(&callback);
    let (ack, nack) = (read(&heard.ack.body), read(&heard.nack.body));
    assert_eq!(
        (heard.ack.status, ack.of("return_code"), ack.of("return_msg")),
        (200, "SUCCESS", "OK")
    );
    assert_eq!((heard.nack.status, nack.of("return_code")), (400, "FAIL"));
}

#[test]
fn a_callback_is_read_with_the_account_that_it_was_made_for() {
    for mode in MODES {
        let mut world = World::new(mode);
        let callback = callbacks(&mut world, None).remove(0);
        let account = world.account.clone();
        let other = if mode == Mode::Mainland { "HMAC-SHA256" } else { "MD5" };
        for (key, value) in [("api_key", "x".repeat(32)), ("sign_type", other.to_owned())] {
            world.account = with_setting(account.clone(), key, &value);
            assert_eq!(world.hear(&callback).facts, Err(CallbackFault::BadSignature), "{key}");
        }
        for field in ["appid", "mch_id", "sub_mch_id"] {
            world.account = with_setting(account.clone(), field, "1900000110");
            let mismatch = Err(CallbackFault::Mismatch { field });
            assert_eq!(world.hear(&callback).facts, mismatch);
        }
        world.account = with_setting(account, "sign_type", "SHA1");
        assert!(matches!(world.hear(&callback).facts, Err(CallbackFault::Malformed(_))));
    }
}

fn with_body(members: &Members) -> HttpRequest {
    let body = members.to_xml("xml").into_bytes();
    HttpRequest { method: "POST".into(), url: "/".into(), headers: Vec::new(), body }
}

#[test]
fn a_callback_that_does_not_make_sense_changes_nothing() {
    let mode = Mode::HongKong;
    let mut world = World::new(mode);
    let good = read(&callbacks(&mut world, None).remove(0).body);
    let mut hear = |name: &str, value: &str| {
        let members = changed(&good, name, value);
        let sign = mode.sign_type().sign(&members, KEY);
        world.hear(&with_body(&changed(&members, "sign", &sign))).facts
    };
    assert!(hear("new_member", "is signed too").is_ok());
    for (name, value) in [
        ("return_code", "FAIL"),
        ("return_code", ""),
        ("result_code", ""),
        ("result_code", "success"),
        ("out_trade_no", ""),
        ("transaction_id", ""),
        ("total_fee", ""),
        ("total_fee", "1.0"),
        ("total_fee", "0"),
        ("cash_fee", "x"),
        ("time_end", "20261322120005"),
    ] {
        let facts = hear(name, value);
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name} {value}: {facts:?}");
    }
    assert_eq!(hear("fee_type", "USD"), Err(CallbackFault::Mismatch { field: "fee_type" }));
    // That a payment failed is a hint, and no more.
    let facts = hear("result_code", "FAIL").unwrap();
    assert_eq!(facts.outcome, Outcome::Unpaid { is_acting: false });
}

/// The notification of a refund's end, sealed with `key`.
fn refund(root: &str, key: &str) -> Members {
    let sealed = seal_aes_ecb(&seal_key(key), root.as_bytes()).unwrap();
    Members::from([
        ("return_code", "SUCCESS"),
        ("appid", APPID),
        ("mch_id", MCH_ID),
        ("nonce_str", "n"),
        ("req_info", &seal::base64(&sealed)),
    ])
}

fn root(status: &str) -> String {
    let members = Members::from([
        ("out_trade_no", TRADE_NO),
        ("out_refund_no", REFUND_NO),
        ("refund_id", "50000"),
        ("refund_fee", "1"),
        ("refund_status", status),
    ]);
    members.to_xml("root")
}

#[test]
fn a_refunds_callback_says_which_refund_to_ask_for_and_no_more() {
    for mode in MODES {
        let mut world = World::new(mode);
        for status in ["SUCCESS", "CHANGE", "REFUNDCLOSE"] {
            let facts = world.hear(&with_body(&refund(&root(status), KEY))).facts.unwrap();
            assert_eq!(facts.about, About::Refund(REFUND_NO.into()));
            let pending = Outcome::RefundPending { refund_id: "50000".into() };
            assert_eq!(facts.outcome, pending, "{status}");
        }
    }
}

#[test]
fn a_refunds_callback_that_is_not_the_accounts_is_refused() {
    let mut world = World::new(Mode::Mainland);
    let good = refund(&root("SUCCESS"), KEY);
    let bad = Err(CallbackFault::BadSignature);
    let forged = refund(&root("SUCCESS"), &"x".repeat(32));
    assert_eq!(world.hear(&with_body(&forged)).facts, bad);
    for sealed in ["x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA=="] {
        assert_eq!(world.hear(&with_body(&changed(&good, "req_info", sealed))).facts, bad);
    }
    for field in ["appid", "mch_id", "sub_mch_id"] {
        let facts = world.hear(&with_body(&changed(&good, field, "another"))).facts;
        assert_eq!(facts, Err(CallbackFault::Mismatch { field }));
    }
    for wrong in [
        root("PROCESSING"),
        root("SUCCESS").replace("root>", "xml>"),
        root("SUCCESS").replace(REFUND_NO, ""),
        root("SUCCESS").replacen("<root>", "<!DOCTYPE root><root>", 1),
        "not XML".to_owned(),
    ] {
        let facts = world.hear(&with_body(&refund(&wrong, KEY))).facts;
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{wrong}: {facts:?}");
    }
}
