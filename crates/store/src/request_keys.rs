//! Requests that carry an Idempotency-Key (contract section 4): whose turn it is, what it has placed,
//! and what was answered. The key and the request arrive as digests, the answer sealed.

use kernel::id::{AppId, Id, MchId};
use kernel::time::Timestamp;

use crate::batch::{Batch, Row, Statement, Value};
use crate::{Store, StoreError};

/// Claims a key that is not known, or was last used so long ago that it is forgotten.
const CLAIM: &str = "insert into request_keys
(mch_id, app_id, key_tag, request_tag, claim, lease_until, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (mch_id, app_id, key_tag) do update set request_tag = excluded.request_tag,
claim = excluded.claim, lease_until = excluded.lease_until, created_at = excluded.created_at,
order_id = null, answer = null
where request_keys.created_at <= $8";

/// Claims what another has left: its lease is over, and nothing was answered.
const TAKE_OVER: &str = "update request_keys set claim = $5, lease_until = $6
where mch_id = $1 and app_id = $2 and key_tag = $3 and request_tag = $4
and answer is null and lease_until <= $7";

/// Where a key stands.
const FIND: &str = "select request_tag, lease_until, order_id, answer, created_at from request_keys
where mch_id = $1 and app_id = $2 and key_tag = $3";

/// Says what was placed; it rides with the order. Whoever lost its claim does not place.
pub(crate) const LINK: &str = "update request_keys set order_id = $5
where mch_id = $1 and app_id = $2 and key_tag = $3 and claim = $4 and answer is null";

/// Keeps the answer, of which there is one.
const KEEP: &str = "update request_keys set answer = $5
where mch_id = $1 and app_id = $2 and key_tag = $3 and claim = $4 and answer is null";

/// The same where something was placed.
const KEEP_PLACED: &str = "update request_keys set answer = $5
where mch_id = $1 and app_id = $2 and key_tag = $3 and claim = $4 and answer is null
and order_id is not null";

/// Ends the lease of what was placed and not answered: the next who asks is answered by what stands.
const LET_GO: &str = "update request_keys set lease_until = 0
where mch_id = $1 and app_id = $2 and key_tag = $3 and claim = $4 and answer is null
and order_id is not null";

/// Forgets a claim without effect: the key may be used again.
const RELEASE: &str = "delete from request_keys
where mch_id = $1 and app_id = $2 and key_tag = $3 and claim = $4 and answer is null
and order_id is null";

/// Forgets some of the oldest.
const FORGET: &str = "delete from request_keys where (mch_id, app_id, key_tag) in
(select mch_id, app_id, key_tag from request_keys where created_at <= $1
order by created_at limit $2)
returning mch_id";

/// A key of an application, as a digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestKey {
    /// The merchant.
    pub mch_id: MchId,
    /// The application.
    pub app_id: AppId,
    /// The key's digest.
    pub key_tag: String,
    /// The digest of the request that carries it.
    pub request_tag: String,
}

/// A claim on a key: nobody else acts for it until the lease ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// The key.
    pub key: RequestKey,
    /// Random: tells this claim from others.
    pub word: String,
    /// Until when it counts.
    pub lease_until: Timestamp,
}

/// Where a key stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    /// The digest of the request that carried it first.
    pub request_tag: String,
    /// Until when somebody acts for it, if nothing is answered yet.
    pub lease_until: Timestamp,
    /// The order that it has placed.
    pub order_id: Option<Id>,
    /// What was answered, sealed.
    pub answer: Option<String>,
    /// When it was claimed first.
    pub created_at: Timestamp,
}

/// Claims a key at `now`; missed if it is known, and was claimed after `forgotten_at`.
pub fn claim(claim: &Claim, now: Timestamp, forgotten_at: Timestamp) -> Batch {
    let mut values = key_values(&claim.key);
    values.extend([
        (&claim.key.request_tag).into(),
        (&claim.word).into(),
        claim.lease_until.into(),
        now.into(),
        forgotten_at.into(),
    ]);
    Batch::guarded(Statement::of_one_row(CLAIM, values))
}

/// Claims what another has left at `now`; missed if its lease is not over, or it was answered.
pub fn take_over(claim: &Claim, now: Timestamp) -> Batch {
    let mut values = key_values(&claim.key);
    values.extend([
        (&claim.key.request_tag).into(),
        (&claim.word).into(),
        claim.lease_until.into(),
        now.into(),
    ]);
    Batch::guarded(Statement::of_one_row(TAKE_OVER, values))
}

/// Where a key stands; `None` if it is not known.
///
/// # Errors
/// See [`StoreError`].
pub async fn find(store: &Store, key: &RequestKey) -> Result<Option<KeyRow>, StoreError> {
    store.row(FIND, key_values(key), read).await
}

/// Says that a claim has placed an order. Rides with the order, and undoes it if the claim was lost.
pub fn link(claim: &Claim, order_id: Id) -> Statement {
    let mut values = claim_values(claim);
    values.push(order_id.into());
    Statement::of_one_row(LINK, values)
}

/// Keeps the answer, whatever it has done.
pub fn keep(claim: &Claim, answer: &str) -> Batch {
    let mut values = claim_values(claim);
    values.push(answer.to_owned().into());
    Batch::guarded(Statement::of_one_row(KEEP, values))
}

/// Keeps the answer if an order was placed, else forgets the claim.
pub fn keep_if_placed(claim: &Claim, answer: &str) -> Batch {
    let mut values = claim_values(claim);
    values.push(answer.to_owned().into());
    let then =
        vec![Statement::new(KEEP_PLACED, values), Statement::new(RELEASE, claim_values(claim))];
    Batch { then, ..Batch::default() }
}

/// Gives a claim up without an answer.
pub fn let_go(claim: &Claim) -> Batch {
    let then = vec![
        Statement::new(LET_GO, claim_values(claim)),
        Statement::new(RELEASE, claim_values(claim)),
    ];
    Batch { then, ..Batch::default() }
}

/// Forgets up to `limit` keys that were claimed at `forgotten_at` or before; says how many.
///
/// # Errors
/// See [`StoreError`].
pub async fn forget(
    store: &Store,
    forgotten_at: Timestamp,
    limit: i64,
) -> Result<usize, StoreError> {
    let batch = Batch::guarded(Statement::new(FORGET, vec![forgotten_at.into(), limit.into()]));
    Ok(store.write(batch).await?.into_rows().len())
}

fn key_values(key: &RequestKey) -> Vec<Value> {
    vec![key.mch_id.into(), key.app_id.into(), (&key.key_tag).into()]
}

fn claim_values(claim: &Claim) -> Vec<Value> {
    let mut values = key_values(&claim.key);
    values.push((&claim.word).into());
    values
}

fn read(row: &mut Row) -> Result<KeyRow, StoreError> {
    Ok(KeyRow {
        request_tag: row.text()?,
        lease_until: row.time()?,
        order_id: row.maybe_int()?.map(Id),
        answer: row.maybe_text()?,
        created_at: row.time()?,
    })
}
