//! The channel against its simulator: its life, every fault of the way, and whatever was changed.

use kernel::money::Currency;
use kernel::product::Product;
use kernel::secret::Secret;
use proptest::prelude::*;

use crate::bench::{
    self, HALF_HOUR_MS, TOTAL, TRADE_NO, a_place, a_stamp, a_trade, payment_of, text_of,
};
use crate::demo::Demo;
use crate::demo::sim::{DemoSim, DemoSimConfig};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, Simulator};
use crate::tamper::{Judge, nothing};
use crate::{
    Account, CallbackFault, Channel, Doubt, Op, Outcome, Place, Refund, RefusalKind, Step,
};

const MERCHANT: &str = "M1";
const KEY: &str = "a key of the tests";
const REFUND_NO: &str = "21202611221300050000065538";

type Bench = bench::Bench<DemoSim>;

fn account() -> Account {
    let settings = [("base_url", "http://127.0.0.1:9000"), ("merchant", MERCHANT), ("secret", KEY)];
    bench::account(&Demo, Currency::Cny, &settings)
}

impl Bench {
    fn new() -> Self {
        let sim = DemoSim::new(DemoSimConfig {
            base_url: "http://127.0.0.1:9000".into(),
            merchant: MERCHANT.into(),
            secret: Secret::new(KEY),
            currency: Currency::Cny,
        });
        Self::of(&Demo, account(), sim)
    }

    fn opened() -> Self {
        let mut bench = Self::new();
        bench.pay_text = text_of(&bench.call(&place()));
        bench
    }

    fn paid() -> Self {
        let mut bench = Self::opened();
        bench.pay(None);
        bench
    }
}

fn place() -> Op {
    Op::Place(a_place(Product::UnionpayQr, Currency::Cny))
}

fn query() -> Op {
    Op::Query(a_trade(Product::UnionpayQr, Currency::Cny))
}

fn close() -> Op {
    Op::Close(a_trade(Product::UnionpayQr, Currency::Cny))
}

fn a_refund(refund_no: &str, minor: i64) -> Refund {
    let trade = a_trade(Product::UnionpayQr, Currency::Cny);
    Refund {
        amount: kernel::money::Money { minor, ..trade.amount },
        trade,
        refund_no: refund_no.into(),
        reason: String::new(),
        notify_url: "https://pay.example/callbacks/1".into(),
        asked_at: bench::START,
    }
}

fn refund(refund_no: &str, minor: i64) -> Op {
    Op::Refund(a_refund(refund_no, minor))
}

fn query_refund() -> Op {
    Op::QueryRefund(a_refund(REFUND_NO, 100))
}

fn refusal_of(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_placed_scanned_paid_told_and_found() {
    let mut bench = Bench::new();
    assert_eq!(bench.call(&query()), Outcome::NotFound);
    let pay_text = text_of(&bench.call(&place()));
    assert_eq!(text_of(&bench.call(&place())), pay_text, "the same order");
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: false });
    let page = String::from_utf8(bench.browse("GET", &pay_text, "").body).unwrap();
    assert!(page.contains("CNY 88.88") && page.contains("b=c &lt;b&gt;"), "{page}");
    let page = String::from_utf8(bench.browse("POST", &pay_text, "").body).unwrap();
    assert!(page.contains("支付成功"), "{page}");
    let told = bench.deliver().remove(0).facts.unwrap();
    let payment = payment_of(&told.outcome);
    assert_eq!(bench.call(&query()), Outcome::Paid(payment.clone()));
    assert_eq!((payment.amount.minor, payment.paid_at), (TOTAL, bench.now));
    assert!(bench.deliver().is_empty(), "told once");
    assert_eq!(bench.call(&close()), Outcome::PaidElsewhere);
    assert_eq!(bench.call(&place()), Outcome::PaidElsewhere);
}

#[test]
fn a_number_with_other_contents_is_refused() {
    let mut bench = Bench::opened();
    let other = Place { subject: "another".into(), ..a_place(Product::UnionpayQr, Currency::Cny) };
    assert_eq!(refusal_of(&bench.call(&Op::Place(other))), RefusalKind::NumberUsed);
}

#[test]
fn an_order_is_closed_by_us_or_by_its_time() {
    let mut bench = Bench::opened();
    assert_eq!(bench.call(&close()), Outcome::Closed);
    assert_eq!(bench.call(&close()), Outcome::Closed);
    let mut bench = Bench::opened();
    bench.wait(HALF_HOUR_MS - 1000);
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: false });
    bench.wait(1000);
    assert_eq!(bench.call(&query()), Outcome::Closed);
    let stamp = bench.stamp();
    assert!(bench.sim.pay(TRADE_NO, None, &stamp).is_err());
}

