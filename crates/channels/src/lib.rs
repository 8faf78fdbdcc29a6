//! Upstream protocols, purely: bytes in, bytes out.
//!
//! A [`Channel`] turns an operation into an HTTP request and an HTTP answer into an [`Outcome`]; its
//! simulator is the mirror image. Nothing here does I/O or asks for time or randomness: both come
//! in a [`Stamp`]. Whatever is not an explicit answer is [`Outcome::Unknown`], never "failed".

pub mod alipay;
pub mod alipay_mapi;
pub mod chinaums;
pub mod http;
pub mod jeepay;
mod json;
pub mod legacy;
pub mod seal;
pub mod sim;
pub mod unionpay;
pub mod wechat;
pub mod wechat_v2;

use std::fmt;
use std::sync::{Arc, OnceLock};

use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use crate::http::{HttpRequest, HttpResponse};
use crate::seal::RsaSigner;

/// An upstream protocol.
pub trait Channel: Sync + Send {
    /// What it offers, and which settings an account of it needs.
    fn info(&self) -> &'static ChannelInfo;

    /// What to send upstream for `op`.
    ///
    /// # Errors
    /// The account's settings do not make a request possible (a key that does not parse …): nothing
    /// was sent.
    fn request(&self, op: &Op, account: &Account, stamp: &Stamp) -> Result<Step, SetupError>;

    /// What the upstream's `answer` to `op` means. Total: definite, or [`Outcome::Unknown`].
    /// `stamp` is a new one, for what has to be signed once the answer is known.
    fn response(&self, op: &Op, account: &Account, answer: &HttpResponse, stamp: &Stamp) -> Step;

    /// What an upstream's callback says, verified with `account`'s keys, and how to answer it.
    fn callback(&self, account: &Account, request: &HttpRequest, stamp: &Stamp) -> Callback;

    /// What the upstream must be asked before a verified callback is believed; most ask nothing.
    fn confirmation(&self, account: &Account, callback: &HttpRequest) -> Option<HttpRequest> {
        let _ = (account, callback);
        None
    }

    /// Whether `answer` to [`Channel::confirmation`] says that the callback is the upstream's.
    fn is_confirmed(&self, answer: &HttpResponse) -> bool {
        let _ = answer;
        true
    }

    /// The certificate that the connection for `op` must show; most show none.
    fn client_certificate(&self, op: &Op, account: &Account) -> Option<ClientCertificate> {
        let _ = (op, account);
        None
    }
}

/// A certificate for TLS, with its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    /// The certificate and its chain as PEM.
    pub certificate: String,
    /// Its private key as PEM.
    pub private_key: Secret,
}

/// One row of [`CHANNELS`]: what help, docs and the console show of a channel.
#[derive(Debug)]
pub struct ChannelInfo {
    /// Its name; `adapter` of the merchant API, `channel` of an account.
    pub name: &'static str,
    /// Its title for people.
    pub title: &'static str,
    /// The products it can serve directly (never the mixed QR, which uses others).
    pub products: &'static [Product],
    /// The settings of an account.
    pub settings: &'static [SettingInfo],
}

/// One setting of a channel's accounts.
#[derive(Debug)]
pub struct SettingInfo {
    /// Its key.
    pub key: &'static str,
    /// What it is and where the upstream shows it.
    pub help: &'static str,
    /// Whether it is kept encrypted and never shown.
    pub is_secret: bool,
    /// Whether an account without it is refused.
    pub is_required: bool,
    /// The value when it is left out, or empty.
    pub default: &'static str,
}

/// A contract with an upstream, in one version of its credentials.
#[derive(Clone, Debug)]
pub struct Account {
    /// Row id.
    pub id: Id,
    /// Version of the settings; an attempt remembers the one that it used.
    pub version: i64,
    /// The merchant it belongs to, or 0 if the platform's.
    pub mch_id: MchId,
    /// The channel's name.
    pub channel: String,
    /// Currency it is settled in.
    pub currency: Currency,
    /// The settings by key, as [`ChannelInfo::settings`] lists them, defaults filled in.
    pub settings: Vec<(String, Secret)>,
    /// Keys that the upstream signs with and that it told us itself ([`Op::Keys`]).
    pub upstream_keys: Vec<UpstreamKey>,
    /// The private key among the settings, once it was needed.
    pub private_key: PrivateKey,
}

impl Account {
    /// The private key that `setting` holds.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn signer(&self, setting: &str) -> Result<Arc<RsaSigner>, SetupError> {
        if let Some(signer) = self.private_key.0.get() {
            return Ok(signer.clone());
        }
        let signer = Arc::new(RsaSigner::parse(setting, self.setting(setting))?);
        Ok(self.private_key.0.get_or_init(|| signer).clone())
    }

    /// A setting's value; empty if it is not set.
    pub fn setting(&self, key: &str) -> &str {
        self.settings.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.expose())
    }
}

