//! Lists of a merchant's orders and refunds, the newest first: a page by its number, and how many there
//! are, up to [`TOTAL_MAX`].
//!
//! A page is found by walking an index, which is cheap and bounded by how deep a page may lie; only its
//! own rows are read. Nothing here scans a table, and no filter leaves a row of the walk to be passed
//! over: whatever can be filtered by stands in the index before the id.

mod orders_sql;
mod refunds_sql;

use kernel::call::{ListCall, ListFilter};
use kernel::id::{Id, MchId};
use kernel::order::Order;
use kernel::product::Provider;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;

use crate::batch::Value;
use crate::{Reader, Store, StoreError, orders, refunds};

/// Rows are counted up to here (contract section 6).
pub const TOTAL_MAX: i64 = 10_000;
/// Kinds that one statement has places for: as many as any filter names.
const KINDS: usize = 8;
/// The wallets of an order, one that no wallet has begun among them.
const WALLETS: [&str; 4] = ["alipay", "wechat", "unionpay", ""];

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed<T> {
    /// Its rows, the newest first.
    pub items: Vec<T>,
    /// How many rows all pages have, up to [`TOTAL_MAX`].
    pub total: i64,
}

/// Statements for a page and for the count, of each shape of a filter.
struct Statements {
    all: (&'static str, &'static str),
    of_store: (&'static str, &'static str),
    of_kinds: (&'static str, &'static str),
    of_kinds_in_store: (&'static str, &'static str),
}

/// A list as the index knows it.
struct Walk {
    mch_id: MchId,
    ids: (Id, Id),
    store_id: Option<i64>,
    /// State and wallet of each kind; `None` is all.
    kinds: Option<Vec<(&'static str, &'static str)>>,
}

impl Walk {
    fn statements(&self, statements: &Statements) -> (&'static str, &'static str) {
        match (&self.kinds, self.store_id) {
            (None, None) => statements.all,
            (None, Some(_)) => statements.of_store,
            (Some(_), None) => statements.of_kinds,
            (Some(_), Some(_)) => statements.of_kinds_in_store,
        }
    }

    /// The values of a statement that has `bounds` behind its range of ids.
    fn values(&self, bounds: &[i64]) -> Vec<Value> {
        let mut values = vec![self.mch_id.into(), self.ids.0.into(), self.ids.1.into()];
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

/// A page of the merchant's orders.
///
/// # Errors
/// See [`StoreError`].
pub async fn orders(
    store: &Store,
    mch_id: MchId,
    call: &ListCall<TradeState>,
) -> Result<Listed<Order>, StoreError> {
    let call = call.clone();
    let read = move |reader: &mut Reader<'_>| match &call.filter.out_trade_no {
        Some(number) => {
            let found = orders::find_by_number(reader, mch_id, number)?;
            Ok(page_of(found.into_iter().filter(|order| is_wanted(order, &call.filter)), &call))
        }
        None => {
            let walk = order_walk(mch_id, &call.filter);
            let (ids, total) = ids(reader, &walk, &orders_sql::STATEMENTS, &call)?;
            let items = ids.into_iter().map(|id| orders::read_one(reader, mch_id, id));
            let items = items.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
            // What has changed since the index was walked is no longer of this list.
            let items = items.into_iter().filter(|order| is_wanted(order, &call.filter)).collect();
            Ok(Listed { items, total })
        }
    };
    store.read(read).await
}

/// A page of the refunds that the merchant asked for, each with its order.
///
/// # Errors
/// See [`StoreError`].
pub async fn refunds(
    store: &Store,
    mch_id: MchId,
    call: &ListCall<RefundState>,
) -> Result<Listed<(Refund, Order)>, StoreError> {
    let call = call.clone();
    let read = move |reader: &mut Reader<'_>| match &call.filter.out_trade_no {
        Some(number) => {
            let found = orders::find_by_number(reader, mch_id, number)?;
            let Some(order) = found.filter(|order| is_of_party(order, &call.filter)) else {
                return Ok(Listed { items: Vec::new(), total: 0 });
            };
            let found = refunds::find_of_order(reader, mch_id, order.id)?;
            let wanted = found.into_iter().rev().filter(|refund| is_listed(refund, &call.filter));
            let Listed { items, total } = page_of(wanted, &call);
            let items = items.into_iter().map(|refund| (refund, order.clone())).collect();
            Ok(Listed { items, total })
        }
        None => {
            let walk = refund_walk(mch_id, &call.filter);
            let (ids, total) = ids(reader, &walk, &refunds_sql::STATEMENTS, &call)?;
            let mut items = Vec::with_capacity(ids.len());
            for id in ids {
                let Some(refund) = refunds::read_one(reader, mch_id, id)? else { continue };
                let order = orders::read_one(reader, mch_id, refund.order_id)?;
                let order = order.filter(|_| is_listed(&refund, &call.filter));
                items.extend(order.map(|order| (refund, order)));
            }
            Ok(Listed { items, total })
        }
    };
    store.read(read).await
}

