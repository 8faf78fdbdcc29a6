//! Writing to the store alone, without anything in front of it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::measure::OneByOne;
use store::{Batch, Store};
use tokio::task::JoinSet;

use super::report::Amount;
use super::{cpu, now, store_fault};
use crate::cli::Failure;

/// What writing cost.
#[derive(Copy, Clone, Debug, Default)]
pub struct Written {
    count: usize,
    elapsed: Duration,
    used: Duration,
}

impl Written {
    /// Batches in a second.
    pub fn per_second(self) -> Amount {
        Amount::per_second(self.count, self.elapsed)
    }

    /// Processor time of each, in microseconds.
    pub fn cpu_us(self) -> Amount {
        Amount::ratio(self.used.as_micros(), u128::try_from(self.count).unwrap_or(1))
    }
}

/// Writes `batches` from `writers` tasks, each of which goes on when it is answered.
///
/// # Errors
/// A batch fails, or misses.
pub async fn write_all(
    store: &Store,
    batches: Vec<Batch>,
    writers: usize,
) -> Result<Written, Failure> {
    let count = batches.len();
    let queue = Arc::new(Mutex::new(VecDeque::from(batches)));
    let (began, used) = (now(), cpu::used());
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        tasks.spawn(write_until_empty(store.clone(), Arc::clone(&queue)));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|error| Failure::Machine(error.to_string()))??;
    }
    Ok(Written { count, elapsed: began.elapsed(), used: cpu::used() - used })
}

async fn write_until_empty(
    store: Store,
    queue: Arc<Mutex<VecDeque<Batch>>>,
) -> Result<(), Failure> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    while let Some(batch) = next() {
        if !store.write(batch).await.map_err(store_fault)?.is_done() {
            return Err(Failure::Machine("a bench's batch was not written".into()));
        }
    }
    Ok(())
}

/// Writes `batches` to the store in the file `path`, each in a transaction of its own; says how long it
/// took. It may be open elsewhere: then its log has its size already, and no sync waits for it to grow.
///
/// # Errors
/// A batch fails.
pub fn write_one_by_one(path: &Path, batches: &[Batch]) -> Result<Duration, Failure> {
    let store = OneByOne::open(path).map_err(store_fault)?;
    let began = now();
    store.write_each(batches).map_err(store_fault)?;
    Ok(began.elapsed())
}
