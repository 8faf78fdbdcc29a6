//! Reading a whole store, live or copied, in bounded memory: each order with all that belongs to it,
//! and what belongs to nothing.
//!
//! A store at work moves on between two statements. Every change of an order counts its revision, so an
//! order whose revision is the same before and after its parts were read was read as it stood at one
//! instant; one that moved is read again. So no transaction stays open, and a page is a few short reads.

mod feed;
mod pages;
mod schema;
mod strays;

use kernel::id::{Id, MchId};
use kernel::order::{Attempt, Order};
use kernel::refund::Refund;

pub use self::feed::{FeedEnds, FeedLink, feed_after, feed_ends};
pub use self::pages::{Page, dossier, merchant_after, page};
pub use self::schema::{missing_guards, number_twins};
#[cfg(test)]
pub(crate) use self::strays::statements;
pub use self::strays::{
    Owned, Stray, Strays, of_merchants, of_notice_attempts, of_orders, of_pay_codes,
};

use crate::ledger::LedgerRow;
use crate::notices::NoticeHistory;
use crate::order_events::OrderEvent;

/// Orders of one page.
pub const PAGE_MAX: i64 = 200;

/// An order with all that belongs to it, as it stood at one revision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dossier {
    /// The order.
    pub order: Order,
    /// Its history, by revision.
    pub history: Vec<OrderEvent>,
    /// Its attempts, by number.
    pub attempts: Vec<Attempt>,
    /// Its refunds, the oldest first.
    pub refunds: Vec<Refund>,
    /// Its lines in the ledger, by posting and line.
    pub lines: Vec<LedgerRow>,
    /// Its notices with their attempts. They move without the order; attempts are read last, so that
    /// there are never fewer than a notice has counted.
    pub notices: Vec<NoticeHistory>,
}

/// Orders of one merchant, both ends included.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The merchant.
    pub mch_id: MchId,
    /// The first id.
    pub first: Id,
    /// The last id.
    pub last: Id,
}

impl Stretch {
    fn values(self) -> Vec<crate::Value> {
        vec![self.mch_id.into(), self.first.into(), self.last.into()]
    }
}