/// The ids of a page, and how many there are in all.
fn ids<S>(
    reader: &mut Reader<'_>,
    walk: &Walk,
    statements: &Statements,
    call: &ListCall<S>,
) -> Result<(Vec<Id>, i64), StoreError> {
    let (page, count) = walk.statements(statements);
    let mut found = reader.run(count, &walk.values(&[TOTAL_MAX]))?.rows;
    let total = found.first_mut().map_or(Ok(0), |row| row.int())?;
    let rows = reader.run(page, &walk.values(&[call.limit, call.offset()]))?.rows;
    let ids = rows.into_iter().map(|mut row| row.id()).collect::<Result<_, _>>()?;
    Ok((ids, total))
}

/// A page of rows that are all at hand.
fn page_of<T, S>(rows: impl Iterator<Item = T>, call: &ListCall<S>) -> Listed<T> {
    let (skip, take) = (to_usize(call.offset()), to_usize(call.limit));
    let rows: Vec<_> = rows.collect();
    let total = i64::try_from(rows.len()).unwrap_or(TOTAL_MAX).min(TOTAL_MAX);
    Listed { items: rows.into_iter().skip(skip).take(take).collect(), total }
}

fn to_usize(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn order_walk(mch_id: MchId, filter: &ListFilter<TradeState>) -> Walk {
    let all = TradeState::ALL.map(TradeState::word);
    let states: Vec<_> = filter.states.iter().map(|state| state.word()).collect();
    walk(mch_id, filter, (&states, &all))
}

fn refund_walk(mch_id: MchId, filter: &ListFilter<RefundState>) -> Walk {
    let all = RefundState::ALL.map(RefundState::word);
    let states: Vec<_> = filter.states.iter().map(|state| state.word()).collect();
    walk(mch_id, filter, (&states, &all))
}

fn walk<S>(
    mch_id: MchId,
    filter: &ListFilter<S>,
    (states, all): (&[&'static str], &[&'static str]),
) -> Walk {
    let wallets = match filter.provider {
        Some(provider) => vec![provider.word()],
        None => WALLETS.to_vec(),
    };
    let states = if states.is_empty() { all } else { states };
    let pairs = states.iter().flat_map(|state| wallets.iter().map(move |wallet| (*state, *wallet)));
    let is_all = filter.states.is_empty() && filter.provider.is_none();
    Walk {
        mch_id,
        ids: filter.ids,
        store_id: filter.store_id,
        kinds: (!is_all).then(|| pairs.collect()),
    }
}

fn is_wanted(order: &Order, filter: &ListFilter<TradeState>) -> bool {
    let is_in_state = filter.states.is_empty() || filter.states.contains(&order.state);
    is_in_state && is_within(order.id, filter.ids) && is_of_party(order, filter)
}

/// Whether an order is of the store and of the wallet that are wanted.
fn is_of_party<S>(order: &Order, filter: &ListFilter<S>) -> bool {
    filter.store_id.is_none_or(|store_id| store_id == order.store_id)
        && filter.provider.is_none_or(|provider| wallet(order) == Some(provider))
}

fn wallet(order: &Order) -> Option<Provider> {
    order.payment.as_ref().map(|payment| payment.provider).or(order.provider)
}

fn is_listed(refund: &Refund, filter: &ListFilter<RefundState>) -> bool {
    let is_in_state = filter.states.is_empty() || filter.states.contains(&refund.state);
    is_in_state && refund.cause == RefundCause::Merchant && is_within(refund.id, filter.ids)
}

fn is_within(id: Id, (first, last): (Id, Id)) -> bool {
    (first..=last).contains(&id)
}

#[cfg(test)]
pub(crate) mod shapes {
    //! Every statement with values that fit it, for the test of their plans.

    use super::*;

    /// All statements of one table, each with how many values it takes.
    fn of(statements: &Statements) -> Vec<(&'static str, usize)> {
        let with = |(page, count): (&'static str, &'static str), more: usize| {
            [(page, 5 + more), (count, 4 + more)]
        };
        [
            with(statements.all, 0),
            with(statements.of_store, 1),
            with(statements.of_kinds, 2 * KINDS),
            with(statements.of_kinds_in_store, 1 + 2 * KINDS),
        ]
        .concat()
    }

    /// All statements of lists.
    pub(crate) fn all() -> Vec<(&'static str, usize)> {
        [of(&orders_sql::STATEMENTS), of(&refunds_sql::STATEMENTS)].concat()
    }
}
