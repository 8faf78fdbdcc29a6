//! Contracts with upstreams and the versions of their credentials. Settings arrive and leave sealed;
//! a version is never overwritten, because an attempt is finished with the one that began it.

use kernel::id::{Id, MchId};
use kernel::money::Currency;
use kernel::product::Product;
use kernel::time::Timestamp;

use crate::batch::{Batch, Row, Statement, Value};
use crate::{Store, StoreError};

/// Who owns an account that every merchant may use: the platform.
pub const PLATFORM: MchId = MchId(0);

/// Adds an account; its id is its only unique key, which is another one on each engine.
const INSERT: &str = "insert into accounts
(id, mch_id, channel, name, currency, is_enabled, products, version, created_at)
values ($1, $2, $3, $4, $5, 1, $6, 1, $7) on conflict do nothing";

/// Adds a version of an account's credentials.
const INSERT_VERSION: &str = "insert into account_versions
(mch_id, account_id, version, settings_sealed, upstream_keys, created_at)
values ($1, $2, $3, $4, '[]', $5)";

/// Makes the next version the current one, if nobody else has made it.
const SET_VERSION: &str = "update accounts set version = $3
where mch_id = $1 and id = $2 and version + 1 = $3";

/// An account in one of its versions. An attempt names both, and the account's owner may be the
/// platform, so the id alone is looked up.
const BY_VERSION: &str = "select a.id, a.mch_id, a.channel, a.name, a.currency, a.is_enabled,
a.products, a.created_at, v.version, v.settings_sealed, v.upstream_keys
from accounts a join account_versions v on v.mch_id = a.mch_id and v.account_id = a.id
where a.id = $1 and v.version = $2";

/// Every account in its current version, for people.
const LIST: &str = "select a.id, a.mch_id, a.channel, a.name, a.currency, a.is_enabled,
a.products, a.created_at, v.version, v.settings_sealed, v.upstream_keys
from accounts a join account_versions v
on v.mch_id = a.mch_id and v.account_id = a.id and v.version = a.version
order by a.id";

/// What a merchant's orders may be placed with: its own accounts first (the platform is 0), older
/// ones first.
const USABLE_BY: &str = "select a.id, a.mch_id, a.channel, a.name, a.currency, a.is_enabled,
a.products, a.created_at, v.version, v.settings_sealed, v.upstream_keys
from accounts a join account_versions v
on v.mch_id = a.mch_id and v.account_id = a.id and v.version = a.version
where a.is_enabled = 1 and a.mch_id in ($1, 0)
order by a.mch_id desc, a.id";

/// Lets new orders use an account, or no longer.
const SET_ENABLED: &str = "update accounts set is_enabled = $3 where mch_id = $1 and id = $2";

/// Remembers the keys that the upstream told us it signs with.
const SET_UPSTREAM_KEYS: &str = "update account_versions set upstream_keys = $4
where mch_id = $1 and account_id = $2 and version = $3";

/// An account to be added, with its first version.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Row id.
    pub id: Id,
    /// Whose it is: a merchant, or [`PLATFORM`].
    pub mch_id: MchId,
    /// The channel's name.
    pub channel: String,
    /// Its name for people.
    pub name: String,
    /// Currency it is settled in.
    pub currency: Currency,
    /// What it serves.
    pub products: Vec<Product>,
    /// The settings, sealed.
    pub settings_sealed: String,
    /// When it is added.
    pub created_at: Timestamp,
}

/// An account in one version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountRow {
    /// Row id.
    pub id: Id,
    /// Whose it is: a merchant, or [`PLATFORM`].
    pub mch_id: MchId,
    /// The channel's name.
    pub channel: String,
    /// Its name for people.
    pub name: String,
    /// Currency it is settled in.
    pub currency: Currency,
    /// Whether new orders may use it.
    pub is_enabled: bool,
    /// What it serves.
    pub products: Vec<Product>,
    /// When it was added.
    pub created_at: Timestamp,
    /// The version that the rest belongs to.
    pub version: i64,
    /// The settings, sealed.
    pub settings_sealed: String,
    /// JSON text of the keys that the upstream signs with; `[]` until it told us.
    pub upstream_keys: String,
}

