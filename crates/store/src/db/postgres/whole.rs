//! A database of a server as a whole: a session of one's own, for work that an operator waits for.
//! Everything here blocks, and must not be called where futures run.

use tokio::runtime::Runtime;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

use super::connect::Target;
use super::fault::{Fault, fault};
use super::{migrate, session};
use crate::StoreError;
use crate::batch::Value;
use crate::database::PostgresUrl;
use crate::db::{SCHEMA, Table};

/// Whether the database is one of ours.
const HAS_META: &str = "select to_regclass('meta')::text";
/// Work on a whole database may take its time.
const PATIENCE: &str = "set statement_timeout = 0";

/// A session.
pub(crate) struct Whole {
    runtime: Runtime,
    client: Client,
}

impl Whole {
    /// Connects; the same servers are refused as for a store.
    pub(crate) fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let target = Target::read(url.expose())
            .map_err(|why| StoreError::Unavailable(format!("database: {why}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let client = runtime.block_on(target.connect()).map_err(Fault::into_store_error)?;
        let whole = Self { runtime, client };
        whole.run(PATIENCE)?;
        Ok(whole)
    }

    /// The number of the schema; 0 if there is none.
    pub(crate) fn schema(&self) -> Result<usize, StoreError> {
        if self.texts(HAS_META)?.is_empty() {
            return Ok(0);
        }
        match self.texts(SCHEMA)?.first() {
            None => Ok(0),
            Some(text) => {
                text.parse().map_err(|_| StoreError::Corrupt(format!("meta: schema is {text:?}")))
            }
        }
    }

    /// Brings the schema up to date.
    pub(crate) fn migrate(&mut self) -> Result<(), StoreError> {
        let migrated = self.runtime.block_on(migrate::migrate(&mut self.client));
        migrated.map_err(Fault::into_store_error)
    }

    /// Runs statements that have no values.
    pub(crate) fn run(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        done.map_err(|error| fault(&error, sql).into_store_error())
    }

    /// The rows that `sql` finds, or changes.
    pub(crate) fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>, StoreError> {
        let work = async {
            let plan = self.client.prepare(sql).await.map_err(|error| fault(&error, sql))?;
            session::run(&self.client, (&plan, sql), values).await
        };
        let effect = self.runtime.block_on(work).map_err(Fault::into_store_error)?;
        effect.rows.into_iter().map(|row| Ok(row.into_values())).collect()
    }

    /// Adds rows of a table that are not there yet, column by column.
    pub(crate) fn add(&self, table: &Table, rows: &[Vec<Value>]) -> Result<(), StoreError> {
        let columns: Vec<Box<dyn ToSql + Sync>> =
            (0..table.columns.len()).map(|at| list(table, rows, at)).collect();
        let values: Vec<&(dyn ToSql + Sync)> = columns.iter().map(AsRef::as_ref).collect();
        let sql = insert(table);
        let done = self.runtime.block_on(self.client.execute(&sql, &values));
        done.map(|_| ()).map_err(|error| fault(&error, &sql).into_store_error())
    }

    fn texts(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let found = self.rows(sql, &[])?.into_iter().flatten();
        Ok(found
            .filter_map(|value| match value {
                Value::Text(text) => Some(text.into_owned()),
                Value::Int(_) | Value::Null => None,
            })
            .collect())
    }
}

/// A column of many rows.
fn list(table: &Table, rows: &[Vec<Value>], at: usize) -> Box<dyn ToSql + Sync> {
    let is_text = table.columns.get(at).is_some_and(|column| column.is_text);
    let cells = rows.iter().map(|row| row.get(at));
    if is_text {
        let text = |cell: Option<&Value>| match cell {
            Some(Value::Text(text)) => Some(text.clone().into_owned()),
            Some(Value::Int(_) | Value::Null) | None => None,
        };
        return Box::new(cells.map(text).collect::<Vec<Option<String>>>());
    }
    let number = |cell: Option<&Value>| match cell {
        Some(Value::Int(number)) => Some(*number),
        Some(Value::Text(_) | Value::Null) | None => None,
    };
    Box::new(cells.map(number).collect::<Vec<Option<i64>>>())
}

/// The statement that adds many rows: what is there already stays as it is.
fn insert(table: &Table) -> String {
    let name = |(_, column): (usize, &crate::db::Column)| column.name.clone();
    let cast = |(at, column): (usize, &crate::db::Column)| {
        format!("${}::{}[]", at + 1, if column.is_text { "text" } else { "bigint" })
    };
    let join = |parts: Vec<String>| parts.join(", ");
    let columns = || table.columns.iter().enumerate();
    let (names, lists) = (join(columns().map(name).collect()), join(columns().map(cast).collect()));
    format!(
        "insert into {} ({names}) select * from unnest({lists}) on conflict do nothing",
        table.name
    )
}
