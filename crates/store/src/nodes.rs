//! The numbers that processes make ids under, leased so that each has its own.
//!
//! A lease is a stretch of seconds: its holder may make the ids of those seconds under its number, and
//! whoever holds the number next begins behind them. So what keeps ids apart is a row, not a clock: a
//! process that stood still, or whose clock is wrong, makes ids of its own stretch or none. When others
//! may take the number is another question, and only that one is asked of clocks.

use kernel::time::Timestamp;

use crate::batch::{Batch, Row, Statement, Value};
use crate::{Store, StoreError};

/// Takes a number that nobody holds: the one that was used least lately, so that ids keep to the clock.
/// The stretch begins behind what was used, and ends no sooner than some seconds from now.
pub(crate) const TAKE_FREE: &str =
    "update nodes set holder = $1, epoch = epoch + 1, used_before = used_until,
used_until = case when used_until < $3 then $3 else used_until end + $4, lease_until = $5
where no = (select no from nodes where lease_until <= $2 order by used_until, no limit 1)
returning no, epoch, used_before, used_until";

/// Takes that number, whoever holds it: an operator has given it to this process.
const TAKE: &str = "update nodes set holder = $1, epoch = epoch + 1, used_before = used_until,
used_until = case when used_until < $2 then $2 else used_until end + $3, lease_until = $4
where no = $5 returning no, epoch, used_before, used_until";

/// Lengthens the stretch, if nobody else has taken the number.
const RENEW: &str =
    "update nodes set used_until = case when used_until < $4 then $4 else used_until end,
lease_until = $5 where no = $1 and holder = $2 and epoch = $3
returning no, epoch, used_before, used_until";

/// Gives the number back, with what was not used of the stretch.
const GIVE_BACK: &str = "update nodes set holder = '', lease_until = 0,
used_until = case when used_until < $4 then used_until else $4 end
where no = $1 and holder = $2 and epoch = $3";

/// What the store's own clock says. An embedded store has none but this machine's.
pub(crate) const CLOCK: &str = "select null";

/// How far a holder's stretch reaches, and when others may take its number.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// The store's time.
    pub now: Timestamp,
    /// When others may take the number.
    pub lease_until: Timestamp,
    /// The second from which ids are to be made.
    pub from_s: i64,
    /// Seconds of the stretch from there on.
    pub seconds: i64,
}

/// A number that is held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeLease {
    /// The number.
    pub no: i64,
    /// Who holds it: random, so that no two are alike.
    pub holder: String,
    /// Counts those who have held the number.
    pub epoch: i64,
    /// The last second that an earlier holder may have used.
    pub used_before: i64,
    /// The last second of the stretch.
    pub used_until: i64,
}

/// The store's own time; `None` where it is this machine's.
///
/// # Errors
/// See [`StoreError`].
pub async fn clock(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    Ok(store.row(CLOCK, Vec::new(), |row| row.maybe_time()).await?.flatten())
}

/// Takes a number: the one that is `wanted`, whoever holds it, or one that nobody holds. `None` if all
/// are held.
///
/// # Errors
/// See [`StoreError`].
pub async fn take(
    store: &Store,
    holder: &str,
    wanted: Option<u32>,
    term: Term,
) -> Result<Option<NodeLease>, StoreError> {
    let stretch: [Value; 3] = [term.from_s.into(), term.seconds.into(), term.lease_until.into()];
    let mut values: Vec<Value> = vec![holder.to_owned().into()];
    let sql = match wanted {
        Some(no) => {
            values.extend(stretch);
            values.push(i64::from(no).into());
            TAKE
        }
        None => {
            values.push(term.now.into());
            values.extend(stretch);
            TAKE_FREE
        }
    };
    held(store, Statement::new(sql, values), holder).await
}

/// Lengthens a lease; `None` if another process holds the number now. What was leased before stays the
/// holder's own either way.
///
/// # Errors
/// See [`StoreError`].
pub async fn renew(
    store: &Store,
    lease: &NodeLease,
    term: Term,
) -> Result<Option<NodeLease>, StoreError> {
    let mut values = key(lease);
    values.extend([(term.from_s + term.seconds).into(), term.lease_until.into()]);
    held(store, Statement::new(RENEW, values), &lease.holder).await
}

/// Gives a number back whose last id lies in second `used_until`, or before it; missed if another
/// process holds it now.
pub fn give_back(lease: &NodeLease, used_until: i64) -> Batch {
    let mut values = key(lease);
    values.push(used_until.max(lease.used_before).into());
    Batch::guarded(Statement::new(GIVE_BACK, values))
}

fn key(lease: &NodeLease) -> Vec<Value> {
    vec![lease.no.into(), (&lease.holder).into(), lease.epoch.into()]
}

async fn held(
    store: &Store,
    statement: Statement,
    holder: &str,
) -> Result<Option<NodeLease>, StoreError> {
    let taken = store.write(Batch::guarded(statement)).await?.into_rows();
    let read = |mut row: Row| {
        Ok(NodeLease {
            no: row.int()?,
            holder: holder.to_owned(),
            epoch: row.int()?,
            used_before: row.int()?,
            used_until: row.int()?,
        })
    };
    taken.into_iter().next().map(read).transpose()
}
