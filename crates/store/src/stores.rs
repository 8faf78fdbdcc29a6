//! A merchant's shops: an order may name the one that it was placed for.

use kernel::id::MchId;

use crate::batch::{Batch, Row, Statement};
use crate::{Store, StoreError};

/// Adds a shop; an existing number is missed.
pub(crate) const INSERT: &str = "insert into stores (mch_id, store_id, name) values ($1, $2, $3)
on conflict (mch_id, store_id) do nothing";

/// Whether the merchant has the shop: a request may name only those.
const EXISTS: &str = "select store_id from stores where mch_id = $1 and store_id = $2";

/// The merchant's shops.
pub(crate) const OF_MERCHANT: &str =
    "select store_id, name from stores where mch_id = $1 order by store_id";

/// A shop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shop {
    /// Its number within the merchant; above 0.
    pub store_id: i64,
    /// Its name.
    pub name: String,
}

/// Adds `shop`; missed if the merchant has that number.
pub fn add(mch_id: MchId, shop: &Shop) -> Batch {
    Batch::guarded(insert(mch_id, shop))
}

/// Whether the merchant has shop `store_id`.
///
/// # Errors
/// See [`StoreError`].
pub async fn exists(store: &Store, mch_id: MchId, store_id: i64) -> Result<bool, StoreError> {
    let found = store.row(EXISTS, vec![mch_id.into(), store_id.into()], |row| row.int()).await?;
    Ok(found.is_some())
}

/// The merchant's shops, by number.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_merchant(store: &Store, mch_id: MchId) -> Result<Vec<Shop>, StoreError> {
    store.rows(OF_MERCHANT, vec![mch_id.into()], read).await
}

pub(crate) fn read(row: &mut Row) -> Result<Shop, StoreError> {
    Ok(Shop { store_id: row.int()?, name: row.text()? })
}

pub(crate) fn insert(mch_id: MchId, shop: &Shop) -> Statement {
    Statement::of_one_row(INSERT, vec![mch_id.into(), shop.store_id.into(), (&shop.name).into()])
}
