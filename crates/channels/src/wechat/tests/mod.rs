//! The channel against its simulator, and against whatever the network may bring instead.

mod callbacks;
mod faults;
mod hostile;
mod lifecycle;
mod rules;
mod vectors;

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use super::Wechat;
use super::sim::{WechatSim, WechatSimConfig, certificate};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::RsaSigner;
use crate::sim::{Served, Simulator};
use crate::{Account, Channel, Doubt, Op, Outcome, Place, PrivateKey, Stamp, Step, Trade};

const NOON: Timestamp = Timestamp::from_seconds(1_795_320_005);
const MCHID: &str = "1900000109";
const APPID: &str = "wxd930ea5d5a258f4f";
const APIV3_KEY: &str = "0123456789abcdef0123456789abcdef";
const MERCHANT_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000001092026112200000001";
const TRADE_NO: &str = "1120261122120005000006553801";

/// A throw-away key pair as PEM.
struct Keys {
    private: String,
    public: String,
}

impl Keys {
    fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private = AsDer::<Pkcs8V1Der>::as_der(&pair).unwrap();
        let public = AsDer::<PublicKeyX509Der>::as_der(pair.public_key()).unwrap();
        Self {
            private: pem("PRIVATE KEY", private.as_ref()),
            public: pem("PUBLIC KEY", public.as_ref()),
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = crate::seal::base64(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

static MERCHANT: LazyLock<Keys> = LazyLock::new(Keys::generate);
static PLATFORM: LazyLock<Keys> = LazyLock::new(Keys::generate);
static CERTIFICATE: LazyLock<(String, String)> =
    LazyLock::new(|| certificate(&PLATFORM.private).unwrap());

/// How the account knows the platform's key.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Mode {
    Certificate,
    PublicKey,
}

const MODES: [Mode; 2] = [Mode::Certificate, Mode::PublicKey];

/// A merchant's account, the simulator, and the clock.
struct World {
    sim: WechatSim,
    account: Account,
    now: Timestamp,
    stamps: u64,
}

impl World {
    /// A world in which the account knows the platform's keys.
    fn new(mode: Mode) -> Self {
        let mut world = Self::without_keys(mode);
        let Outcome::Keys(keys) = world.ask(&Op::Keys) else { panic!("no keys") };
        assert_eq!(keys.len(), usize::from(mode == Mode::Certificate));
        world.account.upstream_keys = keys;
        world
    }

    fn without_keys(mode: Mode) -> Self {
        let account = account(mode);
        Self { sim: new_sim(), account, now: NOON, stamps: 0 }
    }

    fn stamp(&mut self) -> Stamp {
        self.stamps += 1;
        let nonce = format!("{:032x}", u128::from(self.stamps) << 100 | 0x0123_4567_89AB_CDEF);
        Stamp { now: self.now, nonce }
    }

    fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    fn request(&mut self, op: &Op) -> Result<HttpRequest, Outcome> {
        let stamp = self.stamp();
        match Wechat.request(op, &self.account, &stamp).unwrap() {
            Step::Send(request) => Ok(incoming(request)),
            Step::Done(outcome) => Err(outcome),
        }
    }

    fn serve(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        let stamp = self.stamp();
        match self.sim.serve(request, &stamp) {
            Served::Answer(answer) => Some(answer),
            Served::Late(_, millis) => {
                assert_eq!(millis, 60_000);
                None
            }
            Served::Dropped => None,
        }
    }

    /// Asks the simulator until the operation is over.
    fn ask(&mut self, op: &Op) -> Outcome {
        let request = match self.request(op) {
            Ok(request) => request,
            Err(outcome) => return outcome,
        };
        match self.serve(&request) {
            Some(answer) => self.judge(op, &answer),
            None => Outcome::Unknown(Doubt::Timeout),
        }
    }

    fn judge(&self, op: &Op, answer: &HttpResponse) -> Outcome {
        let stamp = Stamp { now: self.now, nonce: "0".repeat(32) };
        match Wechat.response(op, &self.account, answer, &stamp) {
            Step::Done(outcome) => outcome,
            Step::Send(_) => panic!("every operation takes one step"),
        }
    }

    fn place(&mut self, order: &Place) -> String {
        match self.ask(&Op::Place(order.clone())) {
            Outcome::Opened { pay_text } => pay_text,
            outcome => panic!("{outcome:?}"),
        }
    }

    fn pay(&mut self) {
        let stamp = self.stamp();
        self.sim.pay(TRADE_NO, None, &stamp).unwrap();
    }

    /// The callbacks that are due now.
    fn callbacks(&mut self) -> Vec<crate::sim::OutgoingCallback> {
        let stamp = self.stamp();
        self.sim.due_callbacks(&stamp)
    }

    fn hear(&mut self, request: &HttpRequest) -> crate::Callback {
        let stamp = self.stamp();
        Wechat.callback(&self.account, request, &stamp)
    }

    /// What the payer's browser gets.
    fn browse(&mut self, method: &str, url: &str, form: &str) -> (u16, String) {
        let path = url.strip_prefix("http://sim.test").unwrap_or(url).to_owned();
        let body = form.as_bytes().to_vec();
        let request = HttpRequest { method: method.into(), url: path, headers: vec![], body };
        let answer = self.serve(&request).unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    }
}

fn new_sim() -> WechatSim {
    WechatSim::new(WechatSimConfig {
        base_url: "http://sim.test".into(),
        mchid: MCHID.into(),
        appid: APPID.into(),
        apiv3_key: Secret::new(APIV3_KEY),
        merchant_serial: MERCHANT_SERIAL.into(),
        merchant_public_key: MERCHANT.public.clone(),
        platform_private_key: Secret::new(PLATFORM.private.clone()),
        platform_certificate: CERTIFICATE.0.clone(),
        platform_serial: CERTIFICATE.1.clone(),
        public_key_id: Some(PUBLIC_KEY_ID.into()),
    })
    .unwrap()
}

fn account(mode: Mode) -> Account {
    let mut settings = vec![
        ("mchid", MCHID.to_owned()),
        ("appid", APPID.to_owned()),
        ("private_key", MERCHANT.private.clone()),
        ("serial_no", MERCHANT_SERIAL.to_ascii_lowercase()),
        ("apiv3_key", APIV3_KEY.to_owned()),
        ("api_base", "http://sim.test".to_owned()),
    ];
    if mode == Mode::PublicKey {
        settings.push(("public_key_id", PUBLIC_KEY_ID.to_owned()));
        settings.push(("public_key", PLATFORM.public.clone()));
    }
    Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: "wechat".into(),
        currency: Currency::Cny,
        settings: settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Secret::new(value)))
            .collect(),
        upstream_keys: Vec::new(),
        private_key: PrivateKey::default(),
    }
}

