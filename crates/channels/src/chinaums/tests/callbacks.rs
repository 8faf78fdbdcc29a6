//! Notifications: forged, repeated, without our number, about somebody else.

use super::{AMOUNT, Bench, SECRET, START, TRADE_NO, account, payment_of, set};
use crate::chinaums::Chinaums;
use crate::chinaums::sign::access_key;
use crate::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig};
use crate::chinaums::wire::Fields;
use crate::http::HttpRequest;
use crate::sim::Simulator;
use crate::{About, Account, CallbackFacts, CallbackFault, Channel, Outcome, Stamp};

type Facts = Result<CallbackFacts, CallbackFault>;

fn a_notice() -> Fields {
    let pairs = [
        ("paymentId", "69cf4a55e6164cd9b2930123456789ab"),
        ("status", "1"),
        ("respCode", "00"),
        ("respMsg", "success"),
        ("exchangeRate", ""),
        ("settleDate", "20261122"),
        ("settleCurrency", ""),
        ("settleAmount", ""),
        ("orderCurrency", "344"),
        ("orderAmount", "88.88"),
        ("reserved", TRADE_NO),
    ];
    Fields(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
}

fn signed(mut fields: Fields) -> Vec<u8> {
    let key = access_key(&fields, SECRET);
    fields.push("accessKey", key);
    fields.to_form().into_bytes()
}

fn with(name: &str, value: &str) -> Fields {
    let mut fields = a_notice();
    fields.replace(name, value);
    fields
}

fn told(account: &Account, query: &str, body: Vec<u8>) -> Facts {
    let request = HttpRequest {
        method: "POST".into(),
        url: format!("/callback/chinaums/1/2/3{query}"),
        headers: Vec::new(),
        body,
    };
    Chinaums.callback(account, &request, &Stamp { now: START, nonce: "0".repeat(32) }).facts
}

fn address() -> String {
    format!("?order={TRADE_NO}")
}

fn hint() -> Facts {
    Ok(CallbackFacts { about: About::Trade(TRADE_NO.into()), outcome: Outcome::PaidElsewhere })
}

#[test]
fn a_notification_that_names_our_number_under_its_signature_is_believed() {
    for query in [address(), String::new(), "?a=1".to_owned()] {
        let facts = told(&account(), &query, signed(a_notice())).unwrap();
        let payment = payment_of(&facts.outcome);
        assert_eq!((payment.amount, payment.cash, payment.paid_at), (AMOUNT, AMOUNT, START));
        assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    }
}

#[test]
fn a_number_that_is_only_in_the_address_is_a_hint() {
    for reserved in ["", "{}", "112026"] {
        let facts = told(&account(), &address(), signed(with("reserved", reserved)));
        assert_eq!(facts, hint(), "{reserved}");
    }
    let mut deaf = account();
    set(&mut deaf, "reserved_echo", "0");
    assert_eq!(told(&deaf, &address(), signed(a_notice())), hint());
    let nameless = told(&account(), "", signed(with("reserved", "")));
    assert!(matches!(nameless, Err(CallbackFault::Malformed(_))));
}

#[test]
fn a_signed_number_and_an_address_that_differ_are_refused() {
    let facts = told(&account(), "?order=1120261122120005000006553802", signed(a_notice()));
    assert_eq!(facts, Err(CallbackFault::Mismatch { field: "reserved" }));
}

#[test]
fn a_word_that_is_not_paid_lets_a_query_decide() {
    for (name, value) in
        [("status", "0"), ("status", "9"), ("respCode", "03"), ("status", "failed")]
    {
        assert_eq!(told(&account(), &address(), signed(with(name, value))), hint(), "{name}");
    }
}

#[test]
fn a_payment_without_its_facts_is_refused() {
    for (name, value) in
        [("orderAmount", ""), ("orderAmount", "x"), ("orderCurrency", "840"), ("paymentId", "")]
    {
        let facts = told(&account(), &address(), signed(with(name, value)));
        assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{name} {facts:?}");
    }
}

#[test]
fn no_member_can_be_changed_added_or_left_out() {
    let body = String::from_utf8(signed(a_notice())).unwrap();
    let honest = Fields::from_form(&body).unwrap();
    for (name, value) in &honest.0 {
        let mut changed = honest.clone();
        changed.replace(name, format!("{value}1"));
        for forged in [changed, honest.without(name)] {
            let facts = told(&account(), &address(), forged.to_form().into_bytes());
            assert_eq!(facts, Err(CallbackFault::BadSignature), "{name}");
        }
    }
    let more = told(&account(), &address(), format!("{body}&more=1").into_bytes());
    assert_eq!(more, Err(CallbackFault::BadSignature));
    let twice = told(&account(), &address(), format!("{body}&status=1").into_bytes());
    assert!(matches!(twice, Err(CallbackFault::Malformed(_))));
}

#[test]
fn a_signed_text_that_is_cut_otherwise_is_not_believed() {
    let mut cut = a_notice().without("respMsg");
    cut.replace("respCode", "00&respMsg=success");
    let key = access_key(&a_notice(), SECRET);
    cut.push("accessKey", key.as_str());
    assert_eq!(access_key(&cut.without("accessKey"), SECRET), key, "the same signed text");
    let facts = told(&account(), &address(), cut.to_form().into_bytes());
    assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{facts:?}");
}

#[test]
fn the_key_that_the_payer_sees_in_the_page_signs_no_notification() {
    let bench = Bench::opened();
    let (_, query) = bench.pay_text.split_once('?').unwrap();
    let facts = told(&account(), &address(), query.as_bytes().to_vec());
    assert!(matches!(facts, Err(CallbackFault::Malformed(_))), "{facts:?}");
}

#[test]
fn where_reserved_does_not_come_back_the_address_leads_to_the_query() {
    let mut bench = Bench::new();
    bench.sim = ChinaumsSim::new(ChinaumsSimConfig { echoes_reserved: false, ..super::config() });
    bench.open();
    bench.pay(None);
    let facts = bench.deliver()[0].facts.clone();
    assert_eq!(facts, hint());
    payment_of(&bench.query());
    assert_eq!(bench.sim.next_due(), None);
}
