//! How many remediations began, succeeded and failed in each minute, hour, day or week.

use std::collections::HashMap;
use std::str::FromStr;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_models::{Remediation, Timestamp};

use super::OUTCOMES;
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{CheckedFilter, InvalidParameter, InvalidReason, MAX_JUDGED, QueryError, RemediationFilter};

/// The most buckets that come back: 16 hours of minutes, 41 days of hours, almost 3 years of days, 19 years of weeks.
pub const MAX_BUCKETS: usize = 1_000;

/// The most buckets of an interval that is chosen: as many as a screen shows apart.
pub const AUTO_BUCKETS: i64 = 300;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// How long a bucket is. In UTC, where every day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Interval {
    /// From the full minute.
    Minute,
    /// From the full hour.
    Hour,
    /// From midnight.
    Day,
    /// From Monday, midnight.
    Week,
}

impl Interval {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::Week];

    /// As a parameter writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// The finest of which a range has at most [`AUTO_BUCKETS`], or a week.
    #[must_use]
    pub fn fitting(since: Timestamp, until: Timestamp) -> Self {
        let fits = |interval: &Self| {
            let (first, last) = (interval.floor(since.micros()), interval.floor(until.micros() - 1));
            (last - first) / interval.micros() < AUTO_BUCKETS
        };
        Self::ALL.into_iter().find(fits).unwrap_or(Self::Week)
    }

    const fn micros(self) -> i64 {
        match self {
            Self::Minute => MICROS_PER_HOUR / 60,
            Self::Hour => MICROS_PER_HOUR,
            Self::Day => 24 * MICROS_PER_HOUR,
            Self::Week => 7 * 24 * MICROS_PER_HOUR,
        }
    }

    /// The beginning of the bucket that holds the instant; both in microseconds since 1970.
    pub(super) const fn floor(self, instant: i64) -> i64 {
        // 1970 began on a Thursday, four days before a Monday.
        let shift = match self {
            Self::Minute | Self::Hour | Self::Day => 0,
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
    /// The median of their durations, in milliseconds, if durations were asked for and those looked up have one.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub duration_ms_p50: Option<i64>,
    /// What 95 % of them do not exceed.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub duration_ms_p95: Option<i64>,
    /// How many of them were looked up for their durations.
    #[diesel(sql_type = BigInt)]
    #[serde(skip)]
    pub(super) looked_up: i64,
}

impl Bucket {
    /// An interval in which nothing began.
    pub(super) const fn empty(bucket: Timestamp) -> Self {
        Self {
            bucket,
            total: 0,
            success: 0,
            failed: 0,
            duration_ms_p50: None,
            duration_ms_p95: None,
            looked_up: 0,
        }
    }
}

/// How many remediations began in each interval.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trend {
    /// How long each bucket is.
    pub interval: Interval,
    /// The oldest first and without a gap.
    pub buckets: Vec<Bucket>,
    /// From how many of the newest records durations come, at most [`MAX_JUDGED`]; none unless they were asked for.
    pub durations_of: i64,
}

/// The remediations that match a filter, counted by the interval in which they began, the oldest first and
/// without a gap.
///
/// From the interval of the filter's `since`, or of the first match; to that of the last instant before
/// `until`, or of `now`, or of the last match if it is later. Nothing at all when there is no `since` and no
/// match.
#[derive(Debug, Clone)]
pub struct TrendQuery {
    filter: CheckedFilter<RemediationFilter>,
    /// None chooses one.
    interval: Option<Interval>,
    now: Timestamp,
    has_durations: bool,
}

impl TrendQuery {
    /// Those that match `filter`, counted by `interval`, as of `now`.
    #[must_use]
    pub const fn new(filter: CheckedFilter<RemediationFilter>, interval: Interval, now: Timestamp) -> Self {
        Self { filter, interval: Some(interval), now, has_durations: false }
    }

    /// Those that match `filter`, counted by the interval that fits the range of time, see [`Interval::fitting`].
    #[must_use]
    pub const fn auto(filter: CheckedFilter<RemediationFilter>, now: Timestamp) -> Self {
        Self { filter, interval: None, now, has_durations: false }
    }

    /// With percentiles of their durations, of at most the [`MAX_JUDGED`] newest.
    #[must_use]
    pub const fn with_durations(mut self) -> Self {
        self.has_durations = true;
        self
    }

