//! Moving a store from a file to a server: table after table, page after page, and then both sides are
//! read and compared.
//!
//! While it lasts, neither side can be opened: a mark in each says why. A page and how far it came are
//! committed together, so whoever was killed goes on behind the last page; and what is compared at the end
//! is everything, so nothing depends on that.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;

use super::digest::Digest;
use super::migrations::schema_of_file;
use super::pages::{self, PAGE};
use crate::database::PostgresUrl;
use crate::db::postgres::Whole;
use crate::db::{MIGRATIONS, MOVING, SCHEMA_NAME, Table, sqlite_file};
use crate::{Database, StoreError, Value, meta};

/// What a store that is being moved, or was, is called by in its facts.
const MARK: &str = "moving";
/// How far a table came: this, and its name.
const PROGRESS: &str = "moved ";
/// Facts of a store that are its own, and those that are not moved.
const FACTS: &str = "select name, value from meta order by name";
/// Takes a fact back.
const FORGET: &str = "delete from meta where name = $1";
/// What is written by servers only: rows here are of one that has the target open, or had.
const LANES: &str = "lanes";
/// The numbers of processes, which every database has from its first day.
const NODES: &str = "nodes";
/// Makes room for the source's.
const CLEAR_NODES: &str = "delete from nodes";

/// How far a move is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moving {
    /// The table.
    pub table: String,
    /// What is done with its rows.
    pub step: Step,
    /// Rows that are done.
    pub rows: u64,
    /// Rows that there are.
    pub total: u64,
}

/// What is done with rows.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// They are copied.
    Copy,
    /// They are read on both sides.
    Compare,
}

/// What was moved.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Tables.
    pub tables: usize,
    /// Rows of them all.
    pub rows: u64,
}

/// Hears how far a move is, after each page, and may end it there.
pub type Tell<'a> = &'a mut dyn FnMut(Moving) -> ControlFlow<()>;

/// Moves everything, or goes on with a move that was begun.
///
/// # Errors
/// Somebody has the source open, the target holds other data, what was copied is not what is there, or the
/// engines' own: then neither side can be opened, and the same may be asked again.
pub fn start(from: &Database, to: &Database, tell: Tell<'_>) -> Result<Moved, StoreError> {
    let (Database::Sqlite(path), Database::Postgres(url)) = (from, to) else {
        return Err(unavailable("a move leads from sqlite:PATH to postgres://…"));
    };
    let (here, there) = (format!("from {from}"), format!("to {to}"));
    let (source, is_away) = open_source(path, &there)?;
    let tables = sqlite_file::tables(&source)?;
    let tables: Vec<Table> = tables.into_iter().filter(|table| table.name != "meta").collect();
    let target = open_target(url, &here)?;
    if target.is_new && is_away {
        return Err(unavailable(&format!("it has been moved {there}: that is the store now")));
    }
    let target = target.made_ready(&here, &tables)?;
    let work = Work { source, target };
    let mut moved = Moved { tables: tables.len(), rows: 0 };
    for table in &tables {
        work.copy(table, tell)?;
    }
    for table in &tables {
        moved.rows += work.compare(table, tell)?;
    }
    work.finish(&there)?;
    Ok(moved)
}

/// Ends a move that was begun: the source can be opened again. What is at the target stays there, and
/// cannot be opened.
///
/// # Errors
/// Nothing is being moved, or it has been: then the target is the store.
pub fn give_up(from: &Database) -> Result<(), StoreError> {
    let Database::Sqlite(path) = from else {
        return Err(unavailable("a move leads from sqlite:PATH to postgres://…"));
    };
    let source = alone(path)?;
    match mark(|sql| sqlite_file::rows(&source, sql, &[]))? {
        None => Err(unavailable("it is not being moved")),
        Some(mark) if mark.starts_with("to ") => {
            sqlite_file::rows(&source, FORGET, &[MARK.into()]).map(|_| ())
        }
        Some(mark) => Err(unavailable(&format!("it was moved {mark}: that is the store now"))),
    }
}

/// The source, for oneself, and marked; and whether all of it was moved before.
fn open_source(path: &Path, there: &str) -> Result<(Connection, bool), StoreError> {
    let source = alone(path)?;
    let is_away = match mark(|sql| sqlite_file::rows(&source, sql, &[]))? {
        None => {
            let values = [MARK.into(), there.to_owned().into()];
            sqlite_file::rows(&source, meta::SET, &values)?;
            false
        }
        Some(mark) if mark == there => false,
        Some(mark) if mark == away(there) => true,
        Some(mark) => return Err(unavailable(&format!("the source is being moved {mark}"))),
    };
    Ok((source, is_away))
}

