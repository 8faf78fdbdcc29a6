//! The channel against its simulator: every product, every operation, every way of signing, and
//! every fault of the way there and back.

mod callbacks;
mod faults;
mod hostile;
mod life;
mod refunds;
mod settings;
mod strict;
mod vectors;
mod words;

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

use crate::alipay_mapi::AlipayMapi;
use crate::alipay_mapi::sim::{AlipayMapiSim, AlipayMapiSimConfig};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::base64;
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, ScriptedFault, Served, Simulator};
use crate::{
    About, Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Refund, Stamp, Step,
    Trade,
};

const PARTNER: &str = "2088531020000001";
const MD5_KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const TRADE_NO: &str = "1120261122120005000006553801";
const REFUND_NO: &str = "11202611221200050000000001";
const CALLBACK_URL: &str = "https://pay.example/callbacks/alipay_mapi/1";
const START: Timestamp = Timestamp::from_seconds(1_795_320_005);
const HALF_HOUR_MS: i64 = 30 * 60_000;

/// Two key pairs as PEM, private and public: the merchant's and Alipay's.
static KEYS: LazyLock<[(String, String); 2]> = LazyLock::new(|| [key_pair(), key_pair()]);

fn key_pair() -> (String, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = base64(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    let pem = |name, text| format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n");
    (pem("PRIVATE KEY", private), pem("PUBLIC KEY", base64(public.as_ref())))
}

fn account() -> Account {
    let [(private, _), (_, alipay_public)] = &*KEYS;
    let settings = [
        ("partner", PARTNER),
        ("refer_url", "https://shop.example/"),
        ("private_key", private),
        ("md5_key", MD5_KEY),
        ("alipay_public_key", alipay_public),
        ("gateway", "http://127.0.0.1:9000/mapi/gateway.do"),
    ];
    Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: "alipay_mapi".into(),
        currency: Currency::Hkd,
        settings: settings.map(|(key, value)| (key.to_owned(), Secret::new(value))).to_vec(),
        upstream_keys: Vec::new(),
        private_key: PrivateKey::default(),
    }
}

fn set(account: &mut Account, key: &str, value: &str) {
    account.settings.retain(|(name, _)| name != key);
    account.settings.push((key.to_owned(), Secret::new(value)));
    account.private_key = PrivateKey::default();
}

fn account_with(changes: &[(&str, &str)]) -> Account {
    let mut account = account();
    for (key, value) in changes {
        set(&mut account, key, value);
    }
    account
}

/// A channel, its simulator and a clock between them.
struct Bench {
    account: Account,
    sim: AlipayMapiSim,
    now: Timestamp,
    draws: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(changes: &[(&str, &str)]) -> Self {
        Self { account: account_with(changes), sim: a_sim(), now: START, draws: 0 }
    }

    /// With an order that a payer has opened, and perhaps paid.
    fn opened() -> Self {
        let mut bench = Self::new();
        bench.open(&app());
        bench
    }

    fn paid() -> Self {
        let mut bench = Self::opened();
        bench.pay(None);
        bench
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
        let mut step = AlipayMapi.request(op, &self.account, &stamp).unwrap();
        loop {
            let request = match step {
                Step::Done(outcome) => return outcome,
                Step::Send(request) => request,
            };
            let stamp = self.stamp();
            match self.sim.serve(&request, &stamp) {
                Served::Answer(answer) => {
                    step = AlipayMapi.response(op, &self.account, &answer, &stamp);
                }
                Served::Late(..) | Served::Dropped => return Outcome::Unknown(Doubt::Timeout),
            }
        }
    }

