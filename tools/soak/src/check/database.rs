//! What PostgreSQL itself says.

use std::collections::BTreeMap;

use anyhow::Result;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};
use storage_models::RecordType;

use super::finding::Check;
use crate::model::Difference;

/// The tables of each type.
const COUNTS: [(RecordType, &str); 4] = [
    (RecordType::Remediation, "SELECT count(*) AS n FROM remediation_audit"),
    (RecordType::AiAnalysis, "SELECT count(*) AS n FROM ai_analysis_audit"),
    (RecordType::Workflow, "SELECT count(*) AS n FROM workflow_audit"),
    (RecordType::Execution, "SELECT count(*) AS n FROM execution_audit"),
];

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

/// A connection to the database of the run.
pub(crate) struct Database(AsyncPgConnection);

impl Database {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        Ok(Self(AsyncPgConnection::establish(url).await?))
    }

    async fn number(&mut self, query: &'static str) -> Result<i64> {
        Ok(sql_query(query).get_result::<Number>(&mut self.0).await?.n)
    }

    /// Remediations that wait for the projector.
    pub(crate) async fn waiting(&mut self) -> Result<i64> {
        self.number("SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NULL").await
    }

    pub(crate) async fn count(&mut self, kind: RecordType) -> Result<u64> {
        let query = COUNTS.iter().find(|(it, _)| *it == kind).map_or("", |(_, query)| query);
        Ok(u64::try_from(self.number(query).await?)?)
    }

    /// The versions of all remediations, by id.
    pub(crate) async fn versions(&mut self) -> Result<BTreeMap<i64, i64>> {
        let query =
            "SELECT id, (extract(epoch FROM updated_at) * 1000000)::bigint AS version FROM remediation_audit";
        let rows: Vec<Version> = sql_query(query).load(&mut self.0).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.version)).collect())
    }

    /// The outbox is empty, what was parked included.
    pub(crate) async fn outbox(&mut self) -> Result<Check> {
        let query = "SELECT to_jsonb(o)::text AS row FROM vector_outbox o ORDER BY record_id LIMIT 20";
        self.none("the outbox is empty and has no parked records", query).await
    }

    /// Every remediation has its vector.
    pub(crate) async fn embedded(&mut self) -> Result<Check> {
        let query = "SELECT id || ' has no embedding' AS row FROM remediation_audit r WHERE NOT EXISTS ( \
            SELECT FROM remediation_vector v JOIN embedding_vector USING (slot, embedding_id) \
            WHERE v.record_id = r.id AND v.start_time = r.start_time AND v.version = r.updated_at) \
            ORDER BY id LIMIT 20";
        self.none("every remediation is embedded", query).await
    }

    /// PostgreSQL had no deadlock to resolve since it was started.
    pub(crate) async fn deadlocks(&mut self) -> Result<Check> {
        let query = "SELECT deadlocks || ' deadlocks' AS row FROM pg_stat_database \
            WHERE datname = current_database() AND deadlocks > 0";
        self.none("PostgreSQL had no deadlock to resolve", query).await
    }

    async fn none(&mut self, name: &'static str, query: &'static str) -> Result<Check> {
        let looked_at = self.count(RecordType::Remediation).await?;
        let rows: Vec<Row> = sql_query(query).load(&mut self.0).await?;
        let differences = rows.into_iter().map(|row| Difference::Other(row.row)).collect();
        Ok(Check { name, looked_at, differences })
    }
}
