//! Exchange rates as accounts told them, shared by every process: so an upstream is asked once a day.

use kernel::id::{Id, MchId};
use kernel::time::Timestamp;

use crate::batch::{Batch, Row, Statement};
use crate::{Store, StoreError};

/// What an account told.
const FIND: &str = "select mch_id, account_id, account_version, rev, rates, fault, failures, ask_at
from exchange_rates where mch_id = $1 and account_id = $2";

/// Keeps what an account told, unless another process was faster.
const KEEP: &str = "insert into exchange_rates
(mch_id, account_id, account_version, rev, rates, fault, failures, ask_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (mch_id, account_id) do update set account_version = excluded.account_version,
rev = excluded.rev, rates = excluded.rates, fault = excluded.fault, failures = excluded.failures,
ask_at = excluded.ask_at where exchange_rates.rev = excluded.rev - 1";

/// What an account told, or why it did not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RatesRow {
    /// Whose account.
    pub mch_id: MchId,
    /// Which.
    pub account_id: Id,
    /// Under which settings it was asked.
    pub account_version: i64,
    /// Counts what was kept; one more than that of the row that was read.
    pub rev: i64,
    /// JSON text of the rates; empty if there are none.
    pub rates: String,
    /// JSON text of why there are none; empty if there are.
    pub fault: String,
    /// Failures on end.
    pub failures: i64,
    /// When it may be asked again.
    pub ask_at: Timestamp,
}

/// What an account told last.
///
/// # Errors
/// See [`StoreError`].
pub async fn find(
    store: &Store,
    mch_id: MchId,
    account_id: Id,
) -> Result<Option<RatesRow>, StoreError> {
    store.row(FIND, vec![mch_id.into(), account_id.into()], read).await
}

/// Keeps what an account told; missed if another process has kept something since it was read.
pub fn keep(row: &RatesRow) -> Batch {
    let values = vec![
        row.mch_id.into(),
        row.account_id.into(),
        row.account_version.into(),
        row.rev.into(),
        (&row.rates).into(),
        (&row.fault).into(),
        row.failures.into(),
        row.ask_at.into(),
    ];
    Batch::guarded(Statement::of_one_row(KEEP, values))
}

fn read(row: &mut Row) -> Result<RatesRow, StoreError> {
    Ok(RatesRow {
        mch_id: row.mch_id()?,
        account_id: row.id()?,
        account_version: row.int()?,
        rev: row.int()?,
        rates: row.text()?,
        fault: row.text()?,
        failures: row.int()?,
        ask_at: row.time()?,
    })
}
