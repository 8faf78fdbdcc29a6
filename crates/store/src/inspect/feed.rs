//! A merchant's feed with what each event tells of.

use kernel::feed::FeedEvent;
use kernel::id::MchId;

use crate::batch::Row;
use crate::{Store, StoreError, feed};

/// Events that one statement reads.
const PAGE: i64 = 500;

/// Events with the order that each tells of, and how many changes of it were written at that moment: an
/// event travels with its change, so both have the same instant.
const AFTER: &str = "select f.mch_id, f.seq, f.event_type, f.order_id, f.sign_form, f.facts, f.at,
o.out_trade_no, o.total_fee, (select count(*) from order_events e
where e.mch_id = f.mch_id and e.order_id = f.order_id and e.at = f.at)
from feed f left join orders o on o.mch_id = f.mch_id and o.id = f.order_id
where f.mch_id = $1 and f.seq > $2 order by f.seq limit $3 + 0";

/// How far the merchant's events are counted, and the last one that there is, at one instant.
const ENDS: &str = "select (select seq from feed_heads where mch_id = $1),
(select max(seq) from feed where mch_id = $1)";

/// An event and what it tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedLink {
    /// The event.
    pub event: FeedEvent,
    /// The order's number and amount; `None` if there is no such order.
    pub order: Option<(String, i64)>,
    /// Whether the order's history has a change of that moment.
    pub has_change: bool,
}

/// How far a feed goes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FeedEnds {
    /// The newest number that was counted; 0 if none was.
    pub counted: i64,
    /// The newest event's number; 0 if there is none.
    pub newest: i64,
}

/// The merchant's events behind number `seq`, the oldest first, as many as a page holds.
///
/// # Errors
/// See [`StoreError`].
pub async fn feed_after(
    store: &Store,
    mch_id: MchId,
    seq: i64,
) -> Result<Vec<FeedLink>, StoreError> {
    store.rows(AFTER, vec![mch_id.into(), seq.into(), PAGE.into()], read).await
}

/// How far the merchant's feed goes.
///
/// # Errors
/// See [`StoreError`].
pub async fn feed_ends(store: &Store, mch_id: MchId) -> Result<FeedEnds, StoreError> {
    let ends = |row: &mut Row| {
        let (counted, newest) = (row.maybe_int()?, row.maybe_int()?);
        Ok(FeedEnds { counted: counted.unwrap_or(0), newest: newest.unwrap_or(0) })
    };
    let found = store.row(ENDS, vec![mch_id.into()], ends).await?;
    Ok(found.unwrap_or(FeedEnds { counted: 0, newest: 0 }))
}

fn read(row: &mut Row) -> Result<FeedLink, StoreError> {
    let event = feed::read(row)?;
    let (number, fee) = (row.maybe_text()?, row.maybe_int()?);
    Ok(FeedLink { event, order: number.zip(fee), has_change: row.int()? > 0 })
}
