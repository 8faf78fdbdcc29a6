//! How many merchants' requests a second are let in while the processors are the bottleneck: as many
//! as keep the wait for a processor short. Nothing else sees that: every request has a turn at once,
//! is answered, and every one late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

/// How often the wait is looked at, and the rate adjusted.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The rate before the overload is the mean of about so many looks.
const MEAN_OF: u64 = 16;
/// While tasks wait too long, one of so many requests a second is taken away with each look …
const LESS_BY: u64 = 16;
/// … but never more than so much of the rate at which it began: where refusals alone keep the
/// processors busy, refusing the rest would help nobody.
const LEAST_SHARE: u64 = 2;
/// While none waits too long, one of so many is added with each look.
const MORE_BY: u64 = 64;
/// Looks in a row at tasks that wait too long before anybody is refused: a burst passes by itself.
const LATE_LOOKS: u32 = 2;
/// Looks at tasks that did not wait, since one last waited too long, after which everybody is let in
/// again.
const CALM_LOOKS: u32 = 10;

/// The gate that merchants' requests pass.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Requests let in since the last look.
    admitted: AtomicU64,
    /// Whether only so many may come in as `credit` says.
    is_narrow: AtomicBool,
    /// Requests that may come in before the next look.
    credit: AtomicI64,
}

/// Ends the looking when it is dropped.
pub(crate) struct Looking(#[expect(dead_code, reason = "its end is the word")] Sender<()>);

impl Gate {
    /// Whether a request may come in now.
    pub(crate) fn admits(&self) -> bool {
        let is_narrow = self.is_narrow.load(Ordering::Relaxed);
        if is_narrow && self.credit.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return false;
        }
        self.admitted.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Whether nobody may come in before the next look.
    pub(crate) fn is_shut(&self) -> bool {
        self.is_narrow.load(Ordering::Relaxed) && self.credit.load(Ordering::Relaxed) <= 0
    }

    /// Looks, from a thread of its own, whether a ready task of this runtime waits longer than `most`,
    /// and adjusts the rate. A task that wakes inside the runtime would see a worker's own short queue.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn look(self: Arc<Self>, most: Duration) -> std::io::Result<Looking> {
        let (word, end) = channel();
        let runtime = Handle::current();
        let look = move || self.look_until(&end, &runtime, most);
        thread::Builder::new().name("edge-gate".into()).spawn(look)?;
        Ok(Looking(word))
    }

    #[cfg(test)]
    pub(crate) fn shut(&self, is_shut: bool) {
        self.is_narrow.store(is_shut, Ordering::Relaxed);
    }

    fn look_until(&self, end: &Receiver<()>, runtime: &Handle, most: Duration) {
        let mut probe = Probe::send(runtime);
        let (mut rate, mut looked_at) = (Rate::default(), Instant::now());
        while end.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let elapsed = looked_at.elapsed();
            looked_at += elapsed;
            let wait = match (probe.has_run.load(Ordering::Acquire), probe.sent_at.elapsed()) {
                (true, age) if age < 2 * LOOK_EVERY => Wait::None,
                (true, _) => Wait::Short,
                (false, age) if age > most => Wait::Long,
                (false, _) => Wait::Short,
            };
            if probe.has_run.load(Ordering::Acquire) {
                probe = Probe::send(runtime);
            }
            self.adjust(&mut rate, wait, elapsed);
        }
    }

    fn adjust(&self, rate: &mut Rate, wait: Wait, elapsed: Duration) {
        let admitted = self.admitted.swap(0, Ordering::Relaxed);
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
        rate.look(admitted.saturating_mul(1_000_000) / elapsed_us, wait);
        let credit = rate.limit.map(|limit| limit.saturating_mul(elapsed_us) / 1_000_000);
        let credit = credit.map_or(0, |credit| i64::try_from(credit.max(1)).unwrap_or(i64::MAX));
        self.credit.store(credit, Ordering::Relaxed);
        self.is_narrow.store(rate.limit.is_some(), Ordering::Relaxed);
    }
}

/// How long the task that is looked at has waited.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Wait {
    /// It had run by the first look.
    None,
    /// Not so long as matters.
    Short,
    /// Too long.
    Long,
}

/// Requests a second.
#[derive(Debug, Default)]
struct Rate {
    /// As they come in, in the mean.
    mean: u64,
    /// As many as may; `None` is no limit.
    limit: Option<u64>,
    /// The limit is never below.
    least: u64,
    /// Looks in a row at tasks that wait too long.
    late_looks: u32,
    /// Looks at tasks that did not wait, since the last that waited too long.
    calm_looks: u32,
}

