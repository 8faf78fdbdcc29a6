//! Answers that are not what they seem, and settings that make no request possible.

use kernel::money::{Currency, Money};

use super::{
    Bench, CHAIN, KEYS, MER_ID, SECURE_KEY, START, TRADE_NO, a_place, a_refund, a_stamp, account,
    barcode, close, done, is_unreadable, link, payment_of, qr, query, reverse, set, signed, undo,
};
use crate::http::HttpResponse;
use crate::seal::RsaSigner;
use crate::unionpay::Unionpay;
use crate::unionpay::sign::{self, CERTIFICATE};
use crate::unionpay::sim::certificate::{Party, Years};
use crate::unionpay::wire::{Fields, SIGNATURE};
use crate::{Account, Channel, Op, Outcome, Place, Refund, SetupError, Stamp, Step};
use kernel::product::Product;

const NAME: &str = "041@Z12@00040000:SIGN@00000001";
const YEARS: Years = (2020, 2049);

fn a_paid_answer() -> Fields {
    let mut fields = Fields::default();
    fields.set_all([
        ("merId", MER_ID),
        ("orderId", TRADE_NO),
        ("txnTime", START.compact().as_str()),
        ("txnType", "00"),
        ("respCode", "00"),
        ("origRespCode", "00"),
        ("queryId", "202611221200050000001"),
        ("txnAmt", "8888"),
        ("currencyCode", "156"),
    ]);
    fields
}

fn heard(account: &Account, body: impl Into<Vec<u8>>) -> Outcome {
    let answer = HttpResponse::new(200, "text/html", body);
    done(Unionpay.response(&query(), account, &answer, &a_stamp()))
}

fn is_paid(account: &Account, fields: &Fields) -> bool {
    let outcome = heard(account, fields.to_raw());
    let is_paid = matches!(outcome, Outcome::Paid(_));
    assert!(is_paid || is_unreadable(&outcome), "{outcome:?}");
    is_paid
}

#[test]
fn an_answer_about_something_else_is_not_believed() {
    assert!(is_paid(&account("01"), &signed(a_paid_answer())));
    for (name, value) in [
        ("merId", "777290058110049"),
        ("merId", ""),
        ("orderId", "1120261122120005000006553802"),
        ("orderId", ""),
        ("txnTime", "20261122120006"),
        ("txnTime", ""),
        ("txnType", "01"),
        ("txnType", "04"),
        ("txnType", ""),
    ] {
        let mut fields = a_paid_answer();
        fields.set(name, value);
        assert!(!is_paid(&account("01"), &signed(fields)), "{name} {value}");
    }
}

#[test]
fn an_answer_with_a_name_twice_is_not_read() {
    let right = signed(a_paid_answer()).to_raw();
    for more in ["&txnAmt=1", "&origRespCode=01", "&signature=x", "&a", "&a={", "&&"] {
        assert!(is_unreadable(&heard(&account("01"), format!("{right}{more}"))), "{more}");
    }
    assert!(is_unreadable(&heard(&account("01"), format!("txnAmt=8888&{right}"))));
}

#[test]
fn members_cannot_be_moved_into_a_group() {
    // The same text is signed either way; only what is outside of the braces is a member.
    let mut fields = a_paid_answer();
    fields.set("orderDesc", "{x&origRespCode=00}");
    fields.set("origRespCode", "");
    assert!(!is_paid(&account("01"), &signed(fields)));
}

