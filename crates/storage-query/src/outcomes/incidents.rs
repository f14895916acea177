//! What was done about some incidents, and what came of it.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::{Array, BigInt, Binary, Double, Nullable, Text};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::{IncidentKey, Timestamp};

use super::counts::{BOUNDS, COUNTS, JUDGMENTS, OutcomeCounts};
use super::judged::{self, FINISHED, MAX_JUDGED, Order};
use super::settle::Settle;
use crate::filter::Conditions;
use crate::search::{IncidentHit, NEWEST, placed, sharing};
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{CheckedFilter, NearestQuery, QueryError, RemediationFilter};

const OPERATION: &str = "count outcomes of incidents";

/// What was done about some incidents, and what came of it, by action: of the finished records that match a filter and
/// have a vector of the set that serves, at most [`MAX_JUDGED`] in all, the newest of each incident. Where there are more,
/// the incidents share them equally, and what an incident with fewer records leaves, the others have.
#[derive(Debug, Clone)]
pub struct ActionsQuery {
    source: Source,
    filter: CheckedFilter<RemediationFilter>,
    now: Timestamp,
    settle: Settle,
    is_together: bool,
}

/// Of which records it is.
#[derive(Debug, Clone)]
enum Source {
    /// Those of these incidents.
    Incidents(Vec<IncidentHit>),
    /// All that match the filter, which says what they have in common.
    Records,
}

/// What came of one action.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ActionOutcome {
    /// Of which incident; `None` when all are taken together.
    pub incident: Option<IncidentKey>,
    /// What was done.
    pub action_type: String,
    /// How near the nearest incident is about which it was done.
    pub similarity: f64,
    /// What came of it.
    pub counts: OutcomeCounts,
    /// The ids of the newest records of it, the newest first, at most [`NEWEST`].
    pub evidence: Vec<i64>,
}

impl QueryableByName<Pg> for ActionOutcome {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        Ok(Self {
            incident: NamedRow::get::<Nullable<Binary>, _>(row, "incident_key")?,
            action_type: NamedRow::get::<Text, _>(row, "action_type")?,
            similarity: NamedRow::get::<Double, _>(row, "similarity")?,
            counts: OutcomeCounts::build(row)?,
            evidence: NamedRow::get::<Array<BigInt>, _>(row, "evidence")?,
        })
    }
}

impl ActionsQuery {
    /// The incidents `hits`, each apart, as those that match `filter` show them, as it is known at `now`.
    #[must_use]
    pub fn new(hits: Vec<IncidentHit>, filter: CheckedFilter<RemediationFilter>, now: Timestamp) -> Self {
        let source = Source::Incidents(hits);
        Self { source, filter, now, settle: Settle::default(), is_together: false }
    }

    /// The records that match `filter`, whatever their incidents, at most the [`MAX_JUDGED`] newest: those of one alert,
    /// where no vector tells which incidents are alike.
    #[must_use]
    pub fn of_records(filter: CheckedFilter<RemediationFilter>, now: Timestamp) -> Self {
        Self { source: Source::Records, filter, now, settle: Settle::default(), is_together: true }
    }

    /// All incidents taken together: what worked in cases like these.
    #[must_use]
    pub const fn together(mut self) -> Self {
        self.is_together = true;
        self
    }

    /// For how long a success must have lasted to have held.
    #[must_use]
    pub const fn settle(mut self, settle: Settle) -> Self {
        self.settle = settle;
        self
    }

    /// The statement, for a service with another driver: `incident_key`, `action_type`, `similarity`, `evidence` and the
    /// counts a row. Run it in a transaction with [`NearestQuery::SETTINGS`].
    #[must_use]
    pub fn to_sql(&self) -> BoundSql {
        self.sql().into_bound()
    }

    /// Runs it in a transaction of its own. The actions whose successes hold most surely come first, by the bound of that
    /// rate; then the newest.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    #[expect(clippy::disallowed_methods, reason = "the connection's owner decides about limits and retries")]
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Vec<ActionOutcome>, QueryError> {
        conn.transaction(async |conn| {
            conn.batch_execute(NearestQuery::SETTINGS).await.map_err(QueryError::database(OPERATION))?;
            Statement::new(self.sql()).load(conn, OPERATION).await
        })
        .await
    }

    pub(super) fn sql(&self) -> Sql {
        let incident = if self.is_together { "NULL::bytea" } else { "incident_key" };
        let mut sql = Sql::new("WITH looked AS (");
        sql.append(match &self.source {
            Source::Incidents(hits) => self.of_incidents(hits),
            Source::Records => self.of_all(),
        })
        .text("), judged AS (")
        .append(judged::judged_once(self.now, self.settle))
        .text("), outcome AS (SELECT ")
        .text(incident)
        .text(" AS incident_key, action_type, max(similarity) AS similarity, ")
        .text(COUNTS)
        .text(", ")
        .text(JUDGMENTS)
        .text(", (array_agg(id ORDER BY start_time DESC, id DESC))[:")
        .bind(Bind::BigInt(NEWEST))
        .text("] AS evidence FROM judged GROUP BY 1, action_type) SELECT *, ")
        .text(BOUNDS)
        .text(
            " FROM outcome ORDER BY held_rate_bound DESC NULLS LAST, last_seen DESC, action_type COLLATE \"C\"",
        );
        sql
    }

    /// The records of each incident by the index that has them newest first, as many as its share.
    fn of_incidents(&self, hits: &[IncidentHit]) -> Sql {
        let mut own = Conditions::default();
        own.and("id = placed.record_id");
        own.and("start_time = placed.start_time");
        let mut own = own.with(&self.filter);
        own.and(FINISHED);
        let (keys, similarities) = hits.iter().map(|hit| (hit.key, hit.similarity)).unzip();
        let mut hit = Sql::new("UNNEST(");
        hit.bind(Bind::IncidentKeyArray(keys))
            .text(", ")
            .bind(Bind::DoubleArray(similarities))
            .text(") AS hit (incident_key, similarity)");
        let mut sql = Sql::new("WITH ");
        sql.append(sharing(hit, &self.filter, MAX_JUDGED))
            .text(
                " SELECT wanted.incident_key, wanted.similarity, held.* FROM wanted CROSS JOIN LATERAL (SELECT record.* \
                 FROM remediation_vector AS placed CROSS JOIN LATERAL (",
            )
            .append(judged::looked_at_one_by_one(own))
            .text(") AS record")
            .append(placed(&self.filter, "wanted.incident_key").into_sql())
            .text(" ORDER BY placed.start_time DESC, placed.record_id DESC LIMIT (SELECT most FROM share)) AS held");
        sql
    }

    fn of_all(&self) -> Sql {
        let mut own = Conditions::of(&self.filter);
        own.and(FINISHED);
        let mut sql = Sql::new("SELECT NULL::bytea AS incident_key, 1::float8 AS similarity, held.* FROM (");
        sql.append(judged::looked_at(&[], own, Order::NewestFirst, MAX_JUDGED)).text(") AS held");
        sql
    }
}
