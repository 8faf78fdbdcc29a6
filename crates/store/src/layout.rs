//! How a database is laid out to grow past one table, or past one server.

use crate::database::Database;
use crate::db::postgres::{Target, partition};
use crate::{StoreError, db};

/// What the growing tables become.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Layout {
    /// So many partitions on this server, by a hash of the merchant.
    Partitions(u16),
    /// So many shards over the nodes of a Citus cluster, and a copy of each small table on every node.
    Shards(u16),
}

/// A table that is laid out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Laid {
    /// The table.
    pub table: &'static str,
    /// Its rows, all of which were moved.
    pub rows: u64,
    /// Whether it was so before, and nothing was done.
    pub was_so: bool,
}

/// Brings a database up to date and lays it out; `tell` hears of each table as it is done. What failed
/// in the middle goes on when it is asked for again.
///
/// # Errors
/// See [`StoreError`]: SQLite has no layout, and shards need Citus.
pub async fn lay_out(
    database: &Database,
    layout: Layout,
    tell: &mut (dyn FnMut(Laid) + Send),
) -> Result<(), StoreError> {
    let Database::Postgres(url) = database else {
        return Err(StoreError::Unavailable(
            "SQLite keeps everything in one file, which has no partitions: move to PostgreSQL first \
             (jubao admin move)"
                .into(),
        ));
    };
    let target = Target::read(url.expose()).map_err(StoreError::Unavailable)?;
    let laid = partition::lay_out(&target, layout, tell).await;
    laid.map_err(db::postgres::into_store_error)
}
