//! The channel against its simulator: every operation and every fault of the way there and back.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use proptest::prelude::*;

use crate::alipay::sim::{AlipaySim, AlipaySimConfig};
use crate::alipay::wire::Fields;
use crate::alipay::{Alipay, sign};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::{RsaSigner, base64};
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, PayError, ScriptedFault, Served, Simulator,
};
use crate::{
    Account, Callback, CallbackFault, Channel, Doubt, Op, Outcome, Place, RefusalKind, Stamp, Step,
};

const APP_ID: &str = "2014072300007148";
const SELLER_ID: &str = "2088101106499364";
const TRADE_NO: &str = "1120261122120005000006553801";
const START: Timestamp = Timestamp::from_seconds(1_795_320_005);
const HALF_HOUR_MS: i64 = 30 * 60_000;

/// Two key pairs as PEM, private and public: the application's and Alipay's.
static KEYS: LazyLock<[(String, String); 2]> = LazyLock::new(|| [key_pair(), key_pair()]);

fn key_pair() -> (String, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = base64(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    let pem = |name, text| format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n");
    (pem("PRIVATE KEY", private), pem("PUBLIC KEY", base64(public.as_ref())))
}

fn account() -> Account {
    let [(app_private, _), (_, alipay_public)] = &*KEYS;
    let settings = [
        ("app_id", APP_ID),
        ("seller_id", SELLER_ID),
        ("private_key", app_private),
        ("alipay_public_key", alipay_public),
        ("gateway", "http://127.0.0.1:9000/gateway.do"),
    ];
    Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: "alipay".into(),
        currency: Currency::Cny,
        settings: settings.map(|(key, value)| (key.to_owned(), Secret::new(value))).to_vec(),
        upstream_keys: Vec::new(),
    }
}

fn set(account: &mut Account, key: &str, value: &str) {
    account.settings.retain(|(name, _)| name != key);
    account.settings.push((key.to_owned(), Secret::new(value)));
}

/// A channel, its simulator and a clock between them.
struct Bench {
    account: Account,
    sim: AlipaySim,
    now: Timestamp,
    draws: u64,
}

impl Bench {
    fn new() -> Self {
        Self { account: account(), sim: a_sim(), now: START, draws: 0 }
    }

    fn stamp(&mut self) -> Stamp {
        self.draws += 1;
        Stamp { now: self.now, nonce: format!("{:032x}", self.draws * 0x9E37_79B9_7F4A) }
    }

    fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Carries an operation out as the gateway does; an answer that comes late is a timeout.
    fn call(&mut self, op: &Op) -> Outcome {
        let stamp = self.stamp();
        let mut step = Alipay.request(op, &self.account, &stamp).unwrap();
        loop {
            let request = match step {
                Step::Done(outcome) => return outcome,
                Step::Send(request) => request,
            };
            let stamp = self.stamp();
            match self.sim.serve(&request, &stamp) {
                Served::Answer(answer) => step = Alipay.response(op, &self.account, &answer),
                Served::Late(..) | Served::Dropped => return Outcome::Unknown(Doubt::Timeout),
            }
        }
    }