#[test]
fn a_signature_of_the_other_kind_or_of_none_is_not_believed() {
    let keyed = |secure_key: &str| {
        let mut fields = a_paid_answer();
        fields.set("signMethod", "11");
        let signature = sign::keyed_digest(&fields.signed_text(), secure_key);
        fields.set(SIGNATURE, signature);
        fields
    };
    assert!(is_paid(&account("11"), &keyed(SECURE_KEY)));
    assert!(!is_paid(&account("11"), &keyed("other")));
    assert!(!is_paid(&account("01"), &keyed(SECURE_KEY)), "it is known to fewer");
    assert!(!is_paid(&account("11"), &signed(a_paid_answer())));
    let mut without_key = account("11");
    set(&mut without_key, "secure_key", "");
    assert!(!is_paid(&without_key, &keyed("")));
    for name in [SIGNATURE, "signMethod", CERTIFICATE] {
        let mut fields = signed(a_paid_answer());
        fields.set(name, "");
        assert!(!is_paid(&account("01"), &fields), "{name}");
    }
}

#[test]
fn a_signature_over_the_text_instead_of_its_digest_is_not_believed() {
    let mut fields = a_paid_answer();
    fields.set_all([("signMethod", "01"), (CERTIFICATE, CHAIN.leaf.as_str())]);
    let signer = RsaSigner::parse("platform", &KEYS[3]).unwrap();
    fields.set(SIGNATURE, signer.sign(fields.signed_text().as_bytes()).unwrap());
    assert!(!is_paid(&account("01"), &fields));
}

/// An answer that carries `certificate`, signed with the key that all of them have.
fn with_certificate(certificate: &str) -> Fields {
    let mut fields = a_paid_answer();
    fields.set(CERTIFICATE, certificate);
    signed(fields)
}

#[test]
fn a_certificate_is_believed_only_with_its_whole_chain() {
    let root = Party::root("simulated UnionPay root", &KEYS[1], YEARS).unwrap();
    let middle = root.issue("simulated UnionPay middle", &KEYS[2], YEARS).unwrap();
    let leaf = |issuer: &Party, years| issuer.issue(NAME, &KEYS[3], years).unwrap().pem;
    assert!(is_paid(&account("01"), &with_certificate(&leaf(&middle, YEARS))));

    let selfmade = Party::root(NAME, &KEYS[3], YEARS).unwrap().pem;
    let same_name = Party::root("simulated UnionPay middle", &KEYS[0], YEARS).unwrap();
    let other_name = root.issue("another middle", &KEYS[2], YEARS).unwrap();
    for (why, certificate) in [
        ("it signs itself", selfmade),
        ("the root signs it", leaf(&root, YEARS)),
        ("a stranger with the middle's name signs it", leaf(&same_name, YEARS)),
        ("another name with the middle's key signs it", leaf(&other_name, YEARS)),
        ("it ended before the order", leaf(&middle, (2020, 2026))),
        ("no certificate", "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----".into()),
        ("two", format!("{}{}", CHAIN.leaf, CHAIN.leaf)),
        ("UnionPay's, but another key has signed", {
            middle.issue(NAME, &KEYS[0], YEARS).unwrap().pem
        }),
    ] {
        assert!(!is_paid(&account("01"), &with_certificate(&certificate)), "{why}");
    }
}

#[test]
fn the_middle_and_the_root_must_belong_together_and_still_count() {
    let chain_of = |name: &str, key: &str, years: (Years, Years)| {
        let root = Party::root("simulated UnionPay root", key, years.0).unwrap();
        let middle = root.issue("simulated UnionPay middle", &KEYS[2], years.1).unwrap();
        let leaf = middle.issue(name, &KEYS[3], YEARS).unwrap();
        (root.pem, middle.pem, leaf.pem)
    };
    let ended = (2020, 2026);
    for (is_believed, years) in
        [(true, (YEARS, YEARS)), (false, (ended, YEARS)), (false, (YEARS, ended))]
    {
        let (root, middle, leaf) = chain_of(NAME, &KEYS[1], years);
        let mut account = account("01");
        set(&mut account, "root_certificate", &root);
        set(&mut account, "middle_certificate", &middle);
        assert_eq!(is_paid(&account, &with_certificate(&leaf)), is_believed, "{years:?}");
        set(&mut account, "root_certificate", &Party::root("x", &KEYS[0], YEARS).unwrap().pem);
        assert!(!is_paid(&account, &with_certificate(&leaf)));
    }
}

