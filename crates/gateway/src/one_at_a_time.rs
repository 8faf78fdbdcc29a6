//! Work of which one at a time is done for each key: log-ins under one e-mail, questions to one upstream.
//! A key is forgotten once nobody holds it or waits for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

/// Who is at work, by key.
pub(crate) struct OneAtATime<K: Hash + Eq>(Mutex<HashMap<K, Arc<Turns<()>>>>);

/// The turn of a key, until it is dropped.
pub(crate) struct Turn<'a, K: Hash + Eq> {
    all: &'a OneAtATime<K>,
    key: K,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<K: Hash + Eq> Default for OneAtATime<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> OneAtATime<K> {
    /// The turn of `key`; `None` if it does not come within `wait`.
    pub(crate) async fn turn(&self, key: K, wait: Duration) -> Option<Turn<'_, K>> {
        let turns = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(key.clone()).or_default().clone()
        };
        // Made first: if this is dropped while it waits, the key is forgotten too.
        let mut turn = Turn { all: self, key, guard: None };
        turn.guard = Some(tokio::time::timeout(wait, turns.lock_owned()).await.ok()?);
        Some(turn)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl<K: Hash + Eq> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Whoever waits holds a share of its own.
        if all.get(&self.key).is_some_and(|turns| Arc::strong_count(turns) == 1) {
            all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn run(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn one_key_waits_and_another_does_not() {
        run(async {
            let all = OneAtATime::default();
            let first = all.turn("a", WAIT).await.unwrap();
            assert!(all.turn("a", Duration::ZERO).await.is_none());
            assert!(all.turn("b", Duration::ZERO).await.is_some());
            let (waited, ()) = tokio::join!(all.turn("a", WAIT), async { drop(first) });
            assert!(waited.is_some());
        });
    }

    #[test]
    fn a_key_that_nobody_holds_is_forgotten() {
        run(async {
            let all = OneAtATime::default();
            let turn = all.turn("a", WAIT).await;
            assert!(all.turn("a", Duration::ZERO).await.is_none());
            assert_eq!(all.len(), 1);
            drop(turn);
            assert_eq!(all.len(), 0);
        });
    }
}
