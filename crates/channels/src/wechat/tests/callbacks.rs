//! Callbacks: what is believed, what is refused, and how each is answered.

use super::{
    APIV3_KEY, CERTIFICATE, MODES, Mode, NOON, TRADE_NO, World, native, query, signed_headers,
    with_setting,
};
use crate::http::HttpRequest;
use crate::sim::{CallbackFaultKind, Simulator};
use crate::{About, CallbackFault, Doubt, Op, Outcome, seal};

/// The callbacks of a payment with `fault`, and when they came.
fn callbacks(world: &mut World, fault: Option<CallbackFaultKind>) -> Vec<HttpRequest> {
    world.place(&native());
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
                    assert!(
                        matches!(&facts[0], Ok(told) if told.about == About::Trade(TRADE_NO.into()))
                    );
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
                    assert_ne!(payment.amount, native().amount);
                }
                CallbackFaultKind::WrongApp => {
                    assert_eq!(facts, [Err(CallbackFault::Mismatch { field: "appid" })]);
                }
                CallbackFaultKind::WrongMerchant => {
                    assert_eq!(facts, [Err(CallbackFault::Mismatch { field: "mchid" })]);
                }
                CallbackFaultKind::BadSignature => {
                    assert_eq!(facts, [Err(CallbackFault::BadSignature)]);
                }
            }
            let Outcome::Paid(payment) = world.ask(&query()) else { panic!("{kind:?}") };
            assert_eq!(payment.amount, native().amount);
        }
    }
}

#[test]
fn an_old_callback_is_not_believed() {
    let mut world = World::new(Mode::PublicKey);
    let request = callbacks(&mut world, None).remove(0);
    for (shift_s, is_believed) in [(-301, false), (-300, true), (300, true), (301, false)] {
        world.now = NOON.plus_millis(shift_s * 1000);
        let facts = world.hear(&request).facts;
        assert_eq!(facts.is_ok(), is_believed, "{shift_s}");
        assert!(is_believed || facts == Err(CallbackFault::BadSignature));
    }
}

#[test]
fn a_key_that_we_do_not_have_is_asked_for_and_then_believed() {
    let mut world = World::without_keys(Mode::Certificate);
    let place = Op::Place(native());
    let request = world.request(&place).unwrap();
    let answer = world.serve(&request).unwrap();
    let serial = CERTIFICATE.1.clone();
    let unknown = Outcome::Unknown(Doubt::UnknownKey { serial: serial.clone() });
    assert_eq!(world.judge(&place, &answer), unknown);
    let stamp = world.stamp();
    world.sim.pay(TRADE_NO, None, &stamp).unwrap();
    let callback = world.callbacks().remove(0).request;
    assert_eq!(world.hear(&callback).facts, Err(CallbackFault::UnknownKey { serial }));
    let Outcome::Keys(keys) = world.ask(&Op::Keys) else { panic!("no keys") };
    world.account.upstream_keys = keys;
    assert!(matches!(world.judge(&place, &answer), Outcome::Opened { .. }));
    assert!(world.hear(&callback).facts.is_ok());
}

#[test]
fn a_serial_is_found_in_any_case_but_not_after_its_end() {
    let mut world = World::new(Mode::Certificate);
    let callback = callbacks(&mut world, None).remove(0);
    let key = &mut world.account.upstream_keys[0];
    key.serial = key.serial.to_ascii_lowercase();
    assert!(world.hear(&callback).facts.is_ok());
    world.account.upstream_keys[0].expires_at = NOON;
    let serial = CERTIFICATE.1.clone();
    assert_eq!(
        world.hear(&callback).facts,
        Err(CallbackFault::UnknownKey { serial: serial.clone() })
    );
    assert_eq!(world.ask(&query()), Outcome::Unknown(Doubt::UnknownKey { serial }));
}

#[test]
fn a_callback_is_read_with_the_account_that_it_was_made_for() {
    let mut world = World::new(Mode::PublicKey);
    let callback = callbacks(&mut world, None).remove(0);
    let account = world.account.clone();
    world.account = with_setting(account.clone(), "apiv3_key", &"x".repeat(32));
    assert!(matches!(world.hear(&callback).facts, Err(CallbackFault::Malformed(_))));
    world.account = with_setting(account, "mchid", "1900000110");
    let mismatch = Err(CallbackFault::Mismatch { field: "mchid" });
    assert_eq!(world.hear(&callback).facts, mismatch);
}

