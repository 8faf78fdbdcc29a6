//! Facts about the store itself, by name: its schema's number, the node's number.

use crate::batch::{Batch, Statement};
use crate::{Store, StoreError};

/// One fact.
pub(crate) const BY_NAME: &str = "select value from meta where name = $1";

/// Sets a fact, whatever it was.
pub(crate) const SET: &str = "insert into meta (name, value) values ($1, $2)
on conflict (name) do update set value = excluded.value";

/// Sets a fact unless it is set.
const ADD: &str = "insert into meta (name, value) values ($1, $2) on conflict (name) do nothing";

/// The value of `name`, if it was ever set.
///
/// # Errors
/// See [`StoreError`].
pub async fn value(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    store.row(BY_NAME, vec![name.to_owned().into()], |row| row.text()).await
}

/// Sets `name` to `value`.
pub fn set(name: &str, value: &str) -> Batch {
    let statement =
        Statement::of_one_row(SET, vec![name.to_owned().into(), value.to_owned().into()]);
    Batch { then: vec![statement], ..Batch::default() }
}

/// Sets `name` to `value` unless it has one: then it is missed.
pub fn add(name: &str, value: &str) -> Batch {
    Batch::guarded(Statement::of_one_row(
        ADD,
        vec![name.to_owned().into(), value.to_owned().into()],
    ))
}
