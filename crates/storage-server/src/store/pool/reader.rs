//! The reads of the store, each on a connection of the pool and under a name of its own in the metrics.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use storage_dualwrite::idempotency::{self, IdempotencyKey, Kept};
use storage_models::{
    AiAnalysis, DatabaseFault, Execution, IncidentKey, Record, RecordType, Remediation, Workflow,
};
use storage_query::{
    ActionOutcome, ActionsQuery, AuditRecord, CheckedFilter, Facet, FacetsQuery, GetQuery, GroupCountsQuery,
    Grouping, Groups, History, HistoryQuery, Incident, IncidentHit, IncidentSummary, IncidentsQuery, Lexical,
    LexicalQuery, Listed, Nearest, NearestQuery, Outcomes, OutcomesQuery, QueryError, RemediationFilter,
    SuccessRate, SuccessRateQuery, ThresholdQuery, Timeline, TimelineQuery, Trend, TrendQuery,
};
use storage_schema::partitions::{self, Month};
use tokio::time::Instant;

use super::ReadPool;
use crate::store::edge::{AnyList, AuditReader, Item, ItemPage, PagedQuery, ReadError};

#[async_trait(?Send)]
impl AuditReader for ReadPool {
    async fn list(&self, query: AnyList, deadline: Instant) -> Result<ItemPage, ReadError> {
        match query {
            AnyList::Remediation(query) => self.list_of(&query, "list_remediation", deadline).await,
            AnyList::AiAnalysis(query) => self.list_of(&query, "list_aianalysis", deadline).await,
            AnyList::Workflow(query) => self.list_of(&query, "list_workflow", deadline).await,
            AnyList::Execution(query) => self.list_of(&query, "list_execution", deadline).await,
            AnyList::Incident(query) => self.list_of(&query, "list_incidents", deadline).await,
        }
    }

    async fn get(
        &self,
        record_type: RecordType,
        id: i64,
        deadline: Instant,
    ) -> Result<Option<Record>, ReadError> {
        match record_type {
            RecordType::Remediation => self.record::<Remediation>(id, deadline).await,
            RecordType::AiAnalysis => self.record::<AiAnalysis>(id, deadline).await,
            RecordType::Workflow => self.record::<Workflow>(id, deadline).await,
            RecordType::Execution => self.record::<Execution>(id, deadline).await,
        }
    }

    async fn kept(&self, key: &IdempotencyKey, deadline: Instant) -> Result<Option<Kept>, ReadError> {
        const OPERATION: &str = "idempotency_key";
        let find = async |connection: &mut AsyncPgConnection| {
            let fault = |source| QueryError::Database {
                operation: OPERATION,
                fault: DatabaseFault::of(&source),
                source,
            };
            idempotency::find(connection, key).await.map_err(fault)
        };
        self.read(OPERATION, deadline, find).await
    }

    async fn missing_months(&self, months: Vec<Month>, deadline: Instant) -> Result<Vec<Month>, ReadError> {
        const OPERATION: &str = "missing_months";
        let find = async |connection: &mut AsyncPgConnection| {
            let fault = |source| QueryError::Database {
                operation: OPERATION,
                fault: DatabaseFault::of(&source),
                source,
            };
            partitions::missing(connection, &months).await.map_err(fault)
        };
        self.read(OPERATION, deadline, find).await
    }

    async fn incident(&self, id: i64, deadline: Instant) -> Result<Option<Incident>, ReadError> {
        self.one(id, "get_incident", deadline).await
    }

    async fn timeline(&self, id: i64, deadline: Instant) -> Result<Option<Timeline>, ReadError> {
        let query = TimelineQuery::new(id);
        let read = async |connection: &mut AsyncPgConnection| query.run(connection).await;
        let is_cut = |found: &Option<Timeline>| found.as_ref().is_some_and(|it| it.is_truncated);
        self.read_part("timeline", deadline, read, is_cut).await
    }

