//! One statement on one connection: values in, rows out.

use std::collections::HashMap;
use std::error::Error;

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

use super::fault::{Fault, fault};
use super::words;
use crate::StoreError;
use crate::batch::{Row, Value};
use crate::db::Effect;

/// Statements that a connection has prepared, by the address and length of the text: statements are
/// consts, so there are few.
#[derive(Default)]
pub(super) struct Prepared(HashMap<(usize, usize), Statement>);

impl Prepared {
    /// The statement, prepared now if it was not.
    pub(super) async fn get(
        &mut self,
        client: &Client,
        sql: &'static str,
    ) -> Result<Statement, Fault> {
        let key = (sql.as_ptr().addr(), sql.len());
        if let Some(statement) = self.0.get(&key) {
            return Ok(statement.clone());
        }
        let prepared = client.prepare(&words::of(sql)).await.map_err(|error| fault(&error, sql))?;
        self.0.insert(key, prepared.clone());
        Ok(prepared)
    }
}

/// Runs a prepared statement to its end.
pub(super) async fn run<P: ToSql>(
    client: &Client,
    (statement, sql): (&Statement, &str),
    values: &[P],
) -> Result<Effect, Fault> {
    let named = |error: tokio_postgres::Error| fault(&error, sql);
    if values.len() != statement.params().len() {
        // The library would panic.
        let first_line = sql.lines().next().unwrap_or_default();
        let why = format!("{} values where {} must be", values.len(), statement.params().len());
        return Err(StoreError::Defect(format!("{why}: {first_line}")).into());
    }
    let stream = client.query_raw(statement, values).await.map_err(named)?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await.map_err(named)? {
        let columns = 0..row.columns().len();
        let values = columns.map(|at| value_of(&row, at)).collect::<Result<_, _>>();
        rows.push(Row::new(values.map_err(|error| fault(&error, sql))?));
    }
    let count = if statement.columns().is_empty() {
        usize::try_from(stream.rows_affected().unwrap_or(0)).unwrap_or(usize::MAX)
    } else {
        rows.len()
    };
    Ok(Effect { count, rows })
}

fn value_of(row: &tokio_postgres::Row, at: usize) -> Result<Value, tokio_postgres::Error> {
    let kind = row.columns().get(at).map(tokio_postgres::Column::type_);
    let value = match kind {
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(at)?.map(Value::from),
        Some(&Type::INT4) => row.try_get::<_, Option<i32>>(at)?.map(|n| Value::from(i64::from(n))),
        Some(_) | None => row.try_get::<_, Option<String>>(at)?.map(Value::from),
    };
    Ok(value.unwrap_or(Value::Null))
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, kind) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(number), &Type::INT8) => number.to_sql(kind, out),
            (Self::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(kind, out),
            (Self::Int(_), _) => Err(format!("a number where {kind} must be").into()),
            (Self::Text(_), &Type::INT8 | &Type::INT4) => Err("a text for a number".into()),
            (Self::Text(text), _) => text.as_ref().to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4) || <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}
