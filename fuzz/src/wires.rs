//! What the other upstreams say: WeChat Pay v2, MAPI, EasyLink, UnionPay and JeePay. Their answers are
//! signed with a key that both sides know, if the input asks for it, so that what lies behind the
//! signature is reached too.

use arbitrary::Arbitrary;
use channels::http::{HttpRequest, HttpResponse};
use channels::legacy::{md5_hex, seal_aes_ecb, sha256_hex};
use channels::{Account, Channel, Op, Outcome, Place, Refund, Stamp, Step, Trade, seal};
use kernel::money::{Currency, Money};
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use crate::accounts::{KEYED, SHARED_KEY};
use crate::words::{NAMES, TRADE_NO, WORDS};

const NOW: Timestamp = Timestamp::from_seconds(1_795_320_005);
const REFUND_NO: &str = "11202611221200050000065538";

/// What an upstream says, and how.
#[derive(Arbitrary, Debug)]
pub struct Said<'a> {
    channel: u8,
    op: u8,
    is_barcode: bool,
    status: Option<u16>,
    is_signed: bool,
    body: Body<'a>,
}

#[derive(Arbitrary, Debug)]
enum Body<'a> {
    Bytes(&'a [u8]),
    Members(Vec<(u8, Word<'a>)>),
}

#[derive(Arbitrary, Debug)]
enum Word<'a> {
    Known(u8),
    Number(i64),
    Any(&'a str),
}

impl Said<'_> {
    fn channel(&self) -> (&'static dyn Channel, &'static Account) {
        let account = &KEYED[usize::from(self.channel) % KEYED.len()];
        (channels::by_name(&account.channel).expect("a channel"), account)
    }

    fn product(&self, channel: &str) -> Product {
        match (channel, self.is_barcode) {
            ("wechat_v2" | "unionpay" | "jeepay", true) => Product::Micropay,
            ("alipay_mapi", _) => Product::AlipayApp,
            ("chinaums", _) => Product::UnionpayLink,
            ("unionpay", false) => Product::UnionpayQr,
            _ => Product::WechatQr,
        }
    }

    fn op(&self, account: &Account) -> Op {
        let product = self.product(&account.channel);
        let amount = Money::new(100, account.currency);
        let trade = Trade {
            trade_no: TRADE_NO.to_owned(),
            product,
            amount,
            placed_at: NOW,
            pay_text: String::new(),
            transaction_id: "4200001".to_owned(),
        };
        let refund = Refund {
            trade: trade.clone(),
            refund_no: REFUND_NO.to_owned(),
            amount,
            reason: String::new(),
            notify_url: String::new(),
            asked_at: NOW,
        };
        match self.op % 8 {
            0 => Op::Query(trade),
            1 => Op::Close(trade),
            2 => Op::Reverse(trade),
            3 => Op::Refund(refund),
            4 => Op::QueryRefund(refund),
            5 => Op::Rates,
            6 => Op::Keys,
            _ => Op::Place(Place {
                trade_no: TRADE_NO.to_owned(),
                product,
                amount,
                subject: "聚宝".to_owned(),
                notify_url: "https://pay.example/callback".to_owned(),
                return_url: String::new(),
                expires_at: NOW.plus_millis(1_800_000),
                payer_ip: String::new(),
                openid: String::new(),
                sub_appid: String::new(),
                wallet: String::new(),
                code: self.is_barcode.then(|| Secret::new("621234567890123456")),
            }),
        }
    }

    /// The members, each name once and sorted; `None` for bare bytes.
    fn members(&self) -> Option<Vec<(String, String)>> {
        let Body::Members(members) = &self.body else { return None };
        let mut pairs: Vec<(String, String)> = members
            .iter()
            .map(|(name, word)| {
                let word = match word {
                    Word::Known(at) => WORDS[usize::from(*at) % WORDS.len()].to_owned(),
                    Word::Number(number) => number.to_string(),
                    Word::Any(text) => (*text).to_owned(),
                };
                (NAMES[usize::from(*name) % NAMES.len()].to_owned(), word)
            })
            .collect();
        pairs.sort();
        pairs.dedup_by(|left, right| left.0 == right.0);
        Some(pairs)
    }

    /// What the channel's upstream would have put below the members.
    fn sign(&self, channel: &str, members: &[(String, String)]) -> Option<(&'static str, String)> {
        let joined = |filter: &dyn Fn(&str, &str) -> bool| -> Vec<String> {
            let kept = members.iter().filter(|(name, value)| filter(name, value));
            kept.map(|(name, value)| format!("{name}={value}")).collect()
        };
        let filled = |name: &str, value: &str| !value.is_empty() && name != "sign";
        let signed = match channel {
            "wechat_v2" => {
                let text = format!("{}&key={SHARED_KEY}", joined(&filled).join("&"));
                ("sign", md5_hex(text.as_bytes()).to_uppercase())
            }
            "alipay_mapi" => {
                let text = joined(&|name, value| filled(name, value) && name != "sign_type");
                ("sign", md5_hex(format!("{}{SHARED_KEY}", text.join("&")).as_bytes()))
            }
            "chinaums" => {
                let text = format!("{}&{SHARED_KEY}", joined(&|_, _| true).join("&"));
                ("accessKey", sha256_hex(text.as_bytes()))
            }
            "unionpay" => {
                let key = sha256_hex(SHARED_KEY.as_bytes());
                let text = joined(&|name, _| name != "signature").join("&");
                ("signature", sha256_hex(format!("{text}&{key}").as_bytes()))
            }
            _ => {
                let mut pieces = joined(&filled);
                pieces.sort_by_key(|piece| format!("{piece}&").to_lowercase());
                let text: String = pieces.iter().map(|piece| format!("{piece}&")).collect();
                ("sign", md5_hex(format!("{text}key={SHARED_KEY}").as_bytes()).to_uppercase())
            }
        };
        self.is_signed.then_some(signed)
    }

    fn answer_body(&self, channel: &str) -> Vec<u8> {
        let Some(members) = self.members() else {
            let Body::Bytes(bytes) = &self.body else { return Vec::new() };
            return bytes.to_vec();
        };
        let sign = self.sign(channel, &members);
        let signed: Vec<_> = members
            .iter()
            .cloned()
            .chain(sign.iter().map(|(name, value)| ((*name).to_owned(), value.clone())))
            .collect();
        match channel {
            "wechat_v2" => format!("<xml>{}</xml>", xml(&signed)).into_bytes(),
            "alipay_mapi" => {
                let sign = sign.map_or_else(String::new, |(_, value)| value);
                let facts = xml(&members);
                format!(
                    "<alipay><is_success>T</is_success><response><trade>{facts}</trade></response>\
                     <sign>{sign}</sign><sign_type>MD5</sign_type></alipay>"
                )
                .into_bytes()
            }
            "unionpay" => raw(&signed).into_bytes(),
            "chinaums" => json(&signed).to_string().into_bytes(),
            _ => {
                let sign = sign.map(|(_, value)| value);
                serde_json::json!({ "code": 0, "msg": "SUCCESS", "data": json(&members), "sign": sign })
                    .to_string()
                    .into_bytes()
            }
        }
    }

    fn callback_request(&self, channel: &str) -> HttpRequest {
        let body = match (self.members(), channel) {
            (None, _) | (Some(_), "wechat_v2") if self.op % 2 == 0 => self.answer_body(channel),
            (None, _) => self.answer_body(channel),
            (Some(members), "wechat_v2") => sealed_refund(&members),
            (Some(mut members), _) => {
                members.extend(
                    self.sign(channel, &members).map(|(name, value)| (name.to_owned(), value)),
                );
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(members);
                form.finish().into_bytes()
            }
        };
        let url = format!("/callback?order={TRADE_NO}");
        HttpRequest { method: "POST".into(), url, headers: Vec::new(), body }
    }
}

/// A refund's notification of WeChat Pay v2, sealed with the account's key.
fn sealed_refund(members: &[(String, String)]) -> Vec<u8> {
    let plain = format!("<root>{}</root>", xml(members));
    let key = md5_hex(SHARED_KEY.as_bytes());
    let sealed = seal_aes_ecb(key.as_bytes(), plain.as_bytes()).unwrap_or_default();
    let named = "<return_code>SUCCESS</return_code><appid>wx1</appid><mch_id>1900000109</mch_id>";
    let info = seal::base64(&sealed);
    format!("<xml>{named}<nonce_str>n</nonce_str><req_info>{info}</req_info></xml>").into_bytes()
}

fn xml(members: &[(String, String)]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    members.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escaped(value))).collect()
}

