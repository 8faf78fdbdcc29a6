//! A transaction as a value: what the gateway hands to the store, and what comes back.
//!
//! A batch never holds a transaction open while somebody thinks: everything that it will write is
//! in it before it is queued.

use std::borrow::Cow;
use std::{fmt, vec};

use kernel::id::{AppId, Id, MchId};
use kernel::time::Timestamp;

use crate::StoreError;
use crate::audit::AuditEntry;

/// A column's value. Both engines keep whole numbers and texts, nothing else.
///
/// What a driver logs of a statement is its values, and a text may hold a secret (the address of a payer's
/// page, what an upstream was sent), so only our own words are shown of texts.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `bigint`.
    Int(i64),
    /// `text`; the program's own words are borrowed.
    Text(Cow<'static, str>),
    /// No value.
    Null,
}

impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(out, "{number}"),
            Self::Text(Cow::Borrowed(word)) => write!(out, "{word:?}"),
            Self::Text(Cow::Owned(text)) => write!(out, "text of {} bytes", text.len()),
            Self::Null => out.write_str("null"),
        }
    }
}

/// One statement with its values for `$1`, `$2`, ….
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// The text; a const of the module that owns the table.
    pub sql: &'static str,
    /// The values, the first for `$1`.
    pub values: Vec<Value>,
    /// Rows that it must change (or return); another number is a defect and undoes the batch.
    pub expect: Option<usize>,
}

impl Statement {
    /// A statement that may change any number of rows.
    pub fn new(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, expect: None }
    }

    /// A statement that must change exactly one row.
    pub fn of_one_row(sql: &'static str, values: Vec<Value>) -> Self {
        Self { sql, values, expect: Some(1) }
    }
}

/// What is written together or not at all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// Written with an order's events and postings, so that a batch whose COMMIT was not answered
    /// can be looked up. 0 where nothing of that kind is written.
    pub id: i64,
    /// The only statement that may miss: a lost `rev`, a duplicate, a lost lease. If it changes no
    /// row, nothing of the batch is written.
    pub guard: Option<Statement>,
    /// What follows, in order.
    pub then: Vec<Statement>,
    /// Entries for the audit chain, which the writer numbers and hashes.
    pub audit: Vec<AuditEntry>,
}

impl Batch {
    /// A batch that depends on `guard`.
    pub(crate) fn guarded(guard: Statement) -> Self {
        Self { guard: Some(guard), ..Self::default() }
    }

    /// The same batch, which also writes `statement`.
    #[must_use]
    pub fn and(mut self, statement: Statement) -> Self {
        self.then.push(statement);
        self
    }

    /// The same batch, which also tells the audit what was done and by whom.
    #[must_use]
    pub fn audited(mut self, entry: AuditEntry) -> Self {
        self.audit.push(entry);
        self
    }

    /// Whether a text holds a NUL, which PostgreSQL cannot keep. Asked before queueing, because one
    /// such text would fail every batch of its group.
    pub(crate) fn has_nul(&self) -> bool {
        let of_statements = self.guard.iter().chain(&self.then).flat_map(|step| &step.values);
        let has = |text: &str| text.as_bytes().contains(&0);
        of_statements.into_iter().any(|value| matches!(value, Value::Text(text) if has(text)))
            || self.audit.iter().any(|entry| entry.texts().into_iter().any(has))
    }

    /// Whether an id is missing in it: the process that made it has no lease to make ids on.
    pub(crate) fn lacks_id(&self) -> bool {
        let mut of_statements = self.guard.iter().chain(&self.then).flat_map(|step| &step.values);
        self.id == Id::NONE.0 || of_statements.any(|value| *value == Value::Int(Id::NONE.0))
    }
}

/// What became of a batch. Either way it is over, and if it was done, it is durable.
#[derive(Debug)]
pub enum Written {
    /// Committed; the rows that the guard returned.
    Done(Vec<Row>),
    /// The guard changed nothing, and nothing was written.
    Missed,
}

impl Written {
    /// Whether the batch was committed.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// The rows that the guard returned; none if it missed.
    pub fn into_rows(self) -> Vec<Row> {
        match self {
            Self::Done(rows) => rows,
            Self::Missed => Vec::new(),
        }
    }
}

/// A row of an answer, read column by column from the left.
#[derive(Clone, Debug)]
pub struct Row {
    values: vec::IntoIter<Value>,
    width: usize,
}

