//! The only SQL of Jubao Pay: tables, migrations, and every statement, one file for each noun.
//!
//! Writes are [`Batch`] values, made by pure functions (`orders::place`) and committed by
//! [`Store::write`]; reads are async functions (`orders::by_id`). Whoever is answered by
//! [`Store::write`] may speak: what it acknowledges is durable.
//!
//! Nothing here decides about money, reads a clock, draws numbers or holds a transaction open while
//! somebody waits for the network. Statements are written once, for SQLite and PostgreSQL; what
//! only one engine knows is in `db/`.

pub mod accounts;
pub mod applications;
pub mod attempts;
pub mod audit;
mod batch;
mod bell;
#[cfg(debug_assertions)]
mod crash;
mod database;
mod db;
pub mod exchange_rates;
pub mod feed;
pub mod inspect;
pub mod layout;
pub mod ledger;
pub mod lists;
pub mod login_addresses;
pub mod logins;
pub mod measure;
mod memory;
pub mod merchants;
pub mod messages;
pub mod meta;
pub mod moves;
pub mod nodes;
pub mod nonces;
pub mod notices;
pub mod order_events;
mod order_row;
pub mod orders;
pub mod pay_codes;
mod readers;
pub mod refunds;
pub mod request_keys;
pub mod retired_keys;
pub mod standings;
pub mod stores;
pub mod sweeps;
#[cfg(test)]
mod tests;
pub mod upkeep;
pub mod users;
mod writer;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;

pub use crate::batch::{Batch, Row, Statement, Value, Written};
pub use crate::bell::Bell;
pub use crate::database::{Database, PostgresUrl};
use crate::db::postgres::{self, Postgres};
use crate::db::{Effect, sqlite};
use crate::memory::Single;
pub use crate::memory::{Memory, Pause, Pausing};
use crate::readers::Readers;
use crate::writer::Writer;

/// Why the store did not do what it was asked. Nothing of a failed batch is written, but for
/// [`StoreError::InDoubt`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreError {
    /// Too much is waiting, or another process holds the lock for too long: nothing was done, and
    /// the same may be asked again.
    Busy,
    /// The disk is full, the file cannot be opened or written, the store is closing.
    Unavailable(String),
    /// The connection was lost while the batch was committed, and the server has not come back to tell; or
    /// the file's log could not be synced. It is written as a whole or not at all, and what is asked again
    /// finds out.
    InDoubt(String),
    /// What is stored cannot be what we wrote.
    Corrupt(String),
    /// A mistake of ours: a statement that the engine refuses, an expectation that does not hold.
    Defect(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => out.write_str("the store is busy"),
            Self::Unavailable(why) => write!(out, "the store is unavailable: {why}"),
            Self::InDoubt(why) => write!(out, "what was written is in doubt: {why}"),
            Self::Corrupt(why) => write!(out, "the store is corrupt: {why}"),
            Self::Defect(why) => write!(out, "a defect in the store: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// How much work the writer has done: `batches / commits` is how many shared one sync.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Transactions committed, each with one sync of the log (or none, if nothing was written).
    pub commits: u64,
    /// Batches answered after those commits.
    pub batches: u64,
}

/// A handle on the store; clones share one writer and a few readers.
///
/// When the last handle goes, what is queued is still written, the log is checkpointed and the
/// threads end; that drop waits for them.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

/// What runs the statements.
enum Engine {
    /// Threads on a file.
    File(Threads),
    /// A database in memory, for simulations.
    Memory(Single),
    /// A server.
    Postgres(Postgres),
}

/// Readers end before the writer, so that nothing hinders its checkpoint: fields drop in order.
struct Threads {
    readers: Readers,
    writer: Writer,
}

impl Store {
    /// Opens the store, creates it if need be, and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// The database cannot be opened, is none of ours or would lose data, or a later version wrote its
    /// schema.
    pub fn open(database: &Database) -> Result<Self, StoreError> {
        #[cfg(feature = "seeded-defects")]
        db::seeded::seed();
        #[cfg(debug_assertions)]
        crash::arm();
        let engine = match database {
            Database::Sqlite(path) => {
                let writer = Writer::start(sqlite::open_writer(path)?)?;
                Engine::File(Threads { readers: Readers::start(path)?, writer })
            }
            Database::Postgres(url) => Engine::Postgres(Postgres::start(url)?),
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    /// Commits `batch` together with whatever else waits, and answers once it is durable. A caller
    /// that stops waiting does not stop the batch.
    ///
    /// # Errors
    /// See [`StoreError`]: nothing of the batch was written.
    pub async fn write(&self, batch: Batch) -> Result<Written, StoreError> {
        if batch.has_nul() {
            return Err(StoreError::Defect("a text with a NUL character".into()));
        }
        if batch.lacks_id() {
            return Err(StoreError::Unavailable("this process may make no ids now".into()));
        }
        match &*self.engine {
            Engine::File(threads) => {
                let reply = threads.writer.submit(batch)?.await;
                reply.map_or_else(|_| Err(unanswered()), |(answer, _)| answer)
            }
            Engine::Memory(single) => single.write(&batch).await,
            Engine::Postgres(server) => {
                server.submit(batch)?.await.unwrap_or_else(|_| Err(unanswered()))
            }
        }
    }

    /// How much the writer has done since the store was opened.
    pub fn counters(&self) -> Counters {
        match &*self.engine {
            Engine::File(threads) => threads.writer.counters(),
            Engine::Memory(single) => single.counters(),
            Engine::Postgres(server) => server.counters(),
        }
    }

    /// Runs `work` where the engine reads. Statements see what is committed when each of them begins.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&mut Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let threads = match &*self.engine {
            Engine::File(threads) => threads,
            Engine::Memory(single) => return single.read(work).await,
            Engine::Postgres(server) => return server.read(work).await,
        };
        let (sender, answer) = oneshot::channel();
        threads.readers.submit(Box::new(move |reader| {
            // Nobody listens any more: the caller stopped waiting, and a read leaves no trace.
            let _ = sender.send(at_once(work(reader)));
        }))?;
        answer.await.unwrap_or_else(|_| Err(gone("a reader")))
    }

    /// Every row that `sql` finds, each read by `parse`.
    pub(crate) async fn rows<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        parse: fn(&mut Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(async move |reader| {
            let found = reader.run(sql, &values).await?.rows;
            found.into_iter().map(|mut row| parse(&mut row)).collect()
        })
        .await
    }

    /// The first row that `sql` finds, read by `parse`.
    pub(crate) async fn row<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        parse: fn(&mut Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, values, parse).await?.into_iter().next())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

/// What a query reads by.
pub(crate) enum Reader<'c> {
    /// A connection to a file: it answers at once.
    Sqlite(sqlite::Session<'c>),
    /// A connection to a server.
    Postgres(postgres::Connection),
}

impl Reader<'_> {
    /// Runs one statement to its end.
    pub(crate) async fn run(
        &mut self,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Effect, StoreError> {
        match self {
            Self::Sqlite(session) => session.run(sql, values),
            Self::Postgres(connection) => connection.run(sql, values).await,
        }
    }
}

/// The end of a query that waits for nobody.
fn at_once<T>(query: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(query).poll(&mut context) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(StoreError::Defect("a query waits for something else".into())),
    }
}

/// What becomes of a batch whose writer has taken it and ended.
fn unanswered() -> StoreError {
    StoreError::InDoubt("the writer has ended".into())
}

fn gone(whose: &str) -> StoreError {
    StoreError::Unavailable(format!("{whose} has ended"))
}
