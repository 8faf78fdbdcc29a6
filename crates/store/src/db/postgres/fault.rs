//! What an error of PostgreSQL means to us: a lost connection, a reason to try again, or an answer.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::StoreError;

/// Why something was not done.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection is gone, or its server is about to be: what was under way is in doubt.
    Lost(String),
    /// Two transactions stood in each other's way, and this one was undone.
    Again(String),
    /// The answer for whoever asked.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// As whoever asked hears it.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Lost(why) => StoreError::Unavailable(why),
            Self::Again(_) => StoreError::Busy,
            Self::Store(error) => error,
        }
    }
}

/// What an error means. The text names the statement, never its values.
pub(crate) fn fault(error: &Error, sql: &str) -> Fault {
    let first_line = sql.lines().next().unwrap_or_default();
    let Some(answer) = error.as_db_error() else {
        let text = format!("{error} ({first_line})");
        return if is_ours(error) {
            Fault::Store(StoreError::Defect(text))
        } else {
            Fault::Lost(text)
        };
    };
    // The detail is left out: it holds values.
    let text = format!("{} {} ({first_line})", answer.code().code(), answer.message());
    let code = answer.code();
    match code.code().get(..2).unwrap_or_default() {
        "08" => Fault::Lost(text),
        "40" => Fault::Again(text),
        // Full disk, full memory, too many connections.
        "53" | "58" => Fault::Store(StoreError::Unavailable(text)),
        "XX" => Fault::Store(StoreError::Corrupt(text)),
        // Password, database: the operator's to mend.
        "28" | "3D" => Fault::Store(StoreError::Unavailable(text)),
        _ if [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::DATABASE_DROPPED,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code) =>
        {
            Fault::Lost(text)
        }
        _ if [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code) => {
            Fault::Store(StoreError::Busy)
        }
        _ => Fault::Store(StoreError::Defect(text)),
    }
}

/// Whether an error of the library is about values or columns; all others are about the connection.
fn is_ours(error: &Error) -> bool {
    let text = error.to_string();
    ["error serializing", "error deserializing", "invalid column", "query returned"]
        .iter()
        .any(|begin| text.starts_with(begin))
}
