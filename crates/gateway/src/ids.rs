//! Identifiers and randomness: the shell's answer to what the pure crates take as arguments.

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};

use kernel::digits::push_hex;
use kernel::id::{IDS_PER_SECOND_MAX, Id};
use kernel::time::Timestamp;

/// Makes row ids that ascend within a process, for one node.
#[derive(Debug)]
pub struct IdSource {
    node: u32,
    /// `second · 2¹⁶ + sequence` of the last id.
    last: AtomicI64,
}

impl IdSource {
    /// A source for `node` whose first id lies in a second after `floor`, so that a process that
    /// died in this second cannot have made it.
    pub fn new(node: u32, floor: Timestamp) -> Self {
        let first = (floor.seconds() + 1) * i64::from(IDS_PER_SECOND_MAX);
        Self { node, last: AtomicI64::new(first - 1) }
    }

    /// The next id. Ids run ahead of the clock when a second's are used up, or after the clock was
    /// set back; they never repeat.
    pub fn next(&self, now: Timestamp) -> Id {
        let per_second = i64::from(IDS_PER_SECOND_MAX);
        let earliest = now.seconds() * per_second;
        let step = |last: i64| Some(earliest.max(last + 1));
        // The closure never refuses, so both arms hold the value that was there before.
        let last = match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
            Ok(last) | Err(last) => last,
        };
        let mine = earliest.max(last + 1);
        let sequence = u32::try_from(mine % per_second).unwrap_or(0);
        Id::from_parts(mine / per_second, self.node, sequence).unwrap_or(Id(0))
    }
}

/// `N` random bytes from the operating system.
///
/// # Panics
/// The operating system has no randomness: nothing here could go on safely.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without randomness there are no nonces, keys or page secrets: stop at once.
        unreachable!("the operating system gives no randomness: {error}");
    }
    bytes
}

/// Random bytes that a thread fetches at a time: to ask the operating system for each number costs
/// as much as checking a signature.
const FETCHED: usize = 512;

thread_local! {
    /// Fetched bytes, and how many of them were given out. Those are wiped.
    static FETCH: RefCell<([u8; FETCHED], usize)> = const { RefCell::new(([0; FETCHED], FETCHED)) };
}

/// `2·N` random hexadecimal digits.
///
/// # Panics
/// As [`random_bytes`].
pub fn random_hex<const N: usize>() -> String {
    const { assert!(N <= FETCHED) };
    FETCH.with_borrow_mut(|(bytes, used)| {
        if *used + N > FETCHED {
            (*bytes, *used) = (random_bytes(), 0);
        }
        let taken = &mut bytes[*used..*used + N];
        *used += N;
        let mut text = String::with_capacity(2 * N);
        push_hex(&mut text, taken);
        taken.fill(0);
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_ascend_even_when_the_clock_is_set_back() {
        let source = IdSource::new(3, Timestamp::from_seconds(1_000));
        let mut last = source.next(Timestamp::from_seconds(900));
        assert_eq!(last.seconds(), 1_001);
        for second in [1_001, 1_005, 1_002] {
            let id = source.next(Timestamp::from_seconds(second));
            assert!(id > last);
            last = id;
        }
    }

    #[test]
    fn a_used_up_second_continues_in_the_next() {
        let source = IdSource::new(0, Timestamp::from_seconds(0));
        let now = Timestamp::from_seconds(10);
        let ids: Vec<Id> = (0..=IDS_PER_SECOND_MAX).map(|_| source.next(now)).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids.last().map(|id| id.seconds()), Some(11));
    }

    #[test]
    fn no_random_digits_come_twice() {
        let mut seen = HashSet::new();
        for _ in 0..10 * FETCHED {
            let text = random_hex::<12>();
            assert!(text.len() == 24 && text.bytes().all(|digit| digit.is_ascii_hexdigit()));
            assert!(seen.insert(text), "given out twice");
        }
    }
}
