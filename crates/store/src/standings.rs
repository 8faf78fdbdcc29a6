//! An order with its attempts and refunds, read at once: what decides what may become of it.

use kernel::id::{Id, MchId};
use kernel::order::{Attempt, AttemptState, Order};
use kernel::refund::Refund;

use crate::{Reader, Row, Store, StoreError, attempts, orders, refunds};

/// Where an order stands. Whatever changes with it, its refunds among that, changes its revision in the same
/// transaction.
const REV: &str = "select rev from orders where mch_id = $1 and id = $2";

/// What names an order of a merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// Our own number's id.
    Id(Id),
    /// The merchant's number.
    OutTradeNo(String),
    /// An upstream's number.
    TransactionId(String),
}

/// An order and all that hangs on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The order.
    pub order: Order,
    /// Its attempts, by number.
    pub attempts: Vec<Attempt>,
    /// Its refunds, the oldest first.
    pub refunds: Vec<Refund>,
}

impl Standing {
    /// Attempts that money may still come through.
    pub fn live(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.state.is_live())
    }

    /// Attempts that have ended unpaid. What an upstream did not know when it was asked to close it (a
    /// code nobody had scanned, a page nobody had opened) can be paid until it expires; and where a
    /// placing was refused, one that was sent beside it may have been taken.
    pub fn ended(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.state.has_ended_unpaid())
    }

    /// The attempt of that number.
    pub fn attempt(&self, no: i64) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.no == no)
    }
}

/// The merchant's order of that name.
///
/// # Errors
/// See [`StoreError`].
pub async fn find(
    store: &Store,
    mch_id: MchId,
    which: Which,
) -> Result<Option<Standing>, StoreError> {
    store.read(async move |reader| read(reader, mch_id, which).await).await
}

async fn read(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    which: Which,
) -> Result<Option<Standing>, StoreError> {
    let order = match which {
        Which::Id(id) => orders::read_one(reader, mch_id, id).await?,
        Which::OutTradeNo(number) => orders::find_by_number(reader, mch_id, &number).await?,
        Which::TransactionId(number) => orders::find_by_transaction(reader, mch_id, number).await?,
    };
    let Some(mut order) = order else { return Ok(None) };
    // Each statement sees what is committed when it runs: what hangs on an order that has moved meanwhile
    // is not what hung on it, and both together were never true.
    loop {
        let standing = with_what_hangs_on_it(reader, order).await?;
        let Order { id, rev, .. } = standing.order;
        if rev_of(reader, mch_id, id).await? == Some(rev) {
            return Ok(Some(standing));
        }
        let Some(moved) = orders::read_one(reader, mch_id, id).await? else { return Ok(None) };
        order = moved;
    }
}

async fn rev_of(reader: &mut Reader<'_>, mch_id: MchId, id: Id) -> Result<Option<i64>, StoreError> {
    let mut rows = reader.run(REV, &[mch_id.into(), id.into()]).await?.rows;
    rows.first_mut().map(Row::int).transpose()
}

/// An order that no money has come for has no refunds.
async fn with_what_hangs_on_it(
    reader: &mut Reader<'_>,
    order: Order,
) -> Result<Standing, StoreError> {
    let attempts = attempts::find_of_order(reader, order.mch_id, order.id).await?;
    let is_surplus = |attempt: &Attempt| attempt.state == AttemptState::Surplus;
    let has_money = order.payment.is_some() || attempts.iter().any(is_surplus);
    let refunds = match has_money {
        true => refunds::find_of_order(reader, order.mch_id, order.id).await?,
        false => Vec::new(),
    };
    Ok(Standing { order, attempts, refunds })
}
