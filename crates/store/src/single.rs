//! The engine without threads: one connection in memory, used where it is called, for seeded
//! simulations of the whole gateway.
//!
//! It runs the same statements as the engine on a file, and commits each batch by itself. What a
//! simulation decides is how long a write waits: before its commit, and again before whoever waits
//! is answered, so that a simulated process can die between the two.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::batch::{Batch, Written};
use crate::db::sqlite::{self, Session};
use crate::writer::{Tally, commit_alone};
use crate::{Counters, StoreError};

/// Waits as long as the simulation wants.
pub type Pause = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One connection, and how long its callers wait.
pub(crate) struct Single {
    connection: Mutex<Connection>,
    pause: Pause,
    tally: Tally,
}

impl Single {
    /// An empty store in memory.
    pub(crate) fn open(pause: Pause) -> Result<Self, StoreError> {
        let connection = Mutex::new(sqlite::open_in_memory()?);
        Ok(Self { connection, pause, tally: Tally::default() })
    }

    /// Commits `batch` by itself. A caller that is dropped while it waits has written nothing, or
    /// everything and never hears of it.
    pub(crate) async fn write(&self, batch: &Batch) -> Result<Written, StoreError> {
        (self.pause)().await;
        let written = self.with(|session| commit_alone(session, batch, &self.tally));
        (self.pause)().await;
        written
    }

    /// Runs a query on what is committed.
    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        (self.pause)().await;
        self.with(work)
    }

    /// What was done so far.
    pub(crate) fn counters(&self) -> Counters {
        self.tally.counters()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Session<'_>) -> T) -> T {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut Session::new(&connection))
    }
}