    /// The statement, for a service with another driver: `bucket`, `total`, `success`, `failed`, `duration_ms_p50`,
    /// `duration_ms_p95` and `looked_up` a row, the oldest first, without the buckets in which nothing began. An interval
    /// that is chosen is that of the filter's range, or a week when that has no beginning.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql(&self.filter, self.interval_from(self.filter.since()), self.has_durations).into_bound()
    }

    /// Runs it. An interval that is chosen for a range without a beginning is that from the first match.
    ///
    /// # Errors
    /// [`QueryError::Invalid`], naming `since`, when that is more than [`MAX_BUCKETS`]; [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Trend, QueryError> {
        let Self { filter, now, .. } = self;
        let since = match filter.since() {
            None if self.interval.is_none() => first(filter, conn).await?,
            since => since,
        };
        let interval = self.interval_from(since);
        // Before anything is read, as far as the filter alone decides it.
        complete(filter, interval, *now, Vec::new())?;
        let sql = sql(filter, interval, self.has_durations);
        let rows: Vec<Bucket> = Statement::new(sql).load(conn, OPERATION).await?;
        let durations_of = rows.iter().map(|row| row.looked_up).sum();
        Ok(Trend { interval, buckets: complete(filter, interval, *now, rows)?, durations_of })
    }

    fn interval_from(&self, since: Option<Timestamp>) -> Interval {
        let until = self.filter.until().unwrap_or(self.now);
        let fitting = || since.map_or(Interval::Week, |since| Interval::fitting(since, until));
        self.interval.unwrap_or_else(fitting)
    }
}

/// What is attempted, in errors.
const OPERATION: &str = "count over time";

/// When the first of those that match began.
async fn first(
    filter: &CheckedFilter<RemediationFilter>,
    conn: &mut AsyncPgConnection,
) -> Result<Option<Timestamp>, QueryError> {
    #[derive(QueryableByName)]
    struct First {
        #[diesel(sql_type = Nullable<Timestamptz>)]
        first: Option<Timestamp>,
    }
    let mut sql = Sql::new("SELECT min(start_time) AS first FROM ");
    sql.text(Remediation::TABLE).append(Conditions::of(filter).into_sql());
    let rows = Statement::<First>::new(sql).load(conn, OPERATION).await?;
    Ok(rows.first().and_then(|row| row.first))
}

/// Adds the intervals in which nothing began.
pub(super) fn complete(
    filter: &CheckedFilter<RemediationFilter>,
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
    let buckets = beginnings
        .filter_map(Timestamp::from_micros)
        .map(|bucket| found.remove(&bucket).unwrap_or(Bucket::empty(bucket)));
    Ok(buckets.collect())
}

pub(super) fn sql(filter: &CheckedFilter<RemediationFilter>, interval: Interval, has_durations: bool) -> Sql {
    let limit = i64::try_from(MAX_BUCKETS + 1).unwrap_or(i64::MAX);
    let mut sql = Sql::new("");
    if has_durations {
        sql.text(
            "SELECT bucket, sum(total)::bigint AS total, sum(success)::bigint AS success, sum(failed)::bigint AS failed, \
             max(duration_ms_p50) AS duration_ms_p50, max(duration_ms_p95) AS duration_ms_p95, \
             sum(looked_up)::bigint AS looked_up FROM (",
        );
    }
    // `OFFSET 0`: PostgreSQL would else expect a bucket for each time, and sort all records to count them.
    sql.text("SELECT bucket, ")
        .text(OUTCOMES)
        .text(", NULL::bigint AS duration_ms_p50, NULL::bigint AS duration_ms_p95, 0::bigint AS looked_up FROM (SELECT ")
        .text(bucket(interval))
        .text(" AS bucket, status FROM ")
        .text(Remediation::TABLE)
        .append(Conditions::of(filter).into_sql())
        .text(" OFFSET 0) AS began GROUP BY bucket");
    if has_durations {
        sql.text(" UNION ALL SELECT ")
            .text(bucket(interval))
            .text(
                " AS bucket, 0, 0, 0, percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms), \
                 percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms), count(*) FROM (SELECT start_time, duration_ms FROM ",
            )
            .text(Remediation::TABLE)
            .append(Conditions::of(filter).into_sql())
            .text(" ORDER BY start_time DESC, id DESC LIMIT ")
            .bind(Bind::BigInt(MAX_JUDGED))
            .text(") AS newest GROUP BY bucket) AS counted GROUP BY bucket");
    }
    sql.text(" ORDER BY bucket LIMIT ").bind(Bind::BigInt(limit));
    sql
}

/// The beginning of the bucket that a record is in, counted from a Monday. `date_trunc` looks a time zone up for each record.
const fn bucket(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute => "date_bin('1 minute', start_time, '1970-01-05Z')",
        Interval::Hour => "date_bin('1 hour', start_time, '1970-01-05Z')",
        Interval::Day => "date_bin('1 day', start_time, '1970-01-05Z')",
        Interval::Week => "date_bin('7 days', start_time, '1970-01-05Z')",
    }
}
