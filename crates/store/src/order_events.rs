//! An order's history: one row for each revision, never changed, never deleted, without gaps.

use kernel::id::{Id, MchId};
use kernel::order::Order;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use crate::batch::{Row, Statement};
use crate::{Store, StoreError};

/// The event that begins every history.
pub const PLACED: &str = "placed";

/// The first row of a history: there is no state that it came from.
pub(crate) const BEGIN: &str = "insert into order_events
(mch_id, order_id, rev, from_state, to_state, event, batch_id, at)
values ($1, $2, $3, '', $4, $5, $6, $7)";

/// The next row: what it came from is what the row before came to, so that the history cannot
/// contradict itself; without a row before there is none. An `insert … select` from the table itself
/// would have SQLite fill a table in between each time.
pub(crate) const CONTINUE: &str = "insert into order_events
(mch_id, order_id, rev, from_state, to_state, event, batch_id, at)
values ($1, $2, cast($3 as bigint) + 1,
(select to_state from order_events where mch_id = $1 and order_id = $2 and rev = $3),
$4, $5, $6, $7)";

/// An order's history.
const OF_ORDER: &str = "select rev, from_state, to_state, event, batch_id, at from order_events
where mch_id = $1 and order_id = $2 order by rev";

/// A row of an order's history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderEvent {
    /// The order's revision after it.
    pub rev: i64,
    /// The state before; `None` when the order was placed.
    pub from: Option<TradeState>,
    /// The state after.
    pub to: TradeState,
    /// What happened.
    pub event: String,
    /// The batch that wrote it: where it is found, that batch was committed.
    pub batch_id: i64,
    /// When.
    pub at: Timestamp,
}

/// The order's history, the oldest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_order(
    store: &Store,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<OrderEvent>, StoreError> {
    store.rows(OF_ORDER, vec![mch_id.into(), order_id.into()], read).await
}

/// The row for an order that was just placed; the order's own id stands for its batch.
pub(crate) fn begin(order: &Order) -> Statement {
    let values = vec![
        order.mch_id.into(),
        order.id.into(),
        order.rev.into(),
        order.state.word().into(),
        PLACED.into(),
        order.id.into(),
        order.created_at.into(),
    ];
    Statement::of_one_row(BEGIN, values)
}

/// What happened to an order, for its history.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) expected_rev: i64,
    pub(crate) event: &'a str,
    pub(crate) batch_id: i64,
    pub(crate) at: Timestamp,
}

/// The row that follows revision `step.expected_rev`.
pub(crate) fn follow(order: &Order, step: Step<'_>) -> Statement {
    let values = vec![
        order.mch_id.into(),
        order.id.into(),
        step.expected_rev.into(),
        order.state.word().into(),
        step.event.to_owned().into(),
        step.batch_id.into(),
        step.at.into(),
    ];
    Statement::of_one_row(CONTINUE, values)
}

pub(crate) fn read(row: &mut Row) -> Result<OrderEvent, StoreError> {
    let from_word = |word: &str| match word {
        "" => Some(None),
        word => TradeState::from_word(word).map(Some),
    };
    Ok(OrderEvent {
        rev: row.int()?,
        from: row.word(from_word)?,
        to: row.word(TradeState::from_word)?,
        event: row.text()?,
        batch_id: row.int()?,
        at: row.time()?,
    })
}
