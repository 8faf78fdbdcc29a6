//! The ids of rows that a process makes while it runs.

use kernel::id::Id;

use crate::{Store, StoreError};

/// The largest of them, so that a process that starts makes larger ones, although the one before it
/// made no order in its last second. Each part is the end of a primary key.
const NEWEST: &str = "select max(id) from (select max(id) as id from orders
union all select max(id) from refunds union all select max(id) from notices
union all select max(id) from messages union all select max(id) from users) as newest";

/// The newest id of an order, a refund, a notice, a message or a user; `None` if there is none of these.
///
/// # Errors
/// See [`StoreError`].
pub async fn newest(store: &Store) -> Result<Option<Id>, StoreError> {
    Ok(store.row(NEWEST, Vec::new(), |row| row.maybe_int()).await?.flatten().map(Id))
}
