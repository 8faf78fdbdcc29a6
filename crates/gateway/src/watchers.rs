//! Whoever waits for an order or for a merchant's events is woken when this process commits something
//! of it, and by nothing else: a change costs one look into a table, however many wait for others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kernel::id::{Id, MchId};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::Gateway;

/// What is waited for.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// A change of an order.
    Order(Id),
    /// A change of an order of the merchant, which may be an event.
    Events(MchId),
}

/// Who waits for what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watchers(Arc<Mutex<HashMap<Topic, Arc<Notify>>>>);

impl Watchers {
    /// Begins to watch.
    fn watch(&self, topic: Topic) -> Watcher {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bell = Arc::clone(table.entry(topic).or_default());
        Watcher { topic, bell, watchers: self.clone() }
    }

    /// Wakes whoever watches.
    pub(crate) fn wake(&self, topic: Topic) {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = table.get(&topic) {
            bell.notify_waiters();
        }
    }
}

/// Somebody who watches, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    topic: Topic,
    bell: Arc<Notify>,
    watchers: Watchers,
}

impl Watcher {
    /// Ready when something is committed. It counts from when it is enabled: who enables it before he
    /// looks misses nothing that is committed after his look.
    pub fn changed(&self) -> Notified<'_> {
        self.bell.notified()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut table = self.watchers.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The table's and ours: nobody else watches.
        if Arc::strong_count(&self.bell) == 2 {
            table.remove(&self.topic);
        }
    }
}

impl Gateway {
    /// Begins to watch.
    pub fn watch(&self, topic: Topic) -> Watcher {
        self.0.watchers.watch(topic)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn only_those_who_watch_a_topic_are_woken_and_nothing_is_left_of_them() {
        let watchers = Watchers::default();
        let (order, other) = (Topic::Order(Id(1)), Topic::Events(MchId(1)));
        let (first, second) = (watchers.watch(order), watchers.watch(order));
        let stranger = watchers.watch(other);
        {
            let mut waits = pin!(first.changed());
            let mut also = pin!(second.changed());
            let mut in_vain = pin!(stranger.changed());
            assert!(!waits.as_mut().enable() && !also.as_mut().enable());
            in_vain.as_mut().enable();
            watchers.wake(order);
            assert!(waits.now_or_never().is_some() && also.now_or_never().is_some());
            assert!(in_vain.now_or_never().is_none());
        }
        drop(first);
        assert_eq!(watchers.0.lock().unwrap().len(), 2);
        drop((second, stranger));
        assert!(watchers.0.lock().unwrap().is_empty());
        watchers.wake(order);
    }
}
