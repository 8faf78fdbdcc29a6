//! The channel against its simulator, and against whatever the network may bring instead.

mod barcodes;
mod callbacks;
mod changed_bytes;
mod faults;
mod hostile;
mod life;
mod pay_texts;
mod rates;
mod refunds;
mod rules;
mod vectors;
mod words;

use std::sync::LazyLock;

use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use super::WechatV2;
use super::sign::SignType;
use super::sim::{WechatV2Sim, WechatV2SimConfig};
use super::xml::Members;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OutgoingCallback, Served, Simulator};
use crate::{
    Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Refund, SetupError, Stamp,
    Step, Trade,
};

const NOON: Timestamp = Timestamp::from_seconds(1_795_320_005);
const APPID: &str = "wxd930ea5d5a258f4f";
const MCH_ID: &str = "1900000109";
const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const TRADE_NO: &str = "1120261122120005000006553801";
const REFUND_NO: &str = "21202611221200050000065501";
const CODE: &str = "134602370743606100";
const TOTAL: i64 = 8888;
const UNPAID: Outcome = Outcome::Unpaid { is_acting: false };
const ACTING: Outcome = Outcome::Unpaid { is_acting: true };

/// A throw-away merchant certificate and its private key, as PEM.
static CERTIFICATE: LazyLock<(String, String)> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new([]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
});

/// An account at home in the mainland that signs with MD5, or one of Hong Kong that signs with
/// HMAC.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Mode {
    Mainland,
    HongKong,
}

const MODES: [Mode; 2] = [Mode::Mainland, Mode::HongKong];

impl Mode {
    fn currency(self) -> Currency {
        match self {
            Self::Mainland => Currency::Cny,
            Self::HongKong => Currency::Hkd,
        }
    }

    fn sign_type(self) -> SignType {
        match self {
            Self::Mainland => SignType::Md5,
            Self::HongKong => SignType::HmacSha256,
        }
    }

    fn total(self) -> Money {
        Money::new(TOTAL, self.currency())
    }

    /// What the payer pays: at 0.8457.
    fn cash(self) -> Money {
        let minor = if self == Self::Mainland { TOTAL } else { 7517 };
        Money::new(minor, Currency::Cny)
    }

    fn order(self, product: Product) -> Place {
        Place {
            trade_no: TRADE_NO.into(),
            product,
            amount: self.total(),
            subject: "一杯咖啡 & <br>]]>".into(),
            notify_url: "http://gateway.test/callbacks/1/wechat_v2".into(),
            return_url: "http://gateway.test/pay/abc?lang=zh&x=1".into(),
            expires_at: NOON.plus_millis(15 * 60 * 1000),
            payer_ip: "203.0.113.7".into(),
            openid: "oPayer".into(),
            sub_appid: String::new(),
            wallet: String::new(),
            code: (product == Product::Micropay).then(|| Secret::new(CODE)),
        }
    }

    fn trade(self) -> Trade {
        self.trade_of(Product::WechatQr)
    }

    fn trade_of(self, product: Product) -> Trade {
        Trade {
            trade_no: TRADE_NO.into(),
            product,
            amount: self.total(),
            placed_at: NOON,
            pay_text: String::new(),
            transaction_id: String::new(),
        }
    }

    fn refund(self, minor: i64) -> Refund {
        Refund {
            trade: self.trade(),
            refund_no: REFUND_NO.into(),
            amount: Money::new(minor, self.currency()),
            reason: "不要了".into(),
            notify_url: "http://gateway.test/callbacks/1/refund".into(),
            asked_at: NOON,
        }
    }

    fn account(self) -> Account {
        let settings = [
            ("appid", APPID),
            ("mch_id", MCH_ID),
            ("api_key", KEY),
            ("sign_type", self.sign_type().word()),
            ("certificate", CERTIFICATE.0.as_str()),
            ("certificate_key", CERTIFICATE.1.as_str()),
            ("hk_paysign", "sha1_appkey"),
            ("hk_package", "prepay_id={id}"),
            ("api_base", "http://sim.test/"),
        ];
        Account {
            id: Id(1),
            version: 1,
            mch_id: MchId(0),
            channel: "wechat_v2".into(),
            currency: self.currency(),
            settings: settings.map(|(key, value)| (key.to_owned(), Secret::new(value))).to_vec(),
            upstream_keys: Vec::new(),
            private_key: PrivateKey::default(),
        }
    }
}

