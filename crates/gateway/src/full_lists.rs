//! Lists that are known to be full (contract section 6: `total` is exact up to 10,000, then 10,000). A list
//! that only grows stays full for ever, so it is counted until it is, and never again: most of what a
//! page costs would be that count.
//!
//! Nothing else is remembered: a total below ten thousand, and the total of what is filtered by state or
//! wallet, may be another one a moment later, so they are counted for each answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use kernel::id::MchId;
use store::lists::{TOTAL_MAX, Total, Walk};

use crate::Gateway;

/// Merchants of whom lists are remembered; beyond it, those of all are forgotten.
const MERCHANTS_MAX: usize = 4_096;
/// Lists of one merchant; beyond it, the oldest is forgotten.
const LISTS_MAX: usize = 16;

/// Lists that have been full.
#[derive(Debug, Default)]
pub(crate) struct FullLists(Mutex<HashMap<MchId, VecDeque<Walk>>>);

impl FullLists {
    /// How the total of a list is told.
    fn total(&self, mch_id: MchId, walk: &Walk) -> Total {
        let full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = full.get(&mch_id).is_some_and(|of| of.iter().any(|one| walk.holds(one)));
        if is_full { Total::Full } else { Total::Counted }
    }

    /// Remembers a list that was counted, if it is full and will stay so.
    fn keep(&self, mch_id: MchId, walk: &Walk, total: i64) {
        if total < TOTAL_MAX || !walk.only_grows() || self.total(mch_id, walk) == Total::Full {
            return;
        }
        let mut full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if full.len() >= MERCHANTS_MAX && !full.contains_key(&mch_id) {
            full.clear();
        }
        let of_merchant = full.entry(mch_id).or_default();
        // What holds the new one is full because of it.
        of_merchant.retain(|one| !one.holds(walk));
        if of_merchant.len() >= LISTS_MAX {
            of_merchant.pop_front();
        }
        of_merchant.push_back(walk.clone());
    }
}

impl Gateway {
    /// How the total of a list is told.
    pub(crate) fn total_of(&self, mch_id: MchId, walk: &Walk) -> Total {
        self.0.full_lists.total(mch_id, walk)
    }

    /// Remembers what a list was counted to hold, if it will stay so.
    pub(crate) fn remember_total(&self, mch_id: MchId, walk: &Walk, total: i64) {
        self.0.full_lists.keep(mch_id, walk, total);
    }
}

#[cfg(test)]
mod tests {
    use kernel::call::ListFilter;
    use kernel::id::Id;
    use kernel::product::Provider;
    use kernel::state::TradeState;

    use super::*;

    const MCH: MchId = MchId(1);

    fn walk(ids: (i64, i64), store_id: Option<i64>) -> Walk {
        let filter: ListFilter<TradeState> = ListFilter {
            states: Vec::new(),
            provider: None,
            store_id,
            out_trade_no: None,
            ids: (Id(ids.0), Id(ids.1)),
        };
        Walk::of_orders(MCH, &filter)
    }

    #[test]
    fn what_holds_a_full_list_is_full_and_nothing_else() {
        let full = FullLists::default();
        full.keep(MCH, &walk((10, 20), Some(7)), TOTAL_MAX - 1);
        assert_eq!(full.total(MCH, &walk((10, 20), Some(7))), Total::Counted, "one is missing");
        full.keep(MCH, &walk((10, 20), Some(7)), TOTAL_MAX);
        for (asked, total) in [
            (walk((10, 20), Some(7)), Total::Full),
            (walk((0, 99), Some(7)), Total::Full),
            (walk((0, 99), None), Total::Full),
            (walk((11, 99), None), Total::Counted),
            (walk((0, 19), None), Total::Counted),
            (walk((0, 99), Some(8)), Total::Counted),
        ] {
            assert_eq!(full.total(MCH, &asked), total, "{asked:?}");
        }
        assert_eq!(full.total(MchId(2), &walk((0, 99), None)), Total::Counted);
    }

    #[test]
    fn what_is_filtered_by_state_or_wallet_is_counted_each_time() {
        let full = FullLists::default();
        for (states, provider) in
            [(vec![TradeState::NotPay], None), (Vec::new(), Some(Provider::Wechat))]
        {
            let filter = ListFilter {
                states,
                provider,
                store_id: None,
                out_trade_no: None,
                ids: (Id(10), Id(20)),
            };
            let filtered = Walk::of_orders(MCH, &filter);
            full.keep(MCH, &filtered, TOTAL_MAX);
            assert_eq!(full.total(MCH, &filtered), Total::Counted, "rows leave it");
            assert_eq!(full.total(MCH, &walk((0, 99), None)), Total::Counted);
        }
    }

    #[test]
    fn what_is_remembered_has_an_end_and_the_narrowest_stays() {
        let full = FullLists::default();
        let kept = || full.0.lock().unwrap().get(&MCH).map(VecDeque::len);
        full.keep(MCH, &walk((0, 99), None), TOTAL_MAX);
        full.keep(MCH, &walk((10, 20), None), TOTAL_MAX);
        assert_eq!(kept(), Some(1), "the wider one is full because of the narrower");
        for at in 0..100 {
            full.keep(MCH, &walk((100 + at, 200 + at), None), TOTAL_MAX);
            assert!(kept() <= Some(LISTS_MAX));
        }
        assert_eq!(full.total(MCH, &walk((10, 20), None)), Total::Counted, "the oldest went");
        for mch_id in 2..5_000 {
            full.keep(MchId(mch_id), &walk((0, 1), None), TOTAL_MAX);
            assert!(full.0.lock().unwrap().len() <= MERCHANTS_MAX);
        }
    }
}
