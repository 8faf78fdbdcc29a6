//! What upstreams say. A channel must make of any answer something definite or a doubt, must believe
//! nothing that is not signed, and must never panic. The bytes here are signed with the upstream's
//! key when the input asks for it, so that what lies behind the signature is reached too.

use arbitrary::Arbitrary;
use channels::http::{HttpRequest, HttpResponse};
use channels::seal::{self, RsaSigner};
use channels::{
    About, Account, CallbackFault, Channel, Op, Outcome, Place, Refund, Stamp, Step, Trade,
};
use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::time::Timestamp;

use crate::accounts::{ACCOUNTS, APIV3_KEY, PUBLIC_KEY_ID, STRANGER, UPSTREAM};
use crate::words::{NAMES, TRADE_NO, WORDS};

/// What a notification of WeChat Pay is about.
const EVENTS: [&str; 4] =
    ["TRANSACTION.SUCCESS", "REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"];
const REFUND_NO: &str = "11202611221200050000065538";
const NOW: Timestamp = Timestamp::from_seconds(1_795_320_005);

/// What an upstream says, and how.
#[derive(Arbitrary, Debug)]
pub struct Said<'a> {
    is_wechat: bool,
    op: u8,
    status: Status,
    signing: Signing,
    /// The object that is signed, or the whole body.
    body: Body<'a>,
    headers: Vec<(&'a str, &'a str)>,
}

#[derive(Arbitrary, Debug)]
enum Status {
    Ok,
    NoContent,
    Any(u16),
}

#[derive(Arbitrary, Debug, PartialEq)]
enum Signing {
    /// With the upstream's key.
    Genuine,
    /// With somebody else's.
    Forged,
    /// Not at all.
    None,
}

#[derive(Arbitrary, Debug)]
enum Body<'a> {
    Bytes(&'a [u8]),
    Members(Vec<(Name<'a>, Word<'a>)>),
}

/// A member's name: one of the manuals', or any.
#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Known(u8),
    Any(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Word<'a> {
    Known(u8),
    Number(i64),
    Any(&'a str),
    Amount(i64, i64),
    Null,
}

impl Said<'_> {
    fn channel(&self) -> (&'static dyn Channel, &'static Account) {
        let account = &ACCOUNTS[usize::from(self.is_wechat)];
        (channels::by_name(&account.channel).expect("a channel"), account)
    }

    fn product(&self) -> Product {
        if self.is_wechat { Product::WechatQr } else { Product::AlipayQr }
    }

    fn trade(&self) -> Trade {
        Trade {
            trade_no: TRADE_NO.to_owned(),
            product: self.product(),
            amount: Money::new(10_000, Currency::Cny),
            placed_at: NOW,
            pay_text: String::new(),
            transaction_id: String::new(),
        }
    }

    fn op(&self) -> Op {
        match self.op % 8 {
            0 => Op::Query(self.trade()),
            1 => Op::Close(self.trade()),
            2 => Op::Place(Place {
                trade_no: TRADE_NO.to_owned(),
                product: self.product(),
                amount: Money::new(10_000, Currency::Cny),
                subject: "聚宝".to_owned(),
                notify_url: "https://pay.example/callback".to_owned(),
                return_url: String::new(),
                expires_at: NOW.plus_millis(1_800_000),
                payer_ip: String::new(),
                openid: String::new(),
                sub_appid: String::new(),
                wallet: String::new(),
                code: None,
            }),
            3 => Op::Keys,
            4 => Op::Refund(self.refund()),
            5 => Op::QueryRefund(self.refund()),
            6 => Op::Reverse(self.trade()),
            _ => Op::Rates,
        }
    }

    fn refund(&self) -> Refund {
        Refund {
            trade: self.trade(),
            refund_no: REFUND_NO.to_owned(),
            amount: Money::new(100, Currency::Cny),
            reason: String::new(),
            notify_url: String::new(),
            asked_at: NOW,
        }
    }

    fn signer(&self) -> Option<&'static RsaSigner> {
        match self.signing {
            Signing::Genuine => Some(&UPSTREAM.signer),
            Signing::Forged => Some(&STRANGER.signer),
            Signing::None => None,
        }
    }

    fn object(&self) -> Vec<u8> {
        match &self.body {
            Body::Bytes(bytes) => bytes.to_vec(),
            Body::Members(members) => {
                let mut object = serde_json::Map::new();
                for (name, word) in members {
                    object.insert(name.text().to_owned(), word.value());
                }
                serde_json::to_vec(&object).expect("members have a JSON form")
            }
        }
    }

    /// The headers of WeChat Pay over `body`.
    fn wechat_headers(&self, body: &[u8]) -> Vec<(String, String)> {
        let (at, nonce) = (NOW.seconds().to_string(), "n0nce");
        let text = [format!("{at}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
        let mut headers = Vec::new();
        if let Some(signer) = self.signer() {
            let signature = signer.sign(&text).expect("a signature");
            for (name, value) in [
                ("Wechatpay-Timestamp", at.as_str()),
                ("Wechatpay-Nonce", nonce),
                ("Wechatpay-Serial", PUBLIC_KEY_ID),
                ("Wechatpay-Signature", &signature),
            ] {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let given = self.headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        headers.extend(given);
        headers
    }
}

impl Name<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Known(at) => NAMES[usize::from(*at) % NAMES.len()],
            Self::Any(text) => text,
        }
    }
}

