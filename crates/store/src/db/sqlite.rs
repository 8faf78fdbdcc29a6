//! SQLite: the embedded engine. Everything that only SQLite knows is here.
//!
//! Texts are written for both engines and rewritten here:
//! - `$n` becomes `?n`, because SQLite would number `$n` by first appearance.
//! - In migrations `bigint` becomes `integer`, and tables become STRICT.
//! - A table with a column `id bigint not null` and `primary key (mch_id, id)` gets
//!   `id integer primary key` instead, so that the row id is the key and needs no second tree; our
//!   ids are unique across merchants anyway.
//! - Every other table is WITHOUT ROWID, so that its primary key is its only tree.
//! - Tables that are only ever added to ([`APPEND_ONLY`]) get triggers that refuse anything else.
//!   PostgreSQL does the same.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use kernel::crash::{self, Point};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};

use super::sqlite_fault::{commit_fault, fault};
use crate::StoreError;
use crate::batch::{Row, Value};
use crate::db::{
    APPEND_ONLY, CREATE_META, Effect, MIGRATIONS, MOVING, SCHEMA, SET_SCHEMA, moving, seeded,
    too_new,
};

/// How long a statement waits for another process's write, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 10_000;

/// Durable and fast, as measured: with the default checkpoint size the slowest requests took three
/// to seven times as long.
const WRITER_PRAGMAS: &str = "pragma page_size = 4096;
pragma journal_mode = wal;
pragma synchronous = full;
pragma cache_size = -262144;
pragma wal_autocheckpoint = 20000;
pragma temp_store = memory;";

/// A reader cannot write, whatever it is asked.
const READER_PRAGMAS: &str = "pragma query_only = on;
pragma cache_size = -65536;
pragma temp_store = memory;";

/// Statements that a connection in memory keeps prepared: its sessions last for one call each.
const STATEMENTS_MAX: usize = 256;

/// How a group of batches begins and ends.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Brackets {
    begin: &'static str,
    commit: &'static str,
    rollback: &'static [&'static str],
}

/// On a file. It takes the write lock at once, so that no batch of a group can lose it half-way;
/// nobody is answered before its end.
pub(crate) const TRANSACTION: Brackets =
    Brackets { begin: "begin immediate", commit: "commit", rollback: &["rollback"] };
/// Inside of a transaction, which undoes all groups together when a simulation is over.
pub(crate) const SAVEPOINT: Brackets = Brackets {
    begin: "savepoint batches",
    commit: "release batches",
    rollback: &["rollback to batches", "release batches"],
};
/// The names of the unique indexes and the triggers that the file has.
pub(crate) const GUARDS: &str = "select name from sqlite_master
where type = 'trigger' or (type = 'index' and sql like 'create unique index %')";

/// Moves what readers allow from the log to the file; never waits.
const CHECKPOINT: &str = "pragma wal_checkpoint(passive)";

/// A connection with its prepared statements.
pub(crate) struct Session<'c> {
    connection: &'c Connection,
    brackets: Brackets,
    /// By the address and length of the text: statements are consts, so there are few, and hashing
    /// two numbers is cheaper than hashing the text.
    prepared: HashMap<(usize, usize), CachedStatement<'c>>,
}

