//! Orders that somebody must look at: the sweeper takes those that are due, on a lease, and puts
//! each off until it is settled. A sweeper that dies loses its leases, not the orders.

use kernel::id::{Id, MchId};
use kernel::time::Timestamp;

use crate::batch::{Batch, Statement};
use crate::{Store, StoreError};

/// Takes the orders that are due, the longest waiting first; no other sweeper sees them before the
/// lease ends. An id is unique across merchants, so it alone names the row.
pub(crate) const CLAIM: &str = "update orders set sweep_at = $2 where id in
(select id from orders where sweep_at <= $1 order by sweep_at limit $3)
returning mch_id, id";

/// Puts an order off, or takes it off the list, unless its lease was lost or the order was settled
/// meanwhile: then whoever did so has decided when it is due.
const PUT_OFF: &str = "update orders set sweep_at = $4, sweeps = $5
where mch_id = $1 and id = $2 and sweep_at = $3";

/// Makes an order due, whoever holds a lease on it: something new was heard of it.
const HASTEN: &str = "update orders set sweep_at = $3 where mch_id = $1 and id = $2";

/// When the next order is due.
const NEXT: &str = "select min(sweep_at) from orders where sweep_at is not null";

/// An order that a sweeper has taken.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Sweep {
    /// The merchant.
    pub mch_id: MchId,
    /// The order.
    pub order_id: Id,
    /// Until when no other sweeper takes it.
    pub lease_until: Timestamp,
}

/// Whose turn it is, for how long, and how many at most.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// What is due now or before.
    pub now: Timestamp,
    /// Until when nobody else takes it: later than the work can last.
    pub lease_until: Timestamp,
    /// At most so many rows.
    pub limit: i64,
}

/// Takes the orders that are due.
///
/// # Errors
/// See [`StoreError`].
pub async fn claim(store: &Store, claim: Claim) -> Result<Vec<Sweep>, StoreError> {
    let values = vec![claim.now.into(), claim.lease_until.into(), claim.limit.into()];
    let taken = store.write(Batch::guarded(Statement::new(CLAIM, values))).await?.into_rows();
    let sweep = |mut row: crate::Row| {
        let (mch_id, order_id) = (row.mch_id()?, row.id()?);
        Ok(Sweep { mch_id, order_id, lease_until: claim.lease_until })
    };
    taken.into_iter().map(sweep).collect()
}

/// Puts the order off until `sweep_at` (`None`: nothing about it is in doubt) after it was looked at
/// `sweeps` times; missed if the lease is no longer held.
pub fn put_off(sweep: Sweep, sweep_at: Option<Timestamp>, sweeps: i64) -> Batch {
    let values = vec![
        sweep.mch_id.into(),
        sweep.order_id.into(),
        sweep.lease_until.into(),
        sweep_at.into(),
        sweeps.into(),
    ];
    Batch::guarded(Statement::of_one_row(PUT_OFF, values))
}

/// Makes the order due at `at`; missed if there is no such order.
pub fn hasten(mch_id: MchId, order_id: Id, at: Timestamp) -> Batch {
    Batch::guarded(Statement::new(HASTEN, vec![mch_id.into(), order_id.into(), at.into()]))
}

/// When the next order is due; `None` if none is in doubt.
///
/// # Errors
/// See [`StoreError`].
pub async fn next_at(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    Ok(store.row(NEXT, Vec::new(), |row| row.maybe_time()).await?.flatten())
}
