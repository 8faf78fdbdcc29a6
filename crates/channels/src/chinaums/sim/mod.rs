//! A simulated EasyLink: the API, the payer's page and the notifications. Time and randomness come in
//! a [`Stamp`].
//!
//! What its vendor has published (Pay, the form of the page's address, the notification's members,
//! `accessKey`) is judged strictly. The rest is ours, in UnionPay's manner: the queries, refunds,
//! words of status, codes, and when notifications are repeated. It proves nothing of the real one.

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
use crate::chinaums::sim::books::Books;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};

/// Below it is everything; an account's `base_url` ends with it.
const ROOT: &str = "/easyLinkApi";

/// The one merchant of the simulated EasyLink.
#[derive(Clone, Debug)]
pub struct ChinaumsSimConfig {
    /// `pin`.
    pub pin: String,
    /// `secPin`, or empty.
    pub sec_pin: String,
    /// The secret of `accessKey`.
    pub secret_key: Secret,
    /// `channel`.
    pub channel: String,
    /// What the contract takes.
    pub currency: Currency,
    /// Whether `merReserved` comes back as `reserved`.
    pub echoes_reserved: bool,
    /// Whether answers carry an `accessKey`.
    pub signs_answers: bool,
}

/// The simulated EasyLink.
pub struct ChinaumsSim {
    config: ChinaumsSimConfig,
    books: Books,
    faults: Vec<ScriptedFault>,
}

impl ChinaumsSim {
    /// An EasyLink without payments.
    pub fn new(config: ChinaumsSimConfig) -> Self {
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

impl Simulator for ChinaumsSim {
    fn name(&self) -> &'static str {
        "chinaums"
    }

    fn owns(&self, path: &str) -> bool {
        path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with('/'))
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        if pages::is_page(request.path()) {
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
        let payment_id = self.books.newest(number, stamp.now)?;
        self.books.pay(&payment_id, fault, stamp)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.faults.iter().map(|fault| u64::from(fault.times)).sum()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        let due = self.books.take_due(stamp.now);
        due.into_iter().filter_map(|notice| self.callback(&notice)).collect()
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, _stamp: &Stamp) {
        if answer.is_some_and(|answer| answer.status == 200) {
            self.books.notices.remove(&id);
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.books.notices.values().map(|notice| notice.due_ms).min().map(Timestamp::from_millis)
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
