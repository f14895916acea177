//! A range of time as whole months and what is left of it at both ends.

use chrono::{Datelike as _, Months as Count, NaiveTime};
use storage_models::Timestamp;

/// From an instant, inclusive, to another, exclusive; no end where there is none.
pub(super) type Span = (Option<Timestamp>, Option<Timestamp>);

/// A range of time with at least one whole month of UTC in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Months {
    /// Before the first whole month.
    pub(super) head: Option<Span>,
    /// From the first instant of a month to that of another one.
    pub(super) whole: Span,
    /// After the last whole month.
    pub(super) tail: Option<Span>,
}

impl Months {
    /// `None` when no whole month lies between, or the calendar ends.
    pub(super) fn of(since: Option<Timestamp>, until: Option<Timestamp>) -> Option<Self> {
        let first = match since {
            Some(since) => Some(ceiling(since)?),
            None => None,
        };
        let last = match until {
            Some(until) => Some(floor(until)?),
            None => None,
        };
        if let (Some(first), Some(last)) = (first, last)
            && first >= last
        {
            return None;
        }
        let head = (since != first).then_some((since, first));
        let tail = (until != last).then_some((last, until));
        Some(Self { head, whole: (first, last), tail })
    }
}

/// The first instant of the month that an instant lies in.
fn floor(instant: Timestamp) -> Option<Timestamp> {
    let day = instant.as_datetime().date_naive().with_day(1)?;
    Some(Timestamp::new(day.and_time(NaiveTime::MIN).and_utc()))
}

/// The first instant of a month that is not before an instant.
fn ceiling(instant: Timestamp) -> Option<Timestamp> {
    let floor = floor(instant)?;
    if floor == instant {
        return Some(floor);
    }
    floor.as_datetime().checked_add_months(Count::new(1)).map(Timestamp::new)
}