    async fn success_rate(
        &self,
        filter: CheckedFilter<RemediationFilter>,
        deadline: Instant,
    ) -> Result<SuccessRate, ReadError> {
        let query = SuccessRateQuery::new(filter);
        self.read("success_rate", deadline, async |connection| query.run(connection).await).await
    }

    async fn group_counts(
        &self,
        filter: CheckedFilter<RemediationFilter>,
        by: Grouping,
        deadline: Instant,
    ) -> Result<Groups, ReadError> {
        let query = GroupCountsQuery::new(filter, by);
        self.read("group_counts", deadline, async |connection| query.run(connection).await).await
    }

    async fn trend(&self, query: TrendQuery, deadline: Instant) -> Result<Trend, ReadError> {
        self.read("trend", deadline, async |connection| query.run(connection).await).await
    }

    async fn outcomes(&self, query: OutcomesQuery, deadline: Instant) -> Result<Outcomes, ReadError> {
        self.read("outcomes", deadline, async |connection| query.run(connection).await).await
    }

    async fn history(&self, query: HistoryQuery, deadline: Instant) -> Result<History, ReadError> {
        self.read("history", deadline, async |connection| query.run(connection).await).await
    }

    async fn actions(&self, query: ActionsQuery, deadline: Instant) -> Result<Vec<ActionOutcome>, ReadError> {
        self.read("actions", deadline, async |connection| query.run(connection).await).await
    }

    async fn threshold(&self, deadline: Instant) -> Result<Option<f64>, ReadError> {
        self.read("threshold", deadline, async |connection| ThresholdQuery.run(connection).await).await
    }

    async fn facets(&self, query: FacetsQuery, deadline: Instant) -> Result<Vec<Facet>, ReadError> {
        self.read("facets", deadline, async |connection| query.run(connection).await).await
    }

    async fn nearest(&self, query: NearestQuery, deadline: Instant) -> Result<Nearest, ReadError> {
        self.read("search_semantic", deadline, async |connection| query.run(connection).await).await
    }

    async fn nearest_incidents(
        &self,
        query: NearestQuery,
        deadline: Instant,
    ) -> Result<Vec<IncidentHit>, ReadError> {
        self.read("search_semantic", deadline, async |connection| query.incidents(connection).await).await
    }

    async fn incidents(
        &self,
        keys: Vec<IncidentKey>,
        filter: CheckedFilter<RemediationFilter>,
        deadline: Instant,
    ) -> Result<HashMap<IncidentKey, IncidentSummary>, ReadError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let query = IncidentsQuery::new(keys, filter);
        self.read("search_incidents", deadline, async |connection| query.run(connection).await).await
    }

    async fn lexical(&self, query: LexicalQuery, deadline: Instant) -> Result<Lexical, ReadError> {
        self.read("search_lexical", deadline, async |connection| query.run(connection).await).await
    }

    async fn nearest_among(
        &self,
        query: NearestQuery,
        candidates: Vec<i64>,
        deadline: Instant,
    ) -> Result<Nearest, ReadError> {
        let read = async |connection: &mut AsyncPgConnection| query.run_among(&candidates, connection).await;
        self.read("search_candidates", deadline, read).await
    }
}

impl ReadPool {
    async fn list_of<R: Listed + Into<Item>>(
        &self,
        query: &PagedQuery<R>,
        operation: &'static str,
        deadline: Instant,
    ) -> Result<ItemPage, ReadError> {
        let read = async |connection: &mut AsyncPgConnection| query.run(connection).await;
        Ok(self.read_part(operation, deadline, read, |page| page.is_cut).await?.into())
    }

    async fn record<R: AuditRecord>(&self, id: i64, deadline: Instant) -> Result<Option<Record>, ReadError> {
        Ok(self.one::<R>(id, "get", deadline).await?.map(AuditRecord::into_record))
    }

    async fn one<R: Listed>(
        &self,
        id: i64,
        operation: &'static str,
        deadline: Instant,
    ) -> Result<Option<R>, ReadError> {
        let query = GetQuery::<R>::new(id);
        self.read(operation, deadline, async |connection| query.run(connection).await).await
    }
}
