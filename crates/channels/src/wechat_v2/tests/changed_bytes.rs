//! What was changed on the way is not believed, not a byte of it; a DOCTYPE, an entity or another
//! encoding is refused unread, by the connector and by the simulator.

use super::super::WechatV2;
use super::super::callback::seal_key;
use super::super::xml::Members;
use super::hostile::{MODE, is_doubt, judge, stamp};
use super::{APPID, KEY, MCH_ID, MODES, Mode, REFUND_NO, World, read};
use crate::http::{HttpRequest, HttpResponse};
use crate::legacy::seal_aes_ecb;
use crate::seal::base64;
use crate::sim::Simulator;
use crate::tamper::{Judge, nothing};
use crate::xml::tests::hostile;
use crate::{CallbackFault, Channel, Doubt, Op, Outcome};

#[test]
fn a_message_with_a_doctype_or_an_entity_is_refused_unread_by_both_sides() {
    let mut world = World::paid(MODE);
    let callback = world.callbacks().remove(0);
    assert!(world.hear(&callback.request).facts.is_ok());
    for (name, body) in hostile(str::from_utf8(&callback.request.body).unwrap()) {
        let request = HttpRequest { body, ..callback.request.clone() };
        assert!(matches!(world.hear(&request).facts, Err(CallbackFault::Malformed(_))), "{name}");
    }
    for op in [Op::Query(MODE.trade()), Op::Refund(MODE.refund(100))] {
        let request = world.request(&op).unwrap();
        for (name, body) in hostile(str::from_utf8(&request.body).unwrap()) {
            let answer = world.serve(&HttpRequest { body, ..request.clone() }).unwrap();
            let said = read(&answer.body);
            assert_eq!((said.of("return_code"), said.has("sign")), ("FAIL", false), "{name}");
        }
        let answer = world.serve(&request).unwrap();
        assert!(!is_doubt(&judge(MODE, &op, &answer)));
        for (name, body) in hostile(str::from_utf8(&answer.body).unwrap()) {
            let outcome = judge(MODE, &op, &HttpResponse { body, ..answer.clone() });
            assert!(
                matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_))),
                "{name} {outcome:?}"
            );
        }
    }
}

#[test]
fn an_acknowledgement_with_a_doctype_is_none() {
    let ack = "<xml><return_code>SUCCESS</return_code></xml>";
    let sent_again = |body: &[u8]| {
        let mut world = World::paid(MODE);
        let (id, stamp) = (world.callbacks().remove(0).id, world.stamp());
        let answer = HttpResponse::new(200, "text/xml", body);
        world.sim.callback_answered(id, Some(&answer), &stamp);
        world.wait(60_000);
        !world.callbacks().is_empty()
    };
    assert!(!sent_again(ack.as_bytes()));
    for (name, body) in hostile(ack) {
        assert!(sent_again(&body), "{name}");
    }
}

#[test]
fn a_sealed_refund_with_a_doctype_or_an_entity_is_refused_unread() {
    let account = MODE.account();
    let heard = |root: &[u8]| {
        let sealed = seal_aes_ecb(&seal_key(KEY), root).unwrap();
        let sealed = base64(&sealed);
        let pairs = [("return_code", "SUCCESS"), ("req_info", &sealed), ("appid", APPID)];
        let mut members = Members::from(pairs);
        members.put("mch_id", MCH_ID);
        let request = HttpRequest {
            method: "POST".into(),
            url: "/".into(),
            headers: Vec::new(),
            body: members.to_xml("xml").into_bytes(),
        };
        WechatV2.callback(&account, &request, &stamp()).facts
    };
    let root = format!(
        "<root><out_refund_no>{REFUND_NO}</out_refund_no>\
         <refund_status>SUCCESS</refund_status></root>"
    );
    assert!(heard(root.as_bytes()).is_ok());
    for (name, body) in hostile(&root) {
        assert!(matches!(heard(&body), Err(CallbackFault::Malformed(_))), "{name}");
    }
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
