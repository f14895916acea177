//! How often an alert came, what was done each time, and what came of it.

use std::fmt;

use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::{Pg, PgValue};
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_models::{Phase, Remediation, Severity, Status, Timestamp};

use super::judged::{self, MAX_JUDGED, Order};
use super::settle::Settle;
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{BoundSql, Sql, Statement};
use crate::{
    AuditFilter as _, CheckedFilter, InvalidParameter, InvalidReason, PageRequest, QueryError,
    RemediationFilter,
};

/// The occurrences of one alert, the newest first, each a remediation that matches a filter.
///
/// ```
/// use storage_models::Timestamp;
/// use storage_query::{AuditFilter, HistoryQuery, RemediationFilter};
///
/// # storage_testkit::example(async |conn| {
/// let filter = RemediationFilter::default().alert_name("KubePodCrashLooping").check(Timestamp::now())?;
/// let history = HistoryQuery::new(filter, Timestamp::now()).run(conn).await?;
/// assert!(history.occurrences.iter().all(|it| it.alert_name.as_deref() == Some("KubePodCrashLooping")));
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    filter: CheckedFilter<RemediationFilter>,
    now: Timestamp,
    settle: Settle,
    limit: i64,
}

/// The occurrences of an alert, and what is known of all of them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// The newest first, as many as were asked for.
    pub occurrences: Vec<Occurrence>,
    /// Whether there are older ones.
    pub is_truncated: bool,
    /// How many there are in all.
    pub count: i64,
    /// When the first began.
    pub first: Option<Timestamp>,
    /// When the last began.
    pub last: Option<Timestamp>,
    /// The first success that held, if it is among the [`MAX_JUDGED`] oldest successes.
    pub first_held: Option<Held>,
}

/// A success that held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Held {
    /// The record.
    pub id: i64,
    /// When it began.
    pub start_time: Timestamp,
    /// What was done.
    pub action_type: String,
}

/// One time that an alert came, and what was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Occurrence {
    /// The record.
    pub id: i64,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// How long it took.
    pub duration_ms: Option<i64>,
    /// From the beginning of the occurrence before it to its own, in milliseconds; `None` for the first.
    pub gap_ms: Option<i64>,
    /// What was done.
    pub action_type: String,
    /// The namespace it was done in.
    pub namespace: String,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// What it was done to.
    pub target_name: Option<String>,
    /// The alert's severity.
    pub severity: Option<Severity>,
    /// The alert.
    pub alert_name: Option<String>,
    /// The alert's fingerprint.
    pub alert_fingerprint: Option<String>,
    /// The request that asked for it.
    pub remediation_request_id: Option<String>,
    /// Who sent it.
    pub recorded_by: String,
    /// How far it has come.
    pub phase: Phase,
    /// How it went.
    pub status: Status,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It succeeded, and nothing of the same incident came soon after.
    Held,
    /// It succeeded, and the same incident came back soon after.
    Recurred,
    /// It succeeded, and it is too early to tell whether that holds.
    TooEarly,
    /// It failed.
    Failed,
    /// The record is finished, and its outcome is not known.
    Unknown,
    /// It is not finished.
    Unfinished,
}

impl Outcome {
    /// Each of them.
    pub const ALL: [Self; 6] =
        [Self::Held, Self::Recurred, Self::TooEarly, Self::Failed, Self::Unknown, Self::Unfinished];

    /// As answers write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Recurred => "recurred",
            Self::TooEarly => "too_early",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Unfinished => "unfinished",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromSql<Text, Pg> for Outcome {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let word = <String as FromSql<Text, Pg>>::from_sql(value)?;
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == word)
            .ok_or_else(|| format!("no outcome is called {word}").into())
    }
}

/// What is told of an occurrence beside what is looked at.
const TOLD: [&str; 6] = ["end_time", "environment", "severity", "target_name", "alert_name", "recorded_by"];

struct Row {
    count: i64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    first_held: Option<Held>,
    occurrence: Option<Occurrence>,
}

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let time = |name| NamedRow::get::<Nullable<Timestamptz>, Option<Timestamp>>(row, name);
        let id = |name| NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, name);
        let held = |id| -> deserialize::Result<Held> {
            Ok(Held {
                id,
                start_time: NamedRow::get::<Timestamptz, _>(row, "held_start_time")?,
                action_type: NamedRow::get::<Text, _>(row, "held_action_type")?,
            })
        };
        Ok(Self {
            count: NamedRow::get::<BigInt, _>(row, "count")?,
            first: time("first")?,
            last: time("last")?,
            first_held: id("held_id")?.map(held).transpose()?,
            occurrence: id("id")?.map(|_| Occurrence::build(row)).transpose()?,
        })
    }
}

