//! How often one application and one address may ask (governor's GCRA: a bucket that refills
//! steadily). What is remembered of a caller is forgotten once its bucket is full again.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota};
use kernel::id::AppId;

use super::client::Net;
use super::limits;

/// Requests that may come at once, in times of the rate: seconds, of log-ins minutes.
const BURST_SECONDS: u32 = 2;
/// Wrong signatures of one sandbox application that are explained in a second, at once as many as in two:
/// enough for people and their tests. Each takes a hundred digests.
const EXPLAINED_PER_SECOND: u32 = 20;

/// The limits.
pub(crate) struct Rates {
    applications: Limiter<AppId>,
    addresses: Limiter<Net>,
    log_ins: Limiter<Net>,
    explanations: Limiter<AppId>,
}

impl Rates {
    pub(crate) fn new(rates: limits::Rates) -> Self {
        Self {
            applications: Limiter::new(NonZeroU32::new(rates.application).map(Quota::per_second)),
            addresses: Limiter::new(NonZeroU32::new(rates.address).map(Quota::per_second)),
            log_ins: Limiter::new(NonZeroU32::new(rates.log_ins).map(Quota::per_minute)),
            explanations: Limiter::new(
                NonZeroU32::new(EXPLAINED_PER_SECOND).map(Quota::per_second),
            ),
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

    /// Counts a log-in from an address; false if it was one too many.
    pub(crate) fn take_log_in(&self, net: Net) -> bool {
        self.log_ins.take(&net)
    }

    /// Counts a wrong signature that is to be explained; false if it was one too many.
    pub(crate) fn take_explanation(&self, app_id: AppId) -> bool {
        self.explanations.take(&app_id)
    }

    /// Forgets callers whose bucket is full: it is then as if they had never asked.
    pub(crate) fn forget(&self) {
        self.applications.forget();
        self.addresses.forget();
        self.log_ins.forget();
        self.explanations.forget();
    }
}

/// One limit; `None` is no limit.
struct Limiter<K: Hash + Eq + Clone>(Option<DefaultKeyedRateLimiter<K>>);

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// What may come at once is a multiple of the quota.
    fn new(quota: Option<Quota>) -> Self {
        let burst = |quota: Quota| quota.allow_burst(quota.burst_size().saturating_mul(BURST));
        Self(quota.map(burst).map(DefaultKeyedRateLimiter::keyed))
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
        let rates = Rates::new(limits::Rates { application: 1, address: 0, log_ins: 0 });
        let asked = (0..10).filter(|_| rates.take_application(AppId(1))).count();
        assert_eq!(asked, 2);
        assert!(rates.take_application(AppId(2)));
    }

    #[test]
    fn zero_is_no_limit() {
        let rates = Rates::new(limits::Rates { application: 0, address: 0, log_ins: 0 });
        let net = Net::of([192, 0, 2, 1].into());
        assert!((0..10_000).all(|_| rates.take_address(net)));
    }

    #[test]
    fn twenty_wrong_signatures_a_second_are_explained_to_each_application() {
        let rates = Rates::new(limits::Rates { application: 0, address: 0, log_ins: 0 });
        let taken = (0..1_000).filter(|_| rates.take_explanation(AppId(1))).count();
        // One more for each twentieth of a second that the loop itself has taken.
        assert!((40..=60).contains(&taken), "{taken}");
        assert!(rates.take_explanation(AppId(2)), "another application");
    }

    #[test]
    fn log_ins_are_counted_by_the_minute() {
        let rates = Rates::new(limits::Rates { application: 0, address: 0, log_ins: 30 });
        let net = Net::of([192, 0, 2, 1].into());
        assert_eq!((0..100).filter(|_| rates.take_log_in(net)).count(), 60);
        assert!(rates.take_log_in(Net::of([192, 0, 2, 2].into())));
    }

    #[test]
    fn of_a_flood_of_wrong_signatures_a_few_are_explained() {
        let rates = Rates::new(limits::Rates::default());
        let explained = (0..10_000).filter(|_| rates.take_explanation(AppId(1))).count();
        assert!((40..1_000).contains(&explained), "{explained}");
        assert!(rates.take_explanation(AppId(2)));
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let rate = NonZeroU32::new(1_000_000_000).map(Quota::per_second);
        let limiter = Limiter::new(rate);
        for key in 0..10_000_u32 {
            assert!(limiter.take(&key));
        }
        limiter.forget();
        assert_eq!(limiter.0.unwrap().len(), 0);
    }
}
