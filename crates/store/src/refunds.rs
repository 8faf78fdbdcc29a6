//! Refunds. They are written with their order's changes (`orders::settle`), never by themselves: the
//! order's revision guards what is reserved.

use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::refund::{Refund, RefundCause, RefundDone, RefundState};
use kernel::scheme::Signing;

use crate::batch::{Row, Statement, Value};
use crate::{Reader, Store, StoreError};

/// Adds a refund; a merchant's number is never used twice. Lists find it by its order's store and
/// wallet, which are copied as the order's row has them.
pub(crate) const INSERT: &str = "insert into refunds
(id, mch_id, app_id, order_id, attempt_no, out_refund_no, cause, state, rev, amount, currency,
reason, sign_form, created_at, upstream_no, cash_fee, cash_currency, rate, refunded_at, store_id,
provider)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
(select store_id from orders where mch_id = $2 and id = $4),
(select coalesce(paid_provider, provider, '') from orders where mch_id = $2 and id = $4))";

/// Changes what can change of the refund that was read.
pub(crate) const UPDATE: &str = "update refunds set state = $4, upstream_no = $5, cash_fee = $6,
cash_currency = $7, rate = $8, refunded_at = $9, created_at = $10, rev = rev + 1
where mch_id = $1 and id = $2 and rev = $3";

/// A refund by our number.
const BY_ID: &str = "select
id, mch_id, app_id, order_id, attempt_no, out_refund_no, cause, state, rev, amount, currency,
reason, sign_form, upstream_no, cash_fee, cash_currency, rate, refunded_at, created_at
from refunds where mch_id = $1 and id = $2";

/// A refund by the merchant's number.
const BY_NUMBER: &str = "select
id, mch_id, app_id, order_id, attempt_no, out_refund_no, cause, state, rev, amount, currency,
reason, sign_form, upstream_no, cash_fee, cash_currency, rate, refunded_at, created_at
from refunds where mch_id = $1 and out_refund_no = $2";

/// An order's refunds.
const OF_ORDER: &str = "select
id, mch_id, app_id, order_id, attempt_no, out_refund_no, cause, state, rev, amount, currency,
reason, sign_form, upstream_no, cash_fee, cash_currency, rate, refunded_at, created_at
from refunds where mch_id = $1 and order_id = $2 order by id";

/// The merchant's refund with our number's id.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_id(store: &Store, mch_id: MchId, id: Id) -> Result<Option<Refund>, StoreError> {
    store.row(BY_ID, vec![mch_id.into(), id.into()], read).await
}

/// The merchant's refund with its own number.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_number(
    store: &Store,
    mch_id: MchId,
    out_refund_no: &str,
) -> Result<Option<Refund>, StoreError> {
    store.row(BY_NUMBER, vec![mch_id.into(), out_refund_no.to_owned().into()], read).await
}

/// The order's refunds, the oldest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_order(
    store: &Store,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<Refund>, StoreError> {
    store.rows(OF_ORDER, vec![mch_id.into(), order_id.into()], read).await
}

/// The merchant's refund with our number's id, within a read.
pub(crate) async fn read_one(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    id: Id,
) -> Result<Option<Refund>, StoreError> {
    let mut rows = reader.run(BY_ID, &[mch_id.into(), id.into()]).await?.rows;
    rows.first_mut().map(read).transpose()
}

/// The order's refunds, the oldest first, within a read.
pub(crate) async fn find_of_order(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<Refund>, StoreError> {
    let rows = reader.run(OF_ORDER, &[mch_id.into(), order_id.into()]).await?.rows;
    rows.into_iter().map(|mut row| read(&mut row)).collect()
}

pub(crate) fn insert(refund: &Refund) -> Statement {
    let mut values = vec![
        refund.id.into(),
        refund.mch_id.into(),
        refund.app_id.into(),
        refund.order_id.into(),
        refund.attempt_no.into(),
        (&refund.out_refund_no).into(),
        refund.cause.word().into(),
        refund.state.word().into(),
        refund.rev.into(),
        refund.amount.minor.into(),
        refund.amount.currency.code().into(),
        (&refund.reason).into(),
        refund.sign_form.word().into(),
        refund.created_at.into(),
    ];
    values.extend(end(refund));
    Statement::of_one_row(INSERT, values)
}

/// Writes the new `refund` over revision `expected_rev`.
pub(crate) fn update(refund: &Refund, expected_rev: i64) -> Statement {
    let mut values = vec![
        refund.mch_id.into(),
        refund.id.into(),
        expected_rev.into(),
        refund.state.word().into(),
    ];
    values.extend(end(refund));
    values.push(refund.created_at.into());
    Statement::of_one_row(UPDATE, values)
}

/// The five columns of the end. What an upstream gave back by itself is over when it is written.
fn end(refund: &Refund) -> [Value; 5] {
    let done = refund.done.as_ref();
    [
        done.map(|done| &done.upstream_no).into(),
        done.map(|done| done.cash.minor).into(),
        done.map(|done| done.cash.currency.code()).into(),
        done.map(|done| &done.rate).into(),
        done.map(|done| done.at).into(),
    ]
}

pub(crate) fn read(row: &mut Row) -> Result<Refund, StoreError> {
    Ok(Refund {
        id: row.id()?,
        mch_id: row.mch_id()?,
        app_id: row.app_id()?,
        order_id: row.id()?,
        attempt_no: row.int()?,
        out_refund_no: row.text()?,
        cause: row.word(RefundCause::from_word)?,
        state: row.word(RefundState::from_word)?,
        rev: row.int()?,
        amount: {
            let minor = row.int()?;
            Money::new(minor, row.word(Currency::from_code)?)
        },
        reason: row.text()?,
        sign_form: row.word(Signing::from_word)?,
        done: read_done(row)?,
        created_at: row.time()?,
    })
}

/// All five columns of the end have a value, or none has.
fn read_done(row: &mut Row) -> Result<Option<RefundDone>, StoreError> {
    let Some(upstream_no) = row.maybe_text()? else {
        row.skip_nulls(4)?;
        return Ok(None);
    };
    let minor = row.int()?;
    let cash = Money::new(minor, row.word(Currency::from_code)?);
    Ok(Some(RefundDone { upstream_no, cash, rate: row.text()?, at: row.time()? }))
}
