//! The channel against its simulator: every operation and every fault of the way there and back.

mod app;
mod back;
mod barcode;
mod doubt;
mod edge;
mod faults;
mod life;
mod strict;
mod words;
mod words_back;

use std::sync::LazyLock;

use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;

use crate::alipay::Alipay;
use crate::alipay::sim::{AlipaySim, AlipaySimConfig};
use crate::bench::{
    self, HALF_HOUR_MS, START, TRADE_NO, a_place, key_pair, payment_of, set, text_of,
};
use crate::http::HttpResponse;
use crate::{About, Account, Callback, Op, Outcome, Place, Refund, RefusalKind, Trade};

const APP_ID: &str = "2014072300007148";
const SELLER_ID: &str = "2088101106499364";

/// Two key pairs as PEM, private and public: the application's and Alipay's.
static KEYS: LazyLock<[(String, String); 2]> = LazyLock::new(|| [key_pair(), key_pair()]);

fn account() -> Account {
    let [(app_private, _), (_, alipay_public)] = &*KEYS;
    let settings = [
        ("app_id", APP_ID),
        ("seller_id", SELLER_ID),
        ("private_key", app_private),
        ("alipay_public_key", alipay_public),
        ("gateway", "http://127.0.0.1:9000/gateway.do"),
    ];
    bench::account(&Alipay, Currency::Cny, &settings)
}

type Bench = bench::Bench<AlipaySim>;

impl Bench {
    fn new() -> Self {
        Self::of(&Alipay, account(), a_sim())
    }

    fn page(&mut self, method: &str, url: &str) -> HttpResponse {
        self.browse(method, url, "")
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
    Op::Place(a_place(product, Currency::Cny))
}

fn trade() -> Trade {
    bench::a_trade(Product::AlipayQr, Currency::Cny)
}

/// A charge of the barcode whose last two digits are `fate`.
fn charge(fate: &str) -> Op {
    let code = Some(Secret::new(format!("2882716209858246{fate}")));
    Op::Place(Place { code, ..a_place(Product::Micropay, Currency::Cny) })
}

/// The order of a barcode.
fn charged() -> Trade {
    Trade { product: Product::Micropay, ..trade() }
}

fn reverse() -> Op {
    Op::Reverse(charged())
}

/// A refund of our order; `last` is the number's last digit.
fn a_refund(last: u8, minor: i64) -> Refund {
    Refund {
        trade: trade(),
        refund_no: format!("2220261122120005000000000{last}"),
        amount: Money::new(minor, Currency::Cny),
        reason: "不要了".into(),
        notify_url: "https://pay.example/callbacks/1".into(),
        asked_at: START,
    }
}

fn refund(last: u8, minor: i64) -> Op {
    Op::Refund(a_refund(last, minor))
}

fn query_refund(last: u8, minor: i64) -> Op {
    Op::QueryRefund(a_refund(last, minor))
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

fn kind_of(outcome: &Outcome) -> RefusalKind {
    match outcome {
        Outcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    }
}

fn amount_of(outcome: &Outcome) -> i64 {
    match outcome {
        Outcome::Refunded(refunded) => refunded.amount.minor,
        other => panic!("{other:?}"),
    }
}

fn outcome_of(callback: &Callback) -> Outcome {
    let facts = callback.facts.clone().unwrap();
    assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    facts.outcome
}
