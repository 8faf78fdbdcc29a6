//! Turns: what may be in work at the same time. Whoever gets no turn in time is refused before
//! anything was done for it, and that costs next to nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The work of one kind of caller, with a share of its own.
#[derive(Debug)]
pub(crate) struct Lane {
    seats: Arc<Semaphore>,
    count: usize,
    wait: Duration,
}

/// The right to be in work, until it is dropped.
#[derive(Debug)]
pub struct Turn(
    #[expect(dead_code, reason = "it counts until it is dropped")] OwnedSemaphorePermit,
);

impl Lane {
    pub(crate) fn new(count: usize, wait: Duration) -> Self {
        Self { seats: Arc::new(Semaphore::new(count)), count, wait }
    }

    /// A turn, at once or after a wait that is worth it; `None` is a refusal.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return Some(Turn(seat));
        }
        let seat = timeout(self.wait, Arc::clone(&self.seats).acquire_owned()).await;
        seat.ok().and_then(Result::ok).map(Turn)
    }

    /// Waits until nothing is in work any more.
    pub(crate) async fn empty(&self) {
        let all = u32::try_from(self.count).unwrap_or(u32::MAX);
        // It is never closed, so nothing else can come back.
        let _ = self.seats.acquire_many(all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_lane_refuses_until_a_turn_ends() {
        let lane = Lane::new(1, Duration::ZERO);
        let turn = lane.turn().await.unwrap();
        assert!(lane.turn().await.is_none());
        drop(turn);
        assert!(lane.turn().await.is_some());
    }

    #[tokio::test]
    async fn a_short_wait_is_no_refusal() {
        let lane = Arc::new(Lane::new(1, Duration::from_secs(60)));
        let turn = lane.turn().await.unwrap();
        let waiting = tokio::spawn({
            let lane = lane.clone();
            async move { lane.turn().await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(turn);
        assert!(waiting.await.unwrap());
        lane.empty().await;
    }
}
