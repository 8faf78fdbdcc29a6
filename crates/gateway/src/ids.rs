//! Identifiers and randomness: the shell's answer to what the pure crates take as arguments.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::digits::push_hex;
use kernel::id::{IDS_PER_SECOND_MAX, Id};
use kernel::time::Timestamp;

/// Makes row ids that ascend within a stretch of seconds that was granted to it, and [`Id::NONE`]
/// outside of it: that one cannot be written.
#[derive(Debug, Default)]
pub struct IdSource(Mutex<Stretch>);

/// A stretch of ids under one number.
#[derive(Debug, Default)]
struct Stretch {
    node: u32,
    /// `second · 2¹⁶ + sequence` of the last id.
    last: i64,
    /// The same of the last that may be made; nothing is granted while it is not above `last`.
    end: i64,
}

/// Ids of one second, as they are counted here.
const PER_SECOND: i64 = IDS_PER_SECOND_MAX as i64;

impl IdSource {
    /// A source for `node` whose first id lies in a second after `floor`, and which never ends: for who
    /// is alone with his ids.
    pub fn new(node: u32, floor: Timestamp) -> Self {
        let source = Self::default();
        source.grant(node, (floor.seconds(), i64::MAX / PER_SECOND - 1));
        source
    }

    /// Goes on under `node`, with the seconds behind the first and up to the last.
    pub(crate) fn grant(&self, node: u32, (behind_s, until_s): (i64, i64)) {
        let (last, end) = ((behind_s + 1) * PER_SECOND - 1, (until_s + 1) * PER_SECOND - 1);
        *self.stretch() = Stretch { node, last, end };
    }

    /// Goes on as before, up to a later second.
    pub(crate) fn extend(&self, until_s: i64) {
        let mut stretch = self.stretch();
        stretch.end = stretch.end.max((until_s + 1) * PER_SECOND - 1);
    }

    /// Makes no more ids; the second that they have come to.
    pub(crate) fn close(&self) -> i64 {
        let mut stretch = self.stretch();
        stretch.end = stretch.last;
        stretch.last.div_euclid(PER_SECOND)
    }

    /// The second that ids have come to, or `now`, if they follow the clock; and how many seconds are left
    /// of the stretch behind it.
    pub(crate) fn reach(&self, now: Timestamp) -> (i64, i64) {
        let stretch = self.stretch();
        let at = now.seconds().max(stretch.last.div_euclid(PER_SECOND));
        (at, stretch.end.div_euclid(PER_SECOND) - at)
    }

    /// The number that ids are made under.
    pub(crate) fn node(&self) -> u32 {
        self.stretch().node
    }

    /// The next id. Ids run ahead of the clock when a second's are used up, or after the clock was
    /// set back, and behind it in the last second of the stretch; they never repeat.
    pub fn next(&self, now: Timestamp) -> Id {
        let mut stretch = self.stretch();
        let latest = stretch.end - (PER_SECOND - 1);
        let earliest = now.seconds().saturating_mul(PER_SECOND).min(latest);
        let mine = earliest.max(stretch.last + 1);
        if mine > stretch.end {
            return Id::NONE;
        }
        stretch.last = mine;
        let sequence = u32::try_from(mine % PER_SECOND).unwrap_or(0);
        Id::from_parts(mine / PER_SECOND, stretch.node, sequence).unwrap_or(Id::NONE)
    }

    fn stretch(&self) -> MutexGuard<'_, Stretch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn outside_of_what_was_granted_no_id_is_made() {
        let (source, early) = (IdSource::default(), Timestamp::from_seconds(5));
        assert_eq!(source.next(early), Id::NONE);
        source.grant(9, (20, 22));
        let first = source.next(early);
        assert_eq!((first.seconds(), source.reach(early)), (21, (21, 1)));
        // A clock that is ahead of the stretch takes its last second.
        let late = Timestamp::from_seconds(500);
        let mut of_last = (0..IDS_PER_SECOND_MAX).map(|_| source.next(late));
        assert!(of_last.all(|id| id.seconds() == 22));
        assert_eq!(source.next(late), Id::NONE);
        source.extend(600);
        assert_eq!(source.next(late).seconds(), 500);
        assert_eq!(source.close(), 500);
        assert_eq!(source.next(late), Id::NONE);
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
