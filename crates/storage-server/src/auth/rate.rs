//! Rate limits.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// The most callers that are remembered. The least recent ones are forgotten first, so a frequent caller is not.
const MAX_REMEMBERED: u64 = 10_000;

/// A rate for each of a bounded number of askers.
pub(crate) struct Rates<K> {
    /// `None` for no limit.
    quota: Option<Quota>,
    limiters: Cache<K, Arc<DefaultDirectRateLimiter>>,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Rates<K> {
    /// A rate per second in the long run, and a burst. Without either there is no limit.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let quota = NonZeroU32::new(per_second)
            .zip(NonZeroU32::new(burst))
            .map(|(rate, burst)| Quota::per_second(rate).allow_burst(burst));
        // After this long a new limiter allows the same as the old one.
        let restored = quota.map_or(Duration::ZERO, |quota| quota.burst_size_replenished_in());
        let limiters = Cache::builder()
            .max_capacity(MAX_REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(restored + Duration::from_secs(1))
            .build();
        Self { quota, limiters }
    }

    /// Counts one more; when that is too many, how long to wait.
    pub(crate) fn check(&self, requester: &K) -> Result<(), Duration> {
        let Some(quota) = self.quota else { return Ok(()) };
        let limiter = self.limiters.get_with_by_ref(requester, || Arc::new(RateLimiter::direct(quota)));
        limiter.check().map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Default for Rates<K> {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_REMEMBERED, Rates};

    #[test]
    fn each_has_a_burst_of_their_own_and_is_told_how_long_to_wait() {
        let rates = Rates::new(1, 3);
        for requester in ["a", "b"] {
            for _ in 0..3 {
                assert_eq!(rates.check(&requester), Ok(()));
            }
            let wait = rates.check(&requester).unwrap_err();
            assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        }
        let unlimited = Rates::new(0, 3);
        assert!((0..100).all(|_| unlimited.check(&"a").is_ok()));
    }

    /// Callers that come and go need bounded memory, and do not give a caller that stays a new burst.
    #[test]
    fn many_askers_are_forgotten_and_the_busy_one_is_not() {
        let rates = Rates::new(1, 2);
        let mut allowed = 0;
        for requester in 1..MAX_REMEMBERED * 3 {
            let _first = rates.check(&requester);
            allowed += u64::from(rates.check(&0).is_ok());
        }
        rates.limiters.run_pending_tasks();
        assert!(rates.limiters.entry_count() <= MAX_REMEMBERED);
        // Two at once, and one for each second that this may have taken.
        assert!(allowed < 60, "{allowed}");
    }
}
