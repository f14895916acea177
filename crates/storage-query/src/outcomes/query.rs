//! What came of what was done, by columns.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel_async::AsyncPgConnection;
use serde::{Serialize, Serializer};
use storage_models::{Remediation, Timestamp};

use super::counts::{BOUNDS, COUNTS, COUNTS_OF_ALL, JUDGMENTS, NO_JUDGMENTS, OutcomeCounts, SUMMED};
use super::judged::{self, MAX_JUDGED, Order};
use super::settle::Settle;
use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{
    CheckedFilter, Grouping, InvalidParameter, InvalidReason, MAX_GROUPS, QueryError, RemediationFilter,
    counter_sum,
};

/// The most columns that outcomes are counted by at once.
pub const MAX_OUTCOME_COLUMNS: usize = 3;

/// What came of the finished remediations that match a filter, for each value of some columns.
///
/// ```
/// use storage_models::Timestamp;
/// use storage_query::{AuditFilter, Grouping, OutcomesQuery, RemediationFilter};
///
/// # storage_testkit::example(async |conn| {
/// let filter = RemediationFilter::default().namespace("prod").check(Timestamp::now())?;
/// let found = OutcomesQuery::new(filter, vec![Grouping::ActionType], Timestamp::now()).run(conn).await?;
/// let finished: i64 = found.groups.iter().map(|group| group.counts.total).sum();
/// assert_eq!(finished, found.durations_of);
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct OutcomesQuery {
    filter: CheckedFilter<RemediationFilter>,
    by: Vec<Grouping>,
    now: Timestamp,
    settle: Settle,
}

/// The groups, at most [`MAX_GROUPS`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcomes {
    /// Those whose successes hold most surely first, by the bound of that rate; then the newest.
    pub groups: Vec<OutcomeGroup>,
    /// Whether groups were left out that stand lower.
    pub is_truncated: bool,
    /// From how many of the newest finished records durations come, and whether successes held: at most [`MAX_JUDGED`].
    pub durations_of: i64,
}

/// What came of the records that have these values.
///
/// Serializes with the columns under their own names: `{"action_type": "restart-pod", "total": 12, …}`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OutcomeGroup {
    /// The columns and their values; `None` for records without one.
    pub by: Vec<(Grouping, Option<String>)>,
    /// What came of them.
    pub counts: OutcomeCounts,
}

impl Serialize for OutcomeGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Flat { by: Values(&self.by), counts: &self.counts }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Flat<'a> {
    #[serde(flatten)]
    by: Values<'a>,
    #[serde(flatten)]
    counts: &'a OutcomeCounts,
}

struct Values<'a>(&'a [(Grouping, Option<String>)]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(column, value)| (column.column(), value)))
    }
}

struct Row {
    key: Vec<Option<String>>,
    counts: OutcomeCounts,
    durations_of: i64,
}

impl QueryableByName<Pg> for Row {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            key: NamedRow::get::<Array<Nullable<Text>>, _>(row, "key")?,
            counts: OutcomeCounts::build(row)?,
            durations_of: NamedRow::get::<BigInt, _>(row, "durations_of")?,
        })
    }
}

impl OutcomesQuery {
    /// The columns that outcomes may be counted by.
    pub const COLUMNS: [Grouping; 8] = [
        Grouping::AlertName,
        Grouping::AlertFingerprint,
        Grouping::ActionType,
        Grouping::Namespace,
        Grouping::Cluster,
        Grouping::Environment,
        Grouping::Severity,
        Grouping::TargetName,
    ];

    /// Those that match `filter`, by these columns, as it is known at `now`.
    #[must_use]
    pub fn new(filter: CheckedFilter<RemediationFilter>, by: Vec<Grouping>, now: Timestamp) -> Self {
        Self { filter, by, now, settle: Settle::default() }
    }

    /// For how long a success must have lasted to have held.
    #[must_use]
    pub const fn settle(mut self, settle: Settle) -> Self {
        self.settle = settle;
        self
    }

    /// The same query, if it may be asked; [`Self::run`] refuses the same.
    ///
    /// # Errors
    /// When `by` has no column, more than [`MAX_OUTCOME_COLUMNS`], or one that is not among [`Self::COLUMNS`].
    pub fn check(self) -> Result<Self, InvalidParameter> {
        let unknown = self.by.iter().find(|column| !Self::COLUMNS.contains(column));
        if let Some(column) = unknown {
            return Err(Grouping::not_one_of("by", column.column(), &Self::COLUMNS));
        }
        if !(1..=MAX_OUTCOME_COLUMNS).contains(&self.by.len()) {
            let reason = InvalidReason::ColumnCount { min: 1, max: MAX_OUTCOME_COLUMNS };
            return Err(InvalidParameter::new("by", "", reason));
        }
        Ok(self)
    }

    /// The statement, for a service with another driver: `key`, an array of the columns' values, and the counts a row, in
    /// order; one row more than [`MAX_GROUPS`] says that groups were left out.
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
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Outcomes, QueryError> {
        let query = self.clone().check()?;
        let rows = Statement::<Row>::new(query.sql()).load(conn, "count outcomes").await?;
        let is_truncated = rows.len() > MAX_GROUPS;
        let durations_of = rows.first().map_or(0, |row| row.durations_of);
        let group = |row: Row| OutcomeGroup {
            by: query.by.iter().copied().zip(row.key).collect(),
            counts: row.counts,
        };
        let groups = rows.into_iter().take(MAX_GROUPS).map(group).collect();
        Ok(Outcomes { groups, is_truncated, durations_of })
    }

