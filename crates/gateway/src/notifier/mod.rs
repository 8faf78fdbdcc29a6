//! The notifier: delivers notices to merchants' servers, again and again until they acknowledge.
//!
//! The table is the truth: a notice is due, delivered or parked there, and a claim is a lease that
//! outlives every delivery. Notices wait in lanes, one for each server that an application is told
//! at; no more of a lane are claimed than may be under way, so that a dead server's backlog stays in
//! the table and holds nobody up (contract section 7, decision 12).

mod deliver;
mod lanes;

use std::collections::BTreeMap;
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
use tokio::time::Instant;

use self::deliver::{Conclusion, Delivered};
use self::lanes::{Verdict, Windows};
use crate::Gateway;
use crate::egress::MERCHANT;
use crate::stopping::goes_on;

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
/// By how much it outlives it, in milliseconds: clocks of two machines may differ by less.
pub(crate) const LEASE_SPARE_MS: i64 = 5_000;
const _: () = assert!(LEASE_MS as u128 - MERCHANT.total.as_millis() >= LEASE_SPARE_MS as u128);
/// How long ended deliveries are waited for once one has ended: they are concluded together, and what
/// frees up is claimed in the same transaction.
const GATHER: Duration = Duration::from_millis(1);
/// While more is due than has room, lanes are looked up at most this often: in between, what the last
/// look saw is claimed.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The longest sleep: what other processes wrote is seen after it.
const SLEEP_MAX: Duration = Duration::from_secs(1);

impl Gateway {
    /// Delivers until `stop` turns true, then finishes what is in flight.
    pub async fn run_notifier(&self, mut stop: watch::Receiver<bool>) {
        let mut notifier = Notifier::new(self.clone());
        while goes_on(&stop) {
            if notifier.round().await {
                continue;
            }
            let sleep = if notifier.is_woken { LOOK_EVERY } else { SLEEP_MAX };
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                () = self.0.wake_notifier.notified() => notifier.is_woken = true,
                Some(ended) = notifier.in_flight.join_next() => {
                    notifier.end(ended);
                    tokio::time::sleep(GATHER).await;
                }
                () = tokio::time::sleep(sleep) => notifier.is_woken = true,
            }
        }
        while let Some(ended) = notifier.in_flight.join_next().await {
            notifier.end(ended);
            notifier.end_all();
            notifier.conclude().await;
        }
        notifier.conclude().await;
    }
}

/// A delivery that has ended, and what came of it if it was made.
type Ended = (Lane, Option<Delivered>);

/// The notifier of one process.
struct Notifier {
    gateway: Gateway,
    windows: Windows,
    in_flight: JoinSet<Ended>,
    /// What ended and is not committed yet.
    conclusions: Vec<Conclusion>,
    /// Lanes with notices that are due: how many the last look saw that are not claimed yet, or, where
    /// there are more than it counted, [`UNCOUNTED`].
    due: BTreeMap<Lane, usize>,
    /// Where the search for lanes behind a backlog goes on.
    behind: Option<Lane>,
    /// Whether the last look may have missed lanes.
    has_more: bool,
    /// When that was.
    looked: Option<Instant>,
    /// Whether something may have become due since.
    is_woken: bool,
}

/// More notices than a look counts.
const UNCOUNTED: usize = usize::MAX;

impl Notifier {
    fn new(gateway: Gateway) -> Self {
        Self {
            gateway,
            windows: Windows::default(),
            in_flight: JoinSet::new(),
            conclusions: Vec::new(),
            due: BTreeMap::new(),
            behind: None,
            has_more: false,
            looked: None,
            is_woken: true,
        }
    }

    /// Commits what has ended and begins what is due and has room. Says whether to look on at once.
    async fn round(&mut self) -> bool {
        self.end_all();
        let mut is_searching = false;
        if !self.windows.is_full() && self.must_look() {
            is_searching = self.look().await.unwrap_or_else(|error| {
                tracing::error!(error = %error, "notifier: the store does not answer");
                self.is_woken = false;
                false
            });
        }
        let rooms = self.rooms();
        let gateway = self.gateway.clone();
        let conclusions = std::mem::take(&mut self.conclusions);
        // In this order, and at the same time: the writer commits both together.
        let claims = rooms.iter().map(|(lane, room)| gateway.claim(lane, *room));
        let ((), claimed) = tokio::join!(gateway.conclude(conclusions), join_all(claims));
        for ((lane, room), claimed) in rooms.into_iter().zip(claimed) {
            self.begin(lane, room, claimed);
        }
        let is_blind = self.due.is_empty() && self.has_more && !self.windows.is_full();
        is_searching || is_blind
    }

