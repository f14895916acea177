//! The ranges of a record's times that a filter may ask for.

use storage_models::Timestamp;

use crate::{InvalidParameter, InvalidReason, TimeBound};

/// A range of one time, its beginning inclusive, its end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<B> {
    /// Not before this.
    pub since: Option<B>,
    /// Before this.
    pub until: Option<B>,
}

/// Any time.
impl<B> Default for Range<B> {
    fn default() -> Self {
        Self { since: None, until: None }
    }
}

/// Something for each of a record's times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times<T> {
    /// Its own time.
    pub own: T,
    /// When it was stored.
    pub created: T,
    /// When it last changed.
    pub updated: T,
}

/// The parameters of a range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) since: &'static str,
    pub(crate) until: &'static str,
}

/// The parameters of each range.
const NAMES: Times<Names> = Times {
    own: Names { since: "since", until: "until" },
    created: Names { since: "created_since", until: "created_until" },
    updated: Names { since: "updated_since", until: "updated_until" },
};

impl<T> Times<T> {
    pub(crate) fn map<U>(self, mut make: impl FnMut(Names, T) -> U) -> Times<U> {
        Times {
            own: make(NAMES.own, self.own),
            created: make(NAMES.created, self.created),
            updated: make(NAMES.updated, self.updated),
        }
    }

    pub(crate) fn zip<U>(self, other: Times<U>) -> Times<(T, U)> {
        Times {
            own: (self.own, other.own),
            created: (self.created, other.created),
            updated: (self.updated, other.updated),
        }
    }
}

impl<B> Times<Range<B>> {
    /// Each end of each range with its parameter.
    pub(crate) fn ends(self) -> [(&'static str, Option<B>); 6] {
        let [own, created, updated] =
            [(NAMES.own, self.own), (NAMES.created, self.created), (NAMES.updated, self.updated)]
                .map(|(names, range)| [(names.since, range.since), (names.until, range.until)]);
        let ([a, b], [c, d], [e, f]) = (own, created, updated);
        [a, b, c, d, e, f]
    }

    /// The ends, in the order of [`Self::ends`].
    pub(crate) fn of_ends([a, b, c, d, e, f]: [Option<B>; 6]) -> Self {
        Self {
            own: Range { since: a, until: b },
            created: Range { since: c, until: d },
            updated: Range { since: e, until: f },
        }
    }
}

impl<B> Range<B> {
    pub(crate) const fn is_set(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }
}

impl Range<TimeBound> {
    /// As of `now`, in order, or refused by the parameters' names.
    pub(super) fn resolve(
        self,
        names: Names,
        now: Timestamp,
        errors: &mut Vec<InvalidParameter>,
    ) -> Range<Timestamp> {
        let since = resolve(names.since, self.since, now, errors);
        let until = resolve(names.until, self.until, now, errors);
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let reason = InvalidReason::AfterEnd { end: names.until, until };
            errors.push(InvalidParameter::new(names.since, since.to_string(), reason));
        }
        Range { since, until }
    }
}

impl Range<Timestamp> {
    /// Whether it covers at most this number of days before `now`, or before its end if that is earlier.
    pub(super) fn is_within_days(&self, days: i64, now: Timestamp) -> bool {
        let end = self.until.map_or(now, |until| until.min(now));
        self.since.is_some_and(|since| end.since(since) <= chrono::TimeDelta::days(days))
    }
}

fn resolve(
    name: &'static str,
    bound: Option<TimeBound>,
    now: Timestamp,
    errors: &mut Vec<InvalidParameter>,
) -> Option<Timestamp> {
    let bound = bound?;
    let refused = |reason| errors.push(InvalidParameter::new(name, format!("{bound:?}"), reason));
    bound.resolve(now).map_err(refused).ok()
}
