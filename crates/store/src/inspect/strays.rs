//! Rows that belong to something that there is not: a line of the ledger without an order, an attempt
//! through an account that nobody knows. One table of statements; each finds the strays of a stretch of
//! orders, of a merchant, or of a small table.

use kernel::id::{Id, MchId};

use super::Stretch;
use crate::batch::Value;
use crate::{Store, StoreError};

/// Strays that one statement tells of; where there are so many, there may be more.
pub const STRAYS_MAX: i64 = 100;
/// Owners that one statement of a walk looks up.
const WALK: i64 = 500;

/// A kind of rows, and what they belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owned {
    /// The table.
    pub table: &'static str,
    /// What each of its rows must have.
    pub owner: &'static str,
    /// Finds the keys of those that have none.
    sql: &'static str,
}

/// Rows without an owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strays {
    /// What they are.
    pub of: Owned,
    /// The number that names each: of the order that it names, or its own.
    pub keys: Vec<i64>,
}

/// A row of a walk whose owner is not there.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stray {
    /// The number of what is not there.
    pub key: i64,
}

const fn owned(table: &'static str, owner: &'static str, sql: &'static str) -> Owned {
    Owned { table, owner, sql }
}

/// What belongs to orders: $1 is the merchant, $2 and $3 the ends of the stretch, both included.
const OF_ORDERS: &[Owned] = &[
    owned(
        "orders",
        "application",
        "select id from orders where mch_id = $1 and id between $2 and $3
and not exists (select 1 from applications a where a.app_id = orders.app_id) order by id limit $4 + 0",
    ),
    owned(
        "order_events",
        "order",
        "select distinct order_id from order_events p where mch_id = $1 and order_id between $2 and $3
and not exists (select 1 from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
order by order_id limit $4 + 0",
    ),
    owned(
        "attempts",
        "order",
        "select distinct order_id from attempts p where mch_id = $1 and order_id between $2 and $3
and not exists (select 1 from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
order by order_id limit $4 + 0",
    ),
    owned(
        "attempts",
        "version of an account",
        "select distinct order_id from attempts p where mch_id = $1 and order_id between $2 and $3
and not exists (select 1 from account_versions v where v.mch_id in (p.mch_id, 0)
and v.account_id = p.account_id and v.version = p.account_version)
order by order_id limit $4 + 0",
    ),
    owned(
        "refunds",
        "order",
        "select distinct order_id from refunds p where mch_id = $1 and order_id between $2 and $3
and not exists (select 1 from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
order by order_id limit $4 + 0",
    ),
    owned(
        "ledger_entries",
        "order",
        "select distinct order_id from ledger_entries p where mch_id = $1
and order_id between $2 and $3
and not exists (select 1 from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
order by order_id limit $4 + 0",
    ),
    owned(
        "notices",
        "order",
        "select distinct order_id from notices p where mch_id = $1 and order_id between $2 and $3
and not exists (select 1 from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
order by order_id limit $4 + 0",
    ),
    owned(
        "messages",
        "order",
        "select distinct order_id from messages p where mch_id = $1 and order_id between $2 and $3
and not exists (select 1 from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
order by order_id limit $4 + 0",
    ),
];

/// What belongs to a merchant, or is named by what was answered to him: $1 is the merchant.
const OF_MERCHANTS: &[Owned] = &[
    owned(
        "orders",
        "merchant",
        "select min(id) from orders where mch_id = $1
and not exists (select 1 from merchants m where m.mch_id = $1) having min(id) is not null
limit $2 + 0",
    ),
    owned(
        "applications",
        "merchant",
        "select app_id from applications where mch_id = $1
and not exists (select 1 from merchants m where m.mch_id = $1) order by app_id limit $2 + 0",
    ),
    owned(
        "merchants",
        "default application",
        "select mch_id from merchants where mch_id = $1 and not exists
(select 1 from applications a where a.mch_id = $1 and a.is_default = 1) limit $2 + 0",
    ),
    owned(
        "request_keys",
        "order",
        "select order_id from request_keys k where mch_id = $1 and order_id is not null
and not exists (select 1 from orders o where o.mch_id = k.mch_id and o.id = k.order_id)
limit $2 + 0",
    ),
    owned(
        "users",
        "merchant",
        "select id from users where mch_id = $1 and removed_at is null
and not exists (select 1 from merchants m where m.mch_id = $1) order by id limit $2 + 0",
    ),
    owned(
        "accounts",
        "current version",
        "select id from accounts c where mch_id = $1 and is_enabled = 1 and not exists
(select 1 from account_versions v where v.mch_id = c.mch_id and v.account_id = c.id
and v.version = c.version) order by id limit $2 + 0",
    ),
];

/// Attempts to tell a notice: the numbers behind $2, each with how many notices have it.
const NOTICE_ATTEMPTS: &str = "select t.notice_id,
(select count(*) from notices n where n.mch_id = $1 and n.id = t.notice_id)
from (select distinct notice_id from notice_attempts where mch_id = $1 and notice_id > $2
order by notice_id limit $3 + 0) as t";

/// Barcodes that were used, behind a digest, each with how many orders have used it.
const PAY_CODES: &str = "select p.digest, p.order_id,
(select count(*) from orders o where o.mch_id = p.mch_id and o.id = p.order_id)
from pay_codes p where p.mch_id = $1 and p.digest > $2 order by p.digest limit $3 + 0";

/// Every statement of the tables above, with what it looks for.
#[cfg(test)]
pub(crate) fn statements() -> impl Iterator<Item = (String, &'static str)> {
    let all = OF_ORDERS.iter().chain(OF_MERCHANTS);
    all.map(|of| (format!("strays::{} without {}", of.table, of.owner), of.sql))
}

/// What belongs to orders of the stretch that there are not.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_orders(store: &Store, stretch: Stretch) -> Result<Vec<Strays>, StoreError> {
    find(store, OF_ORDERS, &stretch.values()).await
}

/// What belongs to the merchant and lacks it, or names an order of his that there is not.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_merchants(store: &Store, mch_id: MchId) -> Result<Vec<Strays>, StoreError> {
    find(store, OF_MERCHANTS, &[mch_id.into()]).await
}

async fn find(
    store: &Store,
    kinds: &'static [Owned],
    values: &[Value],
) -> Result<Vec<Strays>, StoreError> {
    let mut found = Vec::new();
    for of in kinds {
        let mut values = values.to_vec();
        values.push(STRAYS_MAX.into());
        let keys = store.rows(of.sql, values, |row| row.int()).await?;
        if !keys.is_empty() {
            found.push(Strays { of: *of, keys });
        }
    }
    Ok(found)
}

/// The merchant's attempts to tell a notice that there is not.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_notice_attempts(store: &Store, mch_id: MchId) -> Result<Vec<Stray>, StoreError> {
    let (mut strays, mut after) = (Vec::new(), Id(i64::MIN));
    loop {
        let values = vec![mch_id.into(), after.into(), WALK.into()];
        let found = store.rows(NOTICE_ATTEMPTS, values, |row| Ok((row.int()?, row.int()?))).await?;
        let Some(last) = found.iter().map(|(id, _)| *id).max() else { return Ok(strays) };
        after = Id(last);
        let lacking = found.into_iter().filter(|(_, owners)| *owners == 0);
        strays.extend(lacking.map(|(key, _)| Stray { key }));
        strays.truncate(usize::try_from(STRAYS_MAX).unwrap_or(usize::MAX));
    }
}

/// The merchant's barcodes that an order has used that there is not.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_pay_codes(store: &Store, mch_id: MchId) -> Result<Vec<Stray>, StoreError> {
    let (mut strays, mut after) = (Vec::new(), String::new());
    loop {
        let values = vec![mch_id.into(), after.into(), WALK.into()];
        let read = |row: &mut crate::Row| Ok((row.text()?, row.int()?, row.int()?));
        let found = store.rows(PAY_CODES, values, read).await?;
        let Some((last, _, _)) = found.last() else { return Ok(strays) };
        after = last.clone();
        let lacking = found.into_iter().filter(|(_, _, owners)| *owners == 0);
        strays.extend(lacking.map(|(_, key, _)| Stray { key }));
        strays.truncate(usize::try_from(STRAYS_MAX).unwrap_or(usize::MAX));
    }
}