fn json(members: &[(String, String)]) -> serde_json::Value {
    let object: serde_json::Map<_, _> =
        members.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    object.into()
}

fn raw(members: &[(String, String)]) -> String {
    let pairs: Vec<_> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Whether money is believed to have moved.
fn is_about_money(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Paid(payment) => {
            assert!(payment.amount.minor > 0 && !payment.transaction_id.is_empty());
            true
        }
        Outcome::Refunded(refunded) => {
            assert!(refunded.amount.minor > 0);
            true
        }
        _ => false,
    }
}

/// An answer is definite or a doubt. What it says of money is signed, where the upstream signs, and is an
/// answer to what was asked.
pub fn answer(said: &Said<'_>) {
    let (channel, account) = said.channel();
    let op = said.op(account);
    let body = said.answer_body(&account.channel);
    let answer = HttpResponse { status: said.status.unwrap_or(200), headers: Vec::new(), body };
    let stamp = Stamp { now: NOW, nonce: "0".repeat(32) };
    let Step::Done(outcome) = channel.response(&op, account, &answer, &stamp) else { return };
    // EasyLink signs no answer here, and a refund's bare T of MAPI carries no signature: TLS vouches.
    let vouches = matches!(account.channel.as_str(), "chinaums" | "alipay_mapi");
    if is_about_money(&outcome) {
        assert!(said.is_signed || vouches, "believed {outcome:?}");
    }
    match outcome {
        Outcome::Paid(_) => assert!(
            matches!(op, Op::Query(_) | Op::Close(_) | Op::Reverse(_) | Op::Place(_)),
            "a payment by {op:?}"
        ),
        Outcome::Refunded(_) | Outcome::RefundClosed(_) | Outcome::RefundStuck => {
            assert!(matches!(op, Op::Refund(_) | Op::QueryRefund(_)), "a refund by {op:?}");
        }
        Outcome::Reversed => assert!(
            matches!(op, Op::Reverse(_) | Op::Query(_) | Op::Close(_)),
            "reversed by {op:?}"
        ),
        _ => {}
    }
}

/// A callback tells nothing of money that the upstream has not signed for this account.
pub fn callback(said: &Said<'_>) {
    let (channel, account) = said.channel();
    let request = said.callback_request(&account.channel);
    let stamp = Stamp { now: NOW, nonce: "0".repeat(32) };
    let callback = channel.callback(account, &request, &stamp);
    let Ok(facts) = callback.facts else { return };
    let is_sealed = account.channel == "wechat_v2";
    assert!(said.is_signed || is_sealed, "believed {facts:?}");
    is_about_money(&facts.outcome);
    assert_eq!(account.currency, Currency::Cny);
}
