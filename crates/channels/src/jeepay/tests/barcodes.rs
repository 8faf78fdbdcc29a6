//! Barcodes: charged at once, and in doubt whenever JeePay is not explicit.

use kernel::product::Product;
use kernel::secret::Secret;

use super::{AMOUNT, Bench, TRADE_NO, a_place, a_stamp, account, barcode, payment_of};
use crate::jeepay::Jeepay;
use crate::sim::{OpFaultKind, OpKind};
use crate::{Channel, Op, Outcome, Place, RefusalKind, Step};

fn bench() -> Bench {
    Bench::new()
}

fn refused_kind(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_code_is_charged_at_once_with_all_its_facts() {
    for (code, provider) in [
        ("134602370743606100", "wechat"),
        ("288271620985824699", "alipay"),
        ("6212345678901234500", "unionpay"),
    ] {
        let mut bench = bench();
        let code = Some(Secret::new(code));
        let op = Op::Place(Place { code, ..a_place(Product::Micropay) });
        let payment = payment_of(&bench.call(&op));
        assert_eq!((payment.amount, payment.provider.word()), (AMOUNT, provider));
        assert_eq!(bench.query(), Outcome::Paid(payment.clone()));
        let told = bench.deliver()[0].facts.clone().unwrap().outcome;
        assert_eq!(told, Outcome::Paid(payment));
    }
}

#[test]
fn a_payer_who_acts_pays_or_turns_away() {
    for (end, is_paid) in [("01", true), ("02", false)] {
        let mut bench = bench();
        assert_eq!(bench.call(&barcode(end)), Outcome::Unpaid { is_acting: true });
        bench.wait(7_999);
        assert_eq!(bench.query(), Outcome::Unpaid { is_acting: true });
        bench.wait(1);
        match bench.query() {
            Outcome::Paid(payment) => assert!(is_paid && payment.paid_at == bench.now),
            Outcome::Failed(failed) => assert!(!is_paid && failed.message == "用户取消支付"),
            other => panic!("{other:?}"),
        }
        let told = bench.deliver()[0].facts.clone().unwrap().outcome;
        assert_eq!(told == Outcome::PaidElsewhere, !is_paid, "a failure lets a query decide");
    }
}

#[test]
fn a_code_that_cannot_be_charged_is_refused_for_good() {
    for (end, kind) in [("03", RefusalKind::Business), ("04", RefusalKind::CodeUsed)] {
        let mut bench = bench();
        assert_eq!(refused_kind(&bench.call(&barcode(end))), kind);
        assert!(matches!(bench.query(), Outcome::Failed(failed) if failed.kind == kind));
    }
}

#[test]
fn a_system_error_and_silence_leave_a_code_in_doubt_until_the_query() {
    for (end, is_paid) in [("05", true), ("06", false), ("07", true)] {
        let mut bench = bench();
        let charged = bench.call(&barcode(end));
        assert!(matches!(charged, Outcome::Unknown(_)), "{end} {charged:?}");
        match bench.query() {
            Outcome::Paid(_) => assert!(is_paid, "{end}"),
            Outcome::Unpaid { is_acting: true } => assert!(!is_paid, "{end}"),
            other => panic!("{end} {other:?}"),
        }
    }
}

#[test]
fn a_code_is_good_for_one_attempt_and_a_number_for_one_code() {
    let mut bench = bench();
    payment_of(&bench.call(&barcode("00")));
    let Op::Place(again) = barcode("00") else { unreachable!() };
    let second = Op::Place(Place { trade_no: format!("{}2", &TRADE_NO[..27]), ..again });
    assert_eq!(refused_kind(&bench.call(&second)), RefusalKind::CodeUsed);
    let third = bench.call(&barcode("10"));
    assert!(super::is_unreadable(&third), "it may have been charged before: {third:?}");
    payment_of(&bench.query());
}

#[test]
fn facts_that_do_not_come_leave_a_charged_code_in_doubt() {
    for (kind, word) in OpFaultKind::ALL {
        let mut bench = bench();
        bench.fail_once(OpKind::Query, kind);
        match bench.call(&barcode("00")) {
            Outcome::Unknown(_) => {}
            // In form and signed: the gateway sees it by comparing the amount.
            Outcome::Paid(wrong) if kind == OpFaultKind::WrongAnswer => {
                assert_ne!(wrong.amount, AMOUNT);
            }
            other => panic!("{word} {other:?}"),
        }
        payment_of(&bench.query());
    }
}

#[test]
fn a_waiting_code_is_closed() {
    let mut bench = bench();
    bench.call(&barcode("01"));
    assert_eq!((bench.close(), bench.query()), (Outcome::Closed, Outcome::Closed));
    bench.wait(8_000);
    assert_eq!(bench.query(), Outcome::Closed, "who was closed pays nothing");
}

#[test]
fn a_code_shows_in_no_debug_and_a_missing_one_sends_nothing() {
    let Step::Send(request) = Jeepay.request(&barcode("77"), &account(), &a_stamp()).unwrap()
    else {
        panic!()
    };
    let shown = format!("{:?} {}", barcode("77"), request.url);
    assert!(!shown.contains("2882716209858246"), "{shown}");
    let none = Op::Place(a_place(Product::Micropay));
    assert!(Jeepay.request(&none, &account(), &a_stamp()).is_err());
    let mut bench = bench();
    let odd = Op::Place(Place { code: Some(Secret::new("99")), ..a_place(Product::Micropay) });
    assert!(super::is_unreadable(&bench.call(&odd)), "what is not signed proves nothing");
}
