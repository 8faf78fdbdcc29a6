//! Orders, page by page, each with its parts.

use std::collections::BTreeMap;

use kernel::id::{Id, MchId};
use kernel::notice::Notice;
use kernel::order::Order;

use super::{Dossier, PAGE_MAX, Stretch};
use crate::batch::Row;
use crate::notices::{NoticeHistory, NumberedAttempt};
use crate::{Store, StoreError, attempts, ledger, notices, order_events, order_row, refunds};

/// How often an order that moves while it is read is read again.
const TRIES_MAX: usize = 20;

/// The merchant after another, of those who have anything that is kept by merchant, 0 for the platform
/// among them: one step through the index of each table.
const MERCHANT_AFTER: &str = "select min(mch_id) from (
select min(mch_id) as mch_id from merchants where mch_id > $1
union all select min(mch_id) from accounts where mch_id > $1
union all select min(mch_id) from orders where mch_id > $1
union all select min(mch_id) from order_events where mch_id > $1
union all select min(mch_id) from attempts where mch_id > $1
union all select min(mch_id) from refunds where mch_id > $1
union all select min(mch_id) from ledger_entries where mch_id > $1
union all select min(mch_id) from notices where mch_id > $1
union all select min(mch_id) from notice_attempts where mch_id > $1
union all select min(mch_id) from messages where mch_id > $1
union all select min(mch_id) from pay_codes where mch_id > $1
union all select min(mch_id) from request_keys where mch_id > $1
union all select min(mch_id) from feed_heads where mch_id > $1
union all select min(mch_id) from feed where mch_id > $1) as merchants_after";

/// The ids of a page.
const IDS: &str = "select id from orders where mch_id = $1 and id >= $2 order by id limit $3 + 0";

/// The orders of a stretch.
const ORDERS: &str = "select
id, mch_id, app_id, store_id, out_trade_no, product, state, rev, currency, total_fee, discount,
fee_rate_ppm, total_refund_fee, body, attach, detail, notify_url, return_url, wallet, payer_ip,
sign_form, page_secret, created_at, expires_at, provider, adapter, pay_text, paid_provider,
transaction_id, paid_fee, paid_currency, cash_fee, cash_currency, bank_type, openid, paid_at,
sweep_at, sweeps, payer_openid
from orders where mch_id = $1 and id between $2 and $3 order by id";

/// Their revisions, when everything has been read.
const REVISIONS: &str = "select id, rev from orders where mch_id = $1 and id between $2 and $3";

/// Their histories.
const EVENTS: &str = "select order_id, rev, from_state, to_state, event, batch_id, at
from order_events where mch_id = $1 and order_id between $2 and $3 order by order_id, rev";

/// Their attempts.
const ATTEMPTS: &str = "select mch_id, order_id, no, product, account_id, account_version, state,
rev, pay_text, transaction_id, created_at
from attempts where mch_id = $1 and order_id between $2 and $3 order by order_id, no";

/// Their refunds.
const REFUNDS: &str = "select
id, mch_id, app_id, order_id, attempt_no, out_refund_no, cause, state, rev, amount, currency,
reason, sign_form, upstream_no, cash_fee, cash_currency, rate, refunded_at, created_at
from refunds where mch_id = $1 and order_id between $2 and $3 order by order_id, id";

/// Their lines in the ledger.
const LINES: &str =
    "select order_id, posting_id, line, kind, book, currency, amount, business_date, at
from ledger_entries where mch_id = $1 and order_id between $2 and $3
order by order_id, posting_id, line";

/// Their notices.
const NOTICES: &str = "select
id, mch_id, app_id, sign_form, order_id, event, url, target, facts, state, tries, due_at
from notices where mch_id = $1 and order_id between $2 and $3 order by order_id, id";

/// The attempts of their notices.
const NOTICE_ATTEMPTS: &str = "select notice_id, no, at, duration_ms, encoding, outcome,
http_status, answer from notice_attempts where mch_id = $1 and notice_id in
(select id from notices where mch_id = $1 and order_id between $2 and $3) order by notice_id, no";

/// A page of a merchant's orders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Those that could be read, in the order of their ids.
    pub dossiers: Vec<Dossier>,
    /// Those that hold what we never write, and what that is.
    pub unreadable: Vec<(Id, String)>,
    /// Those that moved each time that they were read.
    pub restless: Vec<Id>,
    /// From where on other things may be ours: up to the last order of the page, or, behind the last
    /// page, to the end.
    pub stretch: Stretch,
    /// Whether there are no orders behind it.
    pub is_last: bool,
}

/// The next merchant who has anything.
///
/// # Errors
/// See [`StoreError`].
pub async fn merchant_after(
    store: &Store,
    after: Option<MchId>,
) -> Result<Option<MchId>, StoreError> {
    let after = after.map_or(i64::MIN, |mch_id| mch_id.0);
    let found = store.row(MERCHANT_AFTER, vec![after.into()], |row| row.maybe_int()).await?;
    Ok(found.flatten().map(MchId))
}