    fn send(&mut self, request: &HttpRequest) -> HttpResponse {
        let stamp = self.stamp();
        match self.sim.serve(request, &stamp) {
            Served::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn page(&mut self, method: &str, url: &str, body: &str) -> HttpResponse {
        self.send(&HttpRequest {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: body.into(),
        })
    }

    /// Places an order and opens it as the payer's phone does.
    fn open(&mut self, op: &Op) -> String {
        let pay_text = text_of(&self.call(op));
        let page = if pay_text.starts_with("http") {
            self.page("GET", &pay_text, "")
        } else {
            self.page("POST", "/alipay_mapi/app", &pay_text)
        };
        String::from_utf8(page.body).unwrap()
    }

    fn pay(&mut self, fault: Option<CallbackFaultKind>) {
        let stamp = self.stamp();
        let paid = self.sim.pay(&TRADE_NO[..26], fault, &stamp).unwrap();
        assert_eq!((paid.trade_no.as_str(), paid.total), (TRADE_NO, 8888));
    }

    /// Delivers what is due to the channel, asks what must be confirmed, and answers as the gateway
    /// does. Whether it was confirmed comes with it.
    fn deliver(&mut self) -> Vec<(Callback, bool)> {
        let stamp = self.stamp();
        let mut heard = Vec::new();
        for due in self.sim.due_callbacks(&stamp) {
            assert_eq!(due.request.url, CALLBACK_URL);
            let callback = AlipayMapi.callback(&self.account, &due.request, &stamp);
            let asked = AlipayMapi.confirmation(&self.account, &due.request).unwrap();
            let is_confirmed = AlipayMapi.is_confirmed(&self.send(&asked));
            let is_taken = callback.facts.is_ok() && is_confirmed;
            let answer = if is_taken { &callback.ack } else { &callback.nack };
            self.sim.callback_answered(due.id, Some(answer), &stamp);
            heard.push((callback, is_confirmed));
        }
        heard
    }

    /// The one callback that is due, believed.
    fn hear(&mut self) -> Outcome {
        let heard = self.deliver();
        assert_eq!(heard.len(), 1);
        assert!(heard[0].1, "confirmed");
        outcome_of(&heard[0].0)
    }

    fn fail_once(&mut self, op: OpKind, kind: OpFaultKind) {
        self.sim.script(ScriptedFault { op, kind, times: 1 });
    }
}

fn a_sim() -> AlipayMapiSim {
    let [(_, partner_public), (alipay_private, _)] = &*KEYS;
    AlipayMapiSim::new(AlipayMapiSimConfig {
        partner: PARTNER.into(),
        currency: Currency::Hkd,
        md5_key: Secret::new(MD5_KEY),
        partner_public_key: partner_public.clone(),
        platform_private_key: Secret::new(alipay_private),
    })
    .unwrap()
}

fn hkd(minor: i64) -> Money {
    Money::new(minor, Currency::Hkd)
}

fn a_place(product: Product) -> Place {
    Place {
        trade_no: TRADE_NO.into(),
        product,
        amount: hkd(8888),
        subject: "测试 a&b=c <b>{'}".into(),
        notify_url: CALLBACK_URL.into(),
        return_url: "https://pay.example/pay/TOKEN?x=1".into(),
        expires_at: START.plus_millis(HALF_HOUR_MS),
        payer_ip: String::new(),
        openid: String::new(),
        sub_appid: String::new(),
        wallet: String::new(),
        code: None,
    }
}

fn app() -> Op {
    Op::Place(a_place(Product::AlipayApp))
}

fn wap() -> Op {
    Op::Place(a_place(Product::AlipayWap))
}

fn a_trade() -> Trade {
    Trade {
        trade_no: TRADE_NO.into(),
        product: Product::AlipayApp,
        amount: hkd(8888),
        placed_at: START,
        pay_text: String::new(),
        transaction_id: String::new(),
    }
}

fn a_refund(minor: i64) -> Refund {
    Refund {
        trade: a_trade(),
        refund_no: REFUND_NO.into(),
        amount: hkd(minor),
        reason: "七天无理由 \"a\"".into(),
        notify_url: CALLBACK_URL.into(),
        asked_at: START,
    }
}

fn query() -> Op {
    Op::Query(a_trade())
}

fn refund(minor: i64) -> Op {
    Op::Refund(a_refund(minor))
}

fn query_refund(minor: i64) -> Op {
    Op::QueryRefund(a_refund(minor))
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
    let is_refund = matches!(
        facts.outcome,
        Outcome::Refunded(_) | Outcome::RefundClosed(_) | Outcome::RefundPending { .. }
    );
    let about =
        if is_refund { About::Refund(REFUND_NO.into()) } else { About::Trade(TRADE_NO.into()) };
    assert_eq!(facts.about, about);
    facts.outcome
}

fn a_stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

/// What an answer of that body comes to.
fn heard(op: &Op, account: &Account, answer: &HttpResponse) -> Outcome {
    match AlipayMapi.response(op, account, answer, &a_stamp()) {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

fn is_unreadable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)))
}
