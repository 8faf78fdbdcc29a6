//! Which migrations a database has not seen, and running them. Several processes may begin at once: the
//! engine lets one run them, and the others find nothing left to do.

use std::path::Path;

use crate::db::postgres::{self, Whole};
use crate::db::{MIGRATIONS, sqlite, sqlite_file, too_new};
use crate::{Database, Store, StoreError};

/// A migration that has not run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Its number: the schema's when it has run.
    pub number: usize,
    /// What it runs, in the engine's words.
    pub statements: Vec<String>,
}

/// Where a database stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The schema's number; 0 if there is none.
    pub schema: usize,
    /// What would run.
    pub pending: Vec<Pending>,
}

/// What [`migrate`] would do. Nothing is written, and no file is made.
///
/// # Errors
/// The database cannot be read, or a later version wrote its schema.
pub fn plan(database: &Database) -> Result<Plan, StoreError> {
    let statements: fn(usize) -> Vec<String> = match database {
        Database::Sqlite(_) => sqlite::migration,
        Database::Postgres(_) => postgres::migration,
    };
    let schema = schema(database)?;
    let pending = (schema + 1..=MIGRATIONS.len())
        .map(|number| Pending { number, statements: statements(number) });
    Ok(Plan { schema, pending: pending.collect() })
}

/// Brings the schema up to date; says what had not run before.
///
/// # Errors
/// See [`StoreError`]: nothing was changed.
pub fn migrate(database: &Database) -> Result<Plan, StoreError> {
    let plan = plan(database)?;
    drop(Store::open(database)?);
    Ok(plan)
}

/// The number of a database's schema, if this program knows it.
pub(super) fn schema(database: &Database) -> Result<usize, StoreError> {
    let schema = match database {
        Database::Sqlite(path) => schema_of_file(path)?,
        Database::Postgres(url) => Whole::open(url)?.schema()?,
    };
    if schema > MIGRATIONS.len() { Err(too_new(schema)) } else { Ok(schema) }
}

/// The number of a file's schema; 0 if there is no file, or nothing in it.
pub(super) fn schema_of_file(path: &Path) -> Result<usize, StoreError> {
    let is_empty = path.metadata().map_or(true, |found| found.len() == 0);
    if is_empty { Ok(0) } else { sqlite_file::schema(path) }
}