/// The mark of a source that was moved.
fn away(there: &str) -> String {
    format!("away, {there}")
}

fn alone(path: &Path) -> Result<Connection, StoreError> {
    let newest = MIGRATIONS.len();
    let schema = match schema_of_file(path) {
        Err(StoreError::Busy) => return Err(open_elsewhere(path)),
        other => other?,
    };
    if schema != newest {
        let why = format!("its schema is {schema}, not {newest}: run `jubao admin migrate` first");
        return Err(unavailable(&format!("{}: {why}", path.display())));
    }
    match sqlite_file::open_alone(path) {
        Err(StoreError::Busy) => Err(open_elsewhere(path)),
        other => other,
    }
}

fn open_elsewhere(path: &Path) -> StoreError {
    unavailable(&format!("{}: a server has it open: stop that first", path.display()))
}

/// The target, and whether it has no mark yet.
struct Target {
    server: Whole,
    is_new: bool,
}

fn open_target(url: &PostgresUrl, here: &str) -> Result<Target, StoreError> {
    let mut server = Whole::open(url)?;
    if server.schema()? == 0 {
        server.migrate()?;
    }
    if server.schema()? != MIGRATIONS.len() {
        return Err(unavailable("the target has another schema: take an empty database"));
    }
    match mark(|sql| server.rows(sql, &[]))? {
        Some(mark) if mark == here => Ok(Target { server, is_new: false }),
        Some(mark) => Err(unavailable(&format!("the target is being filled {mark}"))),
        None => Ok(Target { server, is_new: true }),
    }
}

impl Target {
    /// The same, marked; what has no mark must be empty.
    fn made_ready(self, here: &str, tables: &[Table]) -> Result<Whole, StoreError> {
        let Self { server, is_new } = self;
        if !is_new {
            return Ok(server);
        }
        for name in tables.iter().map(|table| table.name.as_str()).chain([LANES]) {
            let used = if name == NODES { " where holder <> '' or used_until > 0" } else { "" };
            let sql = format!("select 1 from {name}{used} limit 1");
            if !server.rows(&sql, &[])?.is_empty() {
                let why = format!("the target holds other data, in {name}");
                return Err(unavailable(&format!("{why}: take an empty database")));
            }
        }
        // A new database has its own, unused; those of the source come along, and ids go on behind them.
        server.rows(CLEAR_NODES, &[])?;
        server.rows(meta::SET, &[MARK.into(), here.to_owned().into()])?;
        Ok(server)
    }
}

struct Work {
    source: Connection,
    target: Whole,
}

impl Work {
    /// Copies what is behind the last page that was committed.
    fn copy(&self, table: &Table, tell: Tell<'_>) -> Result<(), StoreError> {
        let total = count(&self.source, table)?;
        let name = format!("{PROGRESS}{}", table.name);
        let mut after = self.progress(&name)?;
        let mut rows = 0;
        loop {
            let sql = pages::sql(table, after.is_some());
            let page = sqlite_file::rows(&self.source, &sql, after.as_deref().unwrap_or_default())?;
            let Some(last) = page.last() else { return Ok(()) };
            let key = pages::key_of(table, last);
            self.target.run("begin")?;
            self.target.add(table, &page)?;
            self.target.rows(meta::SET, &[name.clone().into(), written(&key).into()])?;
            self.target.run("commit")?;
            rows += u64::try_from(page.len()).unwrap_or(u64::MAX);
            let (table, step) = (table.name.clone(), Step::Copy);
            go_on(tell(Moving { table, step, rows, total }))?;
            if page.len() < PAGE {
                return Ok(());
            }
            after = Some(key);
        }
    }

    /// Reads the table on both sides; says how many rows it has.
    fn compare(&self, table: &Table, tell: Tell<'_>) -> Result<u64, StoreError> {
        let total = count(&self.source, table)?;
        let mut tell = |rows: u64| {
            let (table, step) = (table.name.clone(), Step::Compare);
            go_on(tell(Moving { table, step, rows, total }))
        };
        let read = |sql: &str, values: &[Value]| sqlite_file::rows(&self.source, sql, values);
        let here = digest(table, read, &mut tell)?;
        let there =
            digest(&of_server(table), |sql, values| self.target.rows(sql, values), &mut tell)?;
        if here == there {
            return Ok(here.count);
        }
        Err(unavailable(&format!(
            "{}: {} rows here and {} there, which are not the same: make the target anew, and move again",
            table.name, here.count, there.count
        )))
    }

