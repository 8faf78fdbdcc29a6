//! Users of merchants and their e-mails. A password is here only as its hash, which goes to nobody but
//! whoever compares it.

use kernel::id::{Id, MchId};
use kernel::time::Timestamp;
use kernel::user::{Email, USERS_MAX, User, UserType};

use crate::batch::{Batch, Row, Statement};
use crate::{Store, StoreError};

/// Takes an e-mail for a user to be added, unless it is taken or the merchant has as many users as it may.
const TAKE_EMAIL: &str = "insert into user_emails (email, mch_id, user_id)
select $1, $2, $3 where (select count(*) from users where mch_id = $2 and removed_at is null) < $4
on conflict (email) do nothing";

/// Adds a user.
const INSERT: &str = "insert into users
(mch_id, id, email, name, user_type, store_id, password_hash, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// The user who has an e-mail, whoever's: who logs in names no merchant.
const BY_EMAIL: &str =
    "select u.mch_id, u.id, u.email, u.name, u.user_type, u.store_id, u.created_at,
u.password_hash from user_emails e join users u on u.mch_id = e.mch_id and u.id = e.user_id
where e.email = $1";

/// A page of a merchant's users, the newest first.
const PAGE: &str = "select mch_id, id, email, name, user_type, store_id, created_at from users
where mch_id = $1 and removed_at is null order by id desc limit $2 offset $3";

/// How many users a merchant has; there is a limit to them.
const COUNT: &str = "select count(*) from users where mch_id = $1 and removed_at is null";

/// Removes a user; the row stays, for those who ask who somebody was.
const REMOVE: &str = "update users set removed_at = $3
where mch_id = $1 and id = $2 and removed_at is null";

/// Lets another user have the e-mail.
const FREE_EMAIL: &str =
    "delete from user_emails where email = $1 and mch_id = $2 and user_id = $3";

/// Gives a user another password.
const SET_PASSWORD: &str = "update users set password_hash = $3
where mch_id = $1 and id = $2 and removed_at is null";

/// A user with the hash of their password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// The hash, with how it was made.
    pub password_hash: String,
}

/// Adds a user; missed if the e-mail is taken, or the merchant has [`USERS_MAX`] users.
pub fn add(new: &UserRow) -> Batch {
    let user = &new.user;
    let email = user.email.as_str().to_owned();
    let taken = vec![email.clone().into(), user.mch_id.into(), user.id.into(), USERS_MAX.into()];
    let values = vec![
        user.mch_id.into(),
        user.id.into(),
        email.into(),
        (&user.name).into(),
        user.user_type.word().into(),
        user.store_id.into(),
        (&new.password_hash).into(),
        user.created_at.into(),
    ];
    Batch::guarded(Statement::of_one_row(TAKE_EMAIL, taken))
        .and(Statement::of_one_row(INSERT, values))
}

/// The user who has an e-mail, whichever merchant's.
///
/// # Errors
/// See [`StoreError`].
pub async fn by_email(store: &Store, email: &Email) -> Result<Option<UserRow>, StoreError> {
    let read_row = |row: &mut Row| Ok(UserRow { user: read(row)?, password_hash: row.text()? });
    store.row(BY_EMAIL, vec![email.as_str().to_owned().into()], read_row).await
}

/// Users of a merchant, the newest first: `limit` of them after the first `offset`.
///
/// # Errors
/// See [`StoreError`].
pub async fn page(
    store: &Store,
    mch_id: MchId,
    (limit, offset): (i64, i64),
) -> Result<Vec<User>, StoreError> {
    store.rows(PAGE, vec![mch_id.into(), limit.into(), offset.into()], read).await
}

/// How many users a merchant has.
///
/// # Errors
/// See [`StoreError`].
pub async fn count(store: &Store, mch_id: MchId) -> Result<i64, StoreError> {
    Ok(store.row(COUNT, vec![mch_id.into()], |row| row.int()).await?.unwrap_or(0))
}

/// Removes a user at `at`; missed if they were removed already. The e-mail is free again.
pub fn remove(user: &User, at: Timestamp) -> Batch {
    let email = user.email.as_str().to_owned();
    let values = vec![email.into(), user.mch_id.into(), user.id.into()];
    let removed = vec![user.mch_id.into(), user.id.into(), at.into()];
    Batch::guarded(Statement::of_one_row(REMOVE, removed))
        .and(Statement::of_one_row(FREE_EMAIL, values))
}

/// Gives a user another password; missed if they were removed.
pub fn set_password(mch_id: MchId, id: Id, password_hash: &str) -> Batch {
    let values = vec![mch_id.into(), id.into(), password_hash.to_owned().into()];
    Batch::guarded(Statement::of_one_row(SET_PASSWORD, values))
}

fn read(row: &mut Row) -> Result<User, StoreError> {
    Ok(User {
        mch_id: row.mch_id()?,
        id: row.id()?,
        email: row.word(Email::parse)?,
        name: row.text()?,
        user_type: row.word(UserType::from_word)?,
        store_id: row.int()?,
        created_at: row.time()?,
    })
}