#[test]
fn both_answers_are_what_the_manual_says() {
    let mut world = World::new(Mode::PublicKey);
    let callback = callbacks(&mut world, None).remove(0);
    let heard = world.hear(&callback);
    assert_eq!((heard.ack.status, heard.ack.body), (200, br#"{"code":"SUCCESS"}"#.to_vec()));
    assert_eq!(heard.nack.status, 400);
    assert_eq!(heard.nack.body, r#"{"code":"FAIL","message":"失败"}"#.as_bytes());
}

/// A well signed callback whose sealed transaction is `plain`.
fn sealed(event_type: &str, plain: &str) -> HttpRequest {
    let bytes =
        seal::seal_aes_gcm(APIV3_KEY.as_bytes(), b"fdasflkja484", b"transaction", plain.as_bytes());
    let body = serde_json::json!({
        "id": "EV-1",
        "event_type": event_type,
        "resource_type": "encrypt-resource",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": "fdasflkja484",
            "associated_data": "transaction",
            "ciphertext": seal::base64(&bytes.unwrap()),
        },
    })
    .to_string();
    let headers = signed_headers(NOON, &body);
    HttpRequest { method: "POST".into(), url: "/".into(), headers, body: body.into_bytes() }
}

fn paid(amount: &str) -> String {
    format!(
        r#"{{"mchid":"1900000109","appid":"wxd930ea5d5a258f4f","out_trade_no":"{TRADE_NO}",
        "transaction_id":"4200","trade_state":"SUCCESS","success_time":"2026-11-22T12:00:05+08:00",
        "amount":{amount}}}"#
    )
}

const CNY_1: &str = r#"{"total":1,"currency":"CNY"}"#;

#[test]
fn a_callback_without_payer_facts_is_paid_with_its_amount_as_cash() {
    let mut world = World::new(Mode::Certificate);
    let facts = world.hear(&sealed("TRANSACTION.SUCCESS", &paid(CNY_1))).facts.unwrap();
    let Outcome::Paid(payment) = facts.outcome else { panic!("not paid") };
    assert_eq!(payment.cash, payment.amount);
    assert_eq!((payment.openid.as_str(), payment.bank_type.as_str()), ("", ""));
}

