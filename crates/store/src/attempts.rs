//! The times that upstreams were asked to take an order's money. Written with the order's changes
//! (`orders::place`, `orders::settle`), never by themselves.

use kernel::id::{Id, MchId};
use kernel::order::{Attempt, AttemptState};
use kernel::product::Product;

use crate::batch::{Row, Statement};
use crate::{Reader, Store, StoreError};

/// Adds an attempt; its number is never used twice.
pub(crate) const INSERT: &str = "insert into attempts
(mch_id, order_id, no, product, account_id, account_version, state, rev, pay_text, transaction_id,
created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Changes what can change of the attempt that was read.
pub(crate) const UPDATE: &str =
    "update attempts set state = $5, pay_text = $6, transaction_id = $7,
rev = rev + 1
where mch_id = $1 and order_id = $2 and no = $3 and rev = $4";

/// An order's attempts.
const OF_ORDER: &str = "select mch_id, order_id, no, product, account_id, account_version, state,
rev, pay_text, transaction_id, created_at from attempts where mch_id = $1 and order_id = $2 order by no";

/// The order's attempts, by number.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_order(
    store: &Store,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<Attempt>, StoreError> {
    store.rows(OF_ORDER, vec![mch_id.into(), order_id.into()], read).await
}

/// The order's attempts, by number, within a read.
pub(crate) async fn find_of_order(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<Attempt>, StoreError> {
    let rows = reader.run(OF_ORDER, &[mch_id.into(), order_id.into()]).await?.rows;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

pub(crate) fn insert(attempt: &Attempt) -> Statement {
    let values = vec![
        attempt.mch_id.into(),
        attempt.order_id.into(),
        attempt.no.into(),
        attempt.product.info().channel_id.into(),
        attempt.account_id.into(),
        attempt.account_version.into(),
        attempt.state.word().into(),
        attempt.rev.into(),
        (&attempt.pay_text).into(),
        (&attempt.transaction_id).into(),
        attempt.created_at.into(),
    ];
    Statement::of_one_row(INSERT, values)
}

/// Writes the new `attempt` over revision `expected_rev`.
pub(crate) fn update(attempt: &Attempt, expected_rev: i64) -> Statement {
    let values = vec![
        attempt.mch_id.into(),
        attempt.order_id.into(),
        attempt.no.into(),
        expected_rev.into(),
        attempt.state.word().into(),
        (&attempt.pay_text).into(),
        (&attempt.transaction_id).into(),
    ];
    Statement::of_one_row(UPDATE, values)
}

pub(crate) fn read(row: &mut Row) -> Result<Attempt, StoreError> {
    Ok(Attempt {
        mch_id: row.mch_id()?,
        order_id: row.id()?,
        no: row.int()?,
        product: row.number(Product::from_channel_id)?,
        account_id: row.id()?,
        account_version: row.int()?,
        state: row.word(AttemptState::from_word)?,
        rev: row.int()?,
        pay_text: row.text()?,
        transaction_id: row.text()?,
        created_at: row.time()?,
    })
}
