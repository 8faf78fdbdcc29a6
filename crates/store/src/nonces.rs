//! Nonces that guarded applications have sent: none comes twice, to whichever process, until its
//! request could not be fresh any more.

use kernel::id::{AppId, MchId};
use kernel::time::Timestamp;

use crate::batch::{Batch, Statement};
use crate::{Store, StoreError};

/// Spends a nonce, unless it is spent. One whose time is over may come again: its request cannot.
const SPEND: &str = "insert into nonces (mch_id, app_id, nonce, expires_at)
values ($1, $2, $3, $4)
on conflict (mch_id, app_id, nonce) do update set expires_at = excluded.expires_at
where nonces.expires_at <= $5";

/// Lets a nonce come again.
const FORGIVE: &str = "delete from nonces where mch_id = $1 and app_id = $2 and nonce = $3";

/// Forgets some whose time is over, the oldest first.
const FORGET: &str = "delete from nonces where (mch_id, app_id, nonce) in
(select mch_id, app_id, nonce from nonces where expires_at <= $1 order by expires_at limit $2)
returning mch_id";

/// A nonce of an application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonce {
    /// The merchant.
    pub mch_id: MchId,
    /// The application.
    pub app_id: AppId,
    /// As it was sent.
    pub text: String,
}

/// Spends a nonce until `expires_at`; missed if it is spent at `now`.
pub fn spend(nonce: &Nonce, now: Timestamp, expires_at: Timestamp) -> Batch {
    let mut values = key(nonce);
    values.extend([expires_at.into(), now.into()]);
    Batch::guarded(Statement::of_one_row(SPEND, values))
}

/// Lets a nonce come again: its request had no effect.
pub fn forgive(nonce: &Nonce) -> Batch {
    Batch::guarded(Statement::new(FORGIVE, key(nonce)))
}

/// Forgets up to `limit` nonces whose time was over at `now`; says how many.
///
/// # Errors
/// See [`StoreError`].
pub async fn forget(store: &Store, now: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let batch = Batch::guarded(Statement::new(FORGET, vec![now.into(), limit.into()]));
    Ok(store.write(batch).await?.into_rows().len())
}

fn key(nonce: &Nonce) -> Vec<crate::Value> {
    vec![nonce.mch_id.into(), nonce.app_id.into(), (&nonce.text).into()]
}
