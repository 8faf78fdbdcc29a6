//! Places that can be taken, in all and by one address: connections, pages that watch an order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::client::Net;

/// A number of places. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    most_by_net: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    by_net: HashMap<Net, usize>,
}

impl Places {
    /// `most` places, of which one address can have `most_by_net`.
    pub(crate) fn new(most: usize, most_by_net: usize) -> Self {
        Self(Arc::new(Inner { most, most_by_net, taken: Mutex::default() }))
    }

    /// Takes a place until it is dropped; `None` if there is none left. Without a `net` only the
    /// whole is counted.
    pub(crate) fn take(&self, net: Option<Net>) -> Option<Place> {
        let mut taken = self.0.taken();
        if taken.count >= self.0.most {
            return None;
        }
        if let Some(net) = net {
            let count = taken.by_net.entry(net).or_default();
            if *count >= self.0.most_by_net {
                return None;
            }
            *count += 1;
        }
        taken.count += 1;
        Some(Place { places: self.clone(), net })
    }
}

impl Inner {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    net: Option<Net>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken();
        taken.count = taken.count.saturating_sub(1);
        if let Some(net) = self.net
            && let Some(count) = taken.by_net.get_mut(&net)
        {
            *count = count.saturating_sub(1);
            // Nobody's count stays behind: strangers must not fill the memory.
            if *count == 0 {
                taken.by_net.remove(&net);
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
        assert_eq!((taken.count, taken.by_net.len()), (0, 0));
    }
}
