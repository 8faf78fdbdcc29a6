//! The simulator is strict: what is missing, in the wrong form or badly signed is refused.

use kernel::money::{Currency, Money};
use serde_json::Value;

use super::{AMOUNT, BASE, Bench, HALF_HOUR_MS, SECRET, account, place, sent};
use crate::chinaums::request::PAY_SIGNED;
use crate::chinaums::sign::access_key;
use crate::chinaums::wire::Fields;
use crate::sim::Simulator;

fn code_of(fields: &Fields, path: &str) -> String {
    let mut bench = Bench::new();
    let url = format!("{BASE}{path}");
    let answer = bench.browse("POST", &url, &fields.to_form());
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["respCode"].as_str().unwrap().to_owned()
}

fn an_order() -> Fields {
    sent(&place(), &account()).1
}

fn signed_again(mut fields: Fields) -> Fields {
    let key = access_key(&fields.only(&PAY_SIGNED), SECRET);
    fields.replace("accessKey", key);
    fields
}

#[test]
fn every_signed_member_must_be_there_and_as_it_was_signed() {
    assert_eq!(code_of(&an_order(), "/Payment/Pay"), "00");
    for name in PAY_SIGNED {
        assert_eq!(code_of(&signed_again(an_order().without(name)), "/Payment/Pay"), "13");
        let mut changed = an_order();
        changed.replace(name, format!("{}1", an_order().of(name)));
        assert_eq!(code_of(&changed, "/Payment/Pay"), "11", "{name}");
    }
    assert_eq!(code_of(&an_order().without("accessKey"), "/Payment/Pay"), "11");
    assert_eq!(code_of(&an_order(), "/Payment/Query"), "11", "there everything is signed");
}

#[test]
fn members_keep_their_forms() {
    let long = format!("https://a/{}", "b".repeat(256));
    for (name, value, code) in [
        ("pin", "PIN0002", "31"),
        ("secPin", "", "31"),
        ("channel", "1", "32"),
        ("amount", "", "10"),
        ("amount", "0", "10"),
        ("amount", "-1", "10"),
        ("amount", "1.0", "10"),
        ("amount", "1.001", "10"),
        ("amount", "9999999999.99", "00"),
        ("amount", "10000000000", "10"),
        ("orderCreateTime", "20261122120005", "10"),
        ("orderId", "", "10"),
        ("orderId", "a-b", "10"),
        ("callbackUrl", "javascript:1", "10"),
        ("callbackUrl", &long, "10"),
        ("frontendUrl", "", "10"),
        ("expireTime", "soon", "10"),
    ] {
        let mut order = an_order();
        order.replace(name, value);
        assert_eq!(code_of(&signed_again(order), "/Payment/Pay"), code, "{name} {value}");
    }
}

#[test]
fn an_address_of_the_page_that_was_changed_shows_nothing() {
    let mut bench = Bench::opened();
    let address = bench.pay_text.clone();
    let resigned = |minor: i64, currency: Currency| {
        let id = address.rsplit('=').next().unwrap();
        crate::chinaums::request::link(id, Money::new(minor, currency), &account()).unwrap()
    };
    assert_eq!(resigned(AMOUNT.minor, AMOUNT.currency), address);
    for changed in [
        address.replace("88.88", "0.01"),
        address.replace("=344", "=156"),
        address.replace("paymentInfoId=", "paymentInfoId=0"),
        resigned(1, Currency::Hkd),
        resigned(AMOUNT.minor, Currency::Cny),
    ] {
        assert_eq!(bench.browse("GET", &changed, "").status, 404, "{changed}");
        assert_eq!(bench.browse("POST", &changed, "choice=pay").status, 404);
    }
    assert_eq!(bench.browse("GET", &address, "").status, 200);
}

#[test]
fn the_simulator_owns_its_paths_and_no_others() {
    let mut bench = Bench::opened();
    for path in ["/easyLinkApi/Payment/Pay", "/easyLinkApi/x"] {
        assert!(bench.sim.owns(path));
    }
    for path in ["/easyLinkApi", "/easyLinkApix/Payment/Pay", "/gateway.do", "/"] {
        assert!(!bench.sim.owns(path));
    }
    assert_eq!(bench.browse("POST", &format!("{BASE}/Payment/Nothing"), "").status, 404);
    assert_eq!(bench.browse("GET", &format!("{BASE}/Payment/Pay"), "").status, 404);
    bench.wait(HALF_HOUR_MS);
    assert_eq!(bench.sim.name(), "chinaums");
}
