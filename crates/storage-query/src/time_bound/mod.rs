//! The beginning or the end of a range of time, absolute or as an age.

#[cfg(test)]
mod tests;

use std::str::FromStr;

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta};
use storage_models::Timestamp;

use crate::InvalidReason;
use crate::span::{self, MAX_MILLIS, NotASpan};

/// The oldest age: a hundred years.
const MAX_AGE: TimeDelta = TimeDelta::milliseconds(MAX_MILLIS);

/// A point in time, as a caller may give it.
///
/// Read from RFC 3339 (`2026-01-31T12:00:00Z`, any offset), from a date (`2026-01-31`, its first instant in
/// UTC), or from an age: digits and one of `s`, `m`, `h`, `d`, `w` (`90m`, `24h`, `7d`), or several of them with the
/// longer unit first (`1h30m`).
///
/// ```
/// use storage_models::Timestamp;
/// use storage_query::TimeBound;
///
/// let now: Timestamp = "2026-02-08T12:00:00Z".parse()?;
/// let bound: TimeBound = "7d".parse()?;
/// assert_eq!(bound.resolve(now)?.to_string(), "2026-02-01T12:00:00.000000Z");
/// assert!("10abc".parse::<TimeBound>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// That instant, in the years 0 to 9999.
    At(Timestamp),
    /// So long before the time of asking, from zero to 36,500 days.
    Ago(TimeDelta),
}

impl TimeBound {
    /// The instant that is meant when it is asked at `now`.
    ///
    /// # Errors
    /// [`InvalidReason::TimeOutOfRange`] when the instant or the age is outside its range.
    pub fn resolve(self, now: Timestamp) -> Result<Timestamp, InvalidReason> {
        let instant = match self {
            Self::At(instant) => Some(instant),
            Self::Ago(age) if age < TimeDelta::zero() || age > MAX_AGE => None,
            Self::Ago(age) => now.checked_add(-age),
        };
        instant.filter(|instant| is_in_range(*instant)).ok_or(InvalidReason::TimeOutOfRange)
    }
}

/// Whether it lies in the years 0 to 9999, which is less than the database has.
pub(crate) fn is_in_range(instant: Timestamp) -> bool {
    (0..=9999).contains(&instant.as_datetime().year())
}

impl From<Timestamp> for TimeBound {
    fn from(instant: Timestamp) -> Self {
        Self::At(instant)
    }
}

impl FromStr for TimeBound {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        if let Some(age) = parse_age(text) {
            return age.map(Self::Ago);
        }
        parse_date(text).or_else(|| text.parse().ok()).map(Self::At).ok_or_else(|| not_a_time(text))
    }
}

/// A `+` in a query string stands for a space, so that an offset loses its sign.
fn not_a_time(text: &str) -> InvalidReason {
    match text.rsplit_once(' ') {
        Some((time, offset)) if format!("{time}+{offset}").parse::<Timestamp>().is_ok() => {
            InvalidReason::PlusAsSpace
        }
        _ => InvalidReason::NotATime,
    }
}

/// `None` when the text does not look like an age at all.
fn parse_age(text: &str) -> Option<Result<TimeDelta, InvalidReason>> {
    match span::parse_seconds(text) {
        Ok(millis) => TimeDelta::try_milliseconds(millis).map(Ok),
        Err(NotASpan::TooLong) => Some(Err(InvalidReason::TimeOutOfRange)),
        Err(NotASpan::Form) => None,
    }
}

fn parse_date(text: &str) -> Option<Timestamp> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    // chrono also takes `2026-1-2` and ` 2026-01-02`.
    (date.to_string() == text).then(|| Timestamp::new(date.and_time(NaiveTime::MIN).and_utc()))
}
