//! WeChat Pay v3 as its merchants see it: the API, the payer's wallet, its SDKs, the callbacks.
//!
//! It verifies what the real one verifies and signs whatever the real one signs. It holds no real
//! money and must never be reachable where real money is.

mod answer;
mod api;
mod auth;
mod barcode;
mod book;
mod call;
mod certificate;
mod check;
mod faults;
mod login;
mod notify;
mod pages;
mod refunds;
mod sdk;
mod trade;

use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

pub use self::certificate::certificate;
pub use self::login::JSAPI_TICKET;

use self::answer::Platform;
use self::book::Book;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::script::Script;
use crate::sim::{
    CallbackFaultKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault, Served, Simulator,
};
use crate::{SetupError, Stamp};

/// Who the one merchant of a simulator is, and which keys both sides have.
pub struct WechatSimConfig {
    /// Where the wallet's pages are reached: `http://127.0.0.1:PORT`, without a slash at the end.
    pub base_url: String,
    /// The merchant's number.
    pub mchid: String,
    /// The app bound to it.
    pub appid: String,
    /// APIv3 key, 32 bytes.
    pub apiv3_key: Secret,
    /// Serial number of the merchant's API certificate.
    pub merchant_serial: String,
    /// The merchant's public key as PEM: verifies requests.
    pub merchant_public_key: String,
    /// The platform's private key as PEM: signs answers and callbacks.
    pub platform_private_key: Secret,
    /// The platform's certificate as PEM, from [`certificate`].
    pub platform_certificate: String,
    /// Its serial number, from [`certificate`].
    pub platform_serial: String,
    /// `PUB_KEY_ID_…`: the name by which merchants know the platform's public key, if they use one.
    /// A request whose `Wechatpay-Serial` is this is answered, and its order called back, under it.
    pub public_key_id: Option<String>,
}

/// The simulator.
pub struct WechatSim {
    platform: Platform,
    book: Book,
    script: Script,
}

impl WechatSim {
    /// A simulator without any order.
    ///
    /// # Errors
    /// A key or the certificate cannot be read.
    pub fn new(config: WechatSimConfig) -> Result<Self, SetupError> {
        Ok(Self {
            platform: Platform::new(config)?,
            book: Book::default(),
            script: Script::default(),
        })
    }
}

impl Simulator for WechatSim {
    fn name(&self) -> &'static str {
        "wechat"
    }

    fn owns(&self, path: &str) -> bool {
        path.starts_with("/v3/") || path.starts_with("/wechat/") || login::is_path(path)
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        if login::is_path(request.path()) {
            return Served::Answer(login::serve(&mut self.book, request, stamp));
        }
        if request.path().starts_with("/wechat/") {
            let config = &self.platform.config;
            return Served::Answer(pages::serve(&mut self.book, config, request, stamp));
        }
        api::serve(self, request, stamp)
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        let out_trade_no = self.book.newest_payable(number, stamp.now)?;
        self.book.pay(&out_trade_no, fault, stamp)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.script.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.script.left()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        notify::due(&mut self.book, &self.platform, stamp)
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, _stamp: &Stamp) {
        let is_taken = answer.is_some_and(|answer| (200..300).contains(&answer.status));
        self.book.outbox.answered(id, is_taken);
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.book.outbox.next_due()
    }

    fn snapshot(&self) -> Value {
        serde_json::to_value(&self.book).unwrap_or_default()
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        self.book = serde_json::from_value(snapshot).map_err(|fault| fault.to_string())?;
        self.book.outbox.send_again();
        self.script.clear();
        Ok(())
    }
}
