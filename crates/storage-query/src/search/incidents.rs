//! Incidents instead of records: what records that say the same have in common.

use std::collections::HashMap;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::{IncidentKey, Remediation};

use super::nearest::record_of_placed;
use super::share::{placed, sharing};
use crate::filter::Conditions;
use crate::read::rows::Summarized;
use crate::record::sealed::Shape as _;
use crate::sql::{Bind, BoundSql, Bounded, Sql, Statement};
use crate::{CheckedFilter, NearestQuery, QueryError, RemediationFilter};

const OPERATION: &str = "read incidents";

/// How many records of an incident are counted, at most: the newest. Where the filter asks for more than a range of time,
/// the records must be looked at, and the incidents share that number.
pub const MAX_COUNTED: i64 = 10_000;

/// How many of an incident's newest records are named.
pub const NEWEST: i64 = 5;

/// A summary of those records of an incident that match a filter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IncidentSummary {
    /// The newest record.
    pub record: Remediation,
    /// How many there are, at most [`MAX_COUNTED`].
    pub count: i64,
    /// The ids of the newest records, the newest first, at most [`NEWEST`].
    pub newest: Vec<i64>,
    is_at_least: bool,
}

impl IncidentSummary {
    /// Whether there may be more records than `count` says.
    #[must_use]
    pub const fn is_count_at_least(&self) -> bool {
        self.is_at_least
    }
}

/// Incidents as the records that match a filter show them, whose vectors the set that serves has; an incident without such
/// a record is not among them.
#[derive(Debug, Clone)]
pub struct IncidentsQuery {
    keys: Vec<IncidentKey>,
    filter: CheckedFilter<RemediationFilter>,
}

impl IncidentsQuery {
    /// The summaries of the incidents `keys` over the records that match `filter`.
    #[must_use]
    pub const fn new(keys: Vec<IncidentKey>, filter: CheckedFilter<RemediationFilter>) -> Self {
        Self { keys, filter }
    }

    /// The statement, for a service with another driver: the newest record's columns, `incident_key`, `count`, `newest` and
    /// `is_at_least` a row. Run it in a transaction with [`NearestQuery::SETTINGS`].
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        summaries(&self.keys, &self.filter).into_bound()
    }

    /// Runs it in a transaction of its own.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    #[expect(clippy::disallowed_methods, reason = "the connection's owner decides about limits and retries")]
    pub async fn run(
        &self,
        conn: &mut AsyncPgConnection,
    ) -> Result<HashMap<IncidentKey, IncidentSummary>, QueryError> {
        conn.transaction(async |conn| {
            conn.batch_execute(NearestQuery::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
            let statement = Statement::<Summarized<Remediation>>::new(summaries(&self.keys, &self.filter));
            let Bounded { rows, .. } = statement.load_within_bound(conn, OPERATION).await?;
            let summary = |row: Summarized<Remediation>| {
                let Summarized { record, key, count, newest, is_at_least } = row;
                (key, IncidentSummary { record, count, newest, is_at_least })
            };
            Ok(rows.into_iter().map(summary).collect())
        })
        .await
    }
}

/// The records of each incident by the index that has them newest first, as many as are counted.
fn summaries(keys: &[IncidentKey], filter: &CheckedFilter<RemediationFilter>) -> Sql {
    let mut hit = Sql::new("UNNEST(");
    hit.bind(Bind::IncidentKeyArray(keys.to_vec())).text(") AS hit (incident_key)");
    let (mut sql, mut matching, mut most) = (Sql::new("WITH "), Sql::default(), Sql::default());
    // Records are looked at where the filter asks for more of them than their time.
    if Conditions::is_of_columns(filter) {
        sql.append(sharing(hit, filter, MAX_COUNTED));
        matching.text(" CROSS JOIN LATERAL ").append(record_of_placed(filter));
        most.text("(SELECT most FROM share)");
    } else {
        sql.text("wanted AS (SELECT * FROM ").append(hit).text(")");
        most.bind(Bind::BigInt(MAX_COUNTED));
    }
    sql.text(" SELECT ")
        .text(Remediation::COLUMNS)
        .text(", incident_key, count, newest, count >= ")
        .append(most.clone())
        .text(
            " AS is_at_least FROM wanted CROSS JOIN LATERAL (SELECT count(*) AS count, \
             (array_agg(record_id ORDER BY record_time DESC, record_id DESC))[:",
        )
        .bind(Bind::BigInt(NEWEST))
        .text(
            "] AS newest, (array_agg(record_time ORDER BY record_time DESC, record_id DESC))[1] AS newest_time FROM (\
             SELECT placed.record_id, placed.start_time AS record_time FROM remediation_vector AS placed",
        )
        .append(matching)
        .append(placed(filter, "wanted.incident_key").into_sql())
        .text(" ORDER BY placed.start_time DESC, placed.record_id DESC LIMIT ")
        .append(most)
        .text(") AS counted) AS incident JOIN ")
        .text(Remediation::TABLE)
        .text(" ON id = newest[1] AND start_time = newest_time");
    sql
}
