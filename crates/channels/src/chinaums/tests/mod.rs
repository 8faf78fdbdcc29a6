//! The channel against its simulator, against every fault of the way, and against liars.

mod callbacks;
mod faults;
mod hostile;
mod life;
mod requests;
mod strict;
mod words;

use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;
use serde_json::Value;

use crate::bench::{
    self, HALF_HOUR_MS, START, TRADE_NO, a_stamp, done, is_unreadable, payment_of, set,
};
use crate::chinaums::Chinaums;
use crate::chinaums::sim::{ChinaumsSim, ChinaumsSimConfig};
use crate::chinaums::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::{Account, Channel, Op, Outcome, Place, Refund, Step, Trade};

const BASE: &str = "http://127.0.0.1:9000/easyLinkApi";
const REFUND_NO: &str = "21202611221300050000065538";
const SECRET: &str = "b5f7e2c1a09d48c3";
const AMOUNT: Money = Money { minor: 8888, currency: Currency::Hkd };

/// An account whose settings are the defaults, except what a contract must say.
fn account() -> Account {
    let settings =
        [("pin", "PIN0001"), ("sec_pin", "SEC0001"), ("secret_key", SECRET), ("base_url", BASE)];
    bench::account(&Chinaums, Currency::Hkd, &settings)
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

type Bench = bench::Bench<ChinaumsSim>;

impl Bench {
    fn new() -> Self {
        Self::with(account(), config())
    }

    fn with(account: Account, config: ChinaumsSimConfig) -> Self {
        Self::of(&Chinaums, account, ChinaumsSim::new(config))
    }

    /// With an order that waits.
    fn opened() -> Self {
        let mut bench = Self::new();
        bench.open();
        bench
    }

    fn open(&mut self) {
        self.pay_text = bench::text_of(&self.call(&place()));
    }

    /// With an order that is paid.
    fn paid() -> Self {
        let mut bench = Self::opened();
        bench.pay(None);
        bench
    }

    /// Presses a button of the payer's page; the answer is the page after it.
    fn press(&mut self, choice: &str) -> String {
        let address = self.pay_text.clone();
        let answer = self.browse("POST", &address, &format!("choice={choice}"));
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
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
        subject: "测试".into(),
        notify_url: "https://pay.example/callback/chinaums/1/2/3".into(),
        return_url: "https://pay.example/pay/TOKEN".into(),
        wallet: "CN".into(),
        ..bench::a_place(Product::UnionpayLink, Currency::Hkd)
    }
}

fn place() -> Op {
    Op::Place(a_place())
}

fn trade() -> Trade {
    bench::a_trade(Product::UnionpayLink, Currency::Hkd)
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

/// What an answer of these bytes leads to.
fn stepped(op: &Op, account: &Account, body: &[u8]) -> Step {
    let answer = HttpResponse::new(200, "application/json", body);
    Chinaums.response(op, account, &answer, &a_stamp())
}

/// What an answer of these bytes means.
fn heard(op: &Op, account: &Account, body: &[u8]) -> Outcome {
    done(stepped(op, account, body))
}

fn judged(op: &Op, account: &Account, object: &Value) -> Outcome {
    heard(op, account, object.to_string().as_bytes())
}

/// The form that an operation sends first.
fn sent(op: &Op, account: &Account) -> (HttpRequest, Fields) {
    form_of(Chinaums.request(op, account, &a_stamp()).unwrap())
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