#[test]
fn a_callback_that_does_not_make_sense_changes_nothing() {
    let mut world = World::new(Mode::Certificate);
    let whole = paid(CNY_1);
    for (event, plain) in [
        ("REFUND.SUCCESS", whole.clone()),
        ("TRANSACTION.SUCCESS", "[]".to_owned() + &whole),
        ("TRANSACTION.SUCCESS", whole.replace("\"SUCCESS\"", "\"NOTPAY\"")),
        ("TRANSACTION.SUCCESS", whole.replace("\"SUCCESS\"", "\"success\"")),
        ("TRANSACTION.SUCCESS", whole.replace("\"4200\"", "\"\"")),
        ("TRANSACTION.SUCCESS", whole.replace("2026-11", "2026-13")),
        ("TRANSACTION.SUCCESS", whole.replace(TRADE_NO, "")),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":0,"currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":1.0,"currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":1e0,"currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":"1","currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":-1,"currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":1,"total":1,"currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":1,"tot\u0061l":2,"currency":"CNY"}"#)),
        ("TRANSACTION.SUCCESS", paid(r#"{"total":1,"payer_total":0.5,"currency":"CNY"}"#)),
    ] {
        let facts = world.hear(&sealed(event, &plain)).facts;
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{plain}: {facts:?}");
    }
    let refunded = whole.replace("\"SUCCESS\"", "\"REFUND\"");
    let facts = world.hear(&sealed("TRANSACTION.SUCCESS", &refunded)).facts.unwrap();
    assert_eq!(facts.outcome, Outcome::PaidElsewhere);
}

#[test]
fn a_currency_that_is_none_of_ours_is_a_mismatch() {
    let mut world = World::new(Mode::Certificate);
    let plain = paid(r#"{"total":1,"currency":"USD"}"#);
    let facts = world.hear(&sealed("TRANSACTION.SUCCESS", &plain)).facts;
    assert_eq!(facts, Err(CallbackFault::Mismatch { field: "amount.currency" }));
}

fn refunded(status: &str) -> String {
    let (mchid, refund_no) = (super::MCHID, super::REFUND_NO);
    format!(
        r#"{{"mchid":"{mchid}","out_trade_no":"{TRADE_NO}","transaction_id":"4200",
        "refund_id":"5000","out_refund_no":"{refund_no}","refund_status":"{status}",
        "success_time":"2026-11-22T12:00:05+08:00","user_received_account":"支付用户零钱",
        "amount":{{"total":10,"refund":5,"payer_total":9,"payer_refund":4}}}}"#
    )
}

#[test]
fn the_end_of_a_refund_is_told_by_its_number() {
    let mut world = World::new(Mode::Certificate);
    let facts = world.hear(&sealed("REFUND.SUCCESS", &refunded("SUCCESS"))).facts.unwrap();
    assert_eq!(facts.about, About::Refund(super::REFUND_NO.into()));
    let Outcome::Refunded(done) = facts.outcome else { panic!("not refunded") };
    assert_eq!((done.amount.minor, done.cash.minor), (5, 4));
    assert_eq!((done.refund_id.as_str(), done.refunded_at), ("5000", NOON));
    let closed = world.hear(&sealed("REFUND.CLOSED", &refunded("CLOSED"))).facts.unwrap();
    assert!(matches!(closed.outcome, Outcome::RefundClosed(_)));
    let stuck = world.hear(&sealed("REFUND.ABNORMAL", &refunded("ABNORMAL"))).facts.unwrap();
    assert_eq!(stuck.outcome, Outcome::RefundStuck);
}

#[test]
fn a_refunds_callback_that_does_not_make_sense_changes_nothing() {
    let mut world = World::new(Mode::Certificate);
    let whole = refunded("SUCCESS");
    let nothing =
        whole.replace("\"refund\":5", "\"refund\":0").replace("_refund\":4", "_refund\":0");
    for (event, plain) in [
        ("REFUND.CLOSED", whole.clone()),
        ("REFUND.PROCESSING", refunded("PROCESSING")),
        ("REFUND.", refunded("")),
        ("REFUND", whole.clone()),
        ("REFUND.SUCCESS.AGAIN", whole.clone()),
        ("TRANSACTION.SUCCESS", whole.clone()),
        ("REFUND.SUCCESS", paid(CNY_1)),
        ("REFUND.SUCCESS", whole.replace(super::REFUND_NO, "")),
        ("REFUND.SUCCESS", whole.replace("\"5000\"", "\"\"")),
        ("REFUND.SUCCESS", whole.replace("success_time", "time")),
        ("REFUND.SUCCESS", nothing),
        ("REFUND.SUCCESS", whole.replace("\"refund\":5", "\"refund\":5.0")),
        ("REFUND.SUCCESS", whole.replace("\"refund\":5", "\"refund\":5,\"refund\":6")),
        ("REFUND.SUCCESS", whole.replace("\"payer_refund\":4", "\"payer_refund\":6")),
    ] {
        let facts = world.hear(&sealed(event, &plain)).facts;
        let is_refused =
            matches!(facts, Err(CallbackFault::Malformed(_) | CallbackFault::Mismatch { .. }));
        assert!(is_refused, "{event} {plain}: {facts:?}");
    }
    let other = whole.replace(super::MCHID, "1900000110");
    let mismatch = Err(CallbackFault::Mismatch { field: "mchid" });
    assert_eq!(world.hear(&sealed("REFUND.SUCCESS", &other)).facts, mismatch);
}

#[test]
fn a_refunds_callback_is_verified_as_a_payments_is() {
    for mode in MODES {
        let mut world = World::new(mode);
        world.place(&native());
        world.pay();
        world.ask(&Op::Refund(super::refund(super::REFUND_NO, 1)));
        world.wait(3_000);
        let is_refund = |request: &HttpRequest| {
            String::from_utf8_lossy(&request.body).contains("REFUND.SUCCESS")
        };
        let requests = world.callbacks().into_iter().map(|callback| callback.request);
        let mut request = requests.into_iter().find(is_refund).unwrap();
        assert!(matches!(world.hear(&request).facts.unwrap().about, About::Refund(_)));
        assert!(world.hear(&request).facts.is_ok());
        let signature = request.headers.iter_mut().find(|(name, _)| name == "Wechatpay-Signature");
        signature.unwrap().1.insert_str(0, "WECHATPAY/SIGNTEST/");
        assert_eq!(world.hear(&request).facts, Err(CallbackFault::BadSignature));
    }
}

#[test]
fn an_app_of_the_merchants_own_is_settled_by_a_query() {
    let mut world = World::new(Mode::Certificate);
    let other = paid(CNY_1).replace("wxd930ea5d5a258f4f", "wx0");
    for (trade_type, expect) in [
        ("JSAPI", Ok(Outcome::PaidElsewhere)),
        ("APP", Ok(Outcome::PaidElsewhere)),
        ("NATIVE", Err(CallbackFault::Mismatch { field: "appid" })),
        ("MWEB", Err(CallbackFault::Mismatch { field: "appid" })),
        ("MICROPAY", Err(CallbackFault::Mismatch { field: "appid" })),
    ] {
        let plain = other.replacen('{', &format!(r#"{{"trade_type":"{trade_type}","#), 1);
        let facts = world.hear(&sealed("TRANSACTION.SUCCESS", &plain)).facts;
        assert_eq!(facts.map(|facts| facts.outcome), expect, "{trade_type}");
    }
    let facts = world.hear(&sealed("TRANSACTION.SUCCESS", &other)).facts;
    assert_eq!(facts, Err(CallbackFault::Mismatch { field: "appid" }));
}
