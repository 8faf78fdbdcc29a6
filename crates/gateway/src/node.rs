//! The number that this process makes ids under: leased in the store, renewed while the process runs,
//! given back when it ends (docs/decisions/0024).
//!
//! What keeps the ids of two processes apart is the stretch of seconds that a lease grants, never a
//! clock. A process that cannot renew makes no ids behind the end of its stretch, and refuses (4006)
//! whatever would need them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use kernel::fault::Fault;
use kernel::id::NODES_MAX;
use kernel::time::Timestamp;
use store::StoreError;
use store::nodes::{self, NodeLease, Term};
use tokio::sync::{Mutex as Turns, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::ids::{self, IdSource};
use crate::stopping::goes_on;
use crate::{Gateway, Inner};

/// How long a number is leased for, in seconds: what a process that was killed holds is free after it.
const LEASE_S: i64 = 8;
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// The same after it failed.
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// How long a request waits for a renewal before it is refused.
const RENEWAL_WAIT: Duration = Duration::from_secs(3);
/// How long a renewal shows that the store writes.
const READY_FOR: Duration = Duration::from_secs(3);
/// How far this machine's clock may be from the store's, in milliseconds. Two processes are then twice as
/// far from each other at most, and a notice's lease outlives its delivery by more.
const SKEW_MAX_MS: i64 = 2_000;
const _: () = assert!(RENEW_EVERY.as_secs() * 3 < LEASE_S.unsigned_abs());
const _: () = assert!(2 * SKEW_MAX_MS < crate::notifier::LEASE_SPARE_MS);

/// The lease of this process.
#[derive(Debug, Default)]
pub(crate) struct Node {
    state: Turns<State>,
    /// When it was renewed last.
    renewed_at: Mutex<Option<Instant>>,
    is_skewed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    lease: Option<NodeLease>,
    /// The last try and how it ended, for those who waited for it.
    tried: Option<(Instant, Result<(), StoreError>)>,
    /// Whether the process has given its number back for good.
    has_left: bool,
}

impl Gateway {
    /// Takes a number to make ids under, for a process that begins to serve. Where all are held it waits
    /// for as long as a process that was killed holds one.
    ///
    /// # Errors
    /// A sentence for the operator: the store does not answer, this machine's clock is wrong, or more
    /// processes run than there are numbers.
    pub async fn enter(&self) -> Result<(), String> {
        let until = Instant::now() + Duration::from_secs(LEASE_S.unsigned_abs() + 2);
        loop {
            let renewed = self.renew(Instant::now()).await;
            match renewed {
                Ok(()) if self.0.node.is_skewed.load(Ordering::Relaxed) => {
                    return Err("this machine's clock and the database's differ by more than \
                                2 seconds: set it by NTP, then start again"
                        .into());
                }
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() >= until => return Err(error.to_string()),
                Err(_) => sleep(RETRY_EVERY).await,
            }
        }
    }

    /// Gives the number back: this process makes no ids from here on.
    pub async fn leave(&self) {
        let mut state = self.0.node.state.lock().await;
        if let Some(batch) = state.give_back(&self.0.ids)
            && let Err(error) = self.0.store.write(batch).await
        {
            tracing::warn!(%error, "this process's number is free when its lease ends");
        }
    }

    /// Renews the lease until `stop` turns true.
    pub async fn run_lease(&self, mut stop: watch::Receiver<bool>) {
        let mut was_held = true;
        while goes_on(&stop) {
            let renewed = self.renew(Instant::now()).await;
            let pause = if renewed.is_ok() { RENEW_EVERY } else { RETRY_EVERY };
            if let Err(error) = &renewed
                && was_held
            {
                tracing::error!(%error, "the lease on this process's number is not renewed");
            }
            was_held = renewed.is_ok();
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Whether the store writes: a lease was renewed a moment ago, or can be now.
    pub async fn is_ready(&self) -> bool {
        let renewed_at = *self.0.node.renewed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = renewed_at.is_some_and(|at| at.elapsed() < READY_FOR);
        let is_alive = is_recent || self.renew_within(RENEWAL_WAIT).await.is_ok();
        is_alive && !self.0.node.is_skewed.load(Ordering::Relaxed)
    }

    /// Sees to it that ids can be made, and follow the clock, also when it was moved.
    ///
    /// # Errors
    /// The lease is over and cannot be renewed.
    pub(crate) async fn ready_ids(&self) -> Result<(), StoreError> {
        if self.0.ids.reach(self.now()).1 > 0 {
            return Ok(());
        }
        self.renew_within(RENEWAL_WAIT).await
    }

    /// The same for a request that makes something new.
    ///
    /// # Errors
    /// 4006.
    pub(crate) async fn may_make(&self) -> Result<(), Fault> {
        self.ready_ids().await.map_err(|error| self.busy("renew the lease", &error))
    }

    /// The same for what goes on with something that stands. Should it fail, the store refuses what holds no
    /// id, as it would refuse the renewal.
    pub(crate) async fn try_ready_ids(&self) {
        let _ = self.ready_ids().await;
    }

    async fn renew_within(&self, wait: Duration) -> Result<(), StoreError> {
        timeout(wait, self.renew(Instant::now())).await.unwrap_or(Err(StoreError::Busy))
    }

    /// Renews the lease, or takes a number. However many ask at once, one tries: who waited takes what
    /// came of a try that began after it asked.
    async fn renew(&self, asked_at: Instant) -> Result<(), StoreError> {
        let mut state = self.0.node.state.lock().await;
        if let Some((tried_at, result)) = &state.tried
            && *tried_at > asked_at
        {
            return result.clone();
        }
        let tried_at = Instant::now();
        let result = self.try_to_renew(&mut state).await;
        if result.is_ok() {
            *self.0.node.renewed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(tried_at);
        }
        state.tried = Some((tried_at, result.clone()));
        result
    }

    async fn try_to_renew(&self, state: &mut State) -> Result<(), StoreError> {
        if state.has_left {
            return Err(StoreError::Unavailable("this process is leaving".into()));
        }
        let term = self.term().await?;
        let mut wanted = self.0.settings.node;
        if let Some(lease) = &state.lease {
            if let Some(longer) = nodes::renew(&self.0.store, lease, term).await? {
                self.0.ids.extend(longer.used_until);
                state.lease = Some(longer);
                return Ok(());
            }
            // Whoever has it now was given it as this one was, or found the lease over.
            tracing::warn!(node = lease.no, "another process has this number: taking a free one");
            wanted = None;
        }
        let holder = ids::random_hex::<16>();
        let taken = nodes::take(&self.0.store, &holder, wanted, term).await?;
        let lease = taken.ok_or_else(all_held)?;
        let node = u32::try_from(lease.no).unwrap_or(0);
        self.0.ids.grant(node, (lease.used_before, lease.used_until));
        tracing::debug!(node, epoch = lease.epoch, "makes ids under this number");
        state.lease = Some(lease);
        Ok(())
    }

    /// How far a lease reaches that is taken or renewed now.
    async fn term(&self) -> Result<Term, StoreError> {
        let of_store = nodes::clock(&self.0.store).await?;
        if let (Some(theirs), Some(ours)) = (of_store, self.0.clock.machine()) {
            self.compare(ours, theirs);
        }
        let now = of_store.unwrap_or_else(|| self.now());
        let (from_s, _) = self.0.ids.reach(self.now());
        let lease_until = now.plus_millis(LEASE_S * 1_000);
        Ok(Term { now, lease_until, from_s, seconds: LEASE_S })
    }

    fn compare(&self, ours: Timestamp, theirs: Timestamp) {
        let (skew_ms, is_skewed) = (ours.millis_since(theirs), is_skewed(ours, theirs));
        let was_skewed = self.0.node.is_skewed.swap(is_skewed, Ordering::Relaxed);
        if is_skewed && !was_skewed {
            tracing::error!(skew_ms, "this machine's clock is not the database's: set it by NTP");
        }
    }
}

impl State {
    /// What gives the lease back, if there is one; no ids are made from here on.
    fn give_back(&mut self, ids: &IdSource) -> Option<store::Batch> {
        self.has_left = true;
        let lease = self.lease.take()?;
        Some(nodes::give_back(&lease, ids.close()))
    }
}

/// A command that has done its work gives its number back without waiting: the store writes what is
/// queued before it closes.
impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(batch) = self.node.state.get_mut().give_back(&self.ids) {
            let _ = self.store.write(batch).now_or_never();
        }
    }
}

/// Whether two clocks are too far from each other, whichever is ahead.
fn is_skewed(ours: Timestamp, theirs: Timestamp) -> bool {
    ours.millis_since(theirs).abs() > SKEW_MAX_MS
}

fn all_held() -> StoreError {
    StoreError::Unavailable(format!(
        "all {NODES_MAX} numbers are held by other processes: end one of them"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_two_seconds_from_the_stores_and_no_more() {
        let theirs = Timestamp::from_seconds(1_000);
        for (ms, expect) in
            [(0, false), (2_000, false), (-2_000, false), (2_001, true), (-2_001, true)]
        {
            assert_eq!(is_skewed(theirs.plus_millis(ms), theirs), expect, "{ms}");
        }
    }
}
