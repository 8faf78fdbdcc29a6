//! `Idempotency-Key` (contract section 4): a repeat of the same bytes within a day gets the first answer
//! again. The key is claimed before anything is done; what it places is written together with the order;
//! only what had an effect, or ended something, is kept. So a crash anywhere leaves either nothing, or
//! an order that the next repeat finds.

use std::time::Duration;

use channels::legacy::sha256_hex;
use kernel::address::Operation;
use kernel::fault::{Fault, Wording};
use kernel::secret::Secret;
use kernel::time::Timestamp;
use store::request_keys::{self, Claim, KeyRow, RequestKey};
use store::{Batch, Written};

use crate::Gateway;
use crate::callers::Caller;
use crate::ids::random_hex;

/// How long a key is remembered, in milliseconds.
pub(crate) const REMEMBERED_MS: i64 = 86_400_000;
/// How long a claim lasts, in milliseconds: longer than a request takes.
const LEASE_MS: i64 = 60_000;
/// The first wait for a repeat whose first request is under way, in milliseconds; it doubles.
const WAIT_FIRST_MS: u64 = 10;
/// The longest, in milliseconds.
const WAIT_LONGEST_MS: u64 = 400;
/// Looks at a request under way, some ten seconds in all; then 4006.
const LOOKS_MAX: u32 = 30;
/// What the key's digest is for.
const TAG: &str = "idempotency key";

const ANOTHER_REQUEST: Wording = [
    "Idempotency-Key 已用于另一请求，请换一个",
    "Idempotency-Key was used for another request: use a new one",
];

/// What a request with a key may do.
#[derive(Debug)]
pub enum KeyTurn {
    /// Act, and then say what came of it.
    Act(KeyClaim),
    /// Nothing: this was answered before.
    Answered(String),
}

/// The right to act for a key.
#[derive(Clone, Debug)]
pub struct KeyClaim {
    pub(crate) claim: Claim,
    /// The order that an earlier attempt has placed, and whose answer was lost.
    pub(crate) placed: Option<kernel::id::Id>,
    is_resumed: bool,
}

impl KeyClaim {
    /// Whether an earlier attempt of the same bytes was lost: its nonce is spent, and no replay.
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }
}

impl Gateway {
    /// Claims the key of an authentic request, or finds its answer; waits for one that is under way.
    ///
    /// # Errors
    /// 40100 if the key was used for other bytes, 4006 if the first request takes too long.
    pub async fn claim_key(
        &self,
        caller: &Caller,
        operation: Operation,
        (key, body): (&str, &[u8]),
    ) -> Result<KeyTurn, Fault> {
        let request = [format!("{operation:?}\n").as_bytes(), body].concat();
        let key = RequestKey {
            mch_id: caller.app.mch_id,
            app_id: caller.app.app_id,
            key_tag: self.0.vault.tag(TAG, key),
            request_tag: sha256_hex(&request),
        };
        let mut wait_ms = WAIT_FIRST_MS;
        for _ in 0..LOOKS_MAX {
            if let Some(turn) = self.look_at_key(&key).await? {
                return Ok(turn);
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            wait_ms = (wait_ms * 2).min(WAIT_LONGEST_MS);
        }
        Err(Fault::Busy)
    }

    /// One look: whose turn it is; `None` if another is at it.
    async fn look_at_key(&self, key: &RequestKey) -> Result<Option<KeyTurn>, Fault> {
        let found = request_keys::find(&self.0.store, key).await;
        let found = found.map_err(|error| self.busy("look for a key", &error))?;
        let now = self.now();
        let claim = Claim {
            key: key.clone(),
            word: random_hex::<16>(),
            lease_until: now.plus_millis(LEASE_MS),
        };
        let forgotten_at = now.plus_millis(-REMEMBERED_MS);
        let Some(row) = found.filter(|row| row.created_at > forgotten_at) else {
            let is_ours = self.try_claim(request_keys::claim(&claim, now, forgotten_at)).await?;
            let turn = KeyClaim { claim, placed: None, is_resumed: false };
            return Ok(is_ours.then_some(KeyTurn::Act(turn)));
        };
        self.turn_of(claim, row, now).await
    }

    async fn turn_of(
        &self,
        claim: Claim,
        row: KeyRow,
        now: Timestamp,
    ) -> Result<Option<KeyTurn>, Fault> {
        if row.request_tag != claim.key.request_tag {
            return Err(Fault::NotAllowed(ANOTHER_REQUEST));
        }
        if let Some(answer) = row.answer {
            let opened = self.0.vault.open(&sealed_for(&claim.key), &answer);
            let answer = opened.map_err(|_| {
                tracing::error!("a kept answer does not open: wrong master key?");
                Fault::Defect
            })?;
            return Ok(Some(KeyTurn::Answered(answer.expose().to_owned())));
        }
        if now < row.lease_until {
            return Ok(None);
        }
        let is_ours = self.try_claim(request_keys::take_over(&claim, now)).await?;
        let turn = KeyClaim { claim, placed: row.order_id, is_resumed: true };
        Ok(is_ours.then_some(KeyTurn::Act(turn)))
    }

    async fn try_claim(&self, batch: Batch) -> Result<bool, Fault> {
        let written = self.0.store.write(batch).await;
        let written = written.map_err(|error| self.busy("claim a key", &error))?;
        Ok(matches!(written, Written::Done(_)))
    }

    /// Says what came of a request with a key: an answer that had an effect is kept, one that had none
    /// leaves the key free, and one that is not known is found by the next repeat.
    pub async fn settle_key(&self, key: KeyClaim, fault: Option<&Fault>, answer: &str) {
        let sealed =
            || self.0.vault.seal(&sealed_for(&key.claim.key), &Secret::new(answer.to_owned()));
        let batch = match fault {
            None => request_keys::keep(&key.claim, &sealed()),
            Some(
                Fault::Busy
                | Fault::Uncertain
                | Fault::TimedOut
                | Fault::EmptyAnswer
                | Fault::UnmappedUpstream
                | Fault::Defect,
            ) => request_keys::let_go(&key.claim),
            Some(_) => request_keys::keep_if_placed(&key.claim, &sealed()),
        };
        match self.0.store.write(batch).await {
            Ok(Written::Done(_)) => {}
            // Somebody took over while this one was slow: the answer that is kept is theirs.
            Ok(Written::Missed) => tracing::warn!("an Idempotency-Key was taken over"),
            Err(error) => tracing::error!(error = %error, "an answer was not kept"),
        }
    }
}

fn sealed_for(key: &RequestKey) -> String {
    format!("request/{}/{}", key.app_id, key.key_tag)
}