/// An account in one version, by its keys.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct AccountKey {
    /// Whose it is.
    pub mch_id: MchId,
    /// Row id.
    pub account_id: Id,
    /// The version.
    pub version: i64,
}

/// Adds an account in version 1; missed if the id is taken.
pub fn add(new: &NewAccount) -> Batch {
    let values = vec![
        new.id.into(),
        new.mch_id.into(),
        (&new.channel).into(),
        (&new.name).into(),
        new.currency.code().into(),
        products_text(&new.products),
        new.created_at.into(),
    ];
    let mut batch = Batch::guarded(Statement::of_one_row(INSERT, values));
    let key = AccountKey { mch_id: new.mch_id, account_id: new.id, version: 1 };
    batch.then.push(insert_version(key, &new.settings_sealed, new.created_at));
    batch
}

/// Adds `key.version`, which must follow the current one, and makes it current; missed if it does
/// not follow.
pub fn add_version(key: AccountKey, settings_sealed: &str, at: Timestamp) -> Batch {
    let values = vec![key.mch_id.into(), key.account_id.into(), key.version.into()];
    let mut batch = Batch::guarded(Statement::of_one_row(SET_VERSION, values));
    batch.then.push(insert_version(key, settings_sealed, at));
    batch
}

/// Lets new orders use the account, or no longer; missed if there is none.
pub fn set_enabled(mch_id: MchId, account_id: Id, is_enabled: bool) -> Batch {
    let values = vec![mch_id.into(), account_id.into(), is_enabled.into()];
    Batch::guarded(Statement::of_one_row(SET_ENABLED, values))
}

/// Remembers the keys that the upstream signs with, as JSON text; missed if there is no such version.
pub fn set_upstream_keys(key: AccountKey, keys: &str) -> Batch {
    let values =
        vec![key.mch_id.into(), key.account_id.into(), key.version.into(), keys.to_owned().into()];
    Batch::guarded(Statement::of_one_row(SET_UPSTREAM_KEYS, values))
}

/// The account in that version, enabled or not: money may still come through it.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_version(
    store: &Store,
    account_id: Id,
    version: i64,
) -> Result<Option<AccountRow>, StoreError> {
    store.row(BY_VERSION, vec![account_id.into(), version.into()], read).await
}

/// Every account in its current version.
///
/// # Errors
/// See [`StoreError`].
pub async fn list(store: &Store) -> Result<Vec<AccountRow>, StoreError> {
    store.rows(LIST, Vec::new(), read).await
}

/// The enabled accounts that the merchant's orders may use, its own before the platform's.
///
/// # Errors
/// See [`StoreError`].
pub async fn usable_by(store: &Store, mch_id: MchId) -> Result<Vec<AccountRow>, StoreError> {
    store.rows(USABLE_BY, vec![mch_id.into()], read).await
}

fn insert_version(key: AccountKey, settings_sealed: &str, at: Timestamp) -> Statement {
    let values = vec![
        key.mch_id.into(),
        key.account_id.into(),
        key.version.into(),
        settings_sealed.to_owned().into(),
        at.into(),
    ];
    Statement::of_one_row(INSERT_VERSION, values)
}

/// `101,102`: the products' numbers.
fn products_text(products: &[Product]) -> Value {
    let numbers = products.iter().map(|product| product.info().channel_id.to_string());
    numbers.collect::<Vec<_>>().join(",").into()
}

fn products_of(text: &str) -> Option<Vec<Product>> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(|part| Product::from_channel_id(part.parse().ok()?)).collect()
}

fn read(row: &mut Row) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        id: row.id()?,
        mch_id: row.mch_id()?,
        channel: row.text()?,
        name: row.text()?,
        currency: row.word(Currency::from_code)?,
        is_enabled: row.flag()?,
        products: row.word(products_of)?,
        created_at: row.time()?,
        version: row.int()?,
        settings_sealed: row.text()?,
        upstream_keys: row.text()?,
    })
}
