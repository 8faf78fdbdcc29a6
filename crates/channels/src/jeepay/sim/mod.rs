//! A simulated JeePay: the API, the wallets' pages and the notifications, as its open source has them
//! in what it verifies, answers and signs. Time and randomness come in a [`Stamp`].
//!
//! It must never be lenient where JeePay is strict: what passes here must pass there.

mod api;
mod books;
mod check;
mod notify;
mod pages;

use kernel::money::Currency;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::jeepay::sim::books::Books;
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};

/// The one application of the simulated JeePay.
#[derive(Clone, Debug)]
pub struct JeepaySimConfig {
    /// Where payers' browsers reach the simulator, without a slash at the end.
    pub base_url: String,
    /// The merchant's number.
    pub mch_no: String,
    /// The application's id.
    pub app_id: String,
    /// The application's secret.
    pub app_secret: Secret,
    /// What the merchant takes.
    pub currency: Currency,
}

/// The simulated JeePay.
pub struct JeepaySim {
    config: JeepaySimConfig,
    books: Books,
    faults: Vec<ScriptedFault>,
}

impl JeepaySim {
    /// A JeePay without orders.
    pub fn new(config: JeepaySimConfig) -> Self {
        Self { config, books: Books::default(), faults: Vec::new() }
    }

    fn take_fault(&mut self, op: OpKind) -> Option<OpFaultKind> {
        let fault = self.faults.iter_mut().find(|fault| fault.op == op && fault.times > 0)?;
        fault.times -= 1;
        let kind = fault.kind;
        self.faults.retain(|fault| fault.times > 0);
        Some(kind)
    }
}

impl Simulator for JeepaySim {
    fn name(&self) -> &'static str {
        "jeepay"
    }

    fn owns(&self, path: &str) -> bool {
        ["/api/pay/", "/api/refund/", "/jeepay/"].iter().any(|root| path.starts_with(root))
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        self.books.settle(stamp.now);
        if request.path().starts_with("/jeepay/") {
            return Served::Answer(self.serve_page(request, stamp));
        }
        self.serve_api(request, stamp)
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        self.books.settle(stamp.now);
        let number = self.books.newest(number)?;
        self.books.pay(&number, fault, stamp.now)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.faults.iter().map(|fault| u64::from(fault.times)).sum()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.books.settle(stamp.now);
        let due = self.books.take_due(stamp.now);
        due.into_iter().filter_map(|notice| self.callback(&notice, stamp)).collect()
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, _stamp: &Stamp) {
        if answer.is_some_and(|answer| answer.body.eq_ignore_ascii_case(b"success")) {
            self.books.notices.remove(&id);
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.books.next_due().map(Timestamp::from_millis)
    }

    fn snapshot(&self) -> Value {
        serde_json::to_value(&self.books).unwrap_or_default()
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        self.books = serde_json::from_value(snapshot).map_err(|fault| fault.to_string())?;
        self.faults.clear();
        Ok(())
    }
}
