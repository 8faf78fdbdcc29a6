//! A file of SQLite as a whole: its schema's number, copies of it, its tables as they stand, and having it
//! to oneself.

use std::path::Path;

use rusqlite::Connection;

use crate::StoreError;
use crate::batch::Value;
use crate::db::sqlite::{open_reader, value_of};
use crate::db::sqlite_fault::fault;
use crate::db::{Column, SCHEMA, Table};

/// Whether the file is one of ours.
const HAS_META: &str = "select count(*) from sqlite_master where type = 'table' and name = 'meta'";
/// Writes a whole copy, as of one instant, while others go on writing to the file.
const COPY: &str = "vacuum into ?1";
/// Reads everything, and says what contradicts itself.
const INTEGRITY: &str = "pragma integrity_check";
/// Takes the file for oneself before anything of it is read. In this mode SQLite keeps the lock until the
/// connection ends, and cannot have it while another process has the file open.
const ALONE: &str =
    "pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive; commit";
/// The tables.
const TABLES: &str = "select name from sqlite_master where type = 'table'
and name not like 'sqlite%' order by name";
/// The columns of a table, with their places in its key.
const COLUMNS: &str = "select name, type, pk from pragma_table_info(?1) order by cid";

/// The number of the file's schema; 0 if it has none.
pub(crate) fn schema(path: &Path) -> Result<usize, StoreError> {
    let connection = open_reader(path)?;
    if one::<i64>(&connection, HAS_META)? == 0 {
        return Ok(0);
    }
    let text = one::<String>(&connection, SCHEMA)?;
    text.parse().map_err(|_| StoreError::Corrupt(format!("meta: schema is {text:?}")))
}

/// Copies the database in the file `from` into the empty file `to`.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let connection = open_reader(from)?;
    run(&connection, "pragma query_only = off")?;
    let to = to.to_str().ok_or_else(|| {
        StoreError::Unavailable(format!("{}: a path in UTF-8 is needed", to.display()))
    })?;
    connection.execute(COPY, [to]).map(|_| ()).map_err(|error| fault(&error, COPY))
}

/// Reads the whole file, and fails if anything in it contradicts itself.
pub(crate) fn check_integrity(path: &Path) -> Result<(), StoreError> {
    let connection = open_reader(path)?;
    match one::<String>(&connection, INTEGRITY)?.as_str() {
        "ok" => Ok(()),
        why => Err(StoreError::Corrupt(format!("{}: {why}", path.display()))),
    }
}

/// Opens the file for oneself: nobody else has it open, and nobody can open it before this connection
/// ends.
pub(crate) fn open_alone(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
    );
    let connection = connection.map_err(|error| fault(&error, &path.display().to_string()))?;
    run(&connection, ALONE)?;
    Ok(connection)
}

/// The tables of the file, with their columns.
pub(crate) fn tables(connection: &Connection) -> Result<Vec<Table>, StoreError> {
    let named = |error: rusqlite::Error| fault(&error, TABLES);
    let mut statement = connection.prepare(TABLES).map_err(named)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).map_err(named)?;
    let names = names.collect::<Result<Vec<_>, _>>().map_err(named)?;
    names.into_iter().map(|name| table(connection, name)).collect()
}

fn table(connection: &Connection, name: String) -> Result<Table, StoreError> {
    let named = |error: rusqlite::Error| fault(&error, COLUMNS);
    let mut statement = connection.prepare(COLUMNS).map_err(named)?;
    let columns = statement.query_map([&name], |row| {
        let (name, kind, place) = (row.get(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?);
        Ok((place, Column { name, is_text: kind.eq_ignore_ascii_case("text") }))
    });
    let columns = columns.map_err(named)?.collect::<Result<Vec<_>, _>>().map_err(named)?;
    let mut key: Vec<_> = columns.iter().filter(|(place, _)| *place > 0).collect();
    key.sort_by_key(|(place, _)| *place);
    let key = key.into_iter().map(|(_, column)| column.name.clone()).collect();
    Ok(Table { name, key, columns: columns.into_iter().map(|(_, column)| column).collect() })
}

/// The rows that `sql` finds.
pub(crate) fn rows(
    connection: &Connection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Vec<Value>>, StoreError> {
    let named = |error: rusqlite::Error| fault(&error, sql);
    let mut statement = connection.prepare_cached(&sql.replace('$', "?")).map_err(named)?;
    let width = statement.column_count();
    let mut found = statement.query(rusqlite::params_from_iter(values)).map_err(named)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(named)? {
        let values = (0..width).map(|at| value_of(row.get_ref(at)));
        rows.push(values.collect::<Result<_, _>>()?);
    }
    Ok(rows)
}

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.execute_batch(sql).map_err(|error| fault(&error, sql))
}

fn one<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> Result<T, StoreError> {
    connection.query_row(sql, [], |row| row.get(0)).map_err(|error| fault(&error, sql))
}