/// An account's private key, read when it is first needed and kept: to read one, and to see that it
/// is sound, costs more than to sign with it.
#[derive(Clone, Default)]
pub struct PrivateKey(OnceLock<Arc<RsaSigner>>);

impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PrivateKey")
    }
}

/// A key that an upstream signs with (a WeChat Pay platform certificate).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamKey {
    /// The serial number that signatures name.
    pub serial: String,
    /// The certificate or public key as PEM.
    pub pem: String,
    /// When it stops to count.
    pub expires_at: Timestamp,
}

/// The moment and the nonce of a request: what pure code cannot find out by itself.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// Now.
    pub now: Timestamp,
    /// 32 hexadecimal digits, never used before.
    pub nonce: String,
}

/// What we want of an upstream. Numbers are ours (`trade_no`, `refund_no`), never the upstream's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// Take an order, so that the payer can pay it; a barcode is charged at once.
    Place(Place),
    /// Say where an order stands.
    Query(Trade),
    /// Close an unpaid order.
    Close(Trade),
    /// Undo an order, whatever became of it: unpaid it is closed, paid everything goes back (撤销).
    Reverse(Trade),
    /// Give money back. The same number with the same amount again is the same refund.
    Refund(Refund),
    /// Say where a refund stands.
    QueryRefund(Refund),
    /// Tell today's exchange rates.
    Rates,
    /// Tell the keys that the upstream signs with.
    Keys,
}

/// An order that an upstream was asked to take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trade {
    /// Our number for it.
    pub trade_no: String,
    /// The product it was placed for.
    pub product: Product,
    /// What the payer pays, or has paid.
    pub amount: Money,
    /// When the upstream was first asked.
    pub placed_at: Timestamp,
    /// What it answered, if it has: [`Outcome::Opened`].
    pub pay_text: String,
    /// The upstream's own number, or empty until it was paid.
    pub transaction_id: String,
}

/// Money to be given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// The order that was paid.
    pub trade: Trade,
    /// Our number for this refund (26 digits).
    pub refund_no: String,
    /// How much; at most `trade.amount`, in its currency.
    pub amount: Money,
    /// Why, for the payer; may be empty.
    pub reason: String,
    /// Where the upstream tells us how it ended.
    pub notify_url: String,
    /// When the upstream was first asked for it.
    pub asked_at: Timestamp,
}

/// An order for an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Our number for this attempt (28 digits).
    pub trade_no: String,
    /// One of the channel's products.
    pub product: Product,
    /// What the payer pays.
    pub amount: Money,
    /// What is bought; never empty.
    pub subject: String,
    /// Where the upstream tells us that it was paid.
    pub notify_url: String,
    /// Where the payer comes back to: our page.
    pub return_url: String,
    /// When the order stops waiting.
    pub expires_at: Timestamp,
    /// The payer's IP address, or empty.
    pub payer_ip: String,
    /// The payer at the merchant's account (`sub_openid`), or empty.
    pub openid: String,
    /// The merchant's account or app at the wallet (`sub_appid`), or empty.
    pub sub_appid: String,
    /// `CN`, `HK` or empty.
    pub wallet: String,
    /// The code that the payer shows, for [`Product::Micropay`].
    pub code: Option<Secret>,
}

/// What comes next in an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Send this, and give the answer to [`Channel::response`].
    Send(HttpRequest),
    /// The operation is over.
    Done(Outcome),
}

/// What an operation came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Place: the upstream holds the order, or the page that will create it is signed.
    Opened {
        /// The text to draw as QR, the page to open, or what the wallet's SDK is given: the signed
        /// order string of Alipay, JSON text of WeChat Pay.
        pay_text: String,
    },
    /// The order is paid.
    Paid(Payment),
    /// The upstream says that it is paid (or refunded), without the facts: query.
    PaidElsewhere,
    /// It waits for the payer; `is_acting` once the payer has begun.
    Unpaid {
        /// Whether the payer is at it.
        is_acting: bool,
    },
    /// It is closed, and nothing was paid.
    Closed,
    /// It failed for good, and nothing was paid (barcodes).
    Failed(Refusal),
    /// It was reversed: nothing is paid, or everything has gone back.
    Reversed,
    /// The upstream knows no such order, or no such refund. Soon after an unanswered request this
    /// proves nothing.
    NotFound,
    /// The refund is done.
    Refunded(Refunded),
    /// The refund is accepted, and not done yet.
    RefundPending {
        /// The upstream's own number for it, or empty.
        refund_id: String,
    },
    /// The refund failed for good; the money is still with us.
    RefundClosed(Refusal),
    /// The upstream cannot finish the refund by itself: a person must act at its console.
    RefundStuck,
    /// Rates: those of today.
    Rates(Vec<Rate>),
    /// Explicitly refused, nothing was done.
    Refused(Refusal),
    /// No explicit answer: timeout, broken or badly signed answer, unknown word.
    Unknown(Doubt),
    /// Keys: the keys that the upstream signs with now.
    Keys(Vec<UpstreamKey>),
}