impl Row {
    /// A row of `values`.
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self { width: values.len(), values: values.into_iter() }
    }

    /// Every column that was not read.
    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values.collect()
    }

    /// The next column, a number.
    ///
    /// # Errors
    /// It is no number: the row was not written by us.
    pub fn int(&mut self) -> Result<i64, StoreError> {
        self.maybe_int()?.ok_or_else(|| self.fault("no value where a number must be"))
    }

    /// The next column, a number or nothing.
    ///
    /// # Errors
    /// It is a text.
    pub fn maybe_int(&mut self) -> Result<Option<i64>, StoreError> {
        match self.values.next() {
            Some(Value::Int(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            Some(Value::Text(_)) | None => Err(self.fault("no number")),
        }
    }

    /// The next column, a text.
    ///
    /// # Errors
    /// It is no text: the row was not written by us.
    pub fn text(&mut self) -> Result<String, StoreError> {
        self.maybe_text()?.ok_or_else(|| self.fault("no value where a text must be"))
    }

    /// The next column, a text or nothing.
    ///
    /// # Errors
    /// It is a number.
    pub fn maybe_text(&mut self) -> Result<Option<String>, StoreError> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text.into_owned())),
            Some(Value::Null) => Ok(None),
            Some(Value::Int(_)) | None => Err(self.fault("no text")),
        }
    }

    /// The next column, a row's id.
    pub(crate) fn id(&mut self) -> Result<Id, StoreError> {
        self.int().map(Id)
    }

    /// The next column, a merchant's number.
    pub(crate) fn mch_id(&mut self) -> Result<MchId, StoreError> {
        self.int().map(MchId)
    }

    /// The next column, an application's number.
    pub(crate) fn app_id(&mut self) -> Result<AppId, StoreError> {
        self.int().map(AppId)
    }

    /// The next column, an instant.
    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.int().map(Timestamp::from_millis)
    }

    /// The next column, an instant or nothing.
    pub(crate) fn maybe_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.maybe_int()?.map(Timestamp::from_millis))
    }

    /// The next column, 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        match self.int()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.fault(&format!("{other} where 0 or 1 must be"))),
        }
    }

    /// The next column, a word of a domain type, read by `parse`.
    pub(crate) fn word<T>(&mut self, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let word = self.text()?;
        parse(&word).ok_or_else(|| self.fault(&format!("unknown word {word:?}")))
    }

    /// The next column, a number of a domain type, read by `parse`.
    pub(crate) fn number<T>(&mut self, parse: fn(i64) -> Option<T>) -> Result<T, StoreError> {
        let number = self.int()?;
        parse(number).ok_or_else(|| self.fault(&format!("unknown number {number}")))
    }

    /// The next column, a word as [`Row::word`] reads it, or nothing.
    pub(crate) fn maybe_word<T>(
        &mut self,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(word) = self.maybe_text()? else { return Ok(None) };
        parse(&word).map(Some).ok_or_else(|| self.fault(&format!("unknown word {word:?}")))
    }

    /// Passes over `count` columns, none of which may have a value.
    pub(crate) fn skip_nulls(&mut self, count: usize) -> Result<(), StoreError> {
        for _ in 0..count {
            match self.values.next() {
                Some(Value::Null) => {}
                Some(Value::Int(_) | Value::Text(_)) | None => {
                    return Err(self.fault("a value where none must be"));
                }
            }
        }
        Ok(())
    }

    fn fault(&self, what: &str) -> StoreError {
        let column = self.width - self.values.len();
        StoreError::Corrupt(format!("column {column} of {}: {what}", self.width))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Self {
        Self::Int(i64::from(is_so))
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Text(Cow::Borrowed(word))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Cow::Owned(text.clone()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        Self::Int(id.0)
    }
}

impl From<MchId> for Value {
    fn from(id: MchId) -> Self {
        Self::Int(id.0)
    }
}

impl From<AppId> for Value {
    fn from(id: AppId) -> Self {
        Self::Int(id.0)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Int(at.millis())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_shown_but_for_our_own_words() {
        let shown = |value: Value| format!("{value:?}");
        let page = shown(format!("/pay/{}", "7f3a").into());
        assert_eq!(page, "text of 9 bytes");
        assert_eq!(
            [shown("paid".into()), shown(7.into()), shown(Value::Null)],
            ["\"paid\"", "7", "null"]
        );
        let batch = Batch {
            then: vec![Statement::new("insert", vec![String::from("secret").into()])],
            ..Batch::default()
        };
        assert!(!format!("{batch:?}").contains("secret"));
    }
}