    /// What is counted is counted over all that match; what must be looked up, over the newest of them. Where these are all,
    /// nothing is read again to count them; which is asked outside of what counts, since PostgreSQL would else start workers
    /// before it knows.
    pub(super) fn sql(&self) -> Sql {
        let limit = i64::try_from(MAX_GROUPS + 1).unwrap_or(i64::MAX);
        let columns = || self.columns();
        let mut sql = Sql::new("WITH looked AS (");
        sql.append(judged::looked_at(&self.names(), self.finished(), Order::NewestFirst, MAX_JUDGED))
            .text("), newest AS (SELECT count(*) AS count, count(*) < ")
            .bind(Bind::BigInt(MAX_JUDGED))
            .text(" AS is_all FROM looked), judged AS (")
            .append(judged::judged_once(self.now, self.settle))
            .text("), counted AS (");
        match self.known() {
            Some(known) => sql.append(self.over_all_by_counters(known)),
            None => sql.append(self.over_all()),
        };
        sql.text(" UNION ALL SELECT ")
            .append(columns())
            .text(", ")
            .text(COUNTS_OF_ALL)
            .text(", ")
            .text(JUDGMENTS)
            .text(" FROM judged CROSS JOIN newest GROUP BY ")
            .append(columns())
            .text("), outcome AS (SELECT ")
            .append(columns())
            .text(", ")
            .text(SUMMED)
            .text(" FROM counted GROUP BY ")
            .append(columns())
            .text(") SELECT *, (SELECT count FROM newest) AS durations_of FROM (SELECT ARRAY[")
            .append(columns())
            .text("]::text[] AS key, outcome.*, ")
            .text(BOUNDS)
            .text(" FROM outcome) AS bounded ORDER BY held_rate_bound DESC NULLS LAST, last_seen DESC, key COLLATE \"C\" LIMIT ")
            .bind(Bind::BigInt(limit));
        sql
    }

    /// The groups as the table has them.
    fn over_all(&self) -> Sql {
        let mut sql = Sql::new("SELECT * FROM (SELECT ");
        sql.append(self.columns())
            .text(", ")
            .text(COUNTS)
            .text(", ")
            .text(NO_JUDGMENTS)
            .text(" FROM ")
            .text(Remediation::TABLE)
            .append(self.finished().into_sql())
            .text(" GROUP BY ")
            .append(self.columns())
            .text(") AS every WHERE (SELECT NOT is_all FROM newest)");
        sql
    }

    /// The groups as the counters have them. These do not say when a group was last seen: the newest records say it, and the
    /// table is read only where a group has none among them.
    fn over_all_by_counters(&self, known: Sql) -> Sql {
        let mut sql = Sql::new("WITH known AS (");
        sql.append(known)
            .text(") SELECT * FROM (SELECT known.*, NULL::timestamptz AS last_seen, ")
            .text(NO_JUDGMENTS)
            .text(" FROM known) AS every WHERE (SELECT NOT is_all FROM newest) UNION ALL SELECT * FROM (SELECT ")
            .append(self.columns())
            .text(", 0, 0, 0, max(start_time), ")
            .text(NO_JUDGMENTS)
            .text(" FROM ")
            .text(Remediation::TABLE)
            .append(self.finished().into_sql())
            .text(" GROUP BY ")
            .append(self.columns())
            .text(") AS seen WHERE (SELECT NOT is_all FROM newest) AND EXISTS (SELECT ")
            .append(self.columns())
            .text(" FROM known EXCEPT SELECT ")
            .append(self.columns())
            .text(" FROM looked)");
        sql
    }

    /// How many finished records of each group there are, from the counters; `None` if they do not know the columns or the
    /// filter.
    fn known(&self) -> Option<Sql> {
        let mut counted = self.names();
        counted.extend(["phase", "status"]);
        let mut sql = Sql::new("SELECT ");
        sql.append(self.columns())
            .text(
                ", sum(records)::bigint AS total, coalesce(sum(records) FILTER (WHERE status = 'success'), 0)::bigint AS success, \
                 coalesce(sum(records) FILTER (WHERE status = 'failed'), 0)::bigint AS failed FROM (",
            )
            .append(counter_sum::of::<Remediation>(&self.filter, &counted)?)
            .text(") AS counter_sum WHERE ")
            .text(judged::FINISHED)
            .text(" GROUP BY ")
            .append(self.columns())
            .text(" HAVING sum(records) > 0");
        Some(sql)
    }

    fn names(&self) -> Vec<&'static str> {
        self.by.iter().map(|column| column.column()).collect()
    }

    /// The names of the columns, between commas.
    fn columns(&self) -> Sql {
        let mut sql = Sql::default();
        for (place, name) in self.names().into_iter().enumerate() {
            sql.text(if place == 0 { "" } else { ", " }).text(name);
        }
        sql
    }

    fn finished(&self) -> Conditions {
        let mut conditions = Conditions::of(&self.filter);
        conditions.and(judged::FINISHED);
        conditions
    }
}
