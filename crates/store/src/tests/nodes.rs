//! Numbers of processes: leased, taken over, given back. Each test runs on each engine.

use super::*;
use crate::nodes::{NodeLease, Term, give_back, renew, take};

/// Seconds of a stretch.
const SECONDS: i64 = 8;

fn term(seconds: i64) -> Term {
    Term {
        now: at(seconds),
        lease_until: at(seconds + SECONDS),
        from_s: at(seconds).seconds(),
        seconds: SECONDS,
    }
}

async fn taken(test: &TestStore, holder: &str, seconds: i64) -> NodeLease {
    take(&test.store, holder, None, term(seconds)).await.unwrap().unwrap()
}

#[test]
fn no_two_hold_one_number_and_none_is_left_when_all_are_held() {
    run(async || {
        let test = TestStore::new();
        let mut numbers = Vec::new();
        for holder in 0..64 {
            numbers.push(taken(&test, &holder.to_string(), 0).await.no);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..64).collect::<Vec<_>>());
        let more = take(&test.store, "one more", None, term(SECONDS - 1)).await.unwrap();
        assert_eq!(more, None);
        // A process that was killed holds its number for as long as it had leased it.
        taken(&test, "one more", SECONDS).await;
    });
}

#[test]
fn who_holds_a_number_next_begins_behind_whatever_the_one_before_could_make() {
    run(async || {
        let test = TestStore::new();
        let (store, wanted) = (&test.store, Some(5));
        let first = take(store, "first", wanted, term(0)).await.unwrap().unwrap();
        assert_eq!((first.no, first.used_before), (5, 0));
        assert_eq!(first.used_until, at(SECONDS).seconds());
        let first = renew(store, &first, term(3)).await.unwrap().unwrap();
        assert_eq!(first.used_until, at(3 + SECONDS).seconds());
        // An operator gives the number to another process, whose clock is behind.
        let second = take(store, "second", wanted, term(-100)).await.unwrap().unwrap();
        assert_eq!(second.used_before, first.used_until);
        assert_eq!(second.used_until, first.used_until + SECONDS);
        assert_eq!(second.epoch, first.epoch + 1);
        assert_eq!(renew(store, &first, term(4)).await.unwrap(), None, "its number is another's");
        test.missed(give_back(&first, at(3).seconds())).await;
        let longer = renew(store, &second, term(-99)).await.unwrap().unwrap();
        assert_eq!(longer.used_until, second.used_until, "a stretch never becomes shorter");
    });
}

#[test]
fn what_is_given_back_is_free_at_once_with_what_was_not_used() {
    run(async || {
        let test = TestStore::new();
        let all: Vec<_> = {
            let mut all = Vec::new();
            for holder in 0..64 {
                all.push(taken(&test, &holder.to_string(), 0).await);
            }
            all
        };
        test.done(give_back(&all[7], at(1).seconds())).await;
        let next = taken(&test, "next", 2).await;
        assert_eq!((next.no, next.used_before), (all[7].no, at(1).seconds()));
        // Who made no id has used nothing, and what was used before stays used.
        test.done(give_back(&next, 0)).await;
        assert_eq!(taken(&test, "after", 2).await.used_before, at(1).seconds());
    });
}

#[test]
fn what_holds_no_id_is_not_written() {
    run(async || {
        let test = TestStore::new();
        let order = Order { id: Id::NONE, ..an_order(1) };
        let refused = test.store.write(crate::orders::place(&order, &[], &[])).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert_eq!(test.count("orders"), 0);
    });
}