impl Word<'_> {
    fn value(&self) -> serde_json::Value {
        match self {
            Self::Known(at) => WORDS[usize::from(*at) % WORDS.len()].into(),
            Self::Number(number) => (*number).into(),
            Self::Any(text) => (*text).into(),
            Self::Amount(total, payer) => serde_json::json!({
                "total": total, "payer_total": payer, "currency": "CNY", "payer_currency": "CNY",
                "openid": "o1",
            }),
            Self::Null => serde_json::Value::Null,
        }
    }
}

/// What an answer of Alipay is called, by operation.
const METHODS: [&str; 8] =
    ["query", "close", "precreate", "keys", "refund", "fastpay_refund_query", "cancel", "rates"];

/// An answer is a doubt unless the upstream's key signed it. A payment is what was signed.
pub fn answer(said: &Said<'_>) {
    let (channel, account) = said.channel();
    let (op, object) = (said.op(), said.object());
    let status = match said.status {
        Status::Ok => 200,
        Status::NoContent => 204,
        Status::Any(status) => status,
    };
    let answer = if said.is_wechat {
        HttpResponse { status, headers: said.wechat_headers(&object), body: object.clone() }
    } else {
        let body = match (said.signer(), str::from_utf8(&object)) {
            (Some(signer), Ok(text)) => {
                let sign = signer.sign(text.as_bytes()).expect("a signature");
                let method = METHODS[usize::from(said.op % 8)];
                format!("{{\"alipay_trade_{method}_response\":{text},\"sign\":\"{sign}\"}}").into()
            }
            _ => object.clone(),
        };
        HttpResponse { status, headers: Vec::new(), body }
    };
    let stamp = Stamp { now: NOW, nonce: "0".repeat(32) };
    let Step::Done(outcome) = channel.response(&op, account, &answer, &stamp) else {
        panic!("an answer is the end of these operations");
    };
    // What an upstream has not is refused unread.
    let is_offered = match op {
        Op::Keys => said.is_wechat,
        Op::Rates => false,
        _ => true,
    };
    if !matches!(outcome, Outcome::Unknown(_)) && is_offered {
        assert_eq!(said.signing, Signing::Genuine, "believed {outcome:?}");
    }
    if let Outcome::Paid(payment) = outcome {
        assert!(matches!(op, Op::Query(_)), "only a query tells of a payment: {op:?}");
        assert!(payment.amount.minor > 0 && !payment.transaction_id.is_empty());
        let text = String::from_utf8_lossy(&object);
        assert!(text.contains(TRADE_NO), "a payment of another order");
    }
}

