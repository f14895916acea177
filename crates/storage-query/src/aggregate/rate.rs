//! How many of the finished remediations succeeded.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_models::{Phase, Remediation};

use super::OUTCOMES;
use crate::filter::Conditions;
use crate::number::ratio;
use crate::record::sealed::Shape as _;
use crate::sql::{BoundSql, Sql, Statement};
use crate::{AuditFilter as _, CheckedFilter, QueryError, RemediationFilter, counter_sum};

/// How the finished remediations went, those with phase completed or failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SuccessRate {
    /// How many are finished, whatever their status.
    pub total_count: i64,
    /// How many of them have status success.
    pub success_count: i64,
    /// How many of them have status failed; those with neither count as unknown.
    pub failure_count: i64,
    /// `success_count / total_count`, from 0 to 1; `None` (null) when none is finished.
    pub success_rate: Option<f64>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    success: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
}

/// How the finished remediations that match a filter went.
#[derive(Debug, Clone)]
pub struct SuccessRateQuery {
    filter: CheckedFilter<RemediationFilter>,
}

impl SuccessRateQuery {
    /// The outcomes of the remediations that match `filter`.
    #[must_use]
    pub const fn new(filter: CheckedFilter<RemediationFilter>) -> Self {
        Self { filter }
    }

    /// The statement, for a service with another driver: one row, `total`, `success` and `failed`.
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        sql(&self.filter).into_bound()
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<SuccessRate, QueryError> {
        let rows = Statement::<Row>::new(sql(&self.filter)).load(conn, "count outcomes").await?;
        let rate = |row: &Row| SuccessRate::of(row.total, row.success, row.failed);
        Ok(rows.first().map_or_else(|| SuccessRate::of(0, 0, 0), rate))
    }
}

impl SuccessRate {
    pub(super) fn of(total_count: i64, success_count: i64, failure_count: i64) -> Self {
        let success_rate = ratio(success_count, total_count);
        Self { total_count, success_count, failure_count, success_rate }
    }
}

/// From the counters where they know the filter, which know phases and statuses as well.
pub(super) fn sql(filter: &CheckedFilter<RemediationFilter>) -> Sql {
    if let Some(counter_sum) =
        finished(filter).and_then(|it| counter_sum::of::<Remediation>(&it, &["status"]))
    {
        let mut sql = Sql::new(
            "SELECT coalesce(sum(records), 0)::bigint AS total, \
             coalesce(sum(records) FILTER (WHERE status = 'success'), 0)::bigint AS success, \
             coalesce(sum(records) FILTER (WHERE status = 'failed'), 0)::bigint AS failed FROM (",
        );
        sql.append(counter_sum).text(") AS counter_sum");
        return sql;
    }
    let mut conditions = Conditions::of(filter);
    conditions.and("phase IN ('completed', 'failed')");
    let mut sql = Sql::new("SELECT ");
    sql.text(OUTCOMES).text(" FROM ").text(Remediation::TABLE).append(conditions.into_sql());
    sql
}

/// The same filter for finished records alone; `None` when it asks for none of them, or whether there is a phase.
fn finished(filter: &CheckedFilter<RemediationFilter>) -> Option<CheckedFilter<RemediationFilter>> {
    if !filter.filter().values("phase.null").is_empty() {
        return None;
    }
    let wanted = filter.filter().values("phase");
    let asks_for = |phase: &Phase| wanted.is_empty() || wanted.iter().any(|it| it == phase.as_str());
    let phases: Vec<Phase> = [Phase::Completed, Phase::Failed].into_iter().filter(asks_for).collect();
    (!phases.is_empty()).then(|| filter.clone().with(|it| it.set_phases(&phases)))
}
