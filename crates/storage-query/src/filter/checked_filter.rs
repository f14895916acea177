//! A filter that has been checked, its ages turned into instants.

use storage_models::Timestamp;

use super::MAX_WRITTEN_DAYS;
use super::fields::Fields;
use super::times::{Range, Times};
use crate::{InvalidParameter, InvalidParameters, InvalidReason, TimeBound};

/// A filter that [`AuditFilter::check`](crate::AuditFilter::check) has passed; the only kind that a query takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedFilter<F> {
    filter: F,
    times: Times<Range<Timestamp>>,
    /// Whether an index leads to what matches, or a range of the records' own time of few days.
    is_narrow: bool,
    /// `None` for one that was not made from a filter.
    checked_at: Option<Timestamp>,
}

impl<F> CheckedFilter<F> {
    /// The filter as it was given.
    pub const fn filter(&self) -> &F {
        &self.filter
    }

    /// Where the range of time begins, inclusive.
    pub const fn since(&self) -> Option<Timestamp> {
        self.times.own.since
    }

    /// Where the range of time ends, exclusive.
    pub const fn until(&self) -> Option<Timestamp> {
        self.times.own.until
    }

    /// Whether it asks when records were stored or last changed.
    pub const fn is_within_written_times(&self) -> bool {
        self.times.created.is_set() || self.times.updated.is_set()
    }

    /// Every range of time.
    pub(crate) const fn times(&self) -> &Times<Range<Timestamp>> {
        &self.times
    }

    pub(crate) const fn is_narrow(&self) -> bool {
        self.is_narrow
    }

    /// When it was checked, as the caller's clock had it.
    pub(crate) const fn checked_at(&self) -> Option<Timestamp> {
        self.checked_at
    }
}

impl<F: Fields> CheckedFilter<F> {
    pub(super) fn new(filter: F, now: Timestamp) -> Result<Self, InvalidParameters> {
        let mut errors = Vec::new();
        filter.push_errors(&mut errors);
        let times = filter.times().map(|names, range| range.resolve(names, now, &mut errors));
        let is_narrow = filter.is_indexed() || times.own.is_within_days(MAX_WRITTEN_DAYS, now);
        let written = Times { own: Range::default(), ..times };
        written.map(|names, range| {
            if range.is_set() && !is_narrow && !range.is_within_days(MAX_WRITTEN_DAYS, now) {
                let name = if range.since.is_some() { names.since } else { names.until };
                errors.push(InvalidParameter::new(
                    name,
                    String::new(),
                    InvalidReason::range_required(F::TYPE.fields()),
                ));
            }
        });
        InvalidParameters::check(errors).map(|()| Self { filter, times, is_narrow, checked_at: Some(now) })
    }

    /// The same with a part of its filter changed to other valid values.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut F)) -> Self {
        change(&mut self.filter);
        self
    }

    /// The parameters of times that were given as ages, each with the instant that it means.
    pub fn resolved_ages(&self) -> impl Iterator<Item = (&'static str, Timestamp)> + use<F> {
        self.ages().ends().into_iter().filter_map(|(name, instant)| Some((name, instant?)))
    }

    /// The ends of ranges that were given as ages, as the instants that they mean.
    pub(crate) fn ages(&self) -> Times<Range<Timestamp>> {
        let aged = |bound: Option<TimeBound>, instant: Option<Timestamp>| {
            instant.filter(|_| matches!(bound, Some(TimeBound::Ago(_))))
        };
        self.filter.times().zip(self.times).map(|_, (given, meant)| Range {
            since: aged(given.since, meant.since),
            until: aged(given.until, meant.until),
        })
    }

    /// The same filter with its ages as they were resolved before.
    pub(crate) fn with_ages(mut self, ages: Times<Range<Timestamp>>) -> Self {
        let end =
            |bound, pinned, instant| if matches!(bound, Some(TimeBound::Ago(_))) { pinned } else { instant };
        self.times = self.filter.times().zip(ages.zip(self.times)).map(|_, (given, (pinned, meant))| Range {
            since: end(given.since, pinned.since, meant.since),
            until: end(given.until, pinned.until, meant.until),
        });
        self
    }
}

impl<F: Default> Default for CheckedFilter<F> {
    /// Every record.
    fn default() -> Self {
        Self { filter: F::default(), times: Times::default(), is_narrow: false, checked_at: None }
    }
}