    /// Brings the facts along, and takes the mark from the target: it is the store now.
    fn finish(&self, there: &str) -> Result<(), StoreError> {
        self.target.run("begin")?;
        for row in sqlite_file::rows(&self.source, FACTS, &[])? {
            let is_ours = row.first().is_some_and(|name| {
                *name != Value::from(MARK) && *name != Value::from(SCHEMA_NAME)
            });
            if is_ours {
                self.target.rows(meta::SET, &row)?;
            }
        }
        for row in self.target.rows(FACTS, &[])? {
            let Some(Value::Text(name)) = row.first() else { continue };
            if name == MARK || name.starts_with(PROGRESS) {
                self.target.rows(FORGET, &[name.clone().into_owned().into()])?;
            }
        }
        // First, so that there is no moment at which both could be opened.
        sqlite_file::rows(&self.source, meta::SET, &[MARK.into(), away(there).into()])?;
        self.target.run("commit")
    }

    fn progress(&self, name: &str) -> Result<Option<Vec<Value>>, StoreError> {
        let found = self.target.rows(meta::BY_NAME, &[name.to_owned().into()])?;
        match found.into_iter().flatten().next() {
            Some(Value::Text(text)) => read(&text).map(Some),
            Some(Value::Int(_) | Value::Null) | None => Ok(None),
        }
    }
}

/// Ids are unique in a file, where they are the key; on a server the key begins with the merchant.
fn of_server(table: &Table) -> Table {
    let has_merchant = table.columns.iter().any(|column| column.name == "mch_id");
    if table.key == ["id"] && has_merchant {
        return Table { key: vec!["mch_id".into(), "id".into()], ..table.clone() };
    }
    table.clone()
}

fn digest(
    table: &Table,
    rows: impl Fn(&str, &[Value]) -> Result<Vec<Vec<Value>>, StoreError>,
    tell: &mut dyn FnMut(u64) -> Result<(), StoreError>,
) -> Result<Digest, StoreError> {
    let (mut digest, mut after) = (Digest::default(), None::<Vec<Value>>);
    loop {
        let sql = pages::sql(table, after.is_some());
        let page = rows(&sql, after.as_deref().unwrap_or_default())?;
        page.iter().for_each(|row| digest.add(row));
        let Some(last) = page.last() else { return Ok(digest) };
        tell(digest.count)?;
        if page.len() < PAGE {
            return Ok(digest);
        }
        after = Some(pages::key_of(table, last));
    }
}

fn count(source: &Connection, table: &Table) -> Result<u64, StoreError> {
    let sql = format!("select count(*) from {}", table.name);
    let found = sqlite_file::rows(source, &sql, &[])?;
    match found.first().and_then(|row| row.first()) {
        Some(Value::Int(count)) => Ok(u64::try_from(*count).unwrap_or(0)),
        Some(Value::Text(_) | Value::Null) | None => Ok(0),
    }
}

fn mark(
    rows: impl Fn(&str) -> Result<Vec<Vec<Value>>, StoreError>,
) -> Result<Option<String>, StoreError> {
    match rows(MOVING)?.into_iter().flatten().next() {
        Some(Value::Text(text)) => Ok(Some(text.into_owned())),
        Some(Value::Int(_) | Value::Null) | None => Ok(None),
    }
}

/// A key as a text.
fn written(key: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Int(number) => serde_json::Value::from(*number),
        Value::Text(text) => serde_json::Value::from(text.as_ref()),
        Value::Null => serde_json::Value::Null,
    };
    serde_json::Value::Array(key.iter().map(cell).collect()).to_string()
}

/// Reads [`written`].
fn read(text: &str) -> Result<Vec<Value>, StoreError> {
    let cells = serde_json::from_str::<Vec<serde_json::Value>>(text);
    let cells = cells.map_err(|_| StoreError::Corrupt("how far the move came".into()))?;
    let cell = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Value::from(text),
        other => other.as_i64().map_or(Value::Null, Value::Int),
    };
    Ok(cells.into_iter().map(cell).collect())
}

fn go_on(flow: ControlFlow<()>) -> Result<(), StoreError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(unavailable("ended where it was")),
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}
