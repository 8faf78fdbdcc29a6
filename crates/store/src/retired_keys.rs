//! Keys before the one before: where an application's key changes again before an overlap has ended, the
//! older keys stay valid as long as was said when they were replaced. They arrive and leave sealed.

use kernel::id::{AppId, MchId};
use kernel::time::Timestamp;

use crate::batch::Statement;
use crate::{Store, StoreError};

/// Keeps a key that gives its place as the previous one away.
const INSERT: &str = "insert into retired_keys (mch_id, app_id, rev, key_sealed, valid_until)
values ($1, $2, $3, $4, $5)";

/// Those that still count, the newest first.
const VALID: &str = "select key_sealed, valid_until from retired_keys
where mch_id = $1 and app_id = $2 and valid_until > $3 order by rev desc limit $4";

/// Forgets those whose time is over.
const FORGET: &str =
    "delete from retired_keys where mch_id = $1 and app_id = $2 and valid_until <= $3";

/// Forgets all.
const END_ALL: &str = "delete from retired_keys where mch_id = $1 and app_id = $2";

/// Keys of one application that may overlap; more are refused when a key is rotated.
pub const RETIRED_MAX: usize = 64;

/// The application's earlier keys that count at `now`, sealed, each with its end.
///
/// # Errors
/// See [`StoreError`].
pub async fn valid(
    store: &Store,
    (mch_id, app_id): (MchId, AppId),
    now: Timestamp,
) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let limit = i64::try_from(RETIRED_MAX).unwrap_or(i64::MAX);
    let values = vec![mch_id.into(), app_id.into(), now.into(), limit.into()];
    store.rows(VALID, values, |row| Ok((row.text()?, row.time()?))).await
}

/// Keeps the key that was the previous one at revision `rev`; rides with the rotation.
pub fn insert(
    (mch_id, app_id): (MchId, AppId),
    rev: i64,
    (key_sealed, until): &(String, Timestamp),
) -> Statement {
    let values = vec![mch_id.into(), app_id.into(), rev.into(), key_sealed.into(), (*until).into()];
    Statement::of_one_row(INSERT, values)
}

/// Ends every earlier key but the previous one; rides with the rotation.
pub fn end_all((mch_id, app_id): (MchId, AppId)) -> Statement {
    Statement::new(END_ALL, vec![mch_id.into(), app_id.into()])
}

/// Forgets the application's earlier keys whose time is over at `now`; rides with the rotation.
pub fn forget((mch_id, app_id): (MchId, AppId), now: Timestamp) -> Statement {
    Statement::new(FORGET, vec![mch_id.into(), app_id.into(), now.into()])
}
