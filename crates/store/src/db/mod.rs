//! What engines have in common: the list of migrations. How an engine runs statements is its own
//! module's business, and nothing outside this folder knows an engine.

pub(crate) mod postgres;
pub(crate) mod seeded;
pub(crate) mod sqlite;
mod sqlite_fault;
pub(crate) mod sqlite_file;

use crate::StoreError;
use crate::batch::Row;

/// What a statement did.
pub(crate) struct Effect {
    /// Rows changed, or returned.
    pub(crate) count: usize,
    /// The rows returned.
    pub(crate) rows: Vec<Row>,
}

/// Tables whose rows are never changed or deleted, and the migration that creates each.
pub(crate) const APPEND_ONLY: [(usize, &str); 3] =
    [(1, "ledger_entries"), (1, "audit"), (1, "order_events")];

/// Every migration, in order; the schema's number is how many have run. Migrations only add: an old
/// one is never edited once a release has carried it.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_foundation.sql"),
    include_str!("../../migrations/0002_notice_lanes.sql"),
    include_str!("../../migrations/0003_refunds.sql"),
    include_str!("../../migrations/0004_surplus.sql"),
    include_str!("../../migrations/0005_once.sql"),
    include_str!("../../migrations/0006_lists.sql"),
    include_str!("../../migrations/0007_users.sql"),
    include_str!("../../migrations/0008_ends_of_reversals.sql"),
    include_str!("../../migrations/0009_nodes.sql"),
    include_str!("../../migrations/0010_login_addresses.sql"),
];

/// Where the schema's number is kept, created before the first migration.
pub(crate) const CREATE_META: &str = "create table if not exists meta (
    name text not null,
    value text not null,
    primary key (name)
)";

/// Reads the schema's number.
pub(crate) const SCHEMA: &str = "select value from meta where name = 'schema'";

/// Writes the schema's number, in the transaction of the migrations.
pub(crate) const SET_SCHEMA: &str = "insert into meta (name, value) values ('schema', $1)
on conflict (name) do update set value = excluded.value";

/// What the schema's number is called.
pub(crate) const SCHEMA_NAME: &str = "schema";

/// Whether the store is being moved to another engine, or was: then it is not opened.
pub(crate) const MOVING: &str = "select value from meta where name = 'moving'";

/// A table, as its engine tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: String,
    /// The columns of its key, in their order.
    pub(crate) key: Vec<String>,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is `text`; else it is `bigint`.
    pub(crate) is_text: bool,
}

/// Why a store is not opened that is being moved, or was.
pub(crate) fn moving(mark: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "it is moving {mark}, and not to be used: `jubao admin move` ends what was begun"
    ))
}

/// Why a database is not opened that a later version wrote.
pub(crate) fn too_new(has: usize) -> StoreError {
    StoreError::Unavailable(format!(
        "the database has schema {has}, this program knows schemas up to {}: start the version that \
         wrote it, or a later one",
        MIGRATIONS.len()
    ))
}

/// The names of the unique indexes that migrations make.
pub(crate) fn unique_indexes() -> Vec<&'static str> {
    let made = MIGRATIONS.iter().flat_map(|sql| sql.split("create unique index ").skip(1));
    made.filter_map(|rest| rest.split_whitespace().next()).collect()
}
