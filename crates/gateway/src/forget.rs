//! Forgets what was only kept for a time — keys of requests, nonces —, in bounded pieces.

use kernel::time::Timestamp;
use store::{StoreError, nonces, request_keys};

use crate::Gateway;
use crate::request_key::REMEMBERED_MS;

/// Between two rounds, in milliseconds.
const EVERY_MS: i64 = 60_000;
/// Rows of a table that one transaction removes.
const PIECE_MAX: i64 = 500;
/// Pieces of a round.
const PIECES_MAX: usize = 20;

impl Gateway {
    /// Forgets what is old, if the last round was long enough ago; says when this one was.
    pub(crate) async fn forget_old(&self, last: Option<Timestamp>) -> Option<Timestamp> {
        let now = self.now();
        if last.is_some_and(|last| (0..EVERY_MS).contains(&now.millis_since(last))) {
            return last;
        }
        if let Err(error) = self.forget_before(now).await {
            tracing::error!(error = %error, "what is old was not forgotten");
        }
        Some(now)
    }

    async fn forget_before(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = &self.0.store;
        let forgotten_at = now.plus_millis(-REMEMBERED_MS);
        for _ in 0..PIECES_MAX {
            let keys = request_keys::forget(store, forgotten_at, PIECE_MAX).await?;
            let nonces = nonces::forget(store, now, PIECE_MAX).await?;
            if keys == 0 && nonces == 0 {
                break;
            }
        }
        Ok(())
    }
}
