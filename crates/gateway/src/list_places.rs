//! How a deep page of a list is reached (contract section 6): from a place that was passed lately, else
//! from the top, in steps.
//!
//! Pages within the first [`STEP_ROWS`] rows are counted from the top each time, as everybody expects of
//! them. Below, where `total` does not count either, a page goes on behind the last row of the page
//! before it: nobody who walks down sees a row twice because of new orders, and nothing is walked twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kernel::fault::Fault;
use kernel::id::{Id, MchId};
use kernel::time::Timestamp;
use store::lists::{Place, STEP_ROWS, Walk};

use crate::Gateway;

/// How long a place is remembered, in milliseconds.
const PLACE_MS_MAX: i64 = 600_000;
/// Lists of which places are remembered; beyond it, those of all are forgotten.
const LISTS_MAX: usize = 256;
/// Places of one list; beyond it, the oldest is forgotten.
const PLACES_MAX: usize = 1_024;
/// Steps of one request: five million rows. Whoever asks again goes on from where it stopped.
const STEPS_MAX: usize = 500;
/// How long a walk waits for the merchant's other walks: one reader's time is all that they take.
const TURN_WAIT: Duration = Duration::from_secs(10);

/// Places of one list by the rows above them: an id that all rows below are smaller than, and when it
/// was there.
type Marks = BTreeMap<i64, (Id, Timestamp)>;

/// Places that were passed lately.
#[derive(Debug, Default)]
pub(crate) struct ListPlaces {
    lists: Mutex<HashMap<Walk, Marks>>,
    /// Steps that were walked.
    steps: AtomicU64,
}

impl ListPlaces {
    /// The lowest place above the row behind the first `rows`.
    fn nearest(&self, walk: &Walk, rows: i64, now: Timestamp) -> Option<Place> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let is_young = |at: Timestamp| (0..PLACE_MS_MAX).contains(&now.millis_since(at));
        let mut above = lists.get(walk)?.range(..=rows).rev();
        let (rows, (before, _)) = above.find(|(_, (_, at))| is_young(*at))?;
        Some(Place { rows: *rows, before: *before })
    }

    fn keep(&self, walk: &Walk, place: Place, now: Timestamp) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= LISTS_MAX && !lists.contains_key(walk) {
            lists.clear();
        }
        let marks = lists.entry(walk.clone()).or_default();
        if marks.len() >= PLACES_MAX && !marks.contains_key(&place.rows) {
            let oldest = marks.iter().min_by_key(|(_, (_, at))| *at).map(|(rows, _)| *rows);
            oldest.map(|rows| marks.remove(&rows));
        }
        marks.insert(place.rows, (place.before, now));
    }
}

impl Gateway {
    /// A place at most a step above the row behind the first `rows`; `None` if the list ends above it.
    ///
    /// # Errors
    /// 4006 if the store does not answer, or the way is too long for one request.
    pub(crate) async fn seek(
        &self,
        mch_id: MchId,
        walk: &Walk,
        rows: i64,
    ) -> Result<Option<Place>, Fault> {
        if rows <= STEP_ROWS {
            return Ok(Some(walk.top()));
        }
        if let Some(near) = self.nearest(walk, rows).filter(|near| is_near(near, rows)) {
            return Ok(Some(near));
        }
        let _turn = self.0.list_walks.turn(mch_id, TURN_WAIT).await.ok_or(Fault::Busy)?;
        let mut place = self.nearest(walk, rows).unwrap_or(walk.top());
        for _ in 0..STEPS_MAX {
            if is_near(&place, rows) {
                return Ok(Some(place));
            }
            self.0.list_places.steps.fetch_add(1, Ordering::Relaxed);
            let next = walk.step(&self.0.store, place).await;
            match next.map_err(|error| self.busy("walk down a list", &error))? {
                Some(next) => place = next,
                None => return Ok(None),
            }
            self.remember(walk, Some(place));
        }
        Err(Fault::Busy)
    }

    /// Steps that lists were walked down so far: a page that is asked for often is walked to once.
    pub fn list_steps(&self) -> u64 {
        self.0.list_places.steps.load(Ordering::Relaxed)
    }

    fn nearest(&self, walk: &Walk, rows: i64) -> Option<Place> {
        self.0.list_places.nearest(walk, rows, self.now())
    }

    /// Remembers a place, if it is a deep one.
    pub(crate) fn remember(&self, walk: &Walk, place: Option<Place>) {
        if let Some(place) = place.filter(|place| place.rows >= STEP_ROWS) {
            self.0.list_places.keep(walk, place, self.now());
        }
    }
}

fn is_near(place: &Place, rows: i64) -> bool {
    rows - place.rows <= STEP_ROWS
}

#[cfg(test)]
mod tests {
    use kernel::call::ListFilter;

    use super::*;

    fn walk(store_id: i64) -> Walk {
        let filter = ListFilter {
            states: Vec::new(),
            provider: None,
            store_id: Some(store_id),
            out_trade_no: None,
            ids: (Id(0), Id(9)),
        };
        Walk::of_orders(MchId(1), &filter)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn place(rows: i64, before: i64) -> Place {
        Place { rows, before: Id(before) }
    }

    #[test]
    fn the_lowest_place_above_a_page_is_found_while_it_is_young() {
        let places = ListPlaces::default();
        places.keep(&walk(1), place(20_000, 5), at(0));
        places.keep(&walk(1), place(30_000, 3), at(1));
        let nearest = |rows, now| places.nearest(&walk(1), rows, at(now));
        assert_eq!(nearest(19_999, 5), None);
        assert_eq!(nearest(29_999, 5), Some(place(20_000, 5)));
        assert_eq!(nearest(30_000, 5), Some(place(30_000, 3)));
        assert_eq!(nearest(30_000, 0), Some(place(20_000, 5)), "a clock that was set back");
        assert_eq!(nearest(29_999, PLACE_MS_MAX), None);
        assert_eq!(nearest(99_999, PLACE_MS_MAX), Some(place(30_000, 3)));
        assert_eq!(places.nearest(&walk(2), 99_999, at(5)), None, "another list");
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let places = ListPlaces::default();
        for rows in 0..2_000 {
            places.keep(&walk(1), place(rows, rows), at(rows));
        }
        let kept = || places.lists.lock().unwrap().get(&walk(1)).map(BTreeMap::len);
        assert_eq!(kept(), Some(PLACES_MAX));
        assert_eq!(places.nearest(&walk(1), 975, at(2_000)), None, "the oldest went");
        for store_id in 2..1_000 {
            places.keep(&walk(store_id), place(1, 1), at(2_000));
            assert!(places.lists.lock().unwrap().len() <= LISTS_MAX);
        }
    }
}
