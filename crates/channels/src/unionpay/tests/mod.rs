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

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use crate::http::{HttpRequest, HttpResponse};
use crate::seal::{RsaSigner, base64};
use crate::sim::{OpFaultKind, OpKind, ScriptedFault, Served, Simulator};
use crate::unionpay::Unionpay;
use crate::unionpay::sign::{self, CERTIFICATE};
use crate::unionpay::sim::{Chain, UnionpaySim, UnionpaySimConfig, chain, merchant_certificate};
use crate::unionpay::wire::{Fields, SIGNATURE};
use crate::{
    About, Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Refund, Refusal,
    RefusalKind, Stamp, Step, Trade,
};

const MER_ID: &str = "777290058110048";
const SECURE_KEY: &str = "88888888";
const TRADE_NO: &str = "1120261122120005000006553801";
const REFUND_NO: &str = "11202611221205050000065539";
const BASE: &str = "http://127.0.0.1:9000";
const NOTIFY: &str = "https://pay.example/callback/unionpay/1";
const START: Timestamp = Timestamp::from_seconds(1_795_320_005);
const HALF_HOUR_MS: i64 = 30 * 60_000;

/// Private keys as PEM: the merchant's, UnionPay's root, its middle, and the one that signs.
static KEYS: LazyLock<[String; 4]> = LazyLock::new(|| [(); 4].map(|()| private_key()));
static CHAIN: LazyLock<Chain> = LazyLock::new(|| chain([&KEYS[1], &KEYS[2], &KEYS[3]]).unwrap());
static MERCHANT: LazyLock<String> = LazyLock::new(|| merchant_certificate(&KEYS[0]).unwrap());

fn private_key() -> String {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let text = base64(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

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
    Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: "unionpay".into(),
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
    sim: UnionpaySim,
    now: Timestamp,
    draws: u64,
    /// How many requests the last operation sent.
    sent: usize,
}

impl Bench {
    fn new() -> Self {
        Self::signing("01")
    }

    fn signing(sign_method: &str) -> Self {
        Self { account: account(sign_method), sim: a_sim(), now: START, draws: 0, sent: 0 }
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
        let mut step = Unionpay.request(op, &self.account, &stamp).unwrap();
        self.sent = 0;
        loop {
            let request = match step {
                Step::Done(outcome) => return outcome,
                // The gateway's own limit of steps.
                Step::Send(_) if self.sent == 4 => {
                    return Outcome::Unknown(Doubt::Unreadable("too many steps".into()));
                }
                Step::Send(request) => request,
            };
            self.sent += 1;
            match self.serve(&request) {
                Served::Answer(answer) => {
                    step = Unionpay.response(op, &self.account, &answer, &stamp)
                }
                Served::Late(..) | Served::Dropped => return Outcome::Unknown(Doubt::Timeout),
            }
        }
    }

    fn serve(&mut self, request: &HttpRequest) -> Served {
        let stamp = self.stamp();
        self.sim.serve(request, &stamp)
    }

    fn page(&mut self, method: &str, url: &str, body: &str) -> String {
        let request = HttpRequest {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        match self.serve(&request) {
            Served::Answer(answer) => String::from_utf8(answer.body).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Presses a button of `page`, which is an order's.
    fn press(&mut self, page: &str, choice: &str) -> String {
        let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        self.page("POST", &action, &format!("choice={choice}"))
    }

    fn pay(&mut self) {
        let stamp = self.stamp();
        let paid = self.sim.pay(&TRADE_NO[..26], None, &stamp).unwrap();
        assert_eq!((paid.trade_no.as_str(), paid.total), (TRADE_NO, 8888));
    }

    /// Delivers what is due to the channel, and answers as the gateway does.
    fn deliver(&mut self) -> Vec<Callback> {
        let stamp = self.stamp();
        let mut heard = Vec::new();
        for due in self.sim.due_callbacks(&stamp) {
            assert_eq!(due.request.url, NOTIFY);
            let callback = Unionpay.callback(&self.account, &due.request, &stamp);
            let answer = if callback.facts.is_ok() { &callback.ack } else { &callback.nack };
            self.sim.callback_answered(due.id, Some(answer), &stamp);
            heard.push(callback);
        }
        heard
    }

    fn fail_once(&mut self, op: OpKind, kind: OpFaultKind) {
        self.sim.script(ScriptedFault { op, kind, times: 1 });
    }

    /// A code that was applied, and paid.
    fn paid(&mut self) -> Payment {
        self.call(&qr());
        self.pay();
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
    Place {
        trade_no: TRADE_NO.into(),
        product,
        amount: Money::new(8888, Currency::Cny),
        subject: "测试 a&b=c <b>{\"}".into(),
        notify_url: NOTIFY.into(),
        return_url: "https://pay.example/pay/TOKEN?x=1".into(),
        expires_at: START.plus_millis(HALF_HOUR_MS),
        payer_ip: String::new(),
        openid: String::new(),
        sub_appid: String::new(),
        wallet: String::new(),
        code: None,
    }
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
    Trade {
        trade_no: TRADE_NO.into(),
        product,
        amount: Money::new(8888, Currency::Cny),
        // Never what is asked with: the number itself carries its second.
        placed_at: START.plus_millis(1_999),
        pay_text: String::new(),
        transaction_id: String::new(),
    }
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

/// A stamp of the moment when tests begin.
fn a_stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

/// What a signed answer with these members means.
fn heard(op: &Op, fields: Fields) -> Step {
    let answer = HttpResponse::new(200, "text/html;charset=UTF-8", signed(fields).to_raw());
    Unionpay.response(op, &account("01"), &answer, &a_stamp())
}

fn outcome_of_step(step: Step) -> Outcome {
    match step {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
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

fn is_unreadable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)))
}

fn of_order(callback: &Callback) -> Outcome {
    let facts = callback.facts.clone().unwrap();
    assert_eq!(facts.about, About::Trade(TRADE_NO.into()));
    facts.outcome
}
