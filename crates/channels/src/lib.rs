//! Upstream protocols, purely: bytes in, bytes out.
//!
//! A [`Channel`] turns an operation into an HTTP request and an HTTP answer into an [`Outcome`]; its
//! simulator is the mirror image. Nothing here does I/O or asks for time or randomness: both come
//! in a [`Stamp`]. Whatever is not an explicit answer is [`Outcome::Unknown`], never "failed".

#[cfg(test)]
mod bench;
pub mod http;
mod json;
pub mod legacy;
pub mod login;
mod op;
mod outcome;
pub mod seal;
pub mod sim;
#[cfg(test)]
mod tamper;
#[cfg(test)]
mod vectors_tests;
mod xml;

use std::fmt;
use std::sync::{Arc, OnceLock};

pub use kernel::exchange_rate::Rate;
use kernel::exchange_rate::RateSource;
use kernel::id::{Id, MchId};
use kernel::money::Currency;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use crate::http::{HttpRequest, HttpResponse};
use crate::login::Login;
pub use crate::op::{Op, Place, Refund, Trade};
pub use crate::outcome::{
    About, Callback, CallbackFacts, CallbackFault, Doubt, Outcome, Refunded, Refusal, RefusalKind,
};
use crate::seal::RsaSigner;

/// Declares each channel's module, and its row in [`CHANNELS`] (decision 18).
macro_rules! channels {
    ($($module:ident::$channel:ident,)*) => {
        $(pub mod $module;)*

        /// Every channel.
        pub static CHANNELS: &[&dyn Channel] = &[$(&$module::$channel,)*];
    };
}

// A new channel is a folder and a line here.
channels! {
    alipay::Alipay,
    alipay_mapi::AlipayMapi,
    chinaums::Chinaums,
    demo::Demo,
    jeepay::Jeepay,
    unionpay::Unionpay,
    wechat::Wechat,
    wechat_v2::WechatV2,
}

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

    /// The upstream's number of a payment that is still to be made, where what the payer opens names it.
    fn number_of_page(&self, pay_text: &str) -> Option<String> {
        let _ = pay_text;
        None
    }

    /// How `account` learns who opened a page of ours; most cannot.
    fn login<'a>(&self, account: &'a Account) -> Option<Login<'a>> {
        let _ = account;
        None
    }

    /// Whose rates an account in `currency` tells by [`Op::Rates`]; most tell none.
    fn rate_source(&self, currency: Currency) -> Option<RateSource> {
        let _ = currency;
        None
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

/// What comes next in an operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Send this, and give the answer to [`Channel::response`].
    Send(HttpRequest),
    /// The operation is over.
    Done(Outcome),
}

/// The account's settings do not make a request possible. The text names the setting, never its
/// value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetupError(pub String);

/// The channel of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Channel> {
    CHANNELS.iter().copied().find(|channel| channel.info().name == name)
}
