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

use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;

use crate::alipay_mapi::AlipayMapi;
use crate::alipay_mapi::sim::{AlipayMapiSim, AlipayMapiSimConfig};
use crate::bench::{
    self, HALF_HOUR_MS, START, TRADE_NO, a_stamp, done, is_unreadable, key_pair, payment_of, set,
    text_of,
};
use crate::http::HttpResponse;
use crate::{About, Account, Callback, Channel, Op, Outcome, Place, Refund, Trade};

const PARTNER: &str = "2088531020000001";
const MD5_KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const REFUND_NO: &str = "11202611221200050000000001";
const CALLBACK_URL: &str = "https://pay.example/callbacks/alipay_mapi/1";

/// Two key pairs as PEM, private and public: the merchant's and Alipay's.
static KEYS: LazyLock<[(String, String); 2]> = LazyLock::new(|| [key_pair(), key_pair()]);

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
    bench::account(&AlipayMapi, Currency::Hkd, &settings)
}

fn account_with(changes: &[(&str, &str)]) -> Account {
    let mut account = account();
    for (key, value) in changes {
        set(&mut account, key, value);
    }
    account
}

type Bench = bench::Bench<AlipayMapiSim>;

impl Bench {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(changes: &[(&str, &str)]) -> Self {
        Self::of(&AlipayMapi, account_with(changes), a_sim())
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

    /// Places an order and opens it as the payer's phone does.
    fn open(&mut self, op: &Op) -> String {
        let pay_text = text_of(&self.call(op));
        let page = if pay_text.starts_with("http") {
            self.browse("GET", &pay_text, "")
        } else {
            self.browse("POST", "/alipay_mapi/app", &pay_text)
        };
        String::from_utf8(page.body).unwrap()
    }

    /// The one callback that is due, believed.
    fn hear(&mut self) -> Outcome {
        let heard = self.deliver_and_confirm();
        assert_eq!(heard.len(), 1);
        assert!(heard[0].1, "confirmed");
        outcome_of(&heard[0].0)
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
        subject: "测试 a&b=c <b>{'}".into(),
        notify_url: CALLBACK_URL.into(),
        ..bench::a_place(product, Currency::Hkd)
    }
}

fn app() -> Op {
    Op::Place(a_place(Product::AlipayApp))
}

fn wap() -> Op {
    Op::Place(a_place(Product::AlipayWap))
}

fn a_trade() -> Trade {
    bench::a_trade(Product::AlipayApp, Currency::Hkd)
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

/// What an answer of that body comes to.
fn heard(op: &Op, account: &Account, answer: &HttpResponse) -> Outcome {
    done(AlipayMapi.response(op, account, answer, &a_stamp()))
}
