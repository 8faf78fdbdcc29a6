//! The one place that reads the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kernel::time::Timestamp;

/// The system's clock, moved by a number of milliseconds that can be changed while it runs.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's time")]
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(millis).plus_millis(self.shift_ms.load(Ordering::Relaxed))
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
