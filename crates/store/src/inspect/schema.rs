//! The guards that the schema itself is to have: unique indexes, and whatever keeps the books from
//! being changed. Without them what they promise is not promised any more.

use std::collections::BTreeSet;

use kernel::id::MchId;

use crate::batch::Row;
use crate::db::{self, postgres, sqlite};
use crate::{Engine, Store, StoreError};

/// Numbers that two orders have: only asked where the index that forbids it is gone, since it sorts all
/// of a merchant's orders.
const NUMBER_TWINS: &str = "select min(id), max(id) from orders where mch_id = $1
group by out_trade_no having count(*) > 1 order by 1 limit 100";

/// The names of guards that the schema should have and has not.
///
/// # Errors
/// See [`StoreError`].
pub async fn missing_guards(store: &Store) -> Result<Vec<String>, StoreError> {
    let (sql, triggers) = match &*store.engine {
        Engine::File(_) | Engine::Memory(_) => (sqlite::GUARDS, sqlite::triggers()),
        Engine::Postgres(_) => (postgres::GUARDS, postgres::triggers()),
    };
    let found = store.rows(sql, Vec::new(), |row| row.text()).await?;
    let found: BTreeSet<String> = found.into_iter().collect();
    let expected = db::unique_indexes().into_iter().map(str::to_owned).chain(triggers);
    Ok(expected.filter(|name| !found.contains(name)).collect())
}

/// Pairs of the merchant's orders that have one number.
///
/// # Errors
/// See [`StoreError`].
pub async fn number_twins(store: &Store, mch_id: MchId) -> Result<Vec<(i64, i64)>, StoreError> {
    let pair = |row: &mut Row| Ok((row.int()?, row.int()?));
    store.rows(NUMBER_TWINS, vec![mch_id.into()], pair).await
}
