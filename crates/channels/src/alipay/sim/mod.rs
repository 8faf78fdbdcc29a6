//! A simulated Alipay: `gateway.do`, the wallet's pages and the notifications, true to the manual of
//! openapi v2 in what it verifies, answers and signs. Time and randomness come in a [`Stamp`].
//!
//! It must never be lenient where Alipay is strict: what passes here must pass there.

mod api;
mod asked;
mod barcode;
mod books;
mod browser;
mod facts;
mod gateway;
mod notify;
mod pages;
mod refunds;
mod seal;
mod trade;
mod wrong;

use kernel::time::Timestamp;
use serde_json::Value;

use crate::alipay::sim::books::{Books, Snapshot};
use crate::alipay::sim::seal::Platform;
use crate::alipay::sim::trade::{Status, Trade};
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};
use crate::{SetupError, Stamp};

/// One application at the simulated Alipay.
#[derive(Clone, Debug)]
pub struct AlipaySimConfig {
    /// Where payers' browsers reach the simulator, without a slash at the end.
    pub base_url: String,
    /// The application's number.
    pub app_id: String,
    /// The seller's number.
    pub seller_id: String,
    /// The application's public key, PEM: verifies requests.
    pub app_public_key: String,
    /// Alipay's private key, PEM: signs answers and notifications.
    pub platform_private_key: String,
}

/// The simulated Alipay.
pub struct AlipaySim {
    config: AlipaySimConfig,
    platform: Platform,
    books: Books,
    faults: Vec<ScriptedFault>,
}

impl AlipaySim {
    /// An Alipay without trades.
    ///
    /// # Errors
    /// `platform_private_key` is not a private RSA key.
    pub fn new(config: AlipaySimConfig) -> Result<Self, SetupError> {
        let platform = Platform::parse(&config.platform_private_key)?;
        Ok(Self { config, platform, books: Books::default(), faults: Vec::new() })
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

impl Simulator for AlipaySim {
    fn name(&self) -> &'static str {
        "alipay"
    }

    fn owns(&self, path: &str) -> bool {
        path == "/gateway.do" || path.starts_with("/alipay/")
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        self.books.expire(stamp);
        if request.path() == "/gateway.do" {
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
        self.books.expire(stamp);
        let found = self.books.beginning_with(&self.config.app_id, number);
        let is_payable = |trade: &&&Trade| {
            let is_code_alive = trade.ends_at > stamp.now.millis();
            trade.status == Status::WaitBuyerPay || (trade.status == Status::Coded && is_code_alive)
        };
        let newest = found.iter().filter(is_payable).max_by_key(|trade| trade.sequence);
        let Some(key) = newest.map(|trade| trade.order.key()) else {
            let last = found.iter().max_by_key(|trade| trade.sequence);
            let last = last.ok_or(PayError::NotFound)?;
            return Err(PayError::NotPayable(why_not(last).to_owned()));
        };
        let not_payable = |why: &str| PayError::NotPayable(why.to_owned());
        self.books.pay(&key, fault, stamp).map_err(not_payable)?;
        let trade = self.books.trade(&key).ok_or(PayError::NotFound)?;
        Ok(PaidInSim {
            trade_no: trade.order.out_trade_no.clone(),
            transaction_id: trade.trade_no.clone(),
            total: trade.order.total,
        })
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.faults.iter().map(|fault| u64::from(fault.times)).sum()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.books.expire(stamp);
        let due = self.books.callbacks.take_due(stamp);
        let platform = (&self.config, &self.platform);
        let request = |due: &notify::Due| {
            let trade = self.books.trade(&due.key)?;
            due.request(trade, platform, stamp).ok()
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
        Status::Success => "already paid",
        Status::Closed if trade.paid_at > 0 => "already paid, and refunded",
        Status::Closed => "closed",
        Status::Coded | Status::WaitBuyerPay => "its time is over",
    }
}
