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

use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::bench::{
    self, HALF_HOUR_MS, START, TRADE_NO, a_stamp, done, is_unreadable, payment_of, set,
};
use crate::http::{HttpRequest, HttpResponse};
use crate::jeepay::Jeepay;
use crate::jeepay::sign;
use crate::jeepay::sim::{JeepaySim, JeepaySimConfig};
use crate::jeepay::wire::Fields;
use crate::{Account, Channel, Doubt, Op, Outcome, Place, Refund, Step, Trade};

const BASE: &str = "http://127.0.0.1:9000";
const MCH_NO: &str = "M1623984572";
const APP_ID: &str = "60cc09bce4b0f1c0b83761c9";
const SECRET: &str = "EWEFD123RGSRETYDFNGFGFGSHDFGH";
const REFUND_NO: &str = "21202611221300050000065538";
const AMOUNT: Money = Money { minor: 8888, currency: Currency::Cny };
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
    let settings =
        [("base_url", BASE), ("mch_no", MCH_NO), ("app_id", APP_ID), ("app_secret", SECRET)];
    bench::account(&Jeepay, Currency::Cny, &settings)
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

type Bench = bench::Bench<JeepaySim>;

impl Bench {
    fn new() -> Self {
        Self::of(&Jeepay, account(), JeepaySim::new(config()))
    }

    /// With an order that waits.
    fn opened(product: Product) -> Self {
        let mut bench = Self::new();
        bench::text_of(&bench.call(&place(product)));
        bench
    }

    /// With an order that is paid.
    fn paid(product: Product) -> Self {
        let mut bench = Self::opened(product);
        bench.pay(None);
        bench
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
        subject: "测试 a&b=c <b>".into(),
        notify_url: "https://pay.example/callback/jeepay/1/2/3".into(),
        payer_ip: "203.0.113.9".into(),
        openid: "oPayer1".into(),
        sub_appid: "wx1".into(),
        ..bench::a_place(product, Currency::Cny)
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
    bench::a_trade(product, Currency::Cny)
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

fn is_busy(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Busy(_)))
}

/// What an answer of these bytes leads to.
fn heard(op: &Op, status: u16, body: &[u8]) -> Step {
    let answer = HttpResponse::new(status, "application/json", body);
    Jeepay.response(op, &account(), &answer, &a_stamp())
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
    match Jeepay.request(op, account, &a_stamp()).unwrap() {
        Step::Send(request) => {
            let object: Value = serde_json::from_slice(&request.body).unwrap();
            let fields = Fields::from_json(object.as_object().unwrap());
            (request, fields)
        }
        Step::Done(outcome) => panic!("{outcome:?}"),
    }
}
