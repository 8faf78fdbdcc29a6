//! The sweeper: asks upstreams about whatever is in doubt, closes what has expired, and ends what a
//! crash left unfinished. It claims orders on a lease, so several processes can run it.

use std::time::Duration;

use store::StoreError;
use store::sweeps::{self, Claim, Sweep};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Gateway;
use crate::learn::{Source, next_sweep};

/// Orders claimed at once.
const CLAIM_MAX: i64 = 32;
/// How long a claimed order is ours, in milliseconds: longer than asking about every attempt takes.
const LEASE_MS: i64 = 120_000;
/// The longest sleep: what other processes wrote is seen after it.
const SLEEP_MAX: Duration = Duration::from_secs(1);

impl Gateway {
    /// Sweeps until `stop` turns true.
    pub async fn run_sweeper(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let swept = match self.sweep_due().await {
                Ok(count) => count,
                Err(error) => {
                    tracing::error!(error = %error, "sweeper: the store does not answer");
                    0
                }
            };
            if swept > 0 {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = self.0.wake_sweeper.notified() => {}
                () = tokio::time::sleep(SLEEP_MAX) => {}
            }
        }
    }

    /// Sweeps the orders that are due now; says how many there were.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn sweep_due(&self) -> Result<usize, StoreError> {
        let now = self.now();
        let until = now.plus_millis(LEASE_MS);
        let claim = Claim { now, lease_until: until, limit: CLAIM_MAX };
        let due = sweeps::claim(&self.0.store, claim).await?;
        let count = due.len();
        let mut tasks = JoinSet::new();
        for sweep in due {
            let gateway = self.clone();
            tasks.spawn(async move {
                if let Err(error) = gateway.sweep(sweep).await {
                    let sn = sweep.order_id.sn();
                    tracing::error!(order.sn = %sn, error = %error, "sweep: not committed");
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        Ok(count)
    }

    async fn sweep(&self, sweep: Sweep) -> Result<(), StoreError> {
        let Some(standing) = self.standing(sweep.mch_id, sweep.order_id).await? else {
            return Ok(());
        };
        let has_live = standing.live().next().is_some();
        let has_expired = standing.order.expires_at <= self.now();
        let standing = match (standing.order.state.is_open(), has_expired) {
            (true, true) => self.close_everywhere(standing).await?,
            (true, false) => self.ask_all(standing, Source::Query).await?,
            (false, _) if has_live => self.close_everywhere(standing).await?,
            (false, _) => standing,
        };
        let mut order = standing.order;
        order.sweeps += 1;
        let next = next_sweep(&order, &standing.attempts, self.now());
        // Missed: a change of the order came first, and has said itself when it is due.
        let batch = sweeps::put_off(sweep, next, order.sweeps);
        self.0.store.write(batch).await.map(|_| ())
    }
}