impl<'c> Session<'c> {
    /// A session on `connection`, whose groups stand in transactions.
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self::within(connection, TRANSACTION)
    }

    /// A session whose groups stand in `brackets`.
    pub(crate) fn within(connection: &'c Connection, brackets: Brackets) -> Self {
        Self { connection, brackets, prepared: HashMap::new() }
    }

    /// Runs one statement to its end.
    pub(crate) fn run(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Effect, StoreError> {
        let statement = self.statement(sql)?;
        for (at, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, value).map_err(|error| fault(&error, sql))?;
        }
        let width = statement.column_count();
        if width == 0 {
            let count = statement.raw_execute().map_err(|error| fault(&error, sql))?;
            return Ok(Effect { count, rows: Vec::new() });
        }
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| fault(&error, sql))? {
            let values = (0..width).map(|at| value_of(row.get_ref(at)));
            found.push(Row::new(values.collect::<Result<_, _>>()?));
        }
        Ok(Effect { count: found.len(), rows: found })
    }

    /// Begins to write.
    pub(crate) fn begin(&mut self) -> Result<(), StoreError> {
        self.run(self.brackets.begin, &[]).map(|_| ())
    }

    /// Makes everything since [`Session::begin`] durable. On an error nobody sees anything of it, so it
    /// is undone.
    ///
    /// # Errors
    /// See [`commit_fault`].
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        let sql = self.brackets.commit;
        let committed = self.statement(sql)?.raw_execute();
        if committed.is_err() {
            self.rollback();
        }
        committed.map(|_| ()).map_err(|error| commit_fault(&error))
    }

    /// Undoes everything since [`Session::begin`]. SQLite may have done so by itself already.
    pub(crate) fn rollback(&mut self) {
        if self.connection.is_autocommit() {
            return;
        }
        for step in self.brackets.rollback {
            if let Err(error) = self.run(step, &[]) {
                tracing::error!(%error, "a transaction could not be rolled back");
            }
        }
    }

    /// Moves the log into the file as far as readers allow.
    pub(crate) fn checkpoint(&mut self) {
        if let Err(error) = self.run(CHECKPOINT, &[]) {
            tracing::warn!(%error, "the log could not be checkpointed; the next start does it");
        }
    }

    fn statement(&mut self, sql: &'static str) -> Result<&mut CachedStatement<'c>, StoreError> {
        let key = (sql.as_ptr().addr(), sql.len());
        match self.prepared.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let statement = self.connection.prepare_cached(&placeholders(sql));
                Ok(entry.insert(statement.map_err(|error| fault(&error, sql))?))
            }
        }
    }
}

/// Opens the connection that writes, and brings the schema up to date.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    create_file(path)
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))?;
    crash::reach(Point::StoreCreated);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    run_all(&connection, WRITER_PRAGMAS)?;
    migrate(&connection)?;
    crash::reach(Point::StoreMigrated);
    Ok(connection)
}

/// Opens a connection on an empty database in memory, with the schema.
pub(crate) fn open_in_memory() -> Result<Connection, StoreError> {
    let connection = Connection::open_in_memory().map_err(|error| fault(&error, "memory"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    migrate(&connection)?;
    Ok(connection)
}

/// Opens a connection that reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    run_all(&connection, READER_PRAGMAS)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let named = |error: rusqlite::Error| fault(&error, &path.display().to_string());
    let connection = Connection::open_with_flags(path, flags).map_err(named)?;
    connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS)).map_err(named)?;
    Ok(connection)
}

/// Creates the file and its folder, for the owner alone: it holds sealed keys and payers' data.
fn create_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn run_all(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.execute_batch(sql).map_err(|error| fault(&error, sql))
}

/// Runs the migrations that the file has not seen, all in one transaction.
fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let mut session = Session::new(connection);
    session.begin()?;
    let migrated = migrate_within(connection, &mut session);
    if migrated.is_err() {
        session.rollback();
        return migrated;
    }
    session.commit()
}

fn migrate_within(connection: &Connection, session: &mut Session<'_>) -> Result<(), StoreError> {
    run_all(connection, &table(CREATE_META))?;
    let schema = session.run(SCHEMA, &[])?.rows.into_iter().next();
    let text = schema.map_or(Ok("0".to_owned()), |mut row| row.text())?;
    let has = text.parse::<usize>();
    let has = has.map_err(|_| StoreError::Corrupt(format!("meta: schema is {text:?}")))?;
    if has > MIGRATIONS.len() {
        return Err(too_new(has));
    }
    if let Some(mut row) = session.run(MOVING, &[])?.rows.into_iter().next() {
        return Err(moving(&row.text()?));
    }
    for number in has + 1..=MIGRATIONS.len() {
        migration(number).iter().try_for_each(|statement| run_all(connection, statement))?;
        session.run(SET_SCHEMA, &[number.to_string().into()])?;
    }
    Ok(())
}

