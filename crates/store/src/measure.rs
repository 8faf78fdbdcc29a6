//! What group commit is measured against: the same statements on the same connection, with a
//! transaction for each batch. Only benches use it.

use std::path::Path;

use rusqlite::Connection;

use crate::StoreError;
use crate::batch::Batch;
pub use crate::db::postgres::measure::{FreshDatabase, OneStatement, single_row_script};
use crate::db::sqlite::{self, Session};
use crate::writer::{Tally, commit_alone};

/// A store that commits each batch by itself, on the thread of whoever writes. Were there many
/// writers, they would wait for each other.
pub struct OneByOne(Connection);

impl OneByOne {
    /// Opens the store in the file `path`, or makes it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        sqlite::open_writer(path).map(Self)
    }

    /// Commits one batch after the other. Blocks.
    ///
    /// # Errors
    /// See [`StoreError`]; what came before the batch that fails is written.
    pub fn write_each(&self, batches: &[Batch]) -> Result<(), StoreError> {
        let (mut session, tally) = (Session::new(&self.0), Tally::default());
        batches.iter().try_for_each(|batch| commit_alone(&mut session, batch, &tally).map(|_| ()))
    }
}