fn with_setting(mut account: Account, key: &str, value: &str) -> Account {
    account.settings.retain(|(name, _)| name != key);
    account.settings.push((key.to_owned(), Secret::new(value)));
    account.private_key = PrivateKey::default();
    account
}

/// An order of 88.88 for 15 minutes.
fn order(product: Product) -> Place {
    Place {
        trade_no: TRADE_NO.into(),
        product,
        amount: Money::new(8888, Currency::Cny),
        subject: "一杯咖啡".into(),
        notify_url: "http://gateway.test/callbacks/1/wechat".into(),
        return_url: "http://gateway.test/pay/abc?lang=zh&x=1".into(),
        expires_at: NOON.plus_millis(15 * 60 * 1000),
        payer_ip: "203.0.113.7".into(),
        openid: String::new(),
        sub_appid: String::new(),
        wallet: String::new(),
        code: None,
    }
}

fn trade(trade_no: &str) -> Trade {
    Trade {
        trade_no: trade_no.into(),
        product: Product::WechatQr,
        amount: Money::new(8888, Currency::Cny),
        placed_at: NOON,
        pay_text: String::new(),
        transaction_id: String::new(),
    }
}

fn native() -> Place {
    order(Product::WechatQr)
}

fn query() -> Op {
    Op::Query(trade(TRADE_NO))
}

fn close() -> Op {
    Op::Close(trade(TRADE_NO))
}

/// A request as the simulator's port receives it.
fn incoming(mut request: HttpRequest) -> HttpRequest {
    request.url = request.url.strip_prefix("http://sim.test").unwrap().to_owned();
    request
}

/// An answer with whatever body, well signed by the platform.
fn signed_answer(status: u16, body: &str) -> HttpResponse {
    let mut answer = HttpResponse::new(status, "application/json", body);
    answer.headers.extend(signed_headers(NOON, body));
    answer
}

fn signed_headers(at: Timestamp, body: &str) -> Vec<(String, String)> {
    let text = format!("{}\n593BEC0C930BF1AF\n{body}\n", at.seconds());
    let signature =
        RsaSigner::parse("key", &PLATFORM.private).unwrap().sign(text.as_bytes()).unwrap();
    [
        ("Wechatpay-Timestamp", at.seconds().to_string()),
        ("Wechatpay-Nonce", "593BEC0C930BF1AF".to_owned()),
        ("Wechatpay-Serial", CERTIFICATE.1.clone()),
        ("Wechatpay-Signature", signature),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
