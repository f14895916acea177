//! How many months far from the present one caller may open. A month that has no partition gets one with its first
//! record, and each makes every timeline and search dearer for all callers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use storage_schema::partitions::Month;
use tokio::time::Instant;

use super::requester::Requester;

/// How long an opened month counts.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Callers that are remembered at most; the least recent are forgotten first.
const MAX_REMEMBERED: u64 = 10_000;

/// Months that are remembered to be there. Few enough that one that is taken away is soon asked for again.
const MAX_KNOWN: u64 = 1_000;

/// How long a month counts as existing without a query.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// The months that each caller has opened, and the months that exist.
pub(crate) struct FarMonths {
    /// Months a caller and day; 0 for no limit.
    a_day: usize,
    opened: Cache<Requester, Arc<Mutex<HashMap<Month, Instant>>>>,
    known: Cache<Month, ()>,
}

impl FarMonths {
    pub(crate) fn new(a_day: usize) -> Self {
        let opened = Cache::builder()
            .max_capacity(MAX_REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(DAY)
            .build();
        let known = Cache::builder().max_capacity(MAX_KNOWN).time_to_live(KNOWN_FOR).build();
        Self { a_day, opened, known }
    }

    pub(crate) const fn is_unlimited(&self) -> bool {
        self.a_day == 0
    }

    pub(crate) fn is_known(&self, month: &Month) -> bool {
        self.known.contains_key(month)
    }

    pub(crate) fn know(&self, months: impl IntoIterator<Item = Month>) {
        for month in months {
            self.known.insert(month, ());
        }
    }

    /// Lets the caller open all these months, or none and says how long to wait. One that the caller has opened already
    /// is not counted again: its records may come many at a time.
    pub(crate) fn open(&self, requester: &Requester, months: &[Month]) -> Result<(), Duration> {
        let opened = self.opened.get_with_by_ref(requester, Arc::default);
        let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        opened.retain(|_, since| now.duration_since(*since) < DAY);
        let added: Vec<Month> = months.iter().filter(|month| !opened.contains_key(month)).copied().collect();
        if self.is_unlimited() || opened.len() + added.len() <= self.a_day {
            opened.extend(added.into_iter().map(|month| (month, now)));
            return Ok(());
        }
        let oldest = opened.values().min().copied().unwrap_or(now);
        Err((oldest + DAY).duration_since(now))
    }
}

impl Default for FarMonths {
    /// Without a limit.
    fn default() -> Self {
        Self::new(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use storage_models::RecordType;
    use storage_schema::partitions::Month;

    use super::{DAY, FarMonths};
    use crate::store::requester::Requester;

    fn month(text: &str) -> Month {
        (RecordType::Remediation, format!("{text}-01").parse().unwrap())
    }

    fn requester(last: u8) -> Requester {
        Requester::Address([203, 0, 113, last].into())
    }

    /// F60: so many a caller and day, all of a batch or none; what was opened may be written to again.
    #[tokio::test(start_paused = true)]
    async fn a_caller_opens_so_many_far_months_a_day() {
        let months = FarMonths::new(2);
        assert_eq!(months.open(&requester(1), &[month("2019-01")]), Ok(()));
        assert!(months.open(&requester(1), &[month("2019-02"), month("2019-03")]).is_err());
        assert_eq!(months.open(&requester(1), &[month("2019-02"), month("2019-01")]), Ok(()));
        tokio::time::advance(DAY / 4).await;
        assert_eq!(months.open(&requester(1), &[month("2019-03")]), Err(DAY / 4 * 3));
        assert_eq!(months.open(&requester(1), &[month("2019-01")]), Ok(()));
        assert_eq!(months.open(&requester(2), &[month("2019-03"), month("2019-04")]), Ok(()));
        tokio::time::advance(DAY).await;
        assert_eq!(months.open(&requester(1), &[month("2019-03"), month("2019-04")]), Ok(()));
        let wait = months.open(&requester(1), &[month("2019-05")]).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= DAY, "{wait:?}");
    }

    #[test]
    fn without_a_limit_all_may_be_opened() {
        let months = FarMonths::default();
        for year in 1990..2020 {
            assert_eq!(months.open(&requester(1), &[month(&format!("{year}-01"))]), Ok(()));
        }
    }
}
