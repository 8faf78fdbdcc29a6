//! WeChat Pay v2 as its merchants see it: the API, the payer's wallet, the callbacks.
//!
//! It verifies what the real one verifies and signs whatever the real one signs, except that it
//! cannot see the client certificate of refunds and reversals. It holds no real money and must
//! never be reachable where real money is.
//!
//! A refund takes 5 s. Its `refund_desc` can choose another end than success: `REFUNDCLOSE`,
//! `CHANGE`, or, at once, `NOTENOUGH`.

mod answer;
mod api;
mod barcode;
mod book;
mod check;
mod notify;
mod pages;
mod refunds;

use kernel::money::Currency;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

use self::book::Book;
use super::settings::HkPaySign;
use super::xml::Members;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};
use crate::{SetupError, Stamp};

/// Who the one merchant of a simulator is.
pub struct WechatV2SimConfig {
    /// Where the wallet's pages are reached: `http://127.0.0.1:PORT`, without a slash at the end.
    pub base_url: String,
    /// The app bound to the merchant.
    pub appid: String,
    /// The merchant's number.
    pub mch_id: String,
    /// API key, 32 characters: both sides sign with it.
    pub api_key: Secret,
    /// What orders are in. Payers pay in renminbi, whatever it is.
    pub currency: Currency,
    /// The account's setting of that name: what the Hong Kong wallet's page must be signed with.
    pub hk_paysign: String,
}

/// The simulator.
pub struct WechatV2Sim {
    config: WechatV2SimConfig,
    hk_paysign: HkPaySign,
    book: Book,
    faults: Vec<ScriptedFault>,
}

impl WechatV2Sim {
    /// A simulator without any order.
    ///
    /// # Errors
    /// `hk_paysign` is no word of that setting.
    pub fn new(config: WechatV2SimConfig) -> Result<Self, SetupError> {
        let hk_paysign = HkPaySign::from_word(&config.hk_paysign)
            .ok_or_else(|| SetupError("hk_paysign: no such rule".into()))?;
        Ok(Self { config, hk_paysign, book: Book::default(), faults: Vec::new() })
    }

    /// The scripted fault of the next operation of this kind, which is used up by it.
    fn next_fault(&mut self, op: OpKind) -> Option<OpFaultKind> {
        let fault = self.faults.iter_mut().find(|fault| fault.op == op && fault.times > 0)?;
        fault.times -= 1;
        let kind = fault.kind;
        self.faults.retain(|fault| fault.times > 0);
        Some(kind)
    }
}

impl WechatV2SimConfig {
    /// Renminbi for one unit of the orders' currency, times 10^8; `None` if it is renminbi.
    fn rate(&self) -> Option<i64> {
        match self.currency {
            Currency::Cny => None,
            Currency::Hkd => Some(84_570_000),
            Currency::Aud => Some(464_120_000),
        }
    }
}

impl Simulator for WechatV2Sim {
    fn name(&self) -> &'static str {
        "wechat_v2"
    }

    fn owns(&self, path: &str) -> bool {
        path.starts_with("/wechat_v2/") || api::is_path(path)
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        self.book.advance(stamp.now);
        if request.path().starts_with("/wechat_v2/") {
            return Served::Answer(pages::serve(self, request, stamp));
        }
        api::serve(self, request, stamp)
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        self.book.advance(stamp.now);
        let out_trade_no = self.book.newest_payable(number)?;
        self.book.pay(&out_trade_no, fault, stamp)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.faults.iter().map(|fault| u64::from(fault.times)).sum()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.book.advance(stamp.now);
        notify::due(&mut self.book, &self.config, stamp)
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, _stamp: &Stamp) {
        let is_taken = |answer: &HttpResponse| {
            let said = Members::parse(&answer.body, "xml");
            answer.status == 200 && said.is_some_and(|said| said.of("return_code") == "SUCCESS")
        };
        if answer.is_some_and(is_taken) {
            self.book.notices.remove(&id);
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.book.notices.values().map(|notice| notice.due_ms).min().map(Timestamp::from_millis)
    }

    fn snapshot(&self) -> Value {
        serde_json::to_value(&self.book).unwrap_or_default()
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        self.book = serde_json::from_value(snapshot).map_err(|fault| fault.to_string())?;
        self.faults.clear();
        Ok(())
    }
}