/// A callback is refused unless the upstream's key signed it for this account.
pub fn callback(said: &Said<'_>) {
    let (channel, account) = said.channel();
    let object = said.object();
    let request =
        if said.is_wechat { said.wechat_callback(&object) } else { said.alipay_callback() };
    let stamp = Stamp { now: NOW, nonce: "0".repeat(32) };
    let callback = channel.callback(account, &request, &stamp);
    assert!(callback.ack.status == 200 && callback.nack.status != 200);
    match callback.facts {
        Ok(facts) => {
            assert_eq!(said.signing, Signing::Genuine, "believed {facts:?}");
            let (About::Trade(number) | About::Refund(number)) = &facts.about;
            assert!(!number.is_empty());
            if let Outcome::Refunded(refunded) = &facts.outcome {
                assert!(refunded.amount.minor > 0 && matches!(facts.about, About::Refund(_)));
            }
            if let Outcome::Paid(payment) = facts.outcome {
                assert!(payment.amount.minor > 0 && !payment.transaction_id.is_empty());
                assert_eq!(payment.amount.currency, Currency::Cny);
            }
        }
        Err(CallbackFault::BadSignature | CallbackFault::UnknownKey { .. }) => {
            let is_whole = said.signing == Signing::Genuine && said.headers.is_empty();
            assert!(!is_whole || !said.is_wechat, "a genuine callback is not believed");
        }
        Err(CallbackFault::Malformed(_) | CallbackFault::Mismatch { .. }) => {}
    }
}

impl Said<'_> {
    /// A notification whose resource is sealed with the account's key.
    fn wechat_callback(&self, transaction: &[u8]) -> HttpRequest {
        let nonce = "0123456789ab";
        let sealed =
            seal::seal_aes_gcm(APIV3_KEY.as_bytes(), nonce.as_bytes(), b"transaction", transaction);
        let event = serde_json::json!({
            "id": "1", "event_type": EVENTS[usize::from(self.op / 2) % EVENTS.len()], "resource": {
                "algorithm": "AEAD_AES_256_GCM", "associated_data": "transaction", "nonce": nonce,
                "ciphertext": seal::base64(&sealed.expect("sealed")),
            },
        });
        let body =
            if self.op % 2 == 0 { event.to_string().into_bytes() } else { transaction.to_vec() };
        let headers = self.wechat_headers(&body);
        HttpRequest { method: "POST".into(), url: "/callback".into(), headers, body }
    }

    /// A form over sorted members, signed without `sign` and `sign_type`.
    fn alipay_callback(&self) -> HttpRequest {
        let mut members = match &self.body {
            Body::Bytes(bytes) => {
                let (url, body) = ("/callback".into(), bytes.to_vec());
                return HttpRequest { method: "POST".into(), url, headers: Vec::new(), body };
            }
            Body::Members(members) => members
                .iter()
                .map(|(name, word)| match word.value() {
                    serde_json::Value::String(text) => (name.text().to_owned(), text),
                    other => (name.text().to_owned(), other.to_string()),
                })
                .collect::<Vec<_>>(),
        };
        members.sort();
        members.dedup_by(|left, right| left.0 == right.0);
        let signed = members
            .iter()
            .filter(|(name, value)| {
                !matches!(name.as_str(), "sign" | "sign_type") && !value.is_empty()
            })
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(members.iter().filter(|(name, _)| name != "sign"));
        if let Some(signer) = self.signer() {
            form.append_pair("sign", &signer.sign(signed.as_bytes()).expect("a signature"));
        }
        let (url, body) = ("/callback".into(), form.finish().into_bytes());
        HttpRequest { method: "POST".into(), url, headers: Vec::new(), body }
    }
}
