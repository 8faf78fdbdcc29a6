//! A trade at the simulated Alipay, and the order that it began with. Values only: they change in
//! the books.

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alipay::sim::seal::SignType;

/// A trade can be refunded so long after its payment, twelve months; then it is finished.
const REFUND_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Whose trade, by which of its numbers: `app_id` and `out_trade_no`.
pub(super) type Key = (String, String);

/// How far a trade is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Status {
    /// There is a QR; no buyer has scanned it, so Alipay knows no trade.
    Coded,
    /// A buyer has come and has not paid.
    WaitBuyerPay,
    /// Paid, and not given back in full.
    Success,
    /// Closed unpaid, or given back in full.
    Closed,
}

impl Status {
    /// `trade_status`; empty as long as there is no trade.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Coded => "",
            Self::WaitBuyerPay => "WAIT_BUYER_PAY",
            Self::Success => "TRADE_SUCCESS",
            Self::Closed => "TRADE_CLOSED",
        }
    }
}

/// What a merchant orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) app_id: String,
    pub(super) out_trade_no: String,
    /// Fen.
    pub(super) total: i64,
    pub(super) subject: String,
    pub(super) notify_url: String,
    pub(super) return_url: String,
    pub(super) quit_url: String,
    /// When it is over, in milliseconds (`time_expire`).
    pub(super) expires_at: Option<i64>,
    /// How it was signed, and so are its notifications.
    #[serde(default)]
    pub(super) sign_type: SignType,
}

impl Order {
    /// Its trade's key.
    pub(super) fn key(&self) -> Key {
        (self.app_id.clone(), self.out_trade_no.clone())
    }

    /// Whether a second order under the same number asks for the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.total == other.total && self.subject == other.subject
    }
}

/// An order and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Trade {
    pub(super) order: Order,
    pub(super) status: Status,
    /// Grows with every trade: the newest has the highest.
    pub(super) sequence: u64,
    /// The QR's own part; empty for a page.
    pub(super) code: String,
    /// Alipay's number; empty as long as there is no trade.
    pub(super) trade_no: String,
    /// Times in milliseconds, 0 if not yet.
    pub(super) created_at: i64,
    pub(super) paid_at: i64,
    pub(super) closed_at: i64,
    /// When the trade is closed, if the buyer has not paid by then.
    pub(super) ends_at: i64,
    /// When the payer who shows a barcode will have confirmed.
    #[serde(default)]
    pub(super) confirms_at: Option<i64>,
    /// What went back, in order.
    #[serde(default)]
    pub(super) refunds: Vec<GivenBack>,
}

impl Trade {
    /// An order that nobody has come to pay yet.
    pub(super) fn new(order: Order, sequence: u64, ends_at: i64) -> Self {
        Self {
            order,
            status: Status::Coded,
            sequence,
            code: String::new(),
            trade_no: String::new(),
            created_at: 0,
            paid_at: 0,
            closed_at: 0,
            ends_at,
            confirms_at: None,
            refunds: Vec::new(),
        }
    }

    /// Fen that the first `count` refunds gave back.
    pub(super) fn refunded_by(&self, count: usize) -> i64 {
        self.refunds.iter().take(count).map(|refund| refund.amount).sum()
    }

    /// Fen that can still be given back.
    pub(super) fn refundable(&self) -> i64 {
        self.order.total - self.refunded_by(self.refunds.len())
    }

    /// Whether it was paid so long ago that nothing goes back any more.
    pub(super) fn is_finished(&self, now: Timestamp) -> bool {
        self.status == Status::Success && now.millis() - self.paid_at > REFUND_MS
    }

    /// `trade_status` at `now`.
    pub(super) fn word(&self, now: Timestamp) -> &'static str {
        if self.is_finished(now) { "TRADE_FINISHED" } else { self.status.word() }
    }
}

/// Money that went back of a trade.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct GivenBack {
    /// The merchant's number for it (`out_request_no`); empty if the trade was cancelled.
    pub(super) number: String,
    /// Fen.
    pub(super) amount: i64,
    /// When, in milliseconds.
    pub(super) at: i64,
}
