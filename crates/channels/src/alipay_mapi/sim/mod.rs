//! A simulated MAPI: its gateway, the wallet's pages, the address that takes an app's order string
//! as the wallet does, and the notifications. Its gateway is `/mapi/gateway.do`, since openapi has
//! the path that the real ones share.
//!
//! It must never be lenient where Alipay is strict: what passes here must pass there.

mod api;
mod books;
mod browser;
mod gateway;
mod notify;
mod pages;

use kernel::money::Currency;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::alipay_mapi::sign::{self, Keys, SignType};
use crate::alipay_mapi::sim::books::{Books, Snapshot, Status, Trade};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::RsaSigner;
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};
use crate::{SetupError, Stamp, legacy};

const GATEWAY_PATH: &str = "/mapi/gateway.do";

/// One merchant at the simulated MAPI.
#[derive(Clone, Debug)]
pub struct AlipayMapiSimConfig {
    /// The merchant's PID.
    pub partner: String,
    /// What orders are priced in.
    pub currency: Currency,
    /// The key of MD5 signatures; empty: none are taken.
    pub md5_key: Secret,
    /// The merchant's public key, PEM: verifies requests and order strings.
    pub partner_public_key: String,
    /// Alipay's private key, PEM: signs answers and notifications.
    pub platform_private_key: Secret,
}

/// The simulated MAPI.
pub struct AlipayMapiSim {
    config: AlipayMapiSimConfig,
    signer: RsaSigner,
    books: Books,
    faults: Vec<ScriptedFault>,
}

impl AlipayMapiSim {
    /// A MAPI without trades.
    ///
    /// # Errors
    /// `platform_private_key` is not a private RSA key.
    pub fn new(config: AlipayMapiSimConfig) -> Result<Self, SetupError> {
        let key = config.platform_private_key.expose();
        let signer = RsaSigner::parse("platform_private_key", key)?;
        Ok(Self { config, signer, books: Books::default(), faults: Vec::new() })
    }

    fn keys(&self) -> Keys<'_> {
        let Self { config, .. } = self;
        Keys { md5_key: config.md5_key.expose(), public_key: &config.partner_public_key }
    }

    /// Alipay's signature of `text`; an empty one, which nobody believes, if the key cannot sign.
    fn sign(&self, kind: SignType, text: &str) -> String {
        let signature = match kind {
            SignType::Md5 => Ok(sign::md5(text, self.config.md5_key.expose())),
            SignType::Rsa => {
                let key = self.config.platform_private_key.expose();
                legacy::sign_sha1("platform_private_key", key, text.as_bytes())
            }
            SignType::Rsa2 => self.signer.sign(text.as_bytes()),
        };
        signature.unwrap_or_default()
    }

    fn take_fault(&mut self, op: OpKind) -> Option<OpFaultKind> {
        let at = self.faults.iter().position(|fault| fault.op == op && fault.times > 0)?;
        let fault = &mut self.faults[at];
        fault.times -= 1;
        let kind = fault.kind;
        self.faults.retain(|fault| fault.times > 0);
        Some(kind)
    }
}

impl Simulator for AlipayMapiSim {
    fn name(&self) -> &'static str {
        "alipay_mapi"
    }

    fn owns(&self, path: &str) -> bool {
        path == GATEWAY_PATH || path.starts_with("/alipay_mapi/")
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        self.books.advance(stamp);
        if request.path() == GATEWAY_PATH {
            self.serve_gateway(request, stamp)
        } else {
            Served::Answer(self.serve_page(request, stamp))
        }
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        if number.is_empty() {
            return Err(PayError::NotFound);
        }
        self.books.advance(stamp);
        let found = self.books.beginning_with(number);
        let waiting = found.iter().filter(|trade| trade.status == Status::WaitBuyerPay);
        let Some(trade) = waiting.max_by_key(|trade| trade.sequence) else {
            let last = found.iter().max_by_key(|trade| trade.sequence);
            let last = last.ok_or(PayError::NotFound)?;
            return Err(PayError::NotPayable(why_not(last).to_owned()));
        };
        let paid = PaidInSim {
            trade_no: trade.order.out_trade_no.clone(),
            transaction_id: trade.trade_no.clone(),
            total: trade.order.total,
        };
        let not_payable = |why: &str| PayError::NotPayable(why.to_owned());
        self.books.pay(&paid.trade_no, fault, stamp).map_err(not_payable)?;
        Ok(paid)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.faults.iter().map(|fault| u64::from(fault.times)).sum()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.books.advance(stamp);
        let due = self.books.callbacks.take_due(stamp);
        let request = |due: &notify::Due| {
            let trade = self.books.trade(due.out_trade_no())?;
            Some(due.request(trade, |kind, text| self.sign(kind, text), stamp))
        };
        due.iter().filter_map(request).collect()
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, stamp: &Stamp) {
        self.books.callbacks.answered(id, answer, stamp);
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.books.next_due()
    }

    fn snapshot(&self) -> Value {
        serde_json::to_value(self.books.snapshot()).unwrap_or(Value::Null)
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        let snapshot: Snapshot = serde_json::from_value(snapshot).map_err(|why| why.to_string())?;
        self.books = Books::restore(snapshot);
        self.faults.clear();
        Ok(())
    }
}

fn why_not(trade: &Trade) -> &'static str {
    match trade.status {
        Status::Finished => "already paid",
        Status::WaitBuyerPay | Status::Closed => "closed",
    }
}
