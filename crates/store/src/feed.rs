//! The feed of a merchant's events: written with the change that each tells of, read behind a number.
//!
//! Row ids cannot be read behind: they are allotted before they are committed, so a reader that goes on
//! behind the newest it saw would miss what is committed later under a smaller one. The number of an
//! event is allotted by the transaction that writes it, under the lock of the merchant's row of
//! `feed_heads`, which is held until that transaction ends: whoever sees a number sees all before it,
//! and a transaction that fails leaves no gap.

use kernel::dialect::{members, notice};
use kernel::feed::{EventType, FeedEvent};
use kernel::id::MchId;
use kernel::refund::{Refund, RefundCause};
use kernel::scheme::Signing;

use crate::batch::{Row, Statement};
use crate::orders::Change;
use crate::{Store, StoreError};

/// Counts one more event of the merchant, and keeps others from counting until this is committed.
pub(crate) const COUNT: &str = "insert into feed_heads (mch_id, seq) values ($1, 1)
on conflict (mch_id) do update set seq = feed_heads.seq + 1";

/// Adds the event that was counted.
pub(crate) const INSERT: &str =
    "insert into feed (mch_id, seq, event_type, order_id, sign_form, facts, at)
values ($1, (select seq from feed_heads where mch_id = $1), $2, $3, $4, $5, $6)";

/// The events behind a number.
pub(crate) const AFTER: &str = "select mch_id, seq, event_type, order_id, sign_form, facts, at
from feed where mch_id = $1 and seq > $2 order by seq limit $3 + 0";

/// The newest event's number.
const HEAD: &str = "select seq from feed_heads where mch_id = $1";

/// The merchant's events behind number `after`, the oldest first, as many as `limit`.
///
/// # Errors
/// See [`StoreError`].
pub async fn after(
    store: &Store,
    mch_id: MchId,
    after: i64,
    limit: i64,
) -> Result<Vec<FeedEvent>, StoreError> {
    store.rows(AFTER, vec![mch_id.into(), after.into(), limit.into()], read).await
}

/// The number of the merchant's newest event; 0 if there is none.
///
/// # Errors
/// See [`StoreError`].
pub async fn head(store: &Store, mch_id: MchId) -> Result<i64, StoreError> {
    let found = store.row(HEAD, vec![mch_id.into()], |row| row.int()).await?;
    Ok(found.unwrap_or(0))
}

/// What a change tells: first of its refunds, then of its order. What was never the merchant's, and
/// what he reversed, is no refund of his.
pub(crate) fn of_change(change: &Change) -> Vec<Statement> {
    let refunds = change.refunds.iter().map(|(refund, _)| refund);
    let refunds = refunds.filter(|refund| refund.cause == RefundCause::Merchant);
    let of_refunds = refunds.filter_map(|refund| {
        let event_type = EventType::of_refund(refund.state)?;
        Some(add(change, event_type, refund_facts(change, refund)))
    });
    let has_moved = change.order.state != change.from;
    let of_order = EventType::of_order(change.order.state)
        .filter(|_| has_moved)
        .map(|event_type| add(change, event_type, members::object(&notice::facts(&change.order))));
    of_refunds.chain(of_order).flatten().collect()
}

fn refund_facts(change: &Change, refund: &Refund) -> String {
    members::object(&notice::refund_facts(&change.order, refund))
}

fn add(change: &Change, event_type: EventType, facts: String) -> [Statement; 2] {
    let order = &change.order;
    let values = vec![
        order.mch_id.into(),
        event_type.word().into(),
        order.id.into(),
        order.sign_form.word().into(),
        facts.into(),
        change.at.into(),
    ];
    [Statement::of_one_row(COUNT, vec![order.mch_id.into()]), Statement::of_one_row(INSERT, values)]
}

pub(crate) fn read(row: &mut Row) -> Result<FeedEvent, StoreError> {
    Ok(FeedEvent {
        mch_id: row.mch_id()?,
        seq: row.int()?,
        event_type: row.word(EventType::from_word)?,
        order_id: row.id()?,
        sign_form: row.word(Signing::from_word)?,
        facts: row.text()?,
        at: row.time()?,
    })
}
