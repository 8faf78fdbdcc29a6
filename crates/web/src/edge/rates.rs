//! How often one application and one address may ask (governor's GCRA: a bucket that refills
//! steadily). What is remembered of a caller is forgotten once its bucket is full again.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota};
use kernel::id::AppId;

use super::client::Net;
use super::limits;

/// Requests that may come at once, in seconds of the rate.
const BURST_SECONDS: u32 = 2;

/// The two limits.
pub(crate) struct Rates {
    applications: Limiter<AppId>,
    addresses: Limiter<Net>,
}

impl Rates {
    pub(crate) fn new(rates: limits::Rates) -> Self {
        Self {
            applications: Limiter::new(rates.application),
            addresses: Limiter::new(rates.address),
        }
    }

    /// Counts a request of an application; false if it was one too many.
    pub(crate) fn take_application(&self, app_id: AppId) -> bool {
        self.applications.take(&app_id)
    }

    /// Counts a request from an address; false if it was one too many.
    pub(crate) fn take_address(&self, net: Net) -> bool {
        self.addresses.take(&net)
    }

    /// Forgets callers whose bucket is full: it is then as if they had never asked.
    pub(crate) fn forget(&self) {
        self.applications.forget();
        self.addresses.forget();
    }
}

/// One limit; `None` is no limit.
struct Limiter<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(per_second: u32) -> Self {
        let quota = NonZeroU32::new(per_second)
            .map(|rate| Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST)));
        Self(quota.map(DefaultKeyedRateLimiter::keyed))
    }

    fn take(&self, key: &K) -> bool {
        self.0.as_ref().is_none_or(|limiter| limiter.check_key(key).is_ok())
    }

    fn forget(&self) {
        if let Some(limiter) = &self.0 {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

const BURST: NonZeroU32 = match NonZeroU32::new(BURST_SECONDS) {
    Some(burst) => burst,
    None => NonZeroU32::MIN,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_rate_and_its_burst_is_refused_for_that_caller_only() {
        let rates = Rates::new(limits::Rates { application: 1, address: 0 });
        let asked = (0..10).filter(|_| rates.take_application(AppId(1))).count();
        assert_eq!(asked, 2);
        assert!(rates.take_application(AppId(2)));
    }

    #[test]
    fn zero_is_no_limit() {
        let rates = Rates::new(limits::Rates { application: 0, address: 0 });
        let net = Net::of([192, 0, 2, 1].into());
        assert!((0..10_000).all(|_| rates.take_address(net)));
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let limiter = Limiter::new(1_000_000_000);
        for key in 0..10_000_u32 {
            assert!(limiter.take(&key));
        }
        limiter.forget();
        assert_eq!(limiter.0.unwrap().len(), 0);
    }
}
