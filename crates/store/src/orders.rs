//! Orders: placed once, then changed only by whoever read the revision that still stands.
//!
//! A change carries everything that it causes (history, postings, notice, attempts, messages), so
//! that none of it can exist without the rest.

use kernel::id::{Id, MchId, Sn};
use kernel::ledger::{Entry, is_balanced};
use kernel::notice::Notice;
use kernel::order::{Attempt, Order};
use kernel::refund::Refund;
use kernel::state::TradeState;
use kernel::time::Timestamp;

use crate::audit::AuditEntry;
use crate::batch::{Batch, Statement};
use crate::ledger::Posting;
use crate::messages::Message;
use crate::order_events::Step;
use crate::{
    Reader, Store, StoreError, attempts, feed, ledger, messages, notices, order_events, order_row,
    refunds,
};

/// Places an order. Only a merchant's own number may be taken: a taken id is a defect of the clock.
pub(crate) const INSERT: &str = "insert into orders
(id, mch_id, app_id, store_id, out_trade_no, product, state, rev, currency, total_fee, discount,
fee_rate_ppm, total_refund_fee, body, attach, detail, notify_url, return_url, wallet, payer_ip,
sign_form, page_secret, created_at, expires_at, provider, adapter, pay_text, paid_provider,
transaction_id, paid_fee, paid_currency, cash_fee, cash_currency, bank_type, openid, paid_at,
sweep_at, sweeps, payer_openid)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
$21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39)
on conflict (mch_id, out_trade_no) do nothing";

/// Changes an order, if the revision that was read still stands. What was agreed when it was placed
/// is not among the columns; the payer's address and openid may become known later.
pub(crate) const UPDATE: &str = "update orders set rev = rev + 1, state = $4, total_refund_fee = $5,
provider = $6, adapter = $7, pay_text = $8, paid_provider = $9, transaction_id = $10, paid_fee = $11,
paid_currency = $12, cash_fee = $13, cash_currency = $14, bank_type = $15, openid = $16,
paid_at = $17, sweep_at = $18, sweeps = $19, payer_ip = $20, payer_openid = $21
where mch_id = $1 and id = $2 and rev = $3";

/// An order.
const BY_ID: &str = "select
id, mch_id, app_id, store_id, out_trade_no, product, state, rev, currency, total_fee, discount,
fee_rate_ppm, total_refund_fee, body, attach, detail, notify_url, return_url, wallet, payer_ip,
sign_form, page_secret, created_at, expires_at, provider, adapter, pay_text, paid_provider,
transaction_id, paid_fee, paid_currency, cash_fee, cash_currency, bank_type, openid, paid_at,
sweep_at, sweeps, payer_openid
from orders where mch_id = $1 and id = $2";

/// The id behind a merchant's own number.
const ID_BY_NUMBER: &str = "select id from orders where mch_id = $1 and out_trade_no = $2";

/// The id behind an upstream's number; were there two, the newer.
const ID_BY_TRANSACTION: &str = "select id from orders
where mch_id = $1 and transaction_id = $2 order by id desc limit 1";

/// The merchant of an order that is known by its number alone: for operators, not on any hot path.
const MERCHANT_OF: &str = "select mch_id from orders where id = $1";

/// How many orders a merchant has: for reports and checks, it scans.
const COUNT: &str = "select count(*) from orders where mch_id = $1";

/// A change of an order and all that it causes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The order as it is to be. Only its state, refunds, payment, provider, adapter, payer, payer's
    /// text and place in the sweeper's list are written; `rev` is counted by the store.
    pub order: Order,
    /// The revision that was read.
    pub expected_rev: i64,
    /// The state that was read.
    pub from: TradeState,
    /// What happened, for the history and for the postings' kind.
    pub event: String,
    /// One balanced posting, or empty.
    pub postings: Vec<Entry>,
    /// What the merchant is told.
    pub notice: Option<Notice>,
    /// Attempts as they are to be, each with the revision that was read.
    pub attempts: Vec<(Attempt, i64)>,
    /// Attempts that begin.
    pub new_attempts: Vec<Attempt>,
    /// Refunds as they are to be, each with the revision that was read.
    pub refunds: Vec<(Refund, i64)>,
    /// Refunds that begin.
    pub new_refunds: Vec<Refund>,
    /// What was said to and heard from an upstream.
    pub messages: Vec<Message>,
    /// For the audit.
    pub audit: Vec<AuditEntry>,
    /// When.
    pub at: Timestamp,
    /// Row id of this change: written with its history and its posting.
    pub batch_id: i64,
}

