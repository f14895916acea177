//! Instants as the database keeps them: UTC, microseconds.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _, SecondsFormat, TimeDelta, Timelike as _, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Timestamptz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A UTC instant with microseconds, the resolution of PostgreSQL's `timestamptz`.
///
/// Finer input is cut, never rounded, so that a value is the same before and after the database.
/// Written as RFC 3339 with six decimals and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Timestamptz)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The instant, cut to whole microseconds (towards the past).
    #[must_use]
    pub fn new(instant: DateTime<Utc>) -> Self {
        // A value that chrono cannot rebuild from its own microseconds does not exist; keep the original then.
        Self(DateTime::from_timestamp_micros(instant.timestamp_micros()).unwrap_or(instant))
    }

    /// The system clock's time.
    #[must_use]
    pub fn now() -> Self {
        Self::new(Utc::now())
    }

    /// Microseconds since 1970-01-01T00:00:00Z; of `updated_at` this is a record's version.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The instant that many microseconds after 1970-01-01T00:00:00Z, if the calendar has it.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// The instant as chrono's type.
    #[must_use]
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// This instant moved by `delta`, if the calendar has it.
    #[must_use]
    pub fn checked_add(self, delta: TimeDelta) -> Option<Self> {
        self.0.checked_add_signed(delta).map(Self::new)
    }

    /// How long after `earlier` this instant is; negative when it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0.signed_duration_since(earlier.0)
    }
}

const NANOS_OF_A_SECOND: u32 = 1_000_000_000;

/// A text that is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTimestampError {
    /// It is not RFC 3339.
    #[error(transparent)]
    NotRfc3339(#[from] chrono::ParseError),
    /// It has a second 60 elsewhere than at the end of a day in UTC, where leap seconds are.
    #[error("the second 60 exists only at 23:59:60 in UTC")]
    NoLeapSecond,
    /// In UTC it is in a year that RFC 3339 cannot write.
    #[error("in UTC the time is not in the years 0 to 9999")]
    BeyondRfc3339,
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads RFC 3339 with any offset. A leap second is the first instant of the next day, as clocks that know none have it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = DateTime::parse_from_rfc3339(text)?.to_utc();
        // Of a second 60, chrono makes a second 59 with more nanoseconds than it has.
        if read.nanosecond() >= NANOS_OF_A_SECOND && (read.hour(), read.minute()) != (23, 59) {
            return Err(ParseTimestampError::NoLeapSecond);
        }
        let instant = Self::new(read);
        // An offset or a leap second may lead out of the years that RFC 3339 has.
        let is_writable = (0..=9999).contains(&instant.0.year());
        if is_writable { Ok(instant) } else { Err(ParseTimestampError::BeyondRfc3339) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl ToSql<Timestamptz, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamptz, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<Timestamptz, Pg> for Timestamp {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        <DateTime<Utc> as FromSql<Timestamptz, Pg>>::from_sql(bytes).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{ParseTimestampError, Timestamp};

    #[test]
    fn nanoseconds_are_cut_and_offsets_become_utc() {
        for (input, output) in [
            ("2026-01-02T03:04:05.123456999Z", "2026-01-02T03:04:05.123456Z"),
            ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2026-01-02T03:04:05+02:30", "2026-01-02T00:34:05.000000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
            ("2016-12-31T18:59:60.5-05:00", "2017-01-01T00:00:00.500000Z"),
        ] {
            assert_eq!(input.parse::<Timestamp>().unwrap().to_string(), output, "{input}");
        }
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for input in ["2026-01-02", "2026-01-02T03:04:05", "yesterday", "", "2026-13-01T00:00:00Z"] {
            assert!(matches!(input.parse::<Timestamp>(), Err(ParseTimestampError::NotRfc3339(_))), "{input}");
        }
    }

    /// F71: a leap second is only where one can be.
    #[test]
    fn a_second_60_within_a_day_is_refused() {
        for input in ["2026-11-29T10:00:60Z", "2026-11-29T23:58:60Z", "2026-11-29T23:59:60+01:00"] {
            assert_eq!(input.parse::<Timestamp>(), Err(ParseTimestampError::NoLeapSecond), "{input}");
        }
    }

    /// What is accepted can be written: a leap second and an offset may lead out of the years that have four digits.
    #[test]
    fn what_rfc_3339_cannot_write_is_refused() {
        for input in ["9999-12-31T23:59:60Z", "9999-12-31T23:00:00-01:00", "0000-01-01T00:00:00+00:01"] {
            assert_eq!(input.parse::<Timestamp>(), Err(ParseTimestampError::BeyondRfc3339), "{input}");
        }
    }
}