#[test]
fn money_goes_back_once_for_each_number_and_never_more_than_was_paid() {
    let mut bench = Bench::opened();
    assert_eq!(refusal_of(&bench.call(&refund(REFUND_NO, 100))), RefusalKind::Business, "unpaid");
    bench.pay(None);
    assert_eq!(bench.call(&query_refund()), Outcome::NotFound);
    let done = bench.call(&refund(REFUND_NO, 100));
    assert!(matches!(&done, Outcome::Refunded(told) if told.amount.minor == 100), "{done:?}");
    bench.wait(5000);
    assert_eq!(bench.call(&refund(REFUND_NO, 100)), done, "the same refund");
    assert_eq!(bench.call(&query_refund()), done);
    assert_eq!(refusal_of(&bench.call(&refund(REFUND_NO, 101))), RefusalKind::NumberUsed);
    let (left, too_much) = (TOTAL - 100, TOTAL - 99);
    assert_eq!(refusal_of(&bench.call(&refund("2", too_much))), RefusalKind::NothingLeft);
    assert!(matches!(bench.call(&refund("2", left)), Outcome::Refunded(_)));
}

#[test]
fn no_fault_of_an_operation_makes_a_wrong_statement() {
    let ops = [
        (OpKind::Place, place()),
        (OpKind::Query, query()),
        (OpKind::Close, close()),
        (OpKind::Refund, refund(REFUND_NO, 100)),
        (OpKind::QueryRefund, query_refund()),
    ];
    for (op_kind, op) in &ops {
        for (kind, word) in OpFaultKind::ALL {
            for is_paid in [false, true] {
                let mut bench = if is_paid { Bench::paid() } else { Bench::new() };
                bench.fail_once(*op_kind, kind);
                match bench.call(op) {
                    Outcome::Unknown(_) => {}
                    // The right refusal is in form, whatever it names.
                    Outcome::NotFound | Outcome::Refused(_)
                        if kind == OpFaultKind::WrongAnswer && !is_paid => {}
                    Outcome::NotFound if kind == OpFaultKind::WrongAnswer => {
                        assert_eq!(*op_kind, OpKind::QueryRefund, "{word}");
                    }
                    Outcome::Refused(_) => assert_eq!(kind, OpFaultKind::Refused, "{op_kind:?}"),
                    // Another amount of ours: the gateway compares it.
                    Outcome::Opened { .. } | Outcome::PaidElsewhere => {
                        assert_eq!(kind, OpFaultKind::WrongAnswer, "{op_kind:?}");
                    }
                    Outcome::Paid(payment) => {
                        assert_eq!(kind, OpFaultKind::WrongAnswer, "{op_kind:?}");
                        assert_ne!(payment.amount.minor, TOTAL);
                    }
                    other => panic!("{op_kind:?} {word} {other:?}"),
                }
                let is_there = is_paid || *op_kind == OpKind::Place && kind.is_done();
                assert_eq!(bench.call(&query()) != Outcome::NotFound, is_there, "{word}");
                let is_back = is_paid && *op_kind == OpKind::Refund && kind.is_done();
                let found = bench.call(&query_refund());
                assert_eq!(matches!(found, Outcome::Refunded(_)), is_back, "{word} {found:?}");
            }
        }
    }
}

#[test]
fn no_fault_of_a_notification_is_believed() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::opened();
        bench.pay(Some(kind));
        let heard = bench.deliver();
        let count = match kind {
            CallbackFaultKind::Lost | CallbackFaultKind::Late => 0,
            CallbackFaultKind::Twice => 2,
            CallbackFaultKind::WrongAmount
            | CallbackFaultKind::WrongCurrency
            | CallbackFaultKind::WrongApp
            | CallbackFaultKind::WrongMerchant
            | CallbackFaultKind::BadSignature => 1,
        };
        assert_eq!(heard.len(), count, "{word}");
        let truth = payment_of(&bench.call(&query()));
        for callback in heard {
            match (kind, callback.facts) {
                (CallbackFaultKind::Twice, Ok(facts)) => {
                    assert_eq!(payment_of(&facts.outcome), truth);
                }
                // In form: the gateway compares both.
                (CallbackFaultKind::WrongAmount | CallbackFaultKind::WrongCurrency, Ok(facts)) => {
                    assert_ne!(payment_of(&facts.outcome).amount, truth.amount);
                }
                (CallbackFaultKind::BadSignature, Err(CallbackFault::BadSignature))
                | (
                    CallbackFaultKind::WrongApp | CallbackFaultKind::WrongMerchant,
                    Err(CallbackFault::Mismatch { field: "merchant" }),
                ) => {}
                (_, other) => panic!("{word} {other:?}"),
            }
        }
        bench.wait(60_000);
        let is_repeated = !matches!(kind, CallbackFaultKind::Lost | CallbackFaultKind::Twice);
        assert!(!is_repeated || kind.word().starts_with("wrong_") || bench.deliver().len() == 1);
    }
}

