//! Looks at what may have changed, shared by all who ask for the same at the same time: however many
//! ask, few look.
//!
//! A look begins a moment after it was asked for first, and whoever comes before it has begun takes part
//! in it. So everybody hears what stood when he asked, or later; nothing is believed from before.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

/// How long whoever asks first waits for others: of a flood of five thousand a second, twenty look once.
const GATHER: Duration = Duration::from_millis(4);

/// Looks that have not begun, by what they look at.
#[derive(Debug)]
pub(crate) struct Looks<K, V>(Mutex<HashMap<K, Look<V>>>);

/// What a look finds. It is made by the first who waits for it; should he go, by another.
type Look<V> = Arc<OnceCell<V>>;

impl<K, V> Default for Looks<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Copy, V: Clone> Looks<K, V> {
    /// What `look` finds at `key`, or what another finds who looks later than now.
    pub(crate) async fn shared(&self, key: K, look: impl Future<Output = V>) -> V {
        let shared = self.waiting().entry(key).or_default().clone();
        let found = shared.get_or_init(|| async {
            tokio::time::sleep(GATHER).await;
            self.begin(key, &shared);
            look.await
        });
        found.await.clone()
    }

    /// Lets nobody else take part in a look: it begins.
    fn begin(&self, key: K, shared: &Look<V>) {
        let mut waiting = self.waiting();
        if waiting.get(&key).is_some_and(|look| Arc::ptr_eq(look, shared)) {
            waiting.remove(&key);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Look<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    fn run(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn who_asks_at_the_same_time_shares_one_look_and_another_key_has_its_own() {
        run(async {
            let (looks, count) = (Looks::default(), Cell::new(0));
            let ask = |key: i32| {
                looks.shared(key, async {
                    count.set(count.get() + 1);
                    count.get()
                })
            };
            let found = join_all((0..100).map(|_| ask(1))).await;
            assert!(found.iter().all(|found| *found == 1), "{found:?}");
            assert_eq!(ask(2).await, 2);
            assert!(looks.waiting().is_empty(), "nothing stays behind");
        });
    }

    #[test]
    fn who_asks_while_a_look_is_under_way_has_it_done_again() {
        run(async {
            let (looks, stored) = (Looks::default(), Cell::new("old"));
            let has_read = tokio::sync::Notify::new();
            let first = looks.shared(1, async {
                let found = stored.get();
                has_read.notify_one();
                tokio::task::yield_now().await;
                found
            });
            let second = async {
                has_read.notified().await;
                stored.set("new");
                looks.shared(1, async { stored.get() }).await
            };
            assert_eq!(tokio::join!(first, second), ("old", "new"));
        });
    }

    #[test]
    fn whoever_waits_goes_on_when_the_first_has_gone() {
        run(async {
            let looks = Looks::default();
            let mut first = Box::pin(looks.shared(1, async { "first" }));
            assert_eq!(first.as_mut().now_or_never(), None);
            let mut second = Box::pin(looks.shared(1, async { "second" }));
            assert_eq!(second.as_mut().now_or_never(), None);
            drop(first);
            assert_eq!(second.await, "second");
            assert!(looks.waiting().is_empty());
        });
    }
}