#[test]
fn the_name_in_a_certificate_must_be_unionpays() {
    let root = Party::root("simulated UnionPay root", &KEYS[1], YEARS).unwrap();
    let middle = root.issue("simulated UnionPay middle", &KEYS[2], YEARS).unwrap();
    for (name, in_production, in_test) in [
        ("041@Z12@中国银联股份有限公司@00000001", true, true),
        (NAME, false, true),
        ("041@Z12@其它公司@00000001", false, false),
        ("中国银联股份有限公司", false, false),
        ("中国银联股份有限公司@041@Z12", false, false),
        ("041@Z12@中国银联股份有限公司2@1", false, false),
    ] {
        let leaf = with_certificate(&middle.issue(name, &KEYS[3], YEARS).unwrap().pem);
        for (is_test, is_believed) in [("false", in_production), ("true", in_test)] {
            let mut account = account("01");
            set(&mut account, "is_test_cn", is_test);
            assert_eq!(is_paid(&account, &leaf), is_believed, "{name} {is_test}");
        }
    }
}

#[test]
fn settings_that_make_no_request_possible_are_named_and_not_shown() {
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    let payment = payment_of(&heard(&account("01"), signed(a_paid_answer()).to_raw()));
    let refund = a_refund(&payment, 1);
    let ops = [
        qr(),
        link(),
        barcode("00"),
        query(),
        close(),
        reverse(),
        undo(&payment),
        Op::Refund(refund),
    ];
    for (name, value) in [
        ("sign_method", "geheim"),
        ("private_key", "geheim"),
        ("certificate", "geheim"),
        ("root_certificate", "geheim"),
        ("middle_certificate", ""),
        ("api_base", "ftp://geheim"),
        ("api_base", "http://geheim/?x=1"),
        ("mer_id", " "),
    ] {
        let mut account = account("01");
        set(&mut account, name, value);
        for op in &ops {
            let SetupError(why) = Unionpay.request(op, &account, &stamp).unwrap_err();
            assert!(why.starts_with(name) && !why.contains("geheim"), "{why}");
        }
    }
    for (name, sign_method, op) in [("secure_key", "11", query()), ("term_id", "01", barcode("00"))]
    {
        let mut account = account(sign_method);
        set(&mut account, name, "");
        let SetupError(why) = Unionpay.request(&op, &account, &stamp).unwrap_err();
        assert!(why.starts_with(name), "{why}");
    }
}

#[test]
fn what_cannot_be_asked_is_not_sent() {
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    let account = account("01");
    let asked = |op: &Op| Unionpay.request(op, &account, &stamp);
    let of = |trade_no: &str, minor, currency| {
        let amount = Money::new(minor, currency);
        let trade_no = trade_no.to_owned();
        asked(&Op::Place(Place { trade_no, amount, ..a_place(Product::UnionpayQr) }))
    };
    assert!(of(TRADE_NO, 1, Currency::Cny).is_ok());
    assert!(of(TRADE_NO, 1, Currency::Hkd).is_err());
    assert!(of(TRADE_NO, 0, Currency::Cny).is_err());
    assert!(of(TRADE_NO, 1_000_000_000_000, Currency::Cny).is_err());
    assert!(of("20261122000001", 1, Currency::Cny).is_err(), "it carries no second");
    let payment = Bench::new().paid();
    let nothing = Refund { amount: Money::new(0, Currency::Cny), ..a_refund(&payment, 1) };
    assert!(asked(&Op::Refund(nothing)).is_err());
}

#[test]
fn without_a_setting_the_address_is_unionpays() {
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    let mut account = account("01");
    set(&mut account, "api_base", "");
    let Step::Send(request) = Unionpay.request(&query(), &account, &stamp).unwrap() else {
        panic!("a call")
    };
    assert_eq!(request.url, "https://gateway.95516.com/gateway/api/queryTrans.do");
}
