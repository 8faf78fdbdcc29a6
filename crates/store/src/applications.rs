//! Applications: who signs requests, with which (sealed) key, under which settings. Keys arrive and
//! leave sealed; this module never sees one.

use kernel::application::{NoticeFormat, Settings};
use kernel::id::{AppId, MchId};
use kernel::time::Timestamp;

use crate::batch::{Batch, Row, Statement, Value};
use crate::merchants::NewMerchant;
use crate::{Store, StoreError};

/// Adds a merchant's default application; the merchant's guard has made sure of the number.
const INSERT: &str = "insert into applications
(app_id, mch_id, is_default, key_sealed, settings, notice_learned, rev, created_at)
values ($1, $2, 1, $3, $4, '', 0, $5)";

/// The application that a request names.
pub(crate) const BY_APP_ID: &str = "select a.app_id, a.mch_id, a.is_default, a.key_sealed,
a.previous_key_sealed, a.previous_until, a.settings, a.notice_learned, a.rev, a.created_at,
m.name, m.is_enabled, m.fee_rate_ppm
from applications a join merchants m on m.mch_id = a.mch_id
where a.app_id = $1";

/// How often the application has changed.
const REV: &str = "select rev from applications where app_id = $1";

/// The sealed keys of a merchant's other applications.
const SIBLINGS: &str = "select app_id, key_sealed from applications
where mch_id = $1 and app_id <> $2 order by app_id limit 16";

/// The application's number behind a request that names only the merchant.
pub(crate) const DEFAULT_OF: &str =
    "select app_id from applications where mch_id = $1 and is_default = 1";

/// Every application's number, for people; each is then read by itself.
const APP_IDS: &str = "select app_id from applications order by app_id";

/// The largest number in use, from which the next is chosen.
const HIGHEST: &str = "select max(app_id) from applications";

/// Puts a new key in place of the one that was read, and keeps the old one until its date.
const ROTATE_KEY: &str = "update applications
set key_sealed = $3, previous_key_sealed = $4, previous_until = $5, rev = rev + 1
where app_id = $1 and rev = $2";

/// Changes the settings that were read.
const SET_SETTINGS: &str = "update applications set settings = $3, rev = rev + 1
where app_id = $1 and rev = $2";

/// Remembers the encoding that a merchant acknowledged (contract section 7). It is no setting, so it
/// does not disturb whoever edits them.
const LEARN: &str = "update applications set notice_learned = $3
where app_id = $1 and mch_id = $2 and notice_learned <> $3";

/// An application to be added with its merchant.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// Its number, unique across merchants.
    pub app_id: AppId,
    /// Its key, sealed.
    pub key_sealed: String,
    /// Its settings.
    pub settings: Settings,
}

/// An application with what a request needs of its merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplicationRow {
    /// Its number.
    pub app_id: AppId,
    /// Its merchant.
    pub mch_id: MchId,
    /// Whether it stands for its merchant where only the merchant is named.
    pub is_default: bool,
    /// Its key, sealed.
    pub key_sealed: String,
    /// The key before, sealed, and until when it counts.
    pub previous: Option<(String, Timestamp)>,
    /// Its settings.
    pub settings: Settings,
    /// The encoding of notices that was acknowledged; `Auto` while none was.
    pub notice_learned: NoticeFormat,
    /// Counts changes.
    pub rev: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// The merchant's name.
    pub mch_name: String,
    /// Whether the merchant is served.
    pub is_enabled: bool,
    /// The merchant's fee, in millionths of an amount.
    pub fee_rate_ppm: i64,
}

/// A change of key.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// The application.
    pub app_id: AppId,
    /// The revision that was read.
    pub expected_rev: i64,
    /// The new key, sealed.
    pub key_sealed: String,
    /// The old one, sealed, and until when it still counts.
    pub previous: Option<(String, Timestamp)>,
}

/// The application of that number.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_app_id(store: &Store, app_id: AppId) -> Result<Option<ApplicationRow>, StoreError> {
    store.row(BY_APP_ID, vec![app_id.into()], read).await
}

/// The merchant's other applications, each with its sealed key; sixteen at most.
///
/// # Errors
/// See [`StoreError`].
pub async fn siblings(
    store: &Store,
    mch_id: MchId,
    app_id: AppId,
) -> Result<Vec<(AppId, String)>, StoreError> {
    let values = vec![mch_id.into(), app_id.into()];
    store.rows(SIBLINGS, values, |row| Ok((row.app_id()?, row.text()?))).await
}

