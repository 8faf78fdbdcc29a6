//! What an upstream's answer or callback comes to.

use kernel::exchange_rate::Rate;
use kernel::money::Money;
use kernel::order::Payment;
use kernel::time::Timestamp;

use crate::UpstreamKey;
use crate::http::HttpResponse;

/// What an operation came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Place: the upstream holds the order, or the page that will create it is signed.
    Opened {
        /// The text to draw as QR, the page to open, or what the wallet's SDK is given: the signed
        /// order string of Alipay, JSON text of WeChat Pay.
        pay_text: String,
    },
    /// The order is paid.
    Paid(Payment),
    /// The upstream says that it is paid (or refunded), without the facts: query.
    PaidElsewhere,
    /// It waits for the payer; `is_acting` once the payer has begun.
    Unpaid {
        /// Whether the payer is at it.
        is_acting: bool,
    },
    /// It is closed, and nothing was paid.
    Closed,
    /// It failed for good, and nothing was paid (barcodes).
    Failed(Refusal),
    /// It was reversed: nothing is paid, or everything has gone back.
    Reversed,
    /// The upstream knows no such order, or no such refund. Soon after an unanswered request this
    /// proves nothing.
    NotFound,
    /// The refund is done.
    Refunded(Refunded),
    /// The refund is accepted, and not done yet.
    RefundPending {
        /// The upstream's own number for it, or empty.
        refund_id: String,
    },
    /// The refund failed for good; the money is still with us.
    RefundClosed(Refusal),
    /// The upstream cannot finish the refund by itself: a person must act at its console.
    RefundStuck,
    /// Rates: those of today.
    Rates(Vec<Rate>),
    /// Explicitly refused, nothing was done.
    Refused(Refusal),
    /// No explicit answer: timeout, broken or badly signed answer, unknown word.
    Unknown(Doubt),
    /// Keys: the keys that the upstream signs with now.
    Keys(Vec<UpstreamKey>),
}

/// What an upstream says of a refund that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refunded {
    /// The upstream's own number for it, or empty.
    pub refund_id: String,
    /// How much went back, as the upstream has it: must equal what was asked for.
    pub amount: Money,
    /// What the payer gets in their currency; equals `amount` if the upstream is silent.
    pub cash: Money,
    /// The exchange rate as the upstream spells it, or empty.
    pub rate: String,
    /// When it was done, by the upstream's clock.
    pub refunded_at: Timestamp,
}

/// An upstream's explicit refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What it means to the merchant.
    pub kind: RefusalKind,
    /// The upstream's code.
    pub code: String,
    /// The upstream's words, for the merchant's `message`.
    pub message: String,
}

/// Kinds of refusal.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// The payment is refused for a reason of its own (40500).
    Business,
    /// The account may not use this product (492003).
    NotSupported,
    /// The number was used before with other contents (40106; of a refund 493001).
    NumberUsed,
    /// The payer's code was used before, has expired or is none (40111).
    CodeUsed,
    /// A refund is more than the account holds: the same again may succeed later (40107).
    BalanceTooLow,
    /// A refund comes too late (40108).
    TooLate,
    /// Nothing is left to be refunded (40105).
    NothingLeft,
}

/// Why an outcome is unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// Never reached the upstream: certainly not executed.
    NotSent(String),
    /// No answer in time.
    Timeout,
    /// An empty answer.
    Empty,
    /// Signed with a key that we do not have: fetch [`Op::Keys`], then judge the answer again.
    UnknownKey {
        /// The serial that the answer names.
        serial: String,
    },
    /// The upstream asks to try again later (busy, limits, its own failure).
    Busy(String),
    /// An answer that cannot be believed or understood.
    Unreadable(String),
}

/// What a callback comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Callback {
    /// The verified facts, or why they are refused.
    pub facts: Result<CallbackFacts, CallbackFault>,
    /// The answer once the facts are committed.
    pub ack: HttpResponse,
    /// The answer when they are refused or could not be committed: the upstream sends again.
    pub nack: HttpResponse,
}

/// What an upstream told us unasked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallbackFacts {
    /// What it is about.
    pub about: About,
    /// What happened. Of an order: [`Outcome::Paid`], [`Outcome::Closed`], or, for a word that only a
    /// query can settle, [`Outcome::PaidElsewhere`] or [`Outcome::Unpaid`]. Of a refund:
    /// [`Outcome::Refunded`], [`Outcome::RefundClosed`], [`Outcome::RefundStuck`] or, for what only a
    /// query can settle, [`Outcome::RefundPending`].
    pub outcome: Outcome,
}

/// What a callback is about, by our number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum About {
    /// An order: its `trade_no`.
    Trade(String),
    /// A refund: its `refund_no`.
    Refund(String),
}

/// Why a callback is refused. It changes nothing, and is counted and logged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallbackFault {
    /// Cannot be read.
    Malformed(String),
    /// The signature does not verify.
    BadSignature,
    /// Signed with a key that we do not have: fetch [`Op::Keys`], then judge it again.
    UnknownKey {
        /// The serial that it names.
        serial: String,
    },
    /// A member names another app, merchant or seller than the account's.
    Mismatch {
        /// The member.
        field: &'static str,
    },
}
