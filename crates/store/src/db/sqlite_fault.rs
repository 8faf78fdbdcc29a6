//! What SQLite's errors mean.

use rusqlite::ErrorCode;

use crate::StoreError;

/// What an error of SQLite means to a caller. The text names the statement, never its values.
pub(super) fn fault(error: &rusqlite::Error, sql: &str) -> StoreError {
    let first_line = sql.lines().next().unwrap_or_default();
    let text = format!("{error} ({first_line})");
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => StoreError::Unavailable(text),
        _ => StoreError::Defect(text),
    }
}

/// What an error of COMMIT means. After a failed write or sync the end of the transaction may stand in the
/// log all the same, where the next start would find it, unless somebody commits before. A full disk is
/// noticed before that end is written.
pub(super) fn commit_fault(error: &rusqlite::Error) -> StoreError {
    let text = format!("commit: {error}");
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => StoreError::InDoubt(text),
        _ => StoreError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_could_not_be_synced_is_in_doubt() {
        let fault = |code| {
            commit_fault(&rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))
        };
        let of_sync = fault(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        assert!(matches!(of_sync, StoreError::InDoubt(_)), "{of_sync}");
        for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY] {
            let undone = fault(code);
            assert!(matches!(undone, StoreError::Unavailable(_)), "{undone}");
        }
    }
}