/// How often the application has changed; `None` if there is none.
///
/// # Errors
/// See [`StoreError`].
pub async fn rev(store: &Store, app_id: AppId) -> Result<Option<i64>, StoreError> {
    store.row(REV, vec![app_id.into()], |row| row.int()).await
}

/// The merchant's default application.
///
/// # Errors
/// See [`StoreError`].
pub async fn default_of(
    store: &Store,
    mch_id: MchId,
) -> Result<Option<ApplicationRow>, StoreError> {
    match store.row(DEFAULT_OF, vec![mch_id.into()], |row| row.app_id()).await? {
        Some(app_id) => by_app_id(store, app_id).await,
        None => Ok(None),
    }
}

/// Every application, by number.
///
/// # Errors
/// See [`StoreError`].
pub async fn list(store: &Store) -> Result<Vec<ApplicationRow>, StoreError> {
    let read_all = async |reader: &mut crate::Reader<'_>| {
        let mut found = Vec::new();
        for mut id in reader.run(APP_IDS, &[]).await?.rows {
            let rows = reader.run(BY_APP_ID, &[id.int()?.into()]).await?.rows;
            found.extend(rows.into_iter().map(|mut row| read(&mut row)));
        }
        found.into_iter().collect()
    };
    store.read(read_all).await
}

/// The largest number in use.
///
/// # Errors
/// See [`StoreError`].
pub async fn highest(store: &Store) -> Result<Option<AppId>, StoreError> {
    let found = store.row(HIGHEST, Vec::new(), |row| row.maybe_int()).await?;
    Ok(found.flatten().map(AppId))
}

/// Changes the key; missed if the application changed since it was read.
pub fn rotate_key(rotation: &KeyRotation) -> Batch {
    let (previous, until) = rotation.previous.clone().unzip();
    let values = vec![
        rotation.app_id.into(),
        rotation.expected_rev.into(),
        (&rotation.key_sealed).into(),
        previous.into(),
        until.into(),
    ];
    Batch::guarded(Statement::of_one_row(ROTATE_KEY, values))
}

/// Changes the settings; missed if the application changed since it was read.
pub fn set_settings(app_id: AppId, expected_rev: i64, settings: &Settings) -> Batch {
    let values = vec![app_id.into(), expected_rev.into(), settings_text(settings)];
    Batch::guarded(Statement::of_one_row(SET_SETTINGS, values))
}

/// Remembers which encoding of notices was acknowledged; missed if it is remembered already.
pub fn learn_notice_format(app_id: AppId, mch_id: MchId, format: NoticeFormat) -> Batch {
    let values = vec![app_id.into(), mch_id.into(), learned_word(format).into()];
    Batch::guarded(Statement::of_one_row(LEARN, values))
}

pub(crate) fn insert_default(new: &NewMerchant) -> Statement {
    let application = &new.application;
    let values = vec![
        application.app_id.into(),
        new.mch_id.into(),
        (&application.key_sealed).into(),
        settings_text(&application.settings),
        new.created_at.into(),
    ];
    Statement::of_one_row(INSERT, values)
}

#[expect(clippy::expect_used, reason = "booleans, texts and unit variants always have a JSON text")]
pub(crate) fn settings_text(settings: &Settings) -> Value {
    serde_json::to_string(settings).expect("settings have a JSON text").into()
}

fn learned_word(format: NoticeFormat) -> &'static str {
    match format {
        NoticeFormat::Auto => "",
        NoticeFormat::Form => "form",
        NoticeFormat::Json => "json",
    }
}

fn learned_of(word: &str) -> Option<NoticeFormat> {
    let formats = [NoticeFormat::Auto, NoticeFormat::Form, NoticeFormat::Json];
    formats.into_iter().find(|format| learned_word(*format) == word)
}

pub(crate) fn read(row: &mut Row) -> Result<ApplicationRow, StoreError> {
    Ok(ApplicationRow {
        app_id: row.app_id()?,
        mch_id: row.mch_id()?,
        is_default: row.flag()?,
        key_sealed: row.text()?,
        previous: row.maybe_text()?.zip(row.maybe_time()?),
        settings: row.word(|text| serde_json::from_str(text).ok())?,
        notice_learned: row.word(learned_of)?,
        rev: row.int()?,
        created_at: row.time()?,
        mch_name: row.text()?,
        is_enabled: row.flag()?,
        fee_rate_ppm: row.int()?,
    })
}
