//! The engine without threads: a database in memory, used where it is called, for seeded
//! simulations of the whole gateway.
//!
//! It runs the same statements as the engine on a file, and commits each batch by itself. Several
//! simulated processes share it, each through a [`Store`] of its own. What a simulation decides is
//! how long a write waits: before its commit, and again before whoever waits is answered, so that a
//! simulated process can die between the two.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use crate::batch::{Batch, Written};
use crate::db::sqlite::{self, Brackets, Session};
use crate::writer::{Tally, commit_alone};
use crate::{Counters, Engine, Reader, Store, StoreError, at_once};

/// Waits as long as the simulation wants, and may say that the store does not answer. One that never
/// returns is a process that has died.
pub type Pause = Arc<dyn Fn() -> Pausing + Send + Sync>;

/// A pause that has begun.
pub type Pausing = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// A database in memory; clones share it, and it is gone with the last of them. Everything in it
/// stands in one transaction that never ends, so that it can be emptied at once.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Connection>>);

impl Memory {
    /// An empty database.
    ///
    /// # Errors
    /// The schema cannot be created.
    pub fn open() -> Result<Self, StoreError> {
        #[cfg(feature = "seeded-defects")]
        crate::db::seeded::seed();
        let memory = Self(Arc::new(Mutex::new(sqlite::open_in_memory()?)));
        memory.session(sqlite::TRANSACTION, |session| session.begin())?;
        Ok(memory)
    }

    /// Empties it for the next simulation, which need not prepare its statements again.
    ///
    /// # Errors
    /// A statement is still being run.
    pub fn empty(&self) -> Result<(), StoreError> {
        self.session(sqlite::TRANSACTION, |session| {
            session.rollback();
            session.begin()
        })
    }

    /// What one simulated process has of it: a store whose reads and writes each wait for `pause`.
    pub fn store(&self, pause: Pause) -> Store {
        let single = Single { memory: self.clone(), pause, tally: Tally::default() };
        Store { engine: Arc::new(Engine::Memory(single)) }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Session<'_>) -> T) -> T {
        self.session(sqlite::SAVEPOINT, work)
    }

    fn session<T>(&self, brackets: Brackets, work: impl FnOnce(&mut Session<'_>) -> T) -> T {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut Session::within(&connection, brackets))
    }
}

/// One process's way to a database in memory.
pub(crate) struct Single {
    memory: Memory,
    pause: Pause,
    tally: Tally,
}

impl Single {
    /// Commits `batch` by itself. A caller that is dropped while it waits has written nothing, or
    /// everything and never hears of it.
    pub(crate) async fn write(&self, batch: &Batch) -> Result<Written, StoreError> {
        (self.pause)().await?;
        let written = self.memory.with(|session| commit_alone(session, batch, &self.tally));
        // What is committed is committed, whatever happens now.
        let _ = (self.pause)().await;
        written
    }

    /// Runs a query on what is committed.
    pub(crate) async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&mut Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        (self.pause)().await?;
        let connection = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        at_once(work(&mut Reader::Sqlite(Session::within(&connection, sqlite::SAVEPOINT))))
    }

    /// What was done so far.
    pub(crate) fn counters(&self) -> Counters {
        self.tally.counters()
    }
}
