//! A simulated Demo Wallet: the API, the payer's page and the notifications. It must never be lenient
//! where the manual is strict.

mod api;
mod books;
mod page;

use kernel::money::Currency;
use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

use crate::Stamp;
use crate::demo::sign;
use crate::demo::sim::books::Books;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::outbox::Notice;
use crate::sim::script::Script;
use crate::sim::{
    CallbackFaultKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault, Served, Simulator,
};

/// How long after each attempt the next notification follows.
const REPEAT_AFTER_MS: [i64; 3] = [60_000, 5 * 60_000, 60 * 60_000];

/// The one merchant of the simulated Demo Wallet.
#[derive(Clone, Debug)]
pub struct DemoSimConfig {
    /// Where payers' browsers reach the simulator, without a slash at the end.
    pub base_url: String,
    /// The merchant's number.
    pub merchant: String,
    /// The key of the HMAC.
    pub secret: Secret,
    /// What the merchant takes.
    pub currency: Currency,
}

/// The simulated Demo Wallet.
pub struct DemoSim {
    config: DemoSimConfig,
    books: Books,
    script: Script,
}

impl DemoSim {
    /// A Demo Wallet without orders.
    pub fn new(config: DemoSimConfig) -> Self {
        Self { config, books: Books::default(), script: Script::default() }
    }

    /// The request that a notification is.
    fn callback(&self, notice: &Notice<String>) -> Option<OutgoingCallback> {
        let order = self.books.order(&notice.about)?;
        let mut facts = api::facts(&notice.about, order, &self.config, order.paid_at()?);
        let fault = notice.first_fault();
        spoil(&mut facts, fault);
        let body = facts.to_string().into_bytes();
        let mut signature = sign::sign(&body, self.config.secret.expose());
        if fault == Some(CallbackFaultKind::BadSignature) {
            signature = signature.chars().rev().collect();
        }
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        let request = HttpRequest {
            method: "POST".to_owned(),
            url: order.asked.notify_url.clone(),
            headers: vec![json, (sign::HEADER.to_owned(), signature)],
            body,
        };
        Some(OutgoingCallback { id: notice.id, request })
    }
}

impl Simulator for DemoSim {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn owns(&self, path: &str) -> bool {
        path.starts_with("/demo/")
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        match request.path().strip_prefix("/demo/pay/") {
            Some(number) => Served::Answer(self.serve_page(number, request, stamp)),
            None => self.serve_api(request, stamp),
        }
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        let number = self.books.newest(number, stamp.now)?;
        self.books.pay(&number, fault, stamp)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.script.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.script.left()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        let due = self.books.outbox.take_due(&REPEAT_AFTER_MS, stamp.now);
        due.into_iter().filter_map(|notice| self.callback(&notice)).collect()
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, _stamp: &Stamp) {
        let is_taken = answer.is_some_and(|got| got.status == 200 && got.body == b"success");
        self.books.outbox.answered(id, is_taken);
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.books.outbox.next_due()
    }

    fn snapshot(&self) -> Value {
        serde_json::to_value(&self.books).unwrap_or_default()
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        self.books = serde_json::from_value(snapshot).map_err(|fault| fault.to_string())?;
        self.books.outbox.send_again();
        self.script.clear();
        Ok(())
    }
}

/// Makes a notification say what is not so. Demo Wallet knows no apps: a merchant stands for one.
fn spoil(facts: &mut Value, fault: Option<CallbackFaultKind>) {
    match fault {
        Some(CallbackFaultKind::WrongAmount) => {
            facts["amount"] =
                facts["amount"].as_i64().map(|amount| amount.saturating_sub(1)).into();
        }
        Some(CallbackFaultKind::WrongCurrency) => {
            let is_cny = facts["currency"] == "CNY";
            facts["currency"] = if is_cny { "HKD" } else { "CNY" }.into();
        }
        Some(CallbackFaultKind::WrongApp | CallbackFaultKind::WrongMerchant) => {
            facts["merchant"] = "another".into();
        }
        None
        | Some(
            CallbackFaultKind::Lost
            | CallbackFaultKind::Twice
            | CallbackFaultKind::Late
            | CallbackFaultKind::BadSignature,
        ) => {}
    }
}
