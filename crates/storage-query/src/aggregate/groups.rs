//! How many remediations have each value of a column.

use std::str::FromStr;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::AsyncPgConnection;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use storage_models::Remediation;

use crate::filter::Conditions;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{CheckedFilter, InvalidParameter, InvalidReason, QueryError, RemediationFilter, counter_sum};

/// The most groups that come back.
pub const MAX_GROUPS: usize = 1_000;

/// As many as show whether groups were left out.
const ONE_MORE: i64 = 1_001;

/// A column that remediations may be counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grouping {
    /// The namespace.
    Namespace,
    /// The alert's severity.
    Severity,
    /// The action.
    ActionType,
    /// How far it has come.
    Phase,
    /// How it went.
    Status,
    /// Such as `production`.
    Environment,
    /// The cluster's name.
    Cluster,
    /// What it was done to.
    TargetName,
    /// The alert that caused it.
    AlertName,
    /// The alert's fingerprint.
    AlertFingerprint,
    /// Who sent it.
    RecordedBy,
}

impl Grouping {
    /// Each of them.
    pub const ALL: [Self; 11] = [
        Self::Namespace,
        Self::Severity,
        Self::ActionType,
        Self::Phase,
        Self::Status,
        Self::Environment,
        Self::Cluster,
        Self::TargetName,
        Self::AlertName,
        Self::AlertFingerprint,
        Self::RecordedBy,
    ];

    /// The column's name.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Severity => "severity",
            Self::ActionType => "action_type",
            Self::Phase => "phase",
            Self::Status => "status",
            Self::Environment => "environment",
            Self::Cluster => "cluster",
            Self::TargetName => "target_name",
            Self::AlertName => "alert_name",
            Self::AlertFingerprint => "alert_fingerprint",
            Self::RecordedBy => "recorded_by",
        }
    }

    /// The condition of the column's index, if it has one for the records with a value.
    const fn presence(self) -> Option<&'static str> {
        match self {
            Self::TargetName => Some("target_name IS NOT NULL"),
            Self::AlertName => Some("alert_name IS NOT NULL"),
            Self::AlertFingerprint => Some("alert_fingerprint IS NOT NULL"),
            Self::Namespace
            | Self::Severity
            | Self::ActionType
            | Self::Phase
            | Self::Status
            | Self::Environment
            | Self::Cluster
            | Self::RecordedBy => None,
        }
    }

    /// Reads the names of `allowed` columns with commas between; one that is named again counts once.
    ///
    /// # Errors
    /// When a name is none of an allowed column's, naming `parameter` and the allowed ones.
    pub fn list(
        parameter: &'static str,
        text: &str,
        allowed: &[Self],
    ) -> Result<Vec<Self>, InvalidParameter> {
        let mut columns = Vec::new();
        for name in text.split(',') {
            let column = Self::of(parameter, name.trim(), allowed)?;
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        Ok(columns)
    }

    fn of(parameter: &'static str, name: &str, allowed: &[Self]) -> Result<Self, InvalidParameter> {
        let found = allowed.iter().copied().find(|grouping| grouping.column() == name);
        found.ok_or_else(|| Self::not_one_of(parameter, name, allowed))
    }

    pub(crate) fn not_one_of(parameter: &'static str, name: &str, allowed: &[Self]) -> InvalidParameter {
        let allowed = allowed.iter().map(|it| it.column()).collect::<Vec<_>>().join(", ");
        InvalidParameter::new(parameter, name, InvalidReason::NotOneOf { allowed })
    }
}

impl FromStr for Grouping {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        Self::of("group_by", text, &Self::ALL)
    }
}

/// How many remediations have one value.
///
/// Serializes under the column's own name: `{"severity": "critical", "count": 12}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The column.
    pub by: Grouping,
    /// Its value; `None` for records without one.
    pub value: Option<String>,
    /// How many records have it.
    pub count: i64,
}

impl Serialize for Group {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.by.column(), &self.value)?;
        map.serialize_entry("count", &self.count)?;
        map.end()
    }
}

/// The groups, at most [`MAX_GROUPS`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Groups {
    /// The largest first; equal ones by their values' bytes, those without a value last.
    pub groups: Vec<Group>,
    /// Whether smaller groups were left out.
    pub is_truncated: bool,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many of the remediations that match a filter have each value of a column.