fn with_setting(mut account: Account, key: &str, value: &str) -> Account {
    account.settings.retain(|(name, _)| name != key);
    account.settings.push((key.to_owned(), Secret::new(value)));
    account.private_key = PrivateKey::default();
    account
}

fn new_sim(mode: Mode) -> WechatV2Sim {
    sim_with(mode, "sha1_appkey").unwrap()
}

fn sim_with(mode: Mode, hk_paysign: &str) -> Result<WechatV2Sim, SetupError> {
    WechatV2Sim::new(WechatV2SimConfig {
        base_url: "http://sim.test".into(),
        appid: APPID.into(),
        mch_id: MCH_ID.into(),
        api_key: Secret::new(KEY),
        currency: mode.currency(),
        hk_paysign: hk_paysign.into(),
    })
}

/// A merchant's account, the simulator, and the clock.
struct World {
    mode: Mode,
    sim: WechatV2Sim,
    account: Account,
    now: Timestamp,
    stamps: u64,
}

impl World {
    fn new(mode: Mode) -> Self {
        Self { mode, sim: new_sim(mode), account: mode.account(), now: NOON, stamps: 0 }
    }

    /// A world with an order of `product` that was paid.
    fn paid(mode: Mode) -> Self {
        let mut world = Self::new(mode);
        world.place(&mode.order(Product::WechatQr));
        world.pay();
        world
    }

    fn stamp(&mut self) -> Stamp {
        self.stamps += 1;
        let nonce = format!("{:032x}", u128::from(self.stamps) << 100 | 0x0123_4567_89AB_CDEF);
        Stamp { now: self.now, nonce }
    }

    fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    fn step(&mut self, op: &Op) -> Result<Step, SetupError> {
        let stamp = self.stamp();
        WechatV2.request(op, &self.account, &stamp)
    }

    fn request(&mut self, op: &Op) -> Result<HttpRequest, Outcome> {
        match self.step(op).unwrap() {
            Step::Send(mut request) => {
                request.url = request.url.strip_prefix("http://sim.test").unwrap().to_owned();
                Ok(request)
            }
            Step::Done(outcome) => Err(outcome),
        }
    }

    fn serve(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        assert!(self.sim.owns(request.path()), "{}", request.url);
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

    fn judge(&mut self, op: &Op, answer: &HttpResponse) -> Outcome {
        let stamp = self.stamp();
        match WechatV2.response(op, &self.account, answer, &stamp) {
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

    fn query(&mut self) -> Outcome {
        let trade = self.mode.trade();
        self.ask(&Op::Query(trade))
    }

    fn close(&mut self) -> Outcome {
        let trade = self.mode.trade();
        self.ask(&Op::Close(trade))
    }

    fn reverse(&mut self) -> Outcome {
        let trade = self.mode.trade();
        self.ask(&Op::Reverse(trade))
    }

    fn pay(&mut self) {
        let stamp = self.stamp();
        self.sim.pay(TRADE_NO, None, &stamp).unwrap();
    }

    /// The callbacks that are due now.
    fn callbacks(&mut self) -> Vec<OutgoingCallback> {
        let stamp = self.stamp();
        self.sim.due_callbacks(&stamp)
    }

    fn hear(&mut self, request: &HttpRequest) -> Callback {
        let stamp = self.stamp();
        WechatV2.callback(&self.account, request, &stamp)
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

/// The members of a message.
fn read(body: &[u8]) -> Members {
    Members::parse(body, "xml").unwrap()
}

/// An answer with these members, and what every answer has, well signed.
fn signed_answer(mode: Mode, own: &Members) -> HttpResponse {
    HttpResponse::new(200, "text/xml", signed(mode, own).to_xml("xml"))
}

fn signed(mode: Mode, own: &Members) -> Members {
    let mut members = Members::from([
        ("return_code", "SUCCESS"),
        ("result_code", "SUCCESS"),
        ("appid", APPID),
        ("mch_id", MCH_ID),
        ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
    ]);
    for (name, value) in own.iter() {
        members.put(name, value);
    }
    let sign = mode.sign_type().sign(&members, KEY);
    members.put("sign", sign);
    members
}

/// `members` with one of another value; an empty one takes it out.
fn changed(members: &Members, name: &str, value: &str) -> Members {
    let mut changed = Members::default();
    for (key, old) in members.iter().filter(|(key, _)| *key != name) {
        changed.put(key, old);
    }
    changed.put(name, value);
    changed
}