/// The merchant's orders from `first` on, as many as a page holds.
///
/// # Errors
/// See [`StoreError`]; what is in a row and cannot be is no error, but told in the page.
pub async fn page(store: &Store, mch_id: MchId, first: Id) -> Result<Page, StoreError> {
    let ids = store.rows(IDS, vec![mch_id.into(), first.into(), PAGE_MAX.into()], |row| row.id());
    let ids = ids.await?;
    let is_last = i64::try_from(ids.len()).is_ok_and(|count| count < PAGE_MAX);
    let last = if is_last { Id(i64::MAX) } else { ids.last().copied().unwrap_or(first) };
    let stretch = Stretch { mch_id, first, last };
    let empty = Vec::new;
    let mut page =
        Page { dossiers: empty(), unreadable: Vec::new(), restless: Vec::new(), stretch, is_last };
    let Some((from, to)) = ids.first().copied().zip(ids.last().copied()) else {
        return Ok(page);
    };
    match read(store, Stretch { mch_id, first: from, last: to }).await {
        Ok(dossiers) => page.dossiers = dossiers,
        // One row spoils the whole answer: which, is found one by one.
        Err(StoreError::Corrupt(_)) => {}
        Err(error) => return Err(error),
    }
    for id in ids {
        if page.dossiers.iter().any(|dossier| dossier.order.id == id) {
            continue;
        }
        match dossier(store, mch_id, id).await {
            Ok(Some(dossier)) => page.dossiers.push(dossier),
            Ok(None) => page.restless.push(id),
            Err(StoreError::Corrupt(why)) => page.unreadable.push((id, why)),
            Err(error) => return Err(error),
        }
    }
    page.dossiers.sort_by_key(|dossier| dossier.order.id);
    Ok(page)
}

/// One order; `None` if there is none, or if it moved each time that it was read.
///
/// # Errors
/// See [`StoreError`].
pub async fn dossier(store: &Store, mch_id: MchId, id: Id) -> Result<Option<Dossier>, StoreError> {
    for _ in 0..TRIES_MAX {
        let mut found = read(store, Stretch { mch_id, first: id, last: id }).await?;
        if let Some(dossier) = found.pop() {
            return Ok(Some(dossier));
        }
    }
    Ok(None)
}

/// The orders of a stretch that stood still while they were read.
async fn read(store: &Store, stretch: Stretch) -> Result<Vec<Dossier>, StoreError> {
    let orders = store.rows(ORDERS, stretch.values(), order_row::read).await?;
    let mut events = of_order(store, EVENTS, stretch, order_events::read).await?;
    let attempts = store.rows(ATTEMPTS, stretch.values(), attempts::read).await?;
    let mut attempts = by_order(attempts.into_iter().map(|one| (one.order_id, one)));
    let refunds = store.rows(REFUNDS, stretch.values(), refunds::read).await?;
    let mut refunds = by_order(refunds.into_iter().map(|one| (one.order_id, one)));
    let mut lines = of_order(store, LINES, stretch, ledger::read).await?;
    let mut notices = notices_of(store, stretch).await?;
    let revisions = |row: &mut Row| Ok((row.id()?, row.int()?));
    let revisions = store.rows(REVISIONS, stretch.values(), revisions).await?;
    let revisions: BTreeMap<Id, i64> = revisions.into_iter().collect();
    let stood_still = |order: &Order| revisions.get(&order.id) == Some(&order.rev);
    let dossiers = orders.into_iter().filter(stood_still).map(|order| Dossier {
        history: events.remove(&order.id).unwrap_or_default(),
        attempts: attempts.remove(&order.id).unwrap_or_default(),
        refunds: refunds.remove(&order.id).unwrap_or_default(),
        lines: lines.remove(&order.id).unwrap_or_default(),
        notices: notices.remove(&order.id).unwrap_or_default(),
        order,
    });
    Ok(dossiers.collect())
}

async fn notices_of(
    store: &Store,
    stretch: Stretch,
) -> Result<BTreeMap<Id, Vec<NoticeHistory>>, StoreError> {
    let found: Vec<Notice> = store.rows(NOTICES, stretch.values(), notices::read).await?;
    let mut attempts: BTreeMap<Id, Vec<NumberedAttempt>> =
        of_order(store, NOTICE_ATTEMPTS, stretch, notices::read_attempt).await?;
    Ok(by_order(found.into_iter().map(|notice| {
        let attempts = attempts.remove(&notice.id).unwrap_or_default();
        (notice.order_id, NoticeHistory { notice, attempts })
    })))
}

/// Rows that begin with the id of what they belong to.
async fn of_order<T: Send + 'static>(
    store: &Store,
    sql: &'static str,
    stretch: Stretch,
    parse: fn(&mut Row) -> Result<T, StoreError>,
) -> Result<BTreeMap<Id, Vec<T>>, StoreError> {
    let found = store.rows(sql, stretch.values(), |row| Ok((row.id()?, row.clone()))).await?;
    let parsed = found.into_iter().map(|(id, mut rest)| Ok((id, parse(&mut rest)?)));
    Ok(by_order(parsed.collect::<Result<Vec<_>, StoreError>>()?.into_iter()))
}

fn by_order<T>(rows: impl Iterator<Item = (Id, T)>) -> BTreeMap<Id, Vec<T>> {
    let mut grouped: BTreeMap<Id, Vec<T>> = BTreeMap::new();
    for (id, row) in rows {
        grouped.entry(id).or_default().push(row);
    }
    grouped
}