#[derive(Debug, Clone)]
pub struct GroupCountsQuery {
    filter: CheckedFilter<RemediationFilter>,
    by: Grouping,
}

impl GroupCountsQuery {
    /// The number of matching records with each value of a column.
    #[must_use]
    pub const fn new(filter: CheckedFilter<RemediationFilter>, by: Grouping) -> Self {
        Self { filter, by }
    }

    /// The statement, for a service with another driver: `value` and `count` a row, the largest first; one row more than
    /// [`MAX_GROUPS`] says that smaller ones were left out.
    ///
    /// ```
    /// use storage_query::{GroupCountsQuery, Grouping, CheckedFilter};
    ///
    /// let sql = GroupCountsQuery::new(CheckedFilter::default(), Grouping::Severity).to_sql();
    /// assert!(sql.text.starts_with("SELECT severity AS value, "), "{}", sql.text);
    /// ```
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql(&self.filter, self.by, ONE_MORE).into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Groups, QueryError> {
        let by = self.by;
        let rows = Statement::<Row>::new(sql(&self.filter, by, ONE_MORE)).load(conn, "count groups").await?;
        let is_truncated = rows.len() > MAX_GROUPS;
        let groups = rows.into_iter().take(MAX_GROUPS);
        let groups = groups.map(|Row { value, count }| Group { by, value, count }).collect();
        Ok(Groups { groups, is_truncated })
    }
}

/// The largest groups, at most so many, ordered by bytes, which does not depend on how the database was made.
pub(super) fn sql(filter: &CheckedFilter<RemediationFilter>, by: Grouping, limit: i64) -> Sql {
    if let Some(counter_sum) = counter_sum::of::<Remediation>(filter, &[by.column()]) {
        let mut sums = Sql::new("(");
        sums.append(counter_sum).text(") AS counter_sum");
        return summed(sums, by, limit);
    }
    if let Some(sql) = of_index(filter, by, limit) {
        return sql;
    }
    let mut sql = counted(by, Conditions::of(filter));
    sql.append(largest(by.column(), limit));
    sql
}

/// The same where the filter leaves all records of a range of time: the column's own index, which has only records with a
/// value, is a fifth of the table, and the counters know how many records there are in all.
fn of_index(filter: &CheckedFilter<RemediationFilter>, by: Grouping, limit: i64) -> Option<Sql> {
    let present = by.presence()?;
    if Conditions::is_of_columns(filter) {
        return None;
    }
    let total = counter_sum::total::<Remediation>(filter)?;
    let mut conditions = Conditions::of(filter);
    conditions.and(present);
    let mut sql = Sql::new("WITH present AS (");
    sql.append(counted(by, conditions))
        .text(") SELECT value, count FROM (SELECT value, count FROM present UNION ALL SELECT NULL, (")
        .append(total)
        .text(") - (SELECT coalesce(sum(count), 0)::bigint FROM present)) AS every WHERE count > 0")
        .append(largest("value", limit));
    Some(sql)
}

/// How many records that meet the conditions have each value.
fn counted(by: Grouping, conditions: Conditions) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(by.column())
        .text(" AS value, count(*) AS count FROM ")
        .text(Remediation::TABLE)
        .append(conditions.into_sql())
        .text(" GROUP BY ")
        .text(by.column());
    sql
}

/// The same over the rows of a table that have `records` of their column's value.
pub(super) fn summed(table: Sql, by: Grouping, limit: i64) -> Sql {
    let mut sql = Sql::new("SELECT ");
    // A kind of which no record is left may still have its counter.
    sql.text(by.column())
        .text(" AS value, sum(records)::bigint AS count FROM ")
        .append(table)
        .text(" GROUP BY ")
        .text(by.column())
        .text(" HAVING sum(records) > 0")
        .append(largest(by.column(), limit));
    sql
}

fn largest(column: &'static str, limit: i64) -> Sql {
    let mut sql = Sql::new(" ORDER BY count DESC, ");
    sql.text(column).text(" COLLATE \"C\" ASC NULLS LAST LIMIT ").bind(Bind::BigInt(limit));
    sql
}
