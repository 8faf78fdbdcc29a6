//! The channel against its simulator, and against whatever the network may bring instead.

mod callbacks;
mod edge;
mod faults;
mod hostile;
mod life;
mod returns;
mod strict;
mod vectors;
mod words;

use std::sync::LazyLock;

use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;

use crate::bench::{
    self, HALF_HOUR_MS, START, TRADE_NO, a_stamp, done, is_unreadable, key_pair, payment_of, set,
    text_of,
};
use crate::http::HttpResponse;
use crate::seal::RsaSigner;
use crate::unionpay::Unionpay;
use crate::unionpay::sign::{self, CERTIFICATE};
use crate::unionpay::sim::{Chain, UnionpaySim, UnionpaySimConfig, chain, merchant_certificate};
use crate::unionpay::wire::{Fields, SIGNATURE};
use crate::{
    About, Account, Callback, Channel, Op, Outcome, Place, Refund, Refusal, RefusalKind, Step,
    Trade,
};

const MER_ID: &str = "777290058110048";
const SECURE_KEY: &str = "88888888";
const REFUND_NO: &str = "11202611221205050000065539";
const BASE: &str = "http://127.0.0.1:9000";
const NOTIFY: &str = "https://pay.example/callback/unionpay/1";

/// Private keys as PEM: the merchant's, UnionPay's root, its middle, and the one that signs.
static KEYS: LazyLock<[String; 4]> = LazyLock::new(|| [(); 4].map(|()| key_pair().0));
static CHAIN: LazyLock<Chain> = LazyLock::new(|| chain([&KEYS[1], &KEYS[2], &KEYS[3]]).unwrap());
static MERCHANT: LazyLock<String> = LazyLock::new(|| merchant_certificate(&KEYS[0]).unwrap());

fn account(sign_method: &str) -> Account {
    let settings = [
        ("mer_id", MER_ID),
        ("sign_method", sign_method),
        ("private_key", &KEYS[0]),
        ("certificate", &MERCHANT),
        ("root_certificate", &CHAIN.root),
        ("middle_certificate", &CHAIN.middle),
        ("is_test_cn", "true"),
        ("secure_key", SECURE_KEY),
        ("term_id", "00000001"),
        ("api_base", BASE),
    ];
    bench::account(&Unionpay, Currency::Cny, &settings)
}

type Bench = bench::Bench<UnionpaySim>;

impl Bench {
    fn new() -> Self {
        Self::signing("01")
    }

    fn signing(sign_method: &str) -> Self {
        Self::of(&Unionpay, account(sign_method), a_sim())
    }

    fn page(&mut self, method: &str, url: &str, body: &str) -> String {
        String::from_utf8(self.browse(method, url, body).body).unwrap()
    }

    /// Presses a button of `page`, which is an order's.
    fn press(&mut self, page: &str, choice: &str) -> String {
        let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        self.page("POST", &action, &format!("choice={choice}"))
    }

    /// A code that was applied, and paid.
    fn paid(&mut self) -> Payment {
        self.call(&qr());
        self.pay(None);
        payment_of(&self.call(&query()))
    }
}

fn a_sim() -> UnionpaySim {
    UnionpaySim::new(UnionpaySimConfig {
        base_url: BASE.into(),
        mer_id: MER_ID.into(),
        merchant_certificate: MERCHANT.clone(),
        secure_key: Secret::new(SECURE_KEY),
        platform_private_key: Secret::new(KEYS[3].as_str()),
        platform_certificate: CHAIN.leaf.clone(),
    })
    .unwrap()
}

fn a_place(product: Product) -> Place {
    Place { notify_url: NOTIFY.into(), ..bench::a_place(product, Currency::Cny) }
}

fn place(product: Product) -> Op {
    Op::Place(a_place(product))
}

fn qr() -> Op {
    place(Product::UnionpayQr)
}

fn link() -> Op {
    place(Product::UnionpayLink)
}

/// A barcode whose last two digits are `fate`.
fn barcode(fate: &str) -> Op {
    let code = Some(Secret::new(format!("62123456789012345{fate}")));
    Op::Place(Place { code, ..a_place(Product::Micropay) })
}

fn trade(product: Product) -> Trade {
    // Never what is asked with: the number itself carries its second.
    let placed_at = START.plus_millis(1_999);
    Trade { placed_at, ..bench::a_trade(product, Currency::Cny) }
}

fn query() -> Op {
    Op::Query(trade(Product::UnionpayQr))
}

fn query_barcode() -> Op {
    Op::Query(trade(Product::Micropay))
}

fn close() -> Op {
    Op::Close(trade(Product::UnionpayQr))
}

fn reverse() -> Op {
    Op::Reverse(trade(Product::Micropay))
}

fn undo(payment: &Payment) -> Op {
    let transaction_id = payment.transaction_id.clone();
    Op::Reverse(Trade { transaction_id, ..trade(Product::Micropay) })
}

fn a_refund(payment: &Payment, minor: i64) -> Refund {
    let transaction_id = payment.transaction_id.clone();
    Refund {
        trade: Trade { transaction_id, ..trade(Product::UnionpayQr) },
        refund_no: REFUND_NO.into(),
        amount: Money::new(minor, Currency::Cny),
        reason: String::new(),
        notify_url: NOTIFY.into(),
        asked_at: START.plus_millis(5 * 60_000),
    }
}

/// Members signed as UnionPay does with certificates.
fn signed(mut fields: Fields) -> Fields {
    let signer = RsaSigner::parse("platform", &KEYS[3]).unwrap();
    fields.set("signMethod", "01");
    if !fields.has(CERTIFICATE) {
        fields.set(CERTIFICATE, CHAIN.leaf.as_str());
    }
    let signature = signer.sign(sign::digest(&fields.signed_text()).as_bytes()).unwrap();
    fields.set(SIGNATURE, signature);
    fields
}

/// What a signed answer with these members means.
fn heard(op: &Op, fields: Fields) -> Step {
    let answer = HttpResponse::new(200, "text/html;charset=UTF-8", signed(fields).to_raw());
    Unionpay.response(op, &account("01"), &answer, &a_stamp())
}

fn refusal_of(outcome: &Outcome) -> (RefusalKind, String) {
    match outcome {
        Outcome::Refused(Refusal { kind, code, .. })
        | Outcome::Failed(Refusal { kind, code, .. })
        | Outcome::RefundClosed(Refusal { kind, code, .. }) => (*kind, code.clone()),
        other => panic!("{other:?}"),
    }
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_))
}

fn of_order(callback: &Callback) -> Outcome {
    let facts = callback.facts.clone().unwrap();
    assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    facts.outcome
}