/// What an upstream says of a refund that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refunded {
    /// The upstream's own number for it, or empty.
    pub refund_id: String,
    /// How much went back, as the upstream has it: must equal what was asked for.
    pub amount: Money,
    /// What the payer gets in their currency; equals `amount` if the upstream is silent.
    pub cash: Money,
    /// The exchange rate as the upstream spells it, or empty.
    pub rate: String,
    /// When it was done, by the upstream's clock.
    pub refunded_at: Timestamp,
}

/// One exchange rate of an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    /// ISO code of the foreign currency.
    pub currency: String,
    /// The rate as the upstream spells it.
    pub rate: String,
    /// When it was released.
    pub released_at: Timestamp,
}

/// An upstream's explicit refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What it means to the merchant.
    pub kind: RefusalKind,
    /// The upstream's code.
    pub code: String,
    /// The upstream's words, for the merchant's `message`.
    pub message: String,
}

/// Kinds of refusal.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// The payment is refused for a reason of its own (40500).
    Business,
    /// The account may not use this product (492003).
    NotSupported,
    /// The number was used before with other contents (40106; of a refund 493001).
    NumberUsed,
    /// The payer's code was used before, has expired or is none (40111).
    CodeUsed,
    /// A refund is more than the account holds: the same again may succeed later (40107).
    BalanceTooLow,
    /// A refund comes too late (40108).
    TooLate,
    /// Nothing is left to be refunded (40105).
    NothingLeft,
}

/// Why an outcome is unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// Never reached the upstream: certainly not executed.
    NotSent(String),
    /// No answer in time.
    Timeout,
    /// An empty answer.
    Empty,
    /// Signed with a key that we do not have: fetch [`Op::Keys`], then judge the answer again.
    UnknownKey {
        /// The serial that the answer names.
        serial: String,
    },
    /// The upstream asks to try again later (busy, limits, its own failure).
    Busy(String),
    /// An answer that cannot be believed or understood.
    Unreadable(String),
}

/// What a callback comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callback {
    /// The verified facts, or why they are refused.
    pub facts: Result<CallbackFacts, CallbackFault>,
    /// The answer once the facts are committed.
    pub ack: HttpResponse,
    /// The answer when they are refused or could not be committed: the upstream sends again.
    pub nack: HttpResponse,
}

/// What an upstream told us unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackFacts {
    /// What it is about.
    pub about: About,
    /// What happened. Of an order: [`Outcome::Paid`], [`Outcome::Closed`], or, for a word that only a
    /// query can settle, [`Outcome::PaidElsewhere`] or [`Outcome::Unpaid`]. Of a refund:
    /// [`Outcome::Refunded`], [`Outcome::RefundClosed`], [`Outcome::RefundStuck`] or, for what only a
    /// query can settle, [`Outcome::RefundPending`].
    pub outcome: Outcome,
}

/// What a callback is about, by our number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum About {
    /// An order: its `trade_no`.
    Trade(String),
    /// A refund: its `refund_no`.
    Refund(String),
}

/// Why a callback is refused. It changes nothing, and is counted and logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallbackFault {
    /// Cannot be read.
    Malformed(String),
    /// The signature does not verify.
    BadSignature,
    /// Signed with a key that we do not have: fetch [`Op::Keys`], then judge it again.
    UnknownKey {
        /// The serial that it names.
        serial: String,
    },
    /// A member names another app, merchant or seller than the account's.
    Mismatch {
        /// The member.
        field: &'static str,
    },
}

/// The account's settings do not make a request possible. The text names the setting, never its
/// value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetupError(pub String);

/// Every channel. A new one is a folder and a line here.
pub static CHANNELS: &[&dyn Channel] = &[
    &alipay::Alipay,
    &alipay_mapi::AlipayMapi,
    &chinaums::Chinaums,
    &jeepay::Jeepay,
    &unionpay::Unionpay,
    &wechat::Wechat,
    &wechat_v2::WechatV2,
];

/// The channel of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Channel> {
    CHANNELS.iter().copied().find(|channel| channel.info().name == name)
}
