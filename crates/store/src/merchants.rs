//! Merchants: who is served, at which fee.

use kernel::id::MchId;
use kernel::time::Timestamp;

use crate::applications::{self, NewApplication};
use crate::batch::{Batch, Row, Statement};
use crate::stores::{self, Shop};
use crate::{Store, StoreError};

/// Adds a merchant, unless its number or its application's number is taken: an application's number
/// is unique across merchants, and only a guard may miss.
const INSERT: &str = "insert into merchants (mch_id, name, is_enabled, fee_rate_ppm, created_at)
select $1, $2, 1, $3, $4 where not exists (select 1 from applications where app_id = $5)
on conflict (mch_id) do nothing";

/// Every merchant, for people.
const LIST: &str = "select mch_id, name, is_enabled, fee_rate_ppm, created_at from merchants
order by mch_id";

/// The largest number in use, from which the next is chosen.
const HIGHEST: &str = "select max(mch_id) from merchants";

/// Serves a merchant, or no longer.
const SET_ENABLED: &str = "update merchants set is_enabled = $2 where mch_id = $1";

/// Changes the fee of orders yet to come; an order keeps the rule that it was placed under.
const SET_FEE_RATE: &str = "update merchants set fee_rate_ppm = $2 where mch_id = $1";

/// A merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merchant {
    /// Its number.
    pub mch_id: MchId,
    /// Its name, as payers see it.
    pub name: String,
    /// Whether it is served.
    pub is_enabled: bool,
    /// The fee, in millionths of an amount.
    pub fee_rate_ppm: i64,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A merchant to be added, with what it needs from the first day.
#[derive(Clone, Debug)]
pub struct NewMerchant {
    /// Its number.
    pub mch_id: MchId,
    /// Its name, as payers see it.
    pub name: String,
    /// The fee, in millionths of an amount.
    pub fee_rate_ppm: i64,
    /// Its default application.
    pub application: NewApplication,
    /// Its shops.
    pub shops: Vec<Shop>,
    /// When it is added.
    pub created_at: Timestamp,
}

/// Adds a merchant, its default application and its shops; missed if a number is taken.
pub fn add(new: &NewMerchant) -> Batch {
    let values = vec![
        new.mch_id.into(),
        (&new.name).into(),
        new.fee_rate_ppm.into(),
        new.created_at.into(),
        new.application.app_id.into(),
    ];
    let mut batch = Batch::guarded(Statement::of_one_row(INSERT, values));
    batch.then.push(applications::insert_default(new));
    batch.then.extend(new.shops.iter().map(|shop| stores::insert(new.mch_id, shop)));
    batch
}

/// Every merchant, by number.
///
/// # Errors
/// See [`StoreError`].
pub async fn list(store: &Store) -> Result<Vec<Merchant>, StoreError> {
    store.rows(LIST, Vec::new(), read).await
}

/// The largest number in use.
///
/// # Errors
/// See [`StoreError`].
pub async fn highest(store: &Store) -> Result<Option<MchId>, StoreError> {
    let found = store.row(HIGHEST, Vec::new(), |row| row.maybe_int()).await?;
    Ok(found.flatten().map(MchId))
}

/// Serves the merchant, or no longer; missed if there is none.
pub fn set_enabled(mch_id: MchId, is_enabled: bool) -> Batch {
    Batch::guarded(Statement::of_one_row(SET_ENABLED, vec![mch_id.into(), is_enabled.into()]))
}

/// Changes the fee of orders yet to come; missed if there is no such merchant.
pub fn set_fee_rate(mch_id: MchId, fee_rate_ppm: i64) -> Batch {
    Batch::guarded(Statement::of_one_row(SET_FEE_RATE, vec![mch_id.into(), fee_rate_ppm.into()]))
}

fn read(row: &mut Row) -> Result<Merchant, StoreError> {
    Ok(Merchant {
        mch_id: row.mch_id()?,
        name: row.text()?,
        is_enabled: row.flag()?,
        fee_rate_ppm: row.int()?,
        created_at: row.time()?,
    })
}