impl Rate {
    /// What a look sees: requests let in, by the second, and a task that waits.
    fn look(&mut self, now: u64, wait: Wait) {
        self.mean = (self.mean.saturating_mul(MEAN_OF - 1)).saturating_add(now) / MEAN_OF;
        self.late_looks = if wait == Wait::Long { self.late_looks + 1 } else { 0 };
        self.calm_looks = match wait {
            Wait::None => self.calm_looks + 1,
            Wait::Short => self.calm_looks,
            Wait::Long => 0,
        };
        self.limit = match (self.limit, wait) {
            (None, Wait::Long) if self.late_looks >= LATE_LOOKS => {
                self.least = (self.mean / LEAST_SHARE).max(1);
                Some(self.mean.max(1))
            }
            (None, _) => None,
            (Some(limit), Wait::Long) => Some((limit - limit / LESS_BY).max(self.least)),
            (Some(_), Wait::None) if self.calm_looks >= CALM_LOOKS => None,
            (Some(limit), Wait::None | Wait::Short) => Some(limit + limit / MORE_BY + 1),
        };
    }
}

/// A task that does nothing but run.
struct Probe {
    sent_at: Instant,
    has_run: Arc<AtomicBool>,
}

impl Probe {
    fn send(runtime: &Handle) -> Self {
        let has_run = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&has_run);
        runtime.spawn(async move { mark.store(true, Ordering::Release) });
        Self { sent_at: Instant::now(), has_run }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough that a busy machine does not reach it by itself.
    const MOST: Duration = Duration::from_millis(500);

    fn looked(rate: &mut Rate, times: u32, wait: Wait) {
        for _ in 0..times {
            rate.look(2_000, wait);
        }
    }

    #[test]
    fn the_limit_begins_where_the_overload_did_and_never_falls_below_half() {
        let mut rate = Rate::default();
        looked(&mut rate, 200, Wait::None);
        assert!((1_900..=2_000).contains(&rate.mean), "{rate:?}");
        looked(&mut rate, LATE_LOOKS - 1, Wait::Long);
        assert_eq!(rate.limit, None, "a burst passes by itself");
        looked(&mut rate, 1, Wait::Long);
        let begun = rate.limit.unwrap();
        assert!((1_900..=2_000).contains(&begun), "{rate:?}");
        looked(&mut rate, 1, Wait::Long);
        assert_eq!(rate.limit, Some(begun - begun / LESS_BY));
        looked(&mut rate, 500, Wait::Long);
        assert_eq!(rate.limit, Some(rate.least));
    }

    #[test]
    fn the_limit_rises_while_waits_are_short_and_goes_when_nobody_waits() {
        let mut rate = Rate::default();
        looked(&mut rate, 100, Wait::Long);
        let low = rate.limit.unwrap();
        looked(&mut rate, 1, Wait::Short);
        assert_eq!(rate.limit, Some(low + low / MORE_BY + 1));
        looked(&mut rate, CALM_LOOKS - 1, Wait::None);
        looked(&mut rate, 1, Wait::Short);
        assert!(rate.limit.is_some());
        looked(&mut rate, 1, Wait::None);
        assert_eq!(rate.limit, None);
    }

    #[test]
    fn a_narrow_gate_lets_in_what_its_credit_says() {
        let gate = Gate::default();
        assert!((0..1_000).all(|_| gate.admits()));
        let mut rate = Rate { mean: 1_000, late_looks: LATE_LOOKS, ..Rate::default() };
        gate.adjust(&mut rate, Wait::Long, Duration::from_secs(1));
        assert!(!gate.is_shut());
        let admitted = (0..5_000).filter(|_| gate.admits()).count();
        assert!(gate.is_shut());
        assert_eq!(u64::try_from(admitted).ok(), rate.limit);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_thread_that_is_kept_is_seen_and_forgiven() {
        let gate = Arc::new(Gate::default());
        let _looking = Arc::clone(&gate).look(MOST).unwrap();
        let kept = Arc::clone(&gate);
        // The one worker does nothing else until somebody has seen it.
        let keep = tokio::spawn(async move {
            while !kept.is_narrow.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        keep.await.unwrap();
        while gate.is_narrow.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
    }
}
