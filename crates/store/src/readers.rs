//! The threads that read: each has its own read-only connection, and takes the next query from one
//! bounded queue. They see what is committed, and never hinder the writer.

use std::num::NonZero;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::db::sqlite::{self, Session};
use crate::{Reader, StoreError, gone};

/// Queries that may wait; beyond it the store is busy.
pub(crate) const READ_QUEUE_MAX: usize = 4_096;
/// Fewest and most readers; between them, one for each core.
const READERS: (usize, usize) = (2, 4);

/// A query: it answers its caller by itself.
pub(crate) type Query = Box<dyn FnOnce(&mut Reader<'_>) + Send>;

/// The readers' threads and the queue in front of them.
pub(crate) struct Readers {
    /// `None` only while they are dropped.
    queue: Option<SyncSender<Query>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub(crate) fn start(path: &Path) -> Result<Self, StoreError> {
        let (queue, queries) = sync_channel(READ_QUEUE_MAX);
        let queries = Arc::new(Mutex::new(queries));
        let cores = thread::available_parallelism().map_or(READERS.0, NonZero::get);
        let count = cores.clamp(READERS.0, READERS.1);
        let start = |_| start_one(sqlite::open_reader(path)?, Arc::clone(&queries));
        let threads = (0..count).map(start).collect::<Result<_, StoreError>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Queues `query`; never waits.
    pub(crate) fn submit(&self, query: Query) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or_else(|| gone("a reader"))?;
        match queue.try_send(query) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(gone("a reader")),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the store panicked");
            }
        }
    }
}

fn start_one(
    connection: Connection,
    queries: Arc<Mutex<Receiver<Query>>>,
) -> Result<JoinHandle<()>, StoreError> {
    let work = move || serve(&connection, &queries);
    let thread = thread::Builder::new().name("store-reader".into()).spawn(work);
    thread.map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn serve(connection: &Connection, queries: &Mutex<Receiver<Query>>) {
    let mut reader = Reader::Sqlite(Session::new(connection));
    while let Some(query) = next(queries) {
        // A query that panics answers nobody, and the next one is none the worse.
        let asked = AssertUnwindSafe(|| query(&mut reader));
        if std::panic::catch_unwind(asked).is_err() {
            tracing::error!("a query panicked");
        }
    }
}

/// The next query; whoever holds the lock waits for all.
fn next(queries: &Mutex<Receiver<Query>>) -> Option<Query> {
    queries.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
