//! The channel against its simulator, against every fault of the way, and against liars.

mod barcodes;
mod callbacks;
mod faults;
mod hostile;
mod life;
mod refunds;
mod requests;
mod strict;
mod words;

use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::{Value, json};

use crate::http::{HttpRequest, HttpResponse};
use crate::jeepay::Jeepay;
use crate::jeepay::settings::SETTINGS;
use crate::jeepay::sign;
use crate::jeepay::sim::{JeepaySim, JeepaySimConfig};
use crate::jeepay::wire::Fields;
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, ScriptedFault, Served, Simulator};
use crate::{
    Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Refund, Stamp, Step, Trade,
};

const BASE: &str = "http://127.0.0.1:9000";
const MCH_NO: &str = "M1623984572";
const APP_ID: &str = "60cc09bce4b0f1c0b83761c9";
const SECRET: &str = "EWEFD123RGSRETYDFNGFGFGSHDFGH";
const TRADE_NO: &str = "1120261122120005000006553801";
const REFUND_NO: &str = "21202611221300050000065538";
const START: Timestamp = Timestamp::from_seconds(1_795_320_005);
const HALF_HOUR_MS: i64 = 30 * 60_000;
const AMOUNT: Money = Money { minor: 8888, currency: Currency::Cny };
/// Requests that one operation may take, as the gateway counts them.
const STEPS_MAX: usize = 4;
/// Every product that a page or a code starts.
const SHOWN: [Product; 8] = [
    Product::AlipayWap,
    Product::AlipayQr,
    Product::AlipayApp,
    Product::WechatH5,
    Product::WechatQr,
    Product::WechatJsapi,
    Product::UnionpayLink,
    Product::UnionpayQr,
];

/// An account whose settings are the defaults, except what a contract must say.
fn account() -> Account {
    let defaults = SETTINGS.iter().map(|one| (one.key.to_owned(), Secret::new(one.default)));
    let mut account = Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: "jeepay".into(),
        currency: Currency::Cny,
        settings: defaults.collect(),
        upstream_keys: Vec::new(),
        private_key: PrivateKey::default(),
    };
    for (key, value) in
        [("base_url", BASE), ("mch_no", MCH_NO), ("app_id", APP_ID), ("app_secret", SECRET)]
    {
        set(&mut account, key, value);
    }
    account
}

fn set(account: &mut Account, key: &str, value: &str) {
    let setting = account.settings.iter_mut().find(|(name, _)| name == key).unwrap();
    setting.1 = Secret::new(value);
}

fn config() -> JeepaySimConfig {
    JeepaySimConfig {
        base_url: BASE.into(),
        mch_no: MCH_NO.into(),
        app_id: APP_ID.into(),
        app_secret: Secret::new(SECRET),
        currency: Currency::Cny,
    }
}

/// A channel, its simulator and a clock between them.
struct Bench {
    account: Account,
    sim: JeepaySim,
    now: Timestamp,
    draws: u64,
    product: Product,
}

impl Bench {
    fn new() -> Self {
        let sim = JeepaySim::new(config());
        Self { account: account(), sim, now: START, draws: 0, product: Product::AlipayQr }
    }

    /// With an order that waits.
    fn opened(product: Product) -> Self {
        let mut bench = Self { product, ..Self::new() };
        let opened = bench.call(&place(product));
        assert!(matches!(opened, Outcome::Opened { .. }), "{opened:?}");
        bench
    }

    /// With an order that is paid.
    fn paid(product: Product) -> Self {
        let mut bench = Self::opened(product);
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
        let mut step = Jeepay.request(op, &self.account, &stamp).unwrap();
        for _ in 0..STEPS_MAX {
            let request = match step {
                Step::Done(outcome) => return outcome,
                Step::Send(request) => request,
            };
            let stamp = self.stamp();
            match self.sim.serve(&request, &stamp) {
                Served::Answer(answer) => {
                    step = Jeepay.response(op, &self.account, &answer, &stamp);
                }
                Served::Late(..) | Served::Dropped => return Outcome::Unknown(Doubt::Timeout),
            }
        }
        match step {
            Step::Done(outcome) => outcome,
            Step::Send(request) => panic!("too many steps: {request:?}"),
        }
    }

