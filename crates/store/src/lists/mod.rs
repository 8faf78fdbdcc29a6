//! Lists of a merchant's orders and refunds, the newest first: a page by its number, and how many there
//! are, up to [`TOTAL_MAX`].
//!
//! A page is found by walking an index from a [`Place`] above it, at most [`STEP_ROWS`] at a time; only
//! its own rows are read. A list that only grows is counted until it is [full](Total::Full), and not
//! again. Nothing here scans a table, and no filter leaves a row of the walk to be passed over: whatever
//! can be filtered by stands in the index before the id.

mod orders_sql;
mod refunds_sql;
mod walk;

use kernel::call::{ListCall, ListFilter};
use kernel::id::{Id, MchId};
use kernel::order::Order;
use kernel::product::Provider;
use kernel::refund::{Refund, RefundCause, RefundState};
use kernel::state::TradeState;

pub use self::walk::{Place, STEP_ROWS, Start, Total, Walk};
use crate::{Reader, Store, StoreError, orders, refunds};

/// Rows are counted up to here (contract section 6).
pub const TOTAL_MAX: i64 = 10_000;

/// A page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed<T> {
    /// Its rows, the newest first.
    pub items: Vec<T>,
    /// How many rows all pages have, up to [`TOTAL_MAX`].
    pub total: i64,
    /// The place behind the page, if it is full and was found by a walk.
    pub end: Option<Place>,
}

/// A page of the merchant's orders, which begins at most [`STEP_ROWS`] below the place of `start`.
///
/// # Errors
/// See [`StoreError`].
pub async fn orders(
    store: &Store,
    mch_id: MchId,
    call: &ListCall<TradeState>,
    start: Start,
) -> Result<Listed<Order>, StoreError> {
    if let Some(number) = &call.filter.out_trade_no {
        let found = orders::by_out_trade_no(store, mch_id, number).await?;
        let found = found.into_iter().filter(|order| is_wanted(order, &call.filter));
        return Ok(page_of(found, call));
    }
    let (ids, total) = Walk::of_orders(mch_id, &call.filter).page(store, call, start).await?;
    let end = end_of(&ids, call);
    let read = async move |reader: &mut Reader<'_>| {
        let mut items = Vec::with_capacity(ids.len());
        for id in ids {
            items.extend(orders::read_one(reader, mch_id, id).await?);
        }
        Ok(items)
    };
    let mut items = store.read(read).await?;
    // What has changed since the index was walked is no longer of this list.
    items.retain(|order| is_wanted(order, &call.filter));
    Ok(Listed { items, total, end })
}

/// A page of the refunds that the merchant asked for, each with its order; `start` as for orders.
///
/// # Errors
/// See [`StoreError`].
pub async fn refunds(
    store: &Store,
    mch_id: MchId,
    call: &ListCall<RefundState>,
    start: Start,
) -> Result<Listed<(Refund, Order)>, StoreError> {
    if let Some(number) = &call.filter.out_trade_no {
        let found = orders::by_out_trade_no(store, mch_id, number).await?;
        let found = found.filter(|order| is_of_party(order, &call.filter));
        return refunds_of_order(store, call, found).await;
    }
    let (ids, total) = Walk::of_refunds(mch_id, &call.filter).page(store, call, start).await?;
    let end = end_of(&ids, call);
    let read = async move |reader: &mut Reader<'_>| {
        let mut pairs = Vec::with_capacity(ids.len());
        for id in ids {
            pairs.extend(read_pair(reader, mch_id, id).await?);
        }
        Ok(pairs)
    };
    let mut items = store.read(read).await?;
    items.retain(|(refund, _)| is_listed(refund, &call.filter));
    Ok(Listed { items, total, end })
}

async fn refunds_of_order(
    store: &Store,
    call: &ListCall<RefundState>,
    order: Option<Order>,
) -> Result<Listed<(Refund, Order)>, StoreError> {
    let Some(order) = order else { return Ok(page_of(std::iter::empty(), call)) };
    let found = refunds::of_order(store, order.mch_id, order.id).await?;
    let wanted = found.into_iter().rev().filter(|refund| is_listed(refund, &call.filter));
    Ok(page_of(wanted.map(|refund| (refund, order.clone())), call))
}

/// A refund and its order, within a read.
async fn read_pair(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    id: Id,
) -> Result<Option<(Refund, Order)>, StoreError> {
    let Some(refund) = refunds::read_one(reader, mch_id, id).await? else { return Ok(None) };
    let order = orders::read_one(reader, mch_id, refund.order_id).await?;
    Ok(order.map(|order| (refund, order)))
}

/// The place behind a page of these ids, if it is full.
fn end_of<S>(ids: &[Id], call: &ListCall<S>) -> Option<Place> {
    let last = ids.last().filter(|_| ids.len() == to_usize(call.limit))?;
    Some(Place { rows: call.offset().saturating_add(call.limit), before: *last })
}

/// A page of rows that are all at hand.
fn page_of<T, S>(rows: impl Iterator<Item = T>, call: &ListCall<S>) -> Listed<T> {
    let (skip, take) = (to_usize(call.offset()), to_usize(call.limit));
    let rows: Vec<_> = rows.collect();
    let total = i64::try_from(rows.len()).unwrap_or(TOTAL_MAX).min(TOTAL_MAX);
    let items = rows.into_iter().skip(skip).take(take).collect();
    Listed { items, total, end: None }
}

fn to_usize(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
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

    use super::walk::{KINDS, Statements};
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