impl QueryableByName<Pg> for Occurrence {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let text = |name| NamedRow::get::<Text, String>(row, name);
        let perhaps = |name| NamedRow::get::<Nullable<Text>, Option<String>>(row, name);
        Ok(Self {
            id: NamedRow::get::<BigInt, _>(row, "id")?,
            start_time: NamedRow::get::<Timestamptz, _>(row, "start_time")?,
            end_time: NamedRow::get::<Nullable<Timestamptz>, _>(row, "end_time")?,
            duration_ms: NamedRow::get::<Nullable<BigInt>, _>(row, "duration_ms")?,
            gap_ms: None,
            action_type: text("action_type")?,
            namespace: text("namespace")?,
            cluster: perhaps("cluster")?,
            environment: perhaps("environment")?,
            target_name: perhaps("target_name")?,
            severity: NamedRow::get::<Nullable<Text>, _>(row, "severity")?,
            alert_name: perhaps("alert_name")?,
            alert_fingerprint: perhaps("alert_fingerprint")?,
            remediation_request_id: perhaps("remediation_request_id")?,
            recorded_by: text("recorded_by")?,
            phase: NamedRow::get::<Text, _>(row, "phase")?,
            status: NamedRow::get::<Text, _>(row, "status")?,
            outcome: NamedRow::get::<Text, _>(row, "outcome")?,
        })
    }
}

impl HistoryQuery {
    /// The occurrences that match `filter`, which names one alert or one fingerprint, as it is known at `now`.
    #[must_use]
    pub fn new(filter: CheckedFilter<RemediationFilter>, now: Timestamp) -> Self {
        Self { filter, now, settle: Settle::default(), limit: PageRequest::DEFAULT_LIMIT }
    }

    /// For how long a success must have lasted to have held.
    #[must_use]
    pub const fn settle(mut self, settle: Settle) -> Self {
        self.settle = settle;
        self
    }

    /// As many occurrences as a page has; its offset does not count.
    #[must_use]
    pub const fn page(mut self, page: PageRequest) -> Self {
        self.limit = page.limit();
        self
    }

    /// The same query, if it may be asked; [`Self::run`] refuses the same.
    ///
    /// # Errors
    /// When the filter names neither one `alert_fingerprint` nor one `alert_name`.
    pub fn check(self) -> Result<Self, InvalidParameter> {
        let names_one = |parameter| self.filter.filter().values(parameter).len() == 1;
        if names_one("alert_fingerprint") || names_one("alert_name") {
            return Ok(self);
        }
        Err(InvalidParameter::new("alert_fingerprint", "", InvalidReason::AlertRequired))
    }

    /// The statement, for a service with another driver: `count`, `first`, `last`, `held_id`, `held_start_time` and
    /// `held_action_type` beside an occurrence a row, which is null when there is none; one row more than the limit says that
    /// there are older ones.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        Ok(self.clone().check()?.sql().into_bound())
    }

    /// Runs it.
    ///
    /// # Errors
    /// As [`Self::check`]; [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<History, QueryError> {
        let query = self.clone().check()?;
        let rows = Statement::<Row>::new(query.sql()).load(conn, "read a history").await?;
        Ok(query.assembled(rows))
    }

    fn assembled(&self, rows: Vec<Row>) -> History {
        let mut history = History {
            occurrences: Vec::new(),
            is_truncated: false,
            count: 0,
            first: None,
            last: None,
            first_held: None,
        };
        for row in rows {
            history = History {
                count: row.count,
                first: row.first,
                last: row.last,
                first_held: row.first_held,
                ..history
            };
            history.occurrences.extend(row.occurrence);
        }
        let before: Vec<Timestamp> = history.occurrences.iter().skip(1).map(|it| it.start_time).collect();
        for (occurrence, before) in history.occurrences.iter_mut().zip(before) {
            occurrence.gap_ms = Some(occurrence.start_time.since(before).num_milliseconds());
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        history.is_truncated = history.occurrences.len() > limit;
        history.occurrences.truncate(limit);
        history
    }

    /// The oldest successes are judged one after the other until one has held.
    pub(super) fn sql(&self) -> Sql {
        let mut successes = Conditions::of(&self.filter);
        successes.and(judged::FINISHED);
        successes.and("status = 'success'");
        let mut sql = Sql::new(
            "WITH whole AS (SELECT count(*) AS count, min(start_time) AS first, max(start_time) AS last FROM ",
        );
        sql.text(Remediation::TABLE)
            .append(Conditions::of(&self.filter).into_sql())
            .text("), held AS (SELECT id AS held_id, start_time AS held_start_time, action_type AS held_action_type FROM (")
            .append(self.judged(judged::looked_at(&[], successes, Order::OldestFirst, MAX_JUDGED)))
            .text(") AS success WHERE outcome = 'held' ORDER BY start_time, id LIMIT 1), newest AS (")
            .append(self.judged(judged::looked_at(
                &TOLD,
                Conditions::of(&self.filter),
                Order::NewestFirst,
                self.limit + 1,
            )))
            .text(
                ") SELECT * FROM whole LEFT JOIN held ON true LEFT JOIN newest ON true \
                 ORDER BY newest.start_time DESC, newest.id DESC",
            );
        sql
    }

    /// In the order of the records, which PostgreSQL knows of a subquery, and not of a table of the statement.
    fn judged(&self, records: Sql) -> Sql {
        let mut looked = Sql::new("(");
        looked.append(records).text(") AS looked");
        judged::judged(looked, self.now, self.settle)
    }
}
