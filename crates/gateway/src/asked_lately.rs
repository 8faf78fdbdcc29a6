//! What was asked of upstreams a moment ago, so that nobody has us ask the same again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kernel::id::Id;
use kernel::time::Timestamp;

/// The same is asked at most this often, in milliseconds.
const ASK_EVERY_MS: i64 = 1_000;

/// When upstreams were asked about orders and refunds.
///
/// What is remembered is dropped a whole turn at a time: looking through it for what is old would cost
/// each question as much as there is.
#[derive(Debug, Default)]
pub(crate) struct AskedLately(Mutex<Turns>);

/// The questions of this turn and of the one before; a turn lasts as long as a question counts.
#[derive(Debug, Default)]
struct Turns {
    began: Option<Timestamp>,
    this: HashMap<Id, Timestamp>,
    last: HashMap<Id, Timestamp>,
}

impl AskedLately {
    /// Whether upstreams may be asked about `id` at `now`; remembers that they were.
    pub(crate) fn may_ask(&self, id: Id, now: Timestamp) -> bool {
        // A clock that was set back forgets everything.
        let is_recent = |at: &Timestamp| (0..ASK_EVERY_MS).contains(&now.millis_since(*at));
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !turns.began.as_ref().is_some_and(is_recent) {
            turns.began = Some(now);
            turns.last = std::mem::take(&mut turns.this);
        }
        if [&turns.this, &turns.last].iter().any(|turn| turn.get(&id).is_some_and(is_recent)) {
            return false;
        }
        turns.this.insert(id, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_same_is_asked_once_a_second() {
        let asked = AskedLately::default();
        for (ms, may_ask) in
            [(600, true), (1_100, false), (1_599, false), (1_600, true), (1_601, false)]
        {
            assert_eq!(asked.may_ask(Id(1), at(ms)), may_ask, "at {ms}");
        }
        assert!(asked.may_ask(Id(2), at(1_601)));
    }

    #[test]
    fn a_question_counts_for_its_second_whenever_turns_end() {
        for begun in (0..1_000).step_by(100) {
            let asked = AskedLately::default();
            assert!(asked.may_ask(Id(9), at(begun)), "a turn begins");
            assert!(asked.may_ask(Id(1), at(999)));
            assert!(!asked.may_ask(Id(1), at(1_500)), "begun {begun}");
            assert!(!asked.may_ask(Id(1), at(1_998)), "begun {begun}");
            assert!(asked.may_ask(Id(1), at(1_999)), "begun {begun}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_lets_ask() {
        let asked = AskedLately::default();
        assert!(asked.may_ask(Id(1), at(5_000)));
        assert!(asked.may_ask(Id(1), at(4_000)));
        assert!(!asked.may_ask(Id(1), at(4_001)));
    }

    #[test]
    fn only_what_was_asked_in_two_seconds_is_remembered() {
        let asked = AskedLately::default();
        for number in 0..100_000 {
            assert!(asked.may_ask(Id(number), at(number)));
        }
        let turns = asked.0.lock().unwrap();
        assert!(turns.this.len() + turns.last.len() <= 2_000);
    }
}