/// Places `order` with its first attempts; missed if the merchant has used `out_trade_no` before.
pub fn place(order: &Order, attempts: &[Attempt], messages: &[Message]) -> Batch {
    let mut then = Vec::with_capacity(1 + attempts.len() + messages.len());
    then.push(order_events::begin(order));
    then.extend(attempts.iter().map(attempts::insert));
    then.extend(messages.iter().map(messages::insert));
    let guard = Statement::of_one_row(INSERT, order_row::values(order));
    Batch { id: order.id.0, guard: Some(guard), then, audit: Vec::new() }
}

/// Writes `change`; missed if the order is no longer at the revision that was read: read it again
/// and decide again.
///
/// # Panics
/// The postings do not balance: money would be lost or invented.
pub fn settle(change: &Change) -> Batch {
    assert!(is_balanced(&change.postings), "what is posted must balance");
    let order = &change.order;
    let step = Step {
        expected_rev: change.expected_rev,
        event: &change.event,
        batch_id: change.batch_id,
        at: change.at,
    };
    let posting = Posting {
        mch_id: order.mch_id,
        order_id: order.id,
        id: change.batch_id,
        kind: &change.event,
        at: change.at,
    };
    let mut then = vec![order_events::follow(order, step)];
    then.extend(ledger::insert(posting, &change.postings));
    then.extend(change.notice.iter().map(notices::insert));
    then.extend(change.attempts.iter().map(|(attempt, rev)| attempts::update(attempt, *rev)));
    then.extend(change.new_attempts.iter().map(attempts::insert));
    then.extend(change.refunds.iter().map(|(refund, rev)| refunds::update(refund, *rev)));
    then.extend(change.new_refunds.iter().map(refunds::insert));
    then.extend(change.messages.iter().map(messages::insert));
    // Last, so that others wait for the merchant's number as short as can be.
    then.extend(feed::of_change(change));
    let guard = Statement::of_one_row(UPDATE, order_row::changes(order, change.expected_rev));
    Batch { id: change.batch_id, guard: Some(guard), then, audit: change.audit.clone() }
}

/// The order of that number, whoever's it is.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_sn(store: &Store, sn: &Sn) -> Result<Option<Order>, StoreError> {
    match store.row(MERCHANT_OF, vec![sn.id().into()], |row| row.mch_id()).await? {
        Some(mch_id) => by_id(store, mch_id, sn.id()).await,
        None => Ok(None),
    }
}

/// How many orders the merchant has.
///
/// # Errors
/// See [`StoreError`].
pub async fn count(store: &Store, mch_id: MchId) -> Result<usize, StoreError> {
    let found = store.row(COUNT, vec![mch_id.into()], |row| row.int()).await?;
    Ok(found.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
}

/// The merchant's order of that id.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_id(store: &Store, mch_id: MchId, id: Id) -> Result<Option<Order>, StoreError> {
    store.row(BY_ID, vec![mch_id.into(), id.into()], order_row::read).await
}

/// The merchant's order of that number.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_out_trade_no(
    store: &Store,
    mch_id: MchId,
    out_trade_no: &str,
) -> Result<Option<Order>, StoreError> {
    by_text(store, mch_id, (ID_BY_NUMBER, out_trade_no.to_owned())).await
}

/// The merchant's order that the upstream knows by that number.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_transaction_id(
    store: &Store,
    mch_id: MchId,
    transaction_id: &str,
) -> Result<Option<Order>, StoreError> {
    by_text(store, mch_id, (ID_BY_TRANSACTION, transaction_id.to_owned())).await
}

/// The order whose id `sql` finds by `text`.
async fn by_text(
    store: &Store,
    mch_id: MchId,
    (sql, text): (&'static str, String),
) -> Result<Option<Order>, StoreError> {
    store.read(async move |reader| find_by_text(reader, mch_id, (sql, text)).await).await
}

async fn find_by_text(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    (sql, text): (&'static str, String),
) -> Result<Option<Order>, StoreError> {
    match reader.run(sql, &[mch_id.into(), text.into()]).await?.rows.first_mut() {
        Some(row) => read_one(reader, mch_id, row.id()?).await,
        None => Ok(None),
    }
}

/// The merchant's order of that number, within a read.
pub(crate) async fn find_by_number(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    out_trade_no: &str,
) -> Result<Option<Order>, StoreError> {
    find_by_text(reader, mch_id, (ID_BY_NUMBER, out_trade_no.to_owned())).await
}

/// The merchant's order that the upstream knows by that number, within a read.
pub(crate) async fn find_by_transaction(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    transaction_id: String,
) -> Result<Option<Order>, StoreError> {
    find_by_text(reader, mch_id, (ID_BY_TRANSACTION, transaction_id)).await
}

/// The merchant's order of that id, within a read.
pub(crate) async fn read_one(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    id: Id,
) -> Result<Option<Order>, StoreError> {
    let mut rows = reader.run(BY_ID, &[mch_id.into(), id.into()]).await?.rows;
    rows.first_mut().map(order_row::read).transpose()
}
