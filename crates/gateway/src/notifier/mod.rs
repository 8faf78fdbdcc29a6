//! The notifier: delivers notices to merchants' servers, again and again until they acknowledge.
//!
//! The table is the truth: a notice is due, delivered or parked there, and a claim is a lease that
//! outlives every delivery. Notices wait in lanes, one for each server that an application is told
//! at; no more of a lane are claimed than may be under way, so that a dead server's backlog stays in
//! the table and holds nobody up (contract section 7, decision 12).

mod deliver;
mod lanes;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use kernel::crash::{self, Point};
use kernel::defect::{self, Defect};
use kernel::notice::Notice;
use store::StoreError;
use store::notices::{self, Lane};
use store::sweeps::Claim;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::lanes::{IN_FLIGHT_MAX, Verdict, Windows};
use crate::Gateway;
use crate::egress::MERCHANT;

/// Notices whose lanes are looked up at once.
const LOOK_MAX: usize = 512;
/// Lanes that are looked at in one step behind a backlog.
const LANES_MAX: usize = 256;
/// How long a claimed notice is ours, in milliseconds: half as long again as a delivery's total
/// time. What a process held that was killed is sent when this has passed.
const LEASE_MS: i64 = 15_000;
const _: () = assert!(
    2 * LEASE_MS as u128 >= 3 * MERCHANT.total.as_millis(),
    "a lease outlives its delivery, or a notice is sent twice"
);
/// How long ended deliveries are waited for once one has ended, while more is due than has room.
const GATHER: Duration = Duration::from_millis(1);
/// The longest sleep: what other processes wrote is seen after it.
const SLEEP_MAX: Duration = Duration::from_secs(1);

impl Gateway {
    /// Delivers until `stop` turns true, then finishes what is in flight.
    pub async fn run_notifier(&self, mut stop: watch::Receiver<bool>) {
        let mut notifier = Notifier::new(self.clone());
        while !*stop.borrow() {
            notifier.clear_ended();
            let is_at_work = notifier.begin_due().await.unwrap_or_else(|error| {
                tracing::error!(error = %error, "notifier: the store does not answer");
                false
            });
            if is_at_work {
                continue;
            }
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                () = self.0.wake_notifier.notified() => {}
                Some(ended) = notifier.in_flight.join_next(), if notifier.is_behind => {
                    notifier.end(ended);
                    // Places that free up one after the other are filled by one claim.
                    tokio::time::sleep(GATHER).await;
                }
                () = tokio::time::sleep(SLEEP_MAX) => {}
            }
        }
        while notifier.in_flight.join_next().await.is_some() {}
    }
}

/// A delivery that has ended, and how its server did.
type Ended = (Lane, Verdict);

/// The notifier of one process.
struct Notifier {
    gateway: Gateway,
    windows: Windows,
    in_flight: JoinSet<Ended>,
    /// Where the search for lanes behind a backlog goes on.
    behind: Option<Lane>,
    /// Whether more is due than has room: the end of a delivery lets another begin.
    is_behind: bool,
}

impl Notifier {
    fn new(gateway: Gateway) -> Self {
        let (windows, in_flight) = (Windows::default(), JoinSet::new());
        Self { gateway, windows, in_flight, behind: None, is_behind: false }
    }

    fn clear_ended(&mut self) {
        while let Some(ended) = self.in_flight.try_join_next() {
            self.end(ended);
        }
    }

    fn end(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok((lane, verdict)) => self.windows.end(&lane, verdict),
            Err(error) => tracing::error!(%error, "notifier: a delivery was stopped"),
        }
    }

    /// Begins the deliveries that are due and have room. Says whether to look again at once.
    async fn begin_due(&mut self) -> Result<bool, StoreError> {
        if self.windows.is_full() {
            self.is_behind = true;
            return Ok(false);
        }
        let now = self.gateway.now();
        let store = self.gateway.store().clone();
        let oldest = notices::due_lanes(&store, now, LOOK_MAX).await?;
        let mut due = oldest.lanes;
        let mut is_searching = false;
        if oldest.has_more {
            let from = (self.behind.take(), LANES_MAX);
            let (lanes, last) = notices::due_lanes_after(&store, now, from).await?;
            is_searching = last.is_some();
            self.behind = last;
            let known: HashSet<_> = due.iter().map(|(lane, _)| lane.clone()).collect();
            due.extend(
                lanes.into_iter().filter(|lane| !known.contains(lane)).map(|lane| (lane, 1)),
            );
            // How many more wait in a lane was not counted.
            due.iter_mut().for_each(|(_, count)| *count = IN_FLIGHT_MAX);
        }
        let wanted: usize = due.iter().map(|(_, count)| count).sum();
        let rooms = due.into_iter().map(|(lane, count)| {
            let room = self.windows.begin(&lane, count);
            (lane, room)
        });
        let rooms: Vec<_> = rooms.filter(|(_, room)| *room > 0).collect();
        let begun = self.claim(rooms).await;
        self.is_behind = begun < wanted;
        Ok(begun > 0 || is_searching)
    }

    /// Claims as many notices of each lane as it has room for, and begins to deliver them.
    async fn claim(&mut self, rooms: Vec<(Lane, usize)>) -> usize {
        let claims = rooms.iter().map(|(lane, room)| self.gateway.claim(lane, *room));
        let claimed = join_all(claims).await;
        let mut begun = 0;
        for ((lane, room), claimed) in rooms.into_iter().zip(claimed) {
            let notices = claimed.unwrap_or_else(|error| {
                tracing::error!(error = %error, "notifier: the store does not answer");
                Vec::new()
            });
            (notices.len()..room).for_each(|_| self.windows.end(&lane, Verdict::Unknown));
            begun += notices.len();
            for notice in notices {
                crash::reach(Point::NoticesClaimed);
                let (gateway, lane) = (self.gateway.clone(), lane.clone());
                self.in_flight.spawn(async move { (lane, gateway.attempt(&notice).await) });
            }
        }
        begun
    }
}

impl Gateway {
    async fn claim(&self, lane: &Lane, room: usize) -> Result<Vec<Notice>, StoreError> {
        let now = self.now();
        let lease_ms = if defect::is_seeded(Defect::LeaseTooShort) { 500 } else { LEASE_MS };
        let limit = i64::try_from(room).unwrap_or(0);
        let claim = Claim { now, lease_until: now.plus_millis(lease_ms), limit };
        notices::claim_due(self.store(), lane, claim).await
    }

    /// One attempt, whatever becomes of it: its lane's place is given back.
    async fn attempt(&self, notice: &Notice) -> Verdict {
        let attempt = AssertUnwindSafe(self.deliver(notice)).catch_unwind().await;
        let why = match attempt {
            Ok(Ok(verdict)) => return verdict,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a defect of ours stopped it".to_owned(),
        };
        tracing::error!(order.sn = %notice.order_id.sn(), why, "notice: not committed");
        Verdict::Unknown
    }
}