    fn page(&mut self, method: &str, url: &str) -> HttpResponse {
        let request = HttpRequest {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let stamp = self.stamp();
        match self.sim.serve(&request, &stamp) {
            Served::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn pay(&mut self, fault: Option<CallbackFaultKind>) {
        let stamp = self.stamp();
        let paid = self.sim.pay(&TRADE_NO[..26], fault, &stamp).unwrap();
        assert_eq!((paid.trade_no.as_str(), paid.total), (TRADE_NO, 8888));
    }

    /// Delivers what is due to the channel, and answers as the gateway does.
    fn deliver(&mut self) -> Vec<Callback> {
        let stamp = self.stamp();
        let mut heard = Vec::new();
        for due in self.sim.due_callbacks(&stamp) {
            assert_eq!(due.request.url, "https://pay.example/callbacks/alipay/1");
            let callback = Alipay.callback(&self.account, &due.request, &stamp);
            let answer = if callback.facts.is_ok() { &callback.ack } else { &callback.nack };
            self.sim.callback_answered(due.id, Some(answer), &stamp);
            heard.push(callback);
        }
        heard
    }

    fn fail_once(&mut self, op: OpKind, kind: OpFaultKind) {
        self.sim.script(ScriptedFault { op, kind, times: 1 });
    }
}

fn a_sim() -> AlipaySim {
    let [(_, app_public), (alipay_private, _)] = &*KEYS;
    AlipaySim::new(AlipaySimConfig {
        base_url: "http://127.0.0.1:9000".into(),
        app_id: APP_ID.into(),
        seller_id: SELLER_ID.into(),
        app_public_key: app_public.clone(),
        platform_private_key: alipay_private.clone(),
    })
    .unwrap()
}

fn place(product: Product) -> Op {
    Op::Place(Place {
        trade_no: TRADE_NO.into(),
        product,
        amount: Money::new(8888, Currency::Cny),
        subject: "测试 a&b=c <b>{\"}".into(),
        notify_url: "https://pay.example/callbacks/alipay/1".into(),
        return_url: "https://pay.example/pay/TOKEN?x=1".into(),
        expires_at: START.plus_millis(HALF_HOUR_MS),
        payer_ip: String::new(),
    })
}

fn qr() -> Op {
    place(Product::AlipayQr)
}

fn query() -> Op {
    Op::Query { trade_no: TRADE_NO.into() }
}

fn close() -> Op {
    Op::Close { trade_no: TRADE_NO.into() }
}

fn text_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Opened { pay_text } => pay_text.clone(),
        other => panic!("{other:?}"),
    }
}

fn payment_of(outcome: &Outcome) -> Payment {
    match outcome {
        Outcome::Paid(payment) => payment.clone(),
        other => panic!("{other:?}"),
    }
}

fn outcome_of(callback: &Callback) -> Outcome {
    let facts = callback.facts.clone().unwrap();
    assert_eq!(facts.trade_no, TRADE_NO);
    facts.outcome
}

#[test]
fn a_qr_is_scanned_paid_queried_and_told() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    assert!(pay_text.starts_with("http://127.0.0.1:9000/alipay/qr/bax"), "{pay_text}");
    assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has scanned it");

    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(page.contains("¥88.88") && page.contains("测试 a&amp;b=c &lt;b&gt;{&quot;}"), "{page}");
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });

    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let pressed = bench.page("POST", action);
    assert_eq!(pressed.status, 303);
    let result = bench.page("GET", pressed.header("Location").unwrap());
    assert!(String::from_utf8(result.body).unwrap().contains("支付成功"));
    assert_eq!(bench.page("POST", action).status, 303, "a second press pays nothing");

    let payment = payment_of(&bench.call(&query()));
    assert_eq!(payment.amount, Money::new(8888, Currency::Cny));
    assert_eq!((payment.cash, payment.paid_at), (payment.amount, START));
    assert_eq!(payment.bank_type, "ALIPAYACCOUNT");
    assert!(payment.transaction_id.len() == 28 && !payment.openid.is_empty());
    let heard = bench.deliver();
    assert_eq!(heard.len(), 1);
    assert_eq!(outcome_of(&heard[0]), Outcome::Paid(payment));
    assert_eq!(bench.sim.next_due(), None, "an acknowledged notification is not repeated");
}

#[test]
fn a_page_in_the_browser_is_opened_paid_and_left() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&place(Product::AlipayWap)));
    assert_eq!(bench.call(&query()), Outcome::NotFound, "nobody has opened it");
    assert_eq!(bench.sim.pay(TRADE_NO, None, &bench_stamp()), Err(PayError::NotFound));
    bench.page("GET", &pay_text);
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    let actions: Vec<_> =
        page.split("action=\"").skip(1).map(|a| a.split('"').next().unwrap()).collect();
    let left = bench.page("POST", actions.iter().find(|a| a.ends_with("/cancel")).unwrap());
    assert_eq!(left.header("Location"), Some("https://pay.example/pay/TOKEN?x=1"));
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });

    let pressed = bench.page("POST", actions.iter().find(|a| a.ends_with("/pay")).unwrap());
    let result = bench.page("GET", pressed.header("Location").unwrap());
    let result = String::from_utf8(result.body).unwrap();
    let href = result.split("id=\"return\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (_, returned) = href.split_once("?x=1&amp;").unwrap();
    let returned = Fields::from_form(&returned.replace("&amp;", "&")).unwrap();
    assert!(sign::notice_verifies(&returned, &KEYS[1].1));
    assert_eq!(returned.of("out_trade_no"), TRADE_NO);
    assert_eq!(outcome_of(&bench.deliver()[0]), bench.call(&query()));
    let again = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(again.contains("ACQ.TRADE_HAS_SUCCESS"), "{again}");
}

fn bench_stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

#[test]
fn a_waiting_trade_is_closed_and_told() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    assert_eq!(bench.call(&close()), Outcome::NotFound, "there is no trade before the scan");
    bench.page("GET", &pay_text);
    assert_eq!(bench.call(&close()), Outcome::Closed);
    assert_eq!(bench.call(&query()), Outcome::Closed);
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Closed);
    assert_eq!(bench.call(&close()), Outcome::PaidElsewhere, "not closable: only a query tells");
    assert_eq!(bench.call(&qr()), Outcome::Closed);
    let refused = bench.sim.pay(TRADE_NO, None, &bench_stamp());
    assert_eq!(refused, Err(PayError::NotPayable("closed".into())));
}

