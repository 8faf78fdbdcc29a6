//! Merchants that move in from another platform: a merchant with several applications and its shops,
//! compared with what stands, and written in one transaction.
//!
//! Only what was read is changed: whoever changed it meanwhile wins, and nothing of the move is
//! written.

use kernel::application::Settings;
use kernel::id::{AppId, MchId};
use kernel::time::Timestamp;

use crate::applications::{self, ApplicationRow};
use crate::batch::{Batch, Row, Statement};
use crate::stores::{self, Shop};
use crate::{Reader, Store, StoreError};

/// Adds a merchant under the number that it brings along.
const INSERT_MERCHANT: &str = "insert into merchants
(mch_id, name, is_enabled, fee_rate_ppm, created_at) values ($1, $2, $3, $4, $5)
on conflict (mch_id) do nothing";

/// Changes a merchant, if it still is as it was read.
const UPDATE_MERCHANT: &str = "update merchants set name = $2, is_enabled = $3, fee_rate_ppm = $4
where mch_id = $1 and name = $5 and is_enabled = $6 and fee_rate_ppm = $7";

/// Adds an application of a merchant that may have others; a number that somebody took since it was
/// looked at changes nothing, which undoes the batch.
const INSERT_APPLICATION: &str = "insert into applications
(app_id, mch_id, is_default, key_sealed, previous_key_sealed, previous_until, settings,
notice_learned, rev, created_at)
values ($1, $2, $3, $4, $5, $6, $7, '', 0, $8) on conflict (app_id) do nothing";

/// Changes keys and settings of an application that still is as it was read.
const UPDATE_APPLICATION: &str = "update applications set key_sealed = $3,
previous_key_sealed = $4, previous_until = $5, settings = $6, rev = rev + 1
where app_id = $1 and rev = $2";

/// Adds a shop, or gives it another name.
const PUT_SHOP: &str = "insert into stores (mch_id, store_id, name) values ($1, $2, $3)
on conflict (mch_id, store_id) do update set name = excluded.name";

/// What a merchant is called, whether it is served, and its fee.
const MERCHANT: &str = "select name, is_enabled, fee_rate_ppm from merchants where mch_id = $1";

/// What a merchant is, beside its applications and shops.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Its name, as payers see it.
    pub name: String,
    /// Whether it is served.
    pub is_enabled: bool,
    /// The fee, in millionths of an amount.
    pub fee_rate_ppm: i64,
}

/// What stands of a merchant, read at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// The merchant; `None` if there is none of that number.
    pub profile: Option<Profile>,
    /// The application that stands for the merchant where only the merchant is named.
    pub default_app: Option<AppId>,
    /// Of the applications that were asked for, those that exist, whosever they are.
    pub applications: Vec<ApplicationRow>,
    /// The merchant's shops.
    pub shops: Vec<Shop>,
}

/// Keys and settings of an application as they are to be; keys are sealed.
#[derive(Clone, Debug)]
pub struct ApplicationState {
    /// Its number.
    pub app_id: AppId,
    /// Its key.
    pub key_sealed: String,
    /// The key before, and until when it counts.
    pub previous: Option<(String, Timestamp)>,
    /// Its settings.
    pub settings: Settings,
}

/// What is to be written of one merchant.
#[derive(Clone, Debug)]
pub struct Move {
    /// The merchant.
    pub mch_id: MchId,
    /// What it was when it was read; `None` adds it.
    pub was: Option<Profile>,
    /// What it is to be.
    pub profile: Profile,
    /// Applications to be added; true for the one that stands for the merchant.
    pub added: Vec<(ApplicationState, bool)>,
    /// Applications to be changed, each with the revision that was read.
    pub changed: Vec<(ApplicationState, i64)>,
    /// Shops to be added or renamed.
    pub shops: Vec<Shop>,
    /// When.
    pub at: Timestamp,
}

/// What stands of a merchant and of the applications that it brings along.
///
/// # Errors
/// See [`StoreError`].
pub async fn standing(
    store: &Store,
    mch_id: MchId,
    app_ids: Vec<AppId>,
) -> Result<Standing, StoreError> {
    store.read(async move |reader| read(reader, mch_id, &app_ids).await).await
}

/// Writes a move; missed if the merchant is no longer what was read.
pub fn write(wanted: &Move) -> Batch {
    let Move { mch_id, profile, .. } = wanted;
    let mut values = vec![
        (*mch_id).into(),
        (&profile.name).into(),
        profile.is_enabled.into(),
        profile.fee_rate_ppm.into(),
    ];
    let guard = match &wanted.was {
        None => {
            values.push(wanted.at.into());
            INSERT_MERCHANT
        }
        Some(was) => {
            values.extend([(&was.name).into(), was.is_enabled.into(), was.fee_rate_ppm.into()]);
            UPDATE_MERCHANT
        }
    };
    let mut batch = Batch::guarded(Statement::of_one_row(guard, values));
    batch.then.extend(wanted.added.iter().map(|added| insert_application(wanted, added)));
    batch.then.extend(wanted.changed.iter().map(update_application));
    batch.then.extend(wanted.shops.iter().map(|shop| put_shop(*mch_id, shop)));
    batch
}

fn insert_application(
    wanted: &Move,
    (application, is_default): &(ApplicationState, bool),
) -> Statement {
    let (previous, until) = application.previous.clone().unzip();
    let values = vec![
        application.app_id.into(),
        wanted.mch_id.into(),
        (*is_default).into(),
        (&application.key_sealed).into(),
        previous.into(),
        until.into(),
        applications::settings_text(&application.settings),
        wanted.at.into(),
    ];
    Statement::of_one_row(INSERT_APPLICATION, values)
}

fn update_application((application, rev): &(ApplicationState, i64)) -> Statement {
    let (previous, until) = application.previous.clone().unzip();
    let values = vec![
        application.app_id.into(),
        (*rev).into(),
        (&application.key_sealed).into(),
        previous.into(),
        until.into(),
        applications::settings_text(&application.settings),
    ];
    Statement::of_one_row(UPDATE_APPLICATION, values)
}

fn put_shop(mch_id: MchId, shop: &Shop) -> Statement {
    Statement::of_one_row(PUT_SHOP, vec![mch_id.into(), shop.store_id.into(), (&shop.name).into()])
}

async fn read(
    reader: &mut Reader<'_>,
    mch_id: MchId,
    app_ids: &[AppId],
) -> Result<Standing, StoreError> {
    let profile = reader.run(MERCHANT, &[mch_id.into()]).await?.rows.into_iter().next();
    let default =
        reader.run(applications::DEFAULT_OF, &[mch_id.into()]).await?.rows.into_iter().next();
    let mut found = Vec::new();
    for app_id in app_ids {
        found.extend(reader.run(applications::BY_APP_ID, &[(*app_id).into()]).await?.rows);
    }
    let shops = reader.run(stores::OF_MERCHANT, &[mch_id.into()]).await?.rows;
    Ok(Standing {
        profile: profile.map(|mut row| read_profile(&mut row)).transpose()?,
        default_app: default.map(|mut row| row.app_id()).transpose()?,
        applications: found
            .into_iter()
            .map(|mut row| applications::read(&mut row))
            .collect::<Result<_, _>>()?,
        shops: shops.into_iter().map(|mut row| stores::read(&mut row)).collect::<Result<_, _>>()?,
    })
}

fn read_profile(row: &mut Row) -> Result<Profile, StoreError> {
    Ok(Profile { name: row.text()?, is_enabled: row.flag()?, fee_rate_ppm: row.int()? })
}
