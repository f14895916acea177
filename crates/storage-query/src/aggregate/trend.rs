//! How many remediations began, succeeded and failed in each hour, day or week.

use std::collections::HashMap;
use std::str::FromStr;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_models::{Remediation, Timestamp};

use super::OUTCOMES;
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{InvalidParameter, InvalidReason, QueryError, RemediationFilter, Valid};

/// The most buckets that come back: 41 days of hours, almost 3 years of days, 19 years of weeks.
pub const MAX_BUCKETS: usize = 1_000;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// How long a bucket is. In UTC, where every day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interval {
    /// From the full hour.
    Hour,
    /// From midnight.
    Day,
    /// From Monday, midnight.
    Week,
}

impl Interval {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// As a parameter writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    const fn micros(self) -> i64 {
        match self {
            Self::Hour => MICROS_PER_HOUR,
            Self::Day => 24 * MICROS_PER_HOUR,
            Self::Week => 7 * 24 * MICROS_PER_HOUR,
        }
    }

    /// The beginning of the bucket that holds the instant; both in microseconds since 1970.
    pub(super) const fn floor(self, instant: i64) -> i64 {
        // 1970 began on a Thursday, four days before a Monday.
        let shift = match self {
            Self::Hour | Self::Day => 0,
            Self::Week => 4 * 24 * MICROS_PER_HOUR,
        };
        instant - (instant - shift).rem_euclid(self.micros())
    }
}

impl FromStr for Interval {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        Self::ALL.into_iter().find(|interval| interval.as_str() == text).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::as_str).join(", ");
            InvalidParameter::new("interval", text, InvalidReason::NotOneOf { allowed })
        })
    }
}

/// The remediations that began in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, QueryableByName)]
#[non_exhaustive]
pub struct Bucket {
    /// When the interval begins.
    #[diesel(sql_type = Timestamptz)]
    pub bucket: Timestamp,
    /// How many began in it.
    #[diesel(sql_type = BigInt)]
    pub total: i64,
    /// How many of them have status success.
    #[diesel(sql_type = BigInt)]
    pub success: i64,
    /// How many of them have status failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
}

/// The remediations that match a filter, counted by the interval in which they began, the oldest first and
/// without a gap.
///
/// From the interval of the filter's `since`, or of the first match; to that of the last instant before
/// `until`, or of `now`, or of the last match if it is later. Nothing at all when there is no `since` and no
/// match.
#[derive(Debug, Clone)]
pub struct TrendQuery {
    filter: Valid<RemediationFilter>,
    interval: Interval,
    now: Timestamp,
}

impl TrendQuery {
    /// Those that match `filter`, counted by `interval`, as of `now`.
    #[must_use]
    pub const fn new(filter: Valid<RemediationFilter>, interval: Interval, now: Timestamp) -> Self {
        Self { filter, interval, now }
    }

    /// The statement, for a service with another driver: `bucket`, `total`, `success` and `failed` a row, the oldest first,
    /// without the buckets in which nothing began.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql(&self.filter, self.interval).into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Invalid`], naming `since`, when that is more than [`MAX_BUCKETS`]; [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Vec<Bucket>, QueryError> {
        let Self { filter, interval, now } = self;
        // Before anything is read, as far as the filter alone decides it.
        complete(filter, *interval, *now, Vec::new())?;
        let rows = Statement::new(sql(filter, *interval)).load(conn, "count over time").await?;
        Ok(complete(filter, *interval, *now, rows)?)
    }
}

/// Adds the intervals in which nothing began.
pub(super) fn complete(
    filter: &Valid<RemediationFilter>,
    interval: Interval,
    now: Timestamp,
    rows: Vec<Bucket>,
) -> Result<Vec<Bucket>, InvalidParameter> {
    let bound = |row: Option<&Bucket>| row.map(|row| row.bucket.micros());
    let Some(first) = filter.since().map(Timestamp::micros).or(bound(rows.first())) else {
        return Ok(Vec::new());
    };
    let last = match filter.until() {
        Some(until) => until.micros() - 1,
        None => bound(rows.last()).map_or(now.micros(), |last| last.max(now.micros())),
    };
    let (first, last) = (interval.floor(first), interval.floor(last));
    let count = usize::try_from((last - first) / interval.micros() + 1).unwrap_or(0);
    if count > MAX_BUCKETS || rows.len() > MAX_BUCKETS {
        let reason = InvalidReason::TooManyBuckets { max: MAX_BUCKETS };
        return Err(InvalidParameter::new("since", interval.as_str(), reason));
    }
    let mut found: HashMap<Timestamp, Bucket> = rows.into_iter().map(|row| (row.bucket, row)).collect();
    let beginnings = (0..).map(|n| first + n * interval.micros()).take_while(|beginning| *beginning <= last);
    let buckets = beginnings.filter_map(Timestamp::from_micros).map(|bucket| {
        let empty = Bucket { bucket, total: 0, success: 0, failed: 0 };
        found.remove(&bucket).unwrap_or(empty)
    });
    Ok(buckets.collect())
}

pub(super) fn sql(filter: &Valid<RemediationFilter>, interval: Interval) -> Sql {
    let limit = i64::try_from(MAX_BUCKETS + 1).unwrap_or(i64::MAX);
    let mut sql = Sql::new("SELECT date_trunc(");
    sql.bind(Bind::Text(interval.as_str().to_owned()))
        .text(", start_time, 'UTC') AS bucket, ")
        .text(OUTCOMES)
        .text(" FROM ")
        .text(Remediation::TABLE)
        .append(Conditions::of(filter).into_sql())
        .text(" GROUP BY bucket ORDER BY bucket LIMIT ")
        .bind(Bind::BigInt(limit));
    sql
}
