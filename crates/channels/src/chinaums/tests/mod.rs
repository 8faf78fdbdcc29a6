//! The channel against its simulator, against every fault of the way, and against liars.

mod callbacks;
mod faults;
mod hostile;
mod life;
mod requests;
mod strict;
mod words;

use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::chinaums::Chinaums;
use crate::chinaums::settings::SETTINGS;
use crate::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig};
use crate::chinaums::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, ScriptedFault, Served, Simulator};
use crate::{
    Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Refund, Stamp, Step, Trade,
};

const BASE: &str = "http://127.0.0.1:9000/easyLinkApi";
const TRADE_NO: &str = "1120261122120005000006553801";
const REFUND_NO: &str = "21202611221300050000065538";
const SECRET: &str = "b5f7e2c1a09d48c3";
const START: Timestamp = Timestamp::from_seconds(1_795_320_005);
const HALF_HOUR_MS: i64 = 30 * 60_000;
const AMOUNT: Money = Money { minor: 8888, currency: Currency::Hkd };

/// Requests that one operation may take, as the gateway counts them.
const STEPS_MAX: usize = 4;

/// An account whose settings are the defaults, except what a contract must say.
fn account() -> Account {
    let defaults = SETTINGS.iter().map(|one| (one.key.to_owned(), Secret::new(one.default)));
    let mut account = Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: "chinaums".into(),
        currency: Currency::Hkd,
        settings: defaults.collect(),
        upstream_keys: Vec::new(),
        private_key: PrivateKey::default(),
    };
    for (key, value) in
        [("pin", "PIN0001"), ("sec_pin", "SEC0001"), ("secret_key", SECRET), ("base_url", BASE)]
    {
        set(&mut account, key, value);
    }
    account
}

fn set(account: &mut Account, key: &str, value: &str) {
    let setting = account.settings.iter_mut().find(|(name, _)| name == key).unwrap();
    setting.1 = Secret::new(value);
}

fn config() -> ChinaumsSimConfig {
    ChinaumsSimConfig {
        pin: "PIN0001".into(),
        sec_pin: "SEC0001".into(),
        secret_key: Secret::new(SECRET),
        channel: "43962300".into(),
        currency: Currency::Hkd,
        echoes_reserved: true,
        signs_answers: false,
    }
}

/// A channel, its simulator and a clock between them.
struct Bench {
    account: Account,
    sim: ChinaumsSim,
    now: Timestamp,
    draws: u64,
    /// What the last order was opened with.
    pay_text: String,
}

impl Bench {
    fn new() -> Self {
        Self::with(account(), config())
    }

    fn with(account: Account, config: ChinaumsSimConfig) -> Self {
        let sim = ChinaumsSim::new(config);
        Self { account, sim, now: START, draws: 0, pay_text: String::new() }
    }

    /// With an order that waits.
    fn opened() -> Self {
        let mut bench = Self::new();
        bench.open();
        bench
    }

    fn open(&mut self) {
        match self.call(&place()) {
            Outcome::Opened { pay_text } => self.pay_text = pay_text,
            other => panic!("{other:?}"),
        }
    }

    /// With an order that is paid.
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
        let mut step = Chinaums.request(op, &self.account, &stamp).unwrap();
        for _ in 0..STEPS_MAX {
            let request = match step {
                Step::Done(outcome) => return outcome,
                Step::Send(request) => request,
            };
            let stamp = self.stamp();
            match self.sim.serve(&request, &stamp) {
                Served::Answer(answer) => {
                    step = Chinaums.response(op, &self.account, &answer, &stamp);
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

    /// Presses a button of the payer's page; the answer is the page after it.
    fn press(&mut self, choice: &str) -> String {
        let address = self.pay_text.clone();
        let answer = self.browse("POST", &address, &format!("choice={choice}"));
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
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
            let callback = Chinaums.callback(&self.account, &due.request, &stamp);
            let answer = if callback.facts.is_ok() { &callback.ack } else { &callback.nack };
            self.sim.callback_answered(due.id, Some(answer), &stamp);
            heard.push(callback);
        }
        heard
    }

    fn fail_once(&mut self, op: OpKind, kind: OpFaultKind) {
        self.sim.script(ScriptedFault { op, kind, times: 1 });
    }

    fn trade(&self) -> Trade {
        Trade { pay_text: self.pay_text.clone(), ..trade() }
    }

    fn query(&mut self) -> Outcome {
        let op = Op::Query(self.trade());
        self.call(&op)
    }

    fn close(&mut self) -> Outcome {
        let op = Op::Close(self.trade());
        self.call(&op)
    }

    /// The refund of so many cents, and under which number.
    fn refund_of(&self, minor: i64, refund_no: &str) -> Refund {
        let amount = Money { minor, ..AMOUNT };
        Refund { amount, refund_no: refund_no.into(), trade: self.trade(), ..refund() }
    }

    fn refund(&mut self, minor: i64, refund_no: &str) -> Outcome {
        let op = Op::Refund(self.refund_of(minor, refund_no));
        self.call(&op)
    }

    fn query_refund(&mut self, minor: i64, refund_no: &str) -> Outcome {
        let op = Op::QueryRefund(self.refund_of(minor, refund_no));
        self.call(&op)
    }
}

fn a_place() -> Place {
    Place {
        trade_no: TRADE_NO.into(),
        product: Product::UnionpayLink,
        amount: AMOUNT,
        subject: "测试".into(),
        notify_url: "https://pay.example/callback/chinaums/1/2/3".into(),
        return_url: "https://pay.example/pay/TOKEN".into(),
        expires_at: START.plus_millis(HALF_HOUR_MS),
        payer_ip: String::new(),
        openid: String::new(),
        sub_appid: String::new(),
        wallet: "CN".into(),
        code: None,
    }
}

fn place() -> Op {
    Op::Place(a_place())
}

fn trade() -> Trade {
    Trade {
        trade_no: TRADE_NO.into(),
        product: Product::UnionpayLink,
        amount: AMOUNT,
        placed_at: START,
        pay_text: String::new(),
        transaction_id: String::new(),
    }
}

fn refund() -> Refund {
    Refund {
        trade: trade(),
        refund_no: REFUND_NO.into(),
        amount: AMOUNT,
        reason: String::new(),
        notify_url: "https://pay.example/callback/chinaums/1/2/3".into(),
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

/// What an answer of these bytes leads to.
fn stepped(op: &Op, account: &Account, body: &[u8]) -> Step {
    let answer = HttpResponse::new(200, "application/json", body);
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    Chinaums.response(op, account, &answer, &stamp)
}

/// What an answer of these bytes means.
fn heard(op: &Op, account: &Account, body: &[u8]) -> Outcome {
    match stepped(op, account, body) {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

fn judged(op: &Op, account: &Account, object: &Value) -> Outcome {
    heard(op, account, object.to_string().as_bytes())
}

/// The form that an operation sends first.
fn sent(op: &Op, account: &Account) -> (HttpRequest, Fields) {
    let stamp = Stamp { now: START, nonce: "0".repeat(32) };
    form_of(Chinaums.request(op, account, &stamp).unwrap())
}

/// The form that a step sends.
fn form_of(step: Step) -> (HttpRequest, Fields) {
    match step {
        Step::Send(request) => {
            let fields = Fields::from_form(std::str::from_utf8(&request.body).unwrap()).unwrap();
            (request, fields)
        }
        Step::Done(outcome) => panic!("{outcome:?}"),
    }
}
