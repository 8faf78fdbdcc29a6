//! Places that can be taken, in all and by one address or application: connections, pages that watch an
//! order, answers that wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};

use super::client::Net;

/// A number of places. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Places<K: Copy + Eq + Hash = Net>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    most: usize,
    most_by_one: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    count: usize,
    by_one: HashMap<K, usize>,
}

impl<K: Copy + Eq + Hash> Places<K> {
    /// `most` places, of which one address or application can have `most_by_one`.
    pub(crate) fn new(most: usize, most_by_one: usize) -> Self {
        let taken = Taken { count: 0, by_one: HashMap::new() };
        Self(Arc::new(Inner { most, most_by_one, taken: Mutex::new(taken) }))
    }

    /// Takes a place until it is dropped; `None` if there is none left. For nobody, only the whole is
    /// counted.
    pub(crate) fn take(&self, one: Option<K>) -> Option<Place<K>> {
        let mut taken = self.0.taken();
        if taken.count >= self.0.most {
            return None;
        }
        if let Some(one) = one {
            let count = taken.by_one.entry(one).or_default();
            if *count >= self.0.most_by_one {
                return None;
            }
            *count += 1;
        }
        taken.count += 1;
        Some(Place { places: self.clone(), one })
    }

    /// How many are taken.
    pub(crate) fn count(&self) -> usize {
        self.0.taken().count
    }
}

impl<K> Inner<K> {
    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(crate) struct Place<K: Copy + Eq + Hash = Net> {
    places: Places<K>,
    one: Option<K>,
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken();
        taken.count = taken.count.saturating_sub(1);
        if let Some(one) = self.one
            && let Some(count) = taken.by_one.get_mut(&one)
        {
            *count = count.saturating_sub(1);
            // Nobody's count stays behind: strangers must not fill the memory.
            if *count == 0 {
                taken.by_one.remove(&one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Option<Net> {
        Some(Net::of(text.parse().unwrap()))
    }

    #[test]
    fn one_address_cannot_take_the_others_places() {
        let places = Places::new(3, 2);
        let first = places.take(net("192.0.2.1")).unwrap();
        let _second = places.take(net("192.0.2.1")).unwrap();
        assert!(places.take(net("192.0.2.1")).is_none());
        let _other = places.take(net("192.0.2.2")).unwrap();
        assert!(places.take(net("192.0.2.3")).is_none() && places.take(None).is_none());
        drop(first);
        assert!(places.take(net("192.0.2.1")).is_some());
    }

    #[test]
    fn what_is_given_back_leaves_nothing_behind() {
        let places = Places::new(1, 1);
        for last in 0..200_u8 {
            drop(places.take(Some(Net::of([192, 0, 2, last].into()))).unwrap());
        }
        let taken = places.0.taken();
        assert_eq!((taken.count, taken.by_one.len()), (0, 0));
    }
}
