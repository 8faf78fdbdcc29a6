//! Where users have logged in from, by keyed tags: an address's tag is one of the e-mail as well, and its
//! failures are counted under it in `login_failures`.

use kernel::time::Timestamp;

use crate::batch::{Row, Statement};
use crate::{Store, StoreError};

/// Addresses that are remembered of one e-mail.
pub const ADDRESSES_MAX: i64 = 16;
/// How long an address is remembered after the last log-in from it, in milliseconds: 90 days.
pub const ADDRESS_KEPT_MS: i64 = 90 * 86_400_000;

/// Since when an address is remembered.
const SEEN: &str = "select seen_at from login_addresses where address_tag = $1 and seen_at > $2";

/// Remembers an address.
const REMEMBER: &str = "insert into login_addresses (address_tag, email_tag, seen_at)
values ($1, $2, $3) on conflict (address_tag) do update set seen_at = excluded.seen_at";

/// Forgets the oldest of an e-mail's, if there are too many.
const TRIM: &str = "delete from login_addresses where email_tag = $1 and address_tag not in
(select address_tag from login_addresses where email_tag = $1
order by seen_at desc, address_tag desc limit $2 + 0)";

/// Forgets what is too old.
const PRUNE: &str = "delete from login_addresses where seen_at <= $1";

/// Forgets those of an e-mail.
const FORGET: &str = "delete from login_addresses where email_tag = $1";

/// Forgets the failures at an e-mail's addresses.
const FORGIVE: &str = "delete from login_failures where email_tag in
(select address_tag from login_addresses where email_tag = $1)";

/// Whether somebody has logged in from an address, not too long before `now`.
///
/// # Errors
/// See [`StoreError`].
pub async fn is_known(
    store: &Store,
    address_tag: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let values = vec![address_tag.to_owned().into(), now.plus_millis(-ADDRESS_KEPT_MS).into()];
    Ok(store.row(SEEN, values, Row::time).await?.is_some())
}

/// Remembers a log-in at `now`; it travels with what proves it.
pub fn remember(email_tag: &str, address_tag: &str, now: Timestamp) -> [Statement; 3] {
    let (email, address) = (email_tag.to_owned(), address_tag.to_owned());
    [
        Statement::new(REMEMBER, vec![address.into(), email.clone().into(), now.into()]),
        Statement::new(TRIM, vec![email.into(), ADDRESSES_MAX.into()]),
        Statement::new(PRUNE, vec![now.plus_millis(-ADDRESS_KEPT_MS).into()]),
    ]
}

/// Forgets the addresses of an e-mail.
pub fn forget(email_tag: &str) -> Statement {
    Statement::new(FORGET, vec![email_tag.to_owned().into()])
}

/// Forgets the failures at the addresses of an e-mail.
pub fn forgive(email_tag: &str) -> Statement {
    Statement::new(FORGIVE, vec![email_tag.to_owned().into()])
}