#[test]
fn a_paid_trade_is_not_closed() {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    assert_eq!(bench.call(&close()), Outcome::PaidElsewhere);
    assert_eq!(bench.call(&qr()), Outcome::PaidElsewhere);
    payment_of(&bench.call(&query()));
}

#[test]
fn a_trade_ends_with_its_time() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    bench.page("GET", &pay_text);
    assert_eq!(bench.sim.next_due(), Some(START.plus_millis(HALF_HOUR_MS)));
    bench.wait(HALF_HOUR_MS - 1);
    assert_eq!(bench.call(&query()), Outcome::Unpaid { is_acting: true });
    bench.wait(1);
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Closed);
    assert_eq!(bench.call(&query()), Outcome::Closed);
}

#[test]
fn a_code_that_nobody_scanned_ends_with_its_time() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    bench.wait(HALF_HOUR_MS);
    let page = String::from_utf8(bench.page("GET", &pay_text).body).unwrap();
    assert!(page.contains("二维码已失效"));
    assert_eq!(bench.call(&query()), Outcome::NotFound);
    let stamp = bench.stamp();
    assert!(matches!(bench.sim.pay(TRADE_NO, None, &stamp), Err(PayError::NotPayable(_))));
}

#[test]
fn a_number_holds_one_order() {
    let mut bench = Bench::new();
    let first = bench.call(&qr());
    assert_eq!(bench.call(&qr()), first, "the same again finds the same code");
    let Op::Place(mut other) = qr() else { unreachable!() };
    other.amount = Money::new(8887, Currency::Cny);
    match bench.call(&Op::Place(other)) {
        Outcome::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::NumberUsed),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restarted_simulator_remembers_its_trades_and_sends_again() {
    let mut bench = Bench::new();
    let pay_text = text_of(&bench.call(&qr()));
    bench.pay(None);
    let stamp = bench.stamp();
    let lost = bench.sim.due_callbacks(&stamp);
    assert_eq!((lost.len(), bench.sim.due_callbacks(&stamp).len()), (1, 0), "sent once");
    let snapshot = bench.sim.snapshot();
    bench.sim = a_sim();
    bench.sim.restore(serde_json::from_str(&snapshot.to_string()).unwrap()).unwrap();
    let payment = payment_of(&bench.call(&query()));
    assert_eq!(outcome_of(&bench.deliver()[0]), Outcome::Paid(payment));
    assert_eq!(bench.page("GET", &pay_text).status, 200);
    assert!(bench.sim.restore(serde_json::json!({"trades": 1})).is_err());
}

/// The truth at the upstream before an operation.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Truth {
    Nothing,
    Coded,
    Waiting,
    Paid,
}

fn bring_to(bench: &mut Bench, truth: Truth) {
    if truth == Truth::Nothing {
        return;
    }
    let pay_text = text_of(&bench.call(&qr()));
    match truth {
        Truth::Nothing | Truth::Coded => {}
        Truth::Waiting => {
            bench.page("GET", &pay_text);
        }
        Truth::Paid => bench.pay(None),
    }
}

fn is_executed(kind: OpFaultKind) -> bool {
    match kind {
        OpFaultKind::Refused
        | OpFaultKind::DroppedBefore
        | OpFaultKind::ErrorBefore
        | OpFaultKind::Busy => false,
        OpFaultKind::DroppedAfter
        | OpFaultKind::ErrorAfter
        | OpFaultKind::Empty
        | OpFaultKind::Html
        | OpFaultKind::Truncated
        | OpFaultKind::BadSignature
        | OpFaultKind::WrongAnswer
        | OpFaultKind::Slow => true,
    }
}

#[test]
fn no_fault_of_an_operation_makes_a_wrong_statement() {
    let ops = [(OpKind::Place, qr()), (OpKind::Query, query()), (OpKind::Close, close())];
    let truths = [Truth::Nothing, Truth::Coded, Truth::Waiting, Truth::Paid];
    for (op_kind, op) in &ops {
        for (kind, _) in OpFaultKind::ALL {
            for truth in truths {
                let mut bench = Bench::new();
                bring_to(&mut bench, truth);
                bench.fail_once(*op_kind, kind);
                check_faulty(*op_kind, kind, &bench.call(op));
                check_truth_after(&mut bench, *op_kind, kind, truth);
            }
        }
    }
}

