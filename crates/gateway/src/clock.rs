//! The one place that reads the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kernel::time::Timestamp;
use tokio::time::Instant;

/// A clock, moved by a number of milliseconds that can be changed while it runs.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    source: Source,
    shift_ms: Arc<AtomicI64>,
}

/// Where the time comes from.
#[derive(Copy, Clone, Debug, Default)]
enum Source {
    /// The system.
    #[default]
    System,
    /// The runtime's timers, which a simulation drives: it was `epoch` at `began`.
    Runtime { epoch: Timestamp, began: Instant },
}

impl Clock {
    /// A clock that goes with the runtime's timers and says `epoch` now.
    pub fn of_runtime(epoch: Timestamp) -> Self {
        let source = Source::Runtime { epoch, began: Instant::now() };
        Self { source, shift_ms: Arc::default() }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        let now = match self.source {
            Source::System => system_time(),
            Source::Runtime { epoch, began } => epoch.plus_millis(millis(began.elapsed())),
        };
        now.plus_millis(self.shift_ms.load(Ordering::Relaxed))
    }

    /// What the machine's clock says, wherever this one was moved; `None` where it is no machine's.
    pub(crate) fn machine(&self) -> Option<Timestamp> {
        match self.source {
            Source::System => Some(system_time()),
            Source::Runtime { .. } => None,
        }
    }

    /// Moves this clock, and every clone of it, by `millis`. Workers notice at their next wake-up.
    pub fn shift(&self, millis: i64) {
        self.shift_ms.fetch_add(millis, Ordering::Relaxed);
    }

    /// How long to sleep until `at`; zero if it has passed.
    pub fn until(&self, at: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(at.millis_since(self.now())).unwrap_or(0))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's time")]
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(millis(since))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