/// What a migration runs.
pub(crate) fn migration(number: usize) -> Vec<String> {
    let sql = number.checked_sub(1).and_then(|at| MIGRATIONS.get(at)).copied().unwrap_or_default();
    let statements = sql.split(";\n").map(table).chain([refusals(number)]);
    statements.filter(|statement| !statement.trim().is_empty()).collect()
}

/// `$1` as SQLite must see it.
fn placeholders(sql: &str) -> String {
    seeded::spoilt(sql).replace('$', "?")
}

/// A statement of a migration in SQLite's words; see the rules at the top.
fn table(statement: &str) -> String {
    const ROW_ID_KEY: &str = ",\n    primary key (mch_id, id)\n)";
    let typed = seeded::spoilt(statement).replace("bigint", "integer");
    if !typed.contains("create table ") {
        return typed;
    }
    let text = typed.trim_end_matches([';', '\n']);
    match text.strip_suffix(ROW_ID_KEY) {
        Some(columns) => {
            let keyed =
                columns.replace("\n    id integer not null", "\n    id integer primary key");
            format!("{keyed}\n) strict")
        }
        None => format!("{text} strict, without rowid"),
    }
}

/// The triggers of migration `number`.
fn refusals(number: usize) -> String {
    let mut triggers = String::new();
    for (_, name) in APPEND_ONLY.iter().filter(|(migration, _)| *migration == number) {
        for verb in ["update", "delete"] {
            triggers.push_str(&format!(
                "create trigger {name}_no_{verb} before {verb} on {name} begin \
                 select raise(abort, '{name}: rows are never changed or deleted'); end;\n"
            ));
        }
    }
    triggers
}

/// The names of all triggers.
pub(crate) fn triggers() -> Vec<String> {
    let verbs = ["update", "delete"];
    let of = |(_, table): (usize, &str)| verbs.map(|verb| format!("{table}_no_{verb}"));
    APPEND_ONLY.into_iter().flat_map(of).collect()
}

pub(super) fn value_of(value: rusqlite::Result<ValueRef<'_>>) -> Result<Value, StoreError> {
    match value {
        Ok(ValueRef::Integer(number)) => Ok(Value::Int(number)),
        Ok(ValueRef::Null) => Ok(Value::Null),
        Ok(ValueRef::Text(bytes)) => String::from_utf8(bytes.to_vec())
            .map(Value::from)
            .map_err(|_| StoreError::Corrupt("a text is not UTF-8".into())),
        Ok(ValueRef::Real(_) | ValueRef::Blob(_)) => {
            Err(StoreError::Corrupt("a value is neither a number nor a text".into()))
        }
        Err(error) => Err(fault(&error, "column")),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Null => ValueRef::Null,
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchants_id_is_the_row_id() {
        let text = "\ncreate table a (\n    id bigint not null,\n    mch_id bigint not null,\n    \
                    primary key (mch_id, id)\n)";
        let expect = "\ncreate table a (\n    id integer primary key,\n    \
                      mch_id integer not null\n) strict";
        assert_eq!(table(text), expect);
    }

    #[test]
    fn another_key_is_the_only_tree() {
        let text = "create table a (\n    no bigint not null,\n    primary key (no)\n)";
        assert!(table(text).ends_with("primary key (no)\n) strict, without rowid"));
        assert_eq!(table("create index a_no on a (no)"), "create index a_no on a (no)");
    }

    #[test]
    fn numbered_values_keep_their_numbers() {
        assert_eq!(placeholders("a = $2 and b = $1 or c = $12"), "a = ?2 and b = ?1 or c = ?12");
    }
    #[test]
    fn what_is_committed_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("a.db")).unwrap();
        let pragma = |name: &str| {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
            connection.query_row(&format!("pragma {name}"), [], read).unwrap()
        };
        let number = rusqlite::types::Value::Integer;
        assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(pragma("synchronous"), number(2));
        assert_eq!(pragma("page_size"), number(4_096));
        assert_eq!(pragma("busy_timeout"), number(10_000));
        assert_eq!(pragma("wal_autocheckpoint"), number(20_000));
    }
}