    /// What a browser is shown.
    fn browse(&mut self, method: &str, url: &str, form: &str) -> HttpResponse {
        let request = HttpRequest {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: form.as_bytes().to_vec(),
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
        assert_eq!((paid.trade_no.as_str(), paid.total), (TRADE_NO, AMOUNT.minor));
    }

    /// Delivers what is due to the channel, and answers as the gateway does.
    fn deliver(&mut self) -> Vec<Callback> {
        let stamp = self.stamp();
        let mut heard = Vec::new();
        for due in self.sim.due_callbacks(&stamp) {
            let callback = Jeepay.callback(&self.account, &due.request, &stamp);
            let answer = if callback.facts.is_ok() { &callback.ack } else { &callback.nack };
            self.sim.callback_answered(due.id, Some(answer), &stamp);
            heard.push(callback);
        }
        heard
    }

    fn fail_once(&mut self, op: OpKind, kind: OpFaultKind) {
        self.sim.script(ScriptedFault { op, kind, times: 1 });
    }

    fn query(&mut self) -> Outcome {
        let op = Op::Query(trade(self.product));
        self.call(&op)
    }

    fn close(&mut self) -> Outcome {
        let op = Op::Close(trade(self.product));
        self.call(&op)
    }

    fn refund(&mut self, minor: i64, refund_no: &str) -> Outcome {
        let op = Op::Refund(refund(self.product, minor, refund_no));
        self.call(&op)
    }

    fn query_refund(&mut self, minor: i64, refund_no: &str) -> Outcome {
        let op = Op::QueryRefund(refund(self.product, minor, refund_no));
        self.call(&op)
    }
}

fn a_place(product: Product) -> Place {
    Place {
        trade_no: TRADE_NO.into(),
        product,
        amount: AMOUNT,
        subject: "测试 a&b=c <b>".into(),
        notify_url: "https://pay.example/callback/jeepay/1/2/3".into(),
        return_url: "https://pay.example/pay/TOKEN?x=1".into(),
        expires_at: START.plus_millis(HALF_HOUR_MS),
        payer_ip: "203.0.113.9".into(),
        openid: "oPayer1".into(),
        sub_appid: "wx1".into(),
        wallet: String::new(),
        code: None,
    }
}

fn place(product: Product) -> Op {
    Op::Place(a_place(product))
}

/// A barcode whose last two digits are `end`.
fn barcode(end: &str) -> Op {
    let code = Some(Secret::new(format!("2882716209858246{end}")));
    Op::Place(Place { code, ..a_place(Product::Micropay) })
}

fn trade(product: Product) -> Trade {
    Trade {
        trade_no: TRADE_NO.into(),
        product,
        amount: AMOUNT,
        placed_at: START,
        pay_text: String::new(),
        transaction_id: String::new(),
    }
}

fn refund(product: Product, minor: i64, refund_no: &str) -> Refund {
    Refund {
        trade: trade(product),
        refund_no: refund_no.into(),
        amount: Money { minor, ..AMOUNT },
        reason: String::new(),
        notify_url: "https://pay.example/callback/jeepay/1/2/3".into(),
        asked_at: START,
    }
}

fn payment_of(outcome: &Outcome) -> Payment {
    match outcome {
        Outcome::Paid(payment) => payment.clone(),
        other => panic!("{other:?}"),
    }
}

fn is_unreadable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)))
}

fn is_busy(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Busy(_)))
}

fn stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

/// What an answer of these bytes leads to.
fn heard(op: &Op, status: u16, body: &[u8]) -> Step {
    let answer = HttpResponse::new(status, "application/json", body);
    Jeepay.response(op, &account(), &answer, &stamp())
}

fn done(step: Step) -> Outcome {
    match step {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

/// A signed answer with these data.
fn granted(data: &Value) -> Vec<u8> {
    let fields = Fields::from_json(data.as_object().unwrap());
    let sign = sign::sign(&fields, SECRET);
    json!({ "code": 0, "msg": "SUCCESS", "data": data, "sign": sign }).to_string().into_bytes()
}

/// What a signed answer means.
fn judged(op: &Op, data: &Value) -> Outcome {
    done(heard(op, 200, &granted(data)))
}

/// A refusal.
fn refused(code: i64, message: &str) -> Vec<u8> {
    json!({ "code": code, "msg": message, "data": null, "sign": null }).to_string().into_bytes()
}

fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object[name] = value.into();
    object
}

/// What an operation sends.
fn sent(op: &Op, account: &Account) -> (HttpRequest, Fields) {
    match Jeepay.request(op, account, &stamp()).unwrap() {
        Step::Send(request) => {
            let object: Value = serde_json::from_slice(&request.body).unwrap();
            let fields = Fields::from_json(object.as_object().unwrap());
            (request, fields)
        }
        Step::Done(outcome) => panic!("{outcome:?}"),
    }
}
