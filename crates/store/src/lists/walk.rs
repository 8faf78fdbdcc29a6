//! The walk along an index that finds a page: from a place, in steps, each a statement of its own that
//! goes on behind the last id of the one before (contract section 6: deep pages by keyset inside).
//!
//! No statement here passes over more than [`STEP_ROWS`] rows, so others' reads come in between, and no
//! snapshot of the database is held for long.

use kernel::call::{ListCall, ListFilter};
use kernel::id::{Id, MchId};
use kernel::refund::RefundState;
use kernel::state::TradeState;

use super::{TOTAL_MAX, orders_sql, refunds_sql};
use crate::batch::Value;
use crate::{Row, Store, StoreError};

/// Rows that one statement passes over at most.
pub const STEP_ROWS: i64 = 10_000;
/// Kinds that one statement has places for: as many as any filter names.
pub(super) const KINDS: usize = 8;
/// The wallets of an order, one that no wallet has begun among them.
const WALLETS: [&str; 4] = ["alipay", "wechat", "unionpay", ""];

/// A place in a list: so many rows stand above it, and all below it have smaller ids.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Rows above it.
    pub rows: i64,
    /// What the ids of the rows behind it are smaller than.
    pub before: Id,
}

/// What is known of a page before it is looked for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Start {
    /// A place at most [`STEP_ROWS`] above it; without one, the list ends above it.
    pub place: Option<Place>,
    /// How its total is told.
    pub total: Total,
}

/// How a list's total is told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Total {
    /// By counting, up to [`TOTAL_MAX`].
    Counted,
    /// The list has had as many rows as are counted, and only grows: nothing is counted again.
    Full,
}

/// Statements for a page and for the count, of each shape of a filter.
pub(super) struct Statements {
    pub(super) all: (&'static str, &'static str),
    pub(super) of_store: (&'static str, &'static str),
    pub(super) of_kinds: (&'static str, &'static str),
    pub(super) of_kinds_in_store: (&'static str, &'static str),
}

/// Which list.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
enum Listing {
    Orders,
    Refunds,
}

/// A list as its index knows it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Walk {
    listing: Listing,
    mch_id: MchId,
    ids: (Id, Id),
    store_id: Option<i64>,
    /// State and wallet of each kind; `None` is all.
    kinds: Option<Vec<(&'static str, &'static str)>>,
}

impl Walk {
    /// The merchant's orders that `filter` lets through, but for a number.
    pub fn of_orders(mch_id: MchId, filter: &ListFilter<TradeState>) -> Self {
        let states: Vec<_> = filter.states.iter().map(|state| state.word()).collect();
        let all = TradeState::ALL.map(TradeState::word);
        Self::new((Listing::Orders, mch_id), filter, (&states, &all))
    }

    /// The merchant's own refunds that `filter` lets through, but for an order's number.
    pub fn of_refunds(mch_id: MchId, filter: &ListFilter<RefundState>) -> Self {
        let states: Vec<_> = filter.states.iter().map(|state| state.word()).collect();
        let all = RefundState::ALL.map(RefundState::word);
        Self::new((Listing::Refunds, mch_id), filter, (&states, &all))
    }

    fn new<S>(
        (listing, mch_id): (Listing, MchId),
        filter: &ListFilter<S>,
        (states, all): (&[&'static str], &[&'static str]),
    ) -> Self {
        let wallets = match filter.provider {
            Some(provider) => vec![provider.word()],
            None => WALLETS.to_vec(),
        };
        let is_all = filter.states.is_empty() && filter.provider.is_none();
        let states = if states.is_empty() { all } else { states };
        let pairs = states.iter().flat_map(|state| wallets.iter().map(move |one| (*state, *one)));
        let kinds = (!is_all).then(|| pairs.collect());
        Self { listing, mch_id, ids: filter.ids, store_id: filter.store_id, kinds }
    }

    /// Whether a row that once was in this list stays in it. No order and no refund is ever deleted, or gets
    /// another merchant, store or number; its state and its wallet change.
    pub fn only_grows(&self) -> bool {
        self.kinds.is_none()
    }

    /// Whether every row of `other` is one of this list, whatever is written meanwhile.
    pub fn holds(&self, other: &Self) -> bool {
        let is_kept = self.only_grows() && other.only_grows();
        let is_whose = (self.listing, self.mch_id) == (other.listing, other.mch_id);
        let is_store = self.store_id.is_none() || self.store_id == other.store_id;
        let is_within = self.ids.0 <= other.ids.0 && other.ids.1 <= self.ids.1;
        is_kept && is_whose && is_store && is_within
    }

    /// The place above all rows.
    pub fn top(&self) -> Place {
        Place { rows: 0, before: Id(self.ids.1.0.saturating_add(1)) }
    }

    /// The place [`STEP_ROWS`] below `from`; `None` if the list ends above it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn step(&self, store: &Store, from: Place) -> Result<Option<Place>, StoreError> {
        let (page, _) = self.statements();
        let values = self.values(from, &[1, STEP_ROWS - 1]);
        let last = store.row(page, values, Row::id).await?;
        Ok(last.map(|before| Place { rows: from.rows + STEP_ROWS, before }))
    }

    /// The ids of a page that begins at most [`STEP_ROWS`] below where it starts, and how many rows there
    /// are in all.
    pub(super) async fn page<S>(
        &self,
        store: &Store,
        call: &ListCall<S>,
        start: Start,
    ) -> Result<(Vec<Id>, i64), StoreError> {
        let (page, _) = self.statements();
        let total = match start.total {
            Total::Full => TOTAL_MAX,
            Total::Counted => self.count(store).await?,
        };
        let Some(from) = start.place else { return Ok((Vec::new(), total)) };
        let skipped = call.offset() - from.rows;
        if !(0..=STEP_ROWS).contains(&skipped) {
            return Err(StoreError::Defect("a page is further than a step from its place".into()));
        }
        let ids = store.rows(page, self.values(from, &[call.limit, skipped]), Row::id).await?;
        Ok((ids, total))
    }

    /// How many rows there are, up to [`TOTAL_MAX`]: each is an entry of the index that is passed.
    async fn count(&self, store: &Store) -> Result<i64, StoreError> {
        let (_, count) = self.statements();
        let total = store.row(count, self.values(self.top(), &[TOTAL_MAX]), Row::int).await?;
        Ok(total.unwrap_or(0))
    }

    fn statements(&self) -> (&'static str, &'static str) {
        let statements = match self.listing {
            Listing::Orders => &orders_sql::STATEMENTS,
            Listing::Refunds => &refunds_sql::STATEMENTS,
        };
        match (&self.kinds, self.store_id) {
            (None, None) => statements.all,
            (None, Some(_)) => statements.of_store,
            (Some(_), None) => statements.of_kinds,
            (Some(_), Some(_)) => statements.of_kinds_in_store,
        }
    }

    /// The values of a statement that has `bounds` behind its range of ids.
    fn values(&self, from: Place, bounds: &[i64]) -> Vec<Value> {
        let last = Id(from.before.0 - 1);
        let mut values = vec![self.mch_id.into(), self.ids.0.into(), last.into()];
        values.extend(bounds.iter().copied().map(Value::from));
        values.extend(self.store_id.map(Value::from));
        if let Some(kinds) = &self.kinds {
            assert!(kinds.len() <= KINDS, "one place for each kind");
            let nothing = std::iter::repeat(("", ""));
            for (state, wallet) in kinds.iter().copied().chain(nothing).take(KINDS) {
                values.extend([state.into(), wallet.into()]);
            }
        }
        values
    }
}
