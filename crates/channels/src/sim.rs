//! What every upstream's simulator can do. A simulator stands at the network's edge: it verifies
//! each request as the real upstream does, and signs each answer and callback the same way. It is a
//! pure state machine; a shell mounts it on a port, sends its callbacks and tells it the time.

pub(crate) mod wallet;

use kernel::time::Timestamp;

use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};

/// A simulated upstream with its wallet's pages.
pub trait Simulator: Send {
    /// The channel's name.
    fn name(&self) -> &'static str;

    /// Whether a request of this path is for this simulator.
    fn owns(&self, path: &str) -> bool;

    /// Answers a request of a connector or of a payer's browser.
    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served;

    /// Pays the order whose number at the upstream is `number`, or begins with it (an `sn`), as the
    /// button of the wallet's page does. The newest payable one counts. `fault`: what goes wrong
    /// with the callback.
    ///
    /// # Errors
    /// Why it cannot be paid, in words for a person.
    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError>;

    /// From now on, what goes wrong with operations.
    fn script(&mut self, fault: ScriptedFault);

    /// How many operations are still to go wrong as scripted.
    fn faults_left(&self) -> u64;

    /// The callbacks that are due. Each is sent once and its answer told to
    /// [`Simulator::callback_answered`].
    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback>;

    /// The answer to a callback; `None` if there was none.
    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, stamp: &Stamp);

    /// When the next callback is due.
    fn next_due(&self) -> Option<Timestamp>;

    /// The upstream's whole truth as JSON, so that it can survive a restart.
    fn snapshot(&self) -> serde_json::Value;

    /// Takes a snapshot back, as a restart does: nothing is scripted any more. What is not a snapshot
    /// is ignored and reported.
    ///
    /// # Errors
    /// The value is not a snapshot of this simulator.
    fn restore(&mut self, snapshot: serde_json::Value) -> Result<(), String>;
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Served {
    /// This answer, at once.
    Answer(HttpResponse),
    /// This answer after so many milliseconds.
    Late(HttpResponse, i64),
    /// No answer: the connection is closed.
    Dropped,
}

/// A payment that the simulator took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaidInSim {
    /// The number at the upstream that was ours.
    pub trade_no: String,
    /// The upstream's own number.
    pub transaction_id: String,
    /// Minor units.
    pub total: i64,
}

/// Why the simulated payer could not pay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PayError {
    /// No order of that number was ever created here.
    NotFound,
    /// There is one, but it cannot be paid (any more): paid, closed, expired.
    NotPayable(String),
}

/// A callback to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingCallback {
    /// Names it for [`Simulator::callback_answered`].
    pub id: u64,
    /// What to send.
    pub request: HttpRequest,
}

/// What goes wrong with the callbacks of one payment.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum CallbackFaultKind {
    /// Never sent: only a query finds the payment.
    Lost,
    /// Sent twice at once.
    Twice,
    /// Held back for 60 s.
    Late,
    /// Names one minor unit less.
    WrongAmount,
    /// Names another currency (or, where callbacks carry none, another seller).
    WrongCurrency,
    /// Names another app.
    WrongApp,
    /// Names another merchant.
    WrongMerchant,
    /// Its signature does not verify.
    BadSignature,
}

impl CallbackFaultKind {
    /// Every kind with its word in `POST /pay/SN {"fault": …}`.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Lost, "lost"),
        (Self::Twice, "twice"),
        (Self::Late, "late"),
        (Self::WrongAmount, "wrong_amount"),
        (Self::WrongCurrency, "wrong_currency"),
        (Self::WrongApp, "wrong_app"),
        (Self::WrongMerchant, "wrong_merchant"),
        (Self::BadSignature, "bad_signature"),
    ];

    /// Reads a word of [`CallbackFaultKind::ALL`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(kind, _)| kind)
    }
}

/// The next `times` operations of `op` go wrong as `kind` says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ScriptedFault {
    /// Which operation.
    pub op: OpKind,
    /// How it goes wrong.
    pub kind: OpFaultKind,
    /// How often.
    pub times: u32,
}

/// An operation, without its contents.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum OpKind {
    /// [`crate::Op::Place`].
    Place,
    /// [`crate::Op::Query`].
    Query,
    /// [`crate::Op::Close`].
    Close,
    /// [`crate::Op::Reverse`].
    Reverse,
    /// [`crate::Op::Refund`].
    Refund,
    /// [`crate::Op::QueryRefund`].
    QueryRefund,
    /// [`crate::Op::Rates`].
    Rates,
    /// [`crate::Op::Keys`].
    Keys,
}

impl OpKind {
    /// Every operation with its word.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Place, "place"),
        (Self::Query, "query"),
        (Self::Close, "close"),
        (Self::Reverse, "reverse"),
        (Self::Refund, "refund"),
        (Self::QueryRefund, "query_refund"),
        (Self::Rates, "rates"),
        (Self::Keys, "keys"),
    ];

    /// Reads a word of [`OpKind::ALL`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(kind, _)| kind)
    }
}

/// How an operation goes wrong.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum OpFaultKind {
    /// Refused explicitly, for a business reason.
    Refused,
    /// The connection ends without an answer, and nothing was done.
    DroppedBefore,
    /// The connection ends without an answer, but it was done.
    DroppedAfter,
    /// HTTP 500 (or the upstream's word for a system error), and nothing was done.
    ErrorBefore,
    /// HTTP 500 (or the upstream's word for a system error), but it was done.
    ErrorAfter,
    /// An empty answer, but it was done.
    Empty,
    /// An HTML page instead of an answer, but it was done.
    Html,
    /// Half of the answer, but it was done.
    Truncated,
    /// The answer's signature does not verify, but it was done.
    BadSignature,
    /// The answer names another amount (query), or belongs to another order.
    WrongAnswer,
    /// HTTP 429 (or the upstream's word for it), and nothing was done.
    Busy,
    /// The right answer after 60 s.
    Slow,
}

impl OpFaultKind {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Refused, "refused"),
        (Self::DroppedBefore, "dropped_before"),
        (Self::DroppedAfter, "dropped_after"),
        (Self::ErrorBefore, "error_before"),
        (Self::ErrorAfter, "error_after"),
        (Self::Empty, "empty"),
        (Self::Html, "html"),
        (Self::Truncated, "truncated"),
        (Self::BadSignature, "bad_signature"),
        (Self::WrongAnswer, "wrong_answer"),
        (Self::Busy, "busy"),
        (Self::Slow, "slow"),
    ];

    /// Reads a word of [`OpFaultKind::ALL`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, text)| *text == word).map(|(kind, _)| kind)
    }
}
