//! A simulated UnionPay: the gateway, the wallet's pages and the back notifications, true to ACP 5.1.0
//! in what it verifies, answers and signs. Time and randomness come in a [`Stamp`].
//!
//! It must never be lenient where UnionPay is strict: what passes here must pass there. One thing it
//! does not judge: UnionPay wants a `txnTime` of now, and does not say how far it may be off.

mod api;
mod books;
mod browser;
pub(super) mod certificate;
mod check;
mod facts;
mod notify;
mod pages;

use kernel::secret::Secret;
use kernel::time::Timestamp;
use serde_json::Value;

pub use self::certificate::{Chain, chain, merchant_certificate};
use crate::http::{HttpRequest, HttpResponse};
use crate::seal::{self, RsaSigner};
use crate::sim::{
    CallbackFaultKind, OpFaultKind, OpKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault,
    Served, Simulator,
};
use crate::unionpay::certificate::serial;
use crate::unionpay::sign::{self, CERTIFICATE, Method};
use crate::unionpay::sim::books::{Books, Snapshot, State, Trade};
use crate::unionpay::wire::{Fields, SIGNATURE};
use crate::{SetupError, Stamp};

/// The addresses of the gateway.
const PATHS: [&str; 4] = [
    "/gateway/api/frontTransReq.do",
    "/gateway/api/backTransReq.do",
    "/gateway/api/queryTrans.do",
    "/gateway/api/appTransReq.do",
];

/// One merchant at the simulated UnionPay.
#[derive(Clone, Debug)]
pub struct UnionpaySimConfig {
    /// Where payers' browsers reach the simulator, without a slash at the end.
    pub base_url: String,
    /// The merchant's number, 15 digits.
    pub mer_id: String,
    /// The merchant's certificate, PEM: verifies requests of `signMethod` 01.
    pub merchant_certificate: String,
    /// The key of `signMethod` 11.
    pub secure_key: Secret,
    /// UnionPay's private key, PEM: signs answers and notifications.
    pub platform_private_key: Secret,
    /// Its certificate ([`Chain::leaf`]).
    pub platform_certificate: String,
}

/// The simulated UnionPay.
pub struct UnionpaySim {
    platform: Platform,
    books: Books,
    faults: Vec<ScriptedFault>,
}

/// Who signs and verifies.
struct Platform {
    config: UnionpaySimConfig,
    signer: RsaSigner,
    /// The merchant's `certId`.
    cert_id: String,
}

impl Platform {
    /// Signs as `sign_method` says.
    fn sign(&self, fields: &mut Fields, sign_method: &str) -> Result<(), SetupError> {
        let method = Method::from_word(sign_method).unwrap_or(Method::Certificate);
        fields.set("signMethod", method.word());
        let signature = match method {
            Method::Certificate => {
                fields.set(CERTIFICATE, self.config.platform_certificate.as_str());
                self.signer.sign(sign::digest(&fields.signed_text()).as_bytes())?
            }
            Method::SecureKey => {
                sign::keyed_digest(&fields.signed_text(), self.config.secure_key.expose())
            }
        };
        fields.set(SIGNATURE, signature);
        Ok(())
    }

    fn is_by_merchant(&self, fields: &Fields) -> bool {
        match Method::from_word(fields.of("signMethod")) {
            Some(Method::Certificate) => {
                let digest = sign::digest(&fields.signed_text());
                let certificate = &self.config.merchant_certificate;
                fields.of("certId") == self.cert_id
                    && seal::verifies(certificate, digest.as_bytes(), fields.of(SIGNATURE))
            }
            Some(Method::SecureKey) => {
                let secure_key = self.config.secure_key.expose();
                !secure_key.is_empty() && sign::is_keyed_with(fields, secure_key)
            }
            None => false,
        }
    }
}

impl UnionpaySim {
    /// A UnionPay without orders.
    ///
    /// # Errors
    /// A key or a certificate does not parse.
    pub fn new(config: UnionpaySimConfig) -> Result<Self, SetupError> {
        let private_key = config.platform_private_key.expose();
        let signer = RsaSigner::parse("platform_private_key", private_key)?;
        let cert_id = serial(&config.merchant_certificate)
            .ok_or_else(|| SetupError("merchant_certificate: not a certificate".into()))?;
        let platform = Platform { config, signer, cert_id };
        Ok(Self { platform, books: Books::default(), faults: Vec::new() })
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

impl Simulator for UnionpaySim {
    fn name(&self) -> &'static str {
        "unionpay"
    }

    fn owns(&self, path: &str) -> bool {
        PATHS.contains(&path) || path.starts_with("/unionpay/")
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        self.books.settle(stamp);
        if PATHS.contains(&request.path()) {
            self.serve_api(request, stamp)
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
        self.books.settle(stamp);
        let found = self.books.beginning_with(number);
        let payable = found.iter().filter(|trade| trade.is_payable(stamp.now));
        let Some(newest) = payable.max_by_key(|trade| trade.sequence) else {
            let last = found.iter().max_by_key(|trade| trade.sequence);
            let last = last.ok_or(PayError::NotFound)?;
            return Err(PayError::NotPayable(why_not(last).to_owned()));
        };
        let paid = PaidInSim {
            trade_no: newest.order.key.0.clone(),
            transaction_id: newest.query_id.clone(),
            total: newest.order.total,
        };
        let key = newest.order.key.clone();
        let not_payable = |why: &str| PayError::NotPayable(why.to_owned());
        self.books.pay(&key, fault, stamp).map_err(not_payable)?;
        Ok(paid)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.faults.push(fault);
    }

    fn faults_left(&self) -> u64 {
        self.faults.iter().map(|fault| u64::from(fault.times)).sum()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.books.settle(stamp);
        let due = self.books.callbacks.take_due(stamp);
        due.iter().filter_map(|due| due.request(&self.platform).ok()).collect()
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
    match trade.state {
        State::Paid => "already paid",
        State::Failed(_) => "refused",
        State::Reversed => "reversed",
        State::Fresh | State::Acting(_) => "its time is over",
    }
}
