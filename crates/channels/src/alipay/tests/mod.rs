//! The channel against its simulator: every operation and every fault of the way there and back.

mod edge;
mod faults;
mod life;
mod strict;
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

use crate::alipay::Alipay;
use crate::alipay::sim::{AlipaySim, AlipaySimConfig};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::base64;
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, ScriptedFault, Served, Simulator};
use crate::{
    About, Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Stamp, Step, Trade,
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
        private_key: PrivateKey::default(),
    }
}

fn set(account: &mut Account, key: &str, value: &str) {
    account.settings.retain(|(name, _)| name != key);
    account.settings.push((key.to_owned(), Secret::new(value)));
    account.private_key = PrivateKey::default();
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
                Served::Answer(answer) => {
                    step = Alipay.response(op, &self.account, &answer, &stamp)
                }
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
        openid: String::new(),
        sub_appid: String::new(),
        wallet: String::new(),
        code: None,
    })
}

fn trade() -> Trade {
    Trade {
        trade_no: TRADE_NO.into(),
        product: Product::AlipayQr,
        amount: Money::new(8888, Currency::Cny),
        placed_at: START,
        pay_text: String::new(),
        transaction_id: String::new(),
    }
}

fn qr() -> Op {
    place(Product::AlipayQr)
}

fn query() -> Op {
    Op::Query(trade())
}

fn close() -> Op {
    Op::Close(trade())
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
    assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    facts.outcome
}