#[test]
fn a_notification_is_repeated_until_it_is_acknowledged_also_after_a_restart() {
    let mut bench = Bench::paid();
    let mut waits = Vec::new();
    while let Some(due) = bench.sim.next_due() {
        waits.push(due.millis() - bench.now.millis());
        bench.now = due;
        let stamp = bench.stamp();
        assert_eq!(bench.sim.due_callbacks(&stamp).len(), 1);
        let snapshot = bench.sim.snapshot();
        let mut restarted = Bench::new().sim;
        restarted.restore(snapshot).unwrap();
        assert_eq!(restarted.due_callbacks(&stamp).len(), usize::from(waits.len() < 4));
    }
    assert_eq!(waits, [0, 60_000, 5 * 60_000, 60 * 60_000]);
}

#[test]
fn no_changed_byte_of_an_answer_or_a_notification_is_believed() {
    let mut bench = Bench::paid();
    let stamp = a_stamp();
    let account = account();
    let judge = Judge {
        channel: &Demo,
        account: &account,
        stamp: &stamp,
        headers: &[super::sign::HEADER],
        free: nothing,
    };
    for callback in bench.sim.due_callbacks(&stamp) {
        judge.tries_callback(&callback.request);
    }
    for op in [query(), close(), refund(REFUND_NO, 100), query_refund(), refund("2", TOTAL)] {
        judge.tries_answer(&op, &bench.answer_to(&op));
    }
    judge.tries_answer(&place(), &Bench::new().answer_to(&place()));
}

#[test]
fn what_demo_wallet_cannot_do_and_an_account_without_a_key_are_refused_before_anything_is_sent() {
    let trade = a_trade(Product::UnionpayQr, Currency::Cny);
    let page = Op::Place(a_place(Product::UnionpayLink, Currency::Cny));
    for op in [page, Op::Reverse(trade), Op::Rates, Op::Keys] {
        assert_eq!(refusal_of(&Bench::new().call(&op)), RefusalKind::NotSupported);
    }
    let mut account = account();
    bench::set(&mut account, "secret", "");
    let why = Demo.request(&place(), &account, &a_stamp()).unwrap_err();
    assert!(why.0.starts_with("secret: "), "{why:?}");
}

#[test]
fn the_simulator_lets_no_stranger_in() {
    let mut bench = Bench::new();
    let Step::Send(good) = Demo.request(&place(), &account(), &a_stamp()).unwrap() else {
        panic!("a call")
    };
    for (name, request) in [
        ("body", HttpRequest { body: [&good.body[..], b" "].concat(), ..good.clone() }),
        ("headers", HttpRequest { headers: Vec::new(), ..good.clone() }),
    ] {
        let said = String::from_utf8(bench.send(&request).body).unwrap();
        assert!(said.contains("BAD_SIGNATURE"), "{name} {said}");
    }
    bench::set(&mut bench.account, "merchant", "M2");
    assert!(matches!(bench.call(&place()), Outcome::Unknown(Doubt::Unreadable(_))));
    bench::set(&mut bench.account, "merchant", MERCHANT);
    assert_eq!(bench.call(&query()), Outcome::NotFound);
}

proptest! {
    #[test]
    fn reading_is_total(body in proptest::collection::vec(any::<u8>(), 0..64), is_signed: bool) {
        let signature = if is_signed { super::sign::sign(&body, KEY) } else { String::new() };
        let headers = vec![(super::sign::HEADER.to_owned(), signature)];
        let answer = HttpResponse { status: 200, headers: headers.clone(), body: body.clone() };
        for op in [place(), query(), close(), refund(REFUND_NO, 100), query_refund()] {
            let step = Demo.response(&op, &account(), &answer, &a_stamp());
            prop_assert!(matches!(step, Step::Done(Outcome::Unknown(_))), "{step:?}");
        }
        let (method, url) = ("POST".to_owned(), "/".to_owned());
        let request = HttpRequest { method, url, headers, body };
        prop_assert!(Demo.callback(&account(), &request, &a_stamp()).facts.is_err());
        Bench::new().serve(&request);
    }
}