fn check_faulty(op: OpKind, kind: OpFaultKind, outcome: &Outcome) {
    match (op, kind, outcome) {
        (_, _, Outcome::Unknown(_)) => {}
        (OpKind::Place, OpFaultKind::Refused, Outcome::Refused(refusal)) => {
            assert_eq!(refusal.kind, RefusalKind::Business);
            assert_eq!(refusal.message, "订单信息中包含违禁词");
        }
        // In form and signed: the gateway sees it by comparing the amount.
        (OpKind::Query, OpFaultKind::WrongAnswer, Outcome::Paid(payment)) => {
            assert_ne!(payment.amount.minor, 8888);
        }
        _ => panic!("{op:?} {kind:?} {outcome:?}"),
    }
}

/// The fault is over: what the upstream says is what really happened.
fn check_truth_after(bench: &mut Bench, op: OpKind, kind: OpFaultKind, before: Truth) {
    let healed = bench.call(&query());
    let is_closed = op == OpKind::Close && is_executed(kind);
    match (before, &healed) {
        (Truth::Nothing | Truth::Coded, Outcome::NotFound) | (Truth::Paid, Outcome::Paid(_)) => {}
        (Truth::Waiting, Outcome::Closed) => assert!(is_closed, "{op:?} {kind:?}"),
        (Truth::Waiting, Outcome::Unpaid { .. }) => assert!(!is_closed, "{op:?} {kind:?}"),
        _ => panic!("{op:?} {kind:?} {before:?} {healed:?}"),
    }
    if before == Truth::Nothing && op == OpKind::Place {
        let stamp = bench.stamp();
        let is_there = bench.sim.pay(TRADE_NO, None, &stamp).is_ok();
        assert_eq!(is_there, is_executed(kind), "{kind:?}");
    }
}

#[test]
fn a_place_whose_answer_was_lost_is_repeated_safely() {
    let mut bench = Bench::new();
    bench.fail_once(OpKind::Place, OpFaultKind::DroppedAfter);
    assert_eq!(bench.call(&qr()), Outcome::Unknown(Doubt::Timeout));
    let opened = bench.call(&qr());
    bench.pay(None);
    assert!(matches!(opened, Outcome::Opened { .. }));
    payment_of(&bench.call(&query()));
}

#[test]
fn every_fault_of_a_callback_is_seen_and_the_truth_found() {
    for (kind, word) in CallbackFaultKind::ALL {
        let mut bench = Bench::new();
        bench.call(&qr());
        bench.pay(Some(kind));
        let truth = bench.call(&query());
        let heard = bench.deliver();
        let mismatch = |field| Err(CallbackFault::Mismatch { field });
        match kind {
            CallbackFaultKind::Lost => {
                assert!(heard.is_empty() && bench.sim.next_due().is_none());
                continue;
            }
            CallbackFaultKind::Twice => {
                let told: Vec<_> = heard.iter().map(outcome_of).collect();
                assert_eq!(told, [truth.clone(), truth]);
                continue;
            }
            CallbackFaultKind::Late => {
                assert!(heard.is_empty());
                bench.wait(60_000);
            }
            CallbackFaultKind::WrongAmount => {
                assert_eq!(payment_of(&outcome_of(&heard[0])).amount.minor, 8887);
                continue;
            }
            CallbackFaultKind::WrongCurrency | CallbackFaultKind::WrongMerchant => {
                assert_eq!(heard[0].facts, mismatch("seller_id"), "{word}");
                bench.wait(4 * 60_000);
            }
            CallbackFaultKind::WrongApp => {
                assert_eq!(heard[0].facts, mismatch("app_id"));
                bench.wait(4 * 60_000);
            }
            CallbackFaultKind::BadSignature => {
                assert_eq!(heard[0].facts, Err(CallbackFault::BadSignature));
                bench.wait(4 * 60_000);
            }
        }
        assert_eq!(outcome_of(&bench.deliver()[0]), truth, "{word}");
    }
}

#[test]
fn a_notification_is_repeated_on_the_vendors_schedule() {
    let mut bench = Bench::new();
    bench.call(&qr());
    bench.pay(None);
    let mut ids = Vec::new();
    let mut waited = Vec::new();
    while let Some(at) = bench.sim.next_due() {
        waited.push(at.millis_since(bench.now) / 60_000);
        bench.now = at;
        let stamp = bench.stamp();
        for due in bench.sim.due_callbacks(&stamp) {
            let body = String::from_utf8(due.request.body).unwrap();
            ids.push(Fields::from_form(&body).unwrap().of("notify_id").to_owned());
            let no = HttpResponse::new(200, "text/plain", "success\n");
            bench.sim.callback_answered(due.id, Some(&no).filter(|_| ids.len() > 1), &stamp);
        }
    }
    assert_eq!(waited, [0, 4, 10, 10, 60, 120, 360, 900]);
    assert!(ids.len() == 8 && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}
