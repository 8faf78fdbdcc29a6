//! A small cache whose values are believed for a moment only, so that what an administrator changes
//! beside a running server is seen within seconds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use kernel::time::Timestamp;

/// How long a value is believed, in milliseconds.
const FRESH_MS: i64 = 2_000;
/// Entries at most; when they are reached, all are forgotten.
const ENTRIES_MAX: usize = 10_000;

/// Values by key with the moment that they were read.
#[derive(Debug)]
pub(crate) struct Fresh<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Fresh<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Fresh<K, V> {
    /// The value, if it was read a moment ago. A clock that was set back makes it stale.
    pub(crate) fn find(&self, key: &K, now: Timestamp) -> Option<V> {
        let entries = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (read_at, value) = entries.get(key)?;
        (0..FRESH_MS).contains(&now.millis_since(*read_at)).then(|| value.clone())
    }

    /// The value as it was read last, however long ago.
    pub(crate) fn last(&self, key: &K) -> Option<V> {
        let entries = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        entries.get(key).map(|(_, value)| value.clone())
    }

    /// Keeps a value that was read at `now`.
    pub(crate) fn keep(&self, key: K, value: V, now: Timestamp) {
        let mut entries = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, (now, value));
    }

    /// Forgets a value.
    pub(crate) fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(key);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_believed_for_a_moment() {
        let cache = Fresh::default();
        let at = |millis| Timestamp::from_millis(millis);
        cache.keep("key", 1, at(1_000));
        assert_eq!(cache.find(&"key", at(2_999)), Some(1));
        assert_eq!(cache.find(&"key", at(3_000)), None);
        assert_eq!(cache.find(&"key", at(999)), None);
    }
}
