//! A filter that has been checked, its ages turned into instants.

use storage_models::Timestamp;

use super::AuditFilter;
use crate::{InvalidParameter, InvalidParameters, InvalidReason, TimeBound};

/// A filter that [`AuditFilter::check`] has passed; the only kind that a query takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Valid<F> {
    filter: F,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl<F> Valid<F> {
    /// The filter as it was given.
    pub const fn filter(&self) -> &F {
        &self.filter
    }

    /// Where the range of time begins, inclusive.
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Where the range of time ends, exclusive.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

impl<F: AuditFilter> Valid<F> {
    pub(super) fn new(filter: F, now: Timestamp) -> Result<Self, InvalidParameters> {
        let mut errors = Vec::new();
        filter.push_errors(&mut errors);
        let (since, until) = filter.bounds();
        let since = resolve("since", since, now, &mut errors);
        let until = resolve("until", until, now, &mut errors);
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let reason = InvalidReason::AfterUntil { until };
            errors.push(InvalidParameter::new("since", since.to_string(), reason));
        }
        InvalidParameters::check(errors).map(|()| Self { filter, since, until })
    }

    /// The same with a part of its filter changed to other valid values.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut F)) -> Self {
        change(&mut self.filter);
        self
    }

    /// The ends of the range of time that were given as ages, as instants: what a cursor must remember.
    pub(crate) fn resolved_ages(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let (since, until) = self.filter.bounds();
        let is_age = |bound: Option<TimeBound>| matches!(bound, Some(TimeBound::Ago(_)));
        (self.since.filter(|_| is_age(since)), self.until.filter(|_| is_age(until)))
    }

    /// The same filter with its ages as they were resolved before.
    pub(crate) fn with_resolved_ages(mut self, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        self.since = since.or(self.since);
        self.until = until.or(self.until);
        self
    }
}

impl<F: Default> Default for Valid<F> {
    /// Every record.
    fn default() -> Self {
        Self { filter: F::default(), since: None, until: None }
    }
}

fn resolve(
    field: &'static str,
    bound: Option<TimeBound>,
    now: Timestamp,
    errors: &mut Vec<InvalidParameter>,
) -> Option<Timestamp> {
    let bound = bound?;
    let refused = |reason| errors.push(InvalidParameter::new(field, format!("{bound:?}"), reason));
    bound.resolve(now).map_err(refused).ok()
}
