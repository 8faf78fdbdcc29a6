//! Barcodes that were used: each is good for one attempt. Only their digests are kept.

use kernel::id::{Id, MchId};

use crate::batch::Statement;
use crate::{Store, StoreError};

/// Remembers a code. Of two orders that come with it at the same time both are placed; the upstream
/// takes one.
pub(crate) const INSERT: &str =
    "insert into pay_codes (mch_id, digest, order_id) values ($1, $2, $3)
on conflict (mch_id, digest) do nothing";

/// The order that a code was used for.
const FIND: &str = "select order_id from pay_codes where mch_id = $1 and digest = $2";

/// The order that the merchant used this code for.
///
/// # Errors
/// See [`StoreError`].
pub async fn find(store: &Store, mch_id: MchId, digest: &str) -> Result<Option<Id>, StoreError> {
    store.row(FIND, vec![mch_id.into(), digest.to_owned().into()], |row| row.id()).await
}

/// Remembers that a code was used for an order; it rides with the order (`orders::place`).
pub fn insert(mch_id: MchId, digest: &str, order_id: Id) -> Statement {
    Statement::new(INSERT, vec![mch_id.into(), digest.to_owned().into(), order_id.into()])
}