    fn end_all(&mut self) {
        while let Some(ended) = self.in_flight.try_join_next() {
            self.end(ended);
        }
    }

    fn end(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok((lane, None)) => self.windows.end(&lane, Verdict::Unknown),
            Ok((lane, Some(Delivered { verdict, conclusion }))) => {
                self.windows.end(&lane, verdict);
                self.conclusions.push(conclusion);
            }
            Err(error) => tracing::error!(%error, "notifier: a delivery was stopped"),
        }
    }

    async fn conclude(&mut self) {
        self.gateway.conclude(std::mem::take(&mut self.conclusions)).await;
    }

    /// Whether lanes are to be looked up: when nothing is known to be due, at once if something may be;
    /// else now and then, so that no lane waits behind those that are known.
    fn must_look(&self) -> bool {
        match self.due.is_empty() {
            true => self.is_woken || self.has_more,
            false => self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY),
        }
    }

    /// Looks up the lanes with notices that are due. Says whether there is more to be looked at.
    async fn look(&mut self) -> Result<bool, StoreError> {
        let now = self.gateway.now();
        let store = self.gateway.store().clone();
        let oldest = notices::due_lanes(&store, now, LOOK_MAX).await?;
        self.due = oldest.lanes.into_iter().collect();
        self.has_more = oldest.has_more;
        if oldest.has_more {
            let from = (self.behind.take(), LANES_MAX);
            let (lanes, last) = notices::due_lanes_after(&store, now, from).await?;
            self.behind = last;
            self.due.extend(lanes.into_iter().map(|lane| (lane, UNCOUNTED)));
            self.due.values_mut().for_each(|count| *count = UNCOUNTED);
        }
        let is_searching = oldest.has_more && self.behind.is_some();
        // A search goes on at once.
        self.looked = if is_searching { None } else { Some(Instant::now()) };
        self.is_woken = false;
        Ok(is_searching)
    }

    /// Takes room for what is due, as much as each lane has.
    fn rooms(&mut self) -> Vec<(Lane, usize)> {
        let windows = &mut self.windows;
        let rooms = self.due.iter().map(|(lane, count)| (lane, windows.begin(lane, *count)));
        rooms.filter(|(_, room)| *room > 0).map(|(lane, room)| (lane.clone(), room)).collect()
    }

    /// Begins to deliver what was claimed of a lane, and remembers what is left of it.
    fn begin(&mut self, lane: Lane, room: usize, claimed: Result<Vec<Notice>, StoreError>) {
        let (notices, is_known) = match claimed {
            Ok(notices) => (notices, true),
            Err(error) => {
                tracing::error!(error = %error, "notifier: the store does not answer");
                (Vec::new(), false)
            }
        };
        (notices.len()..room).for_each(|_| self.windows.end(&lane, Verdict::Unknown));
        match self.due.get_mut(&lane) {
            Some(_) if !is_known => {}
            Some(&mut UNCOUNTED) if notices.len() == room => {}
            Some(count) if notices.len() == room && *count > room => *count -= room,
            Some(_) | None => {
                self.due.remove(&lane);
            }
        }
        for notice in notices {
            crash::reach(Point::NoticesClaimed);
            let (gateway, lane) = (self.gateway.clone(), lane.clone());
            self.in_flight.spawn(async move { (lane, gateway.attempt(&notice).await) });
        }
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
    async fn attempt(&self, notice: &Notice) -> Option<Delivered> {
        let attempt = AssertUnwindSafe(self.deliver(notice)).catch_unwind().await;
        let why = match attempt {
            Ok(Ok(delivered)) => return Some(delivered),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a defect of ours stopped it".to_owned(),
        };
        tracing::error!(order.sn = %notice.order_id.sn(), why, "notice: not delivered");
        None
    }
}
