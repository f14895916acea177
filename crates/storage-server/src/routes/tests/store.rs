//! A store that does what a test wants next.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use storage_dualwrite::idempotency::{IdempotencyKey, Kept, Keyed, Written};
use storage_dualwrite::{Reservation, Updated, WriteError};
use storage_models::{IncidentKey, NewRecord, Record, RecordType, RecordUpdate, Timestamp};
use storage_query::{
    ActionOutcome, ActionsQuery, CheckedFilter, Facet, FacetsQuery, Grouping, Groups, History, HistoryQuery,
    Incident, IncidentHit, IncidentSummary, Lexical, LexicalQuery, Nearest, NearestQuery, Outcomes,
    OutcomesQuery, PageRequest, RemediationFilter, SuccessRate, Timeline, Trend, TrendQuery,
};
use storage_schema::partitions::Month;
use tokio::time::Instant;

use crate::store::edge::{AnyList, AuditReader, AuditWriter, Item, ItemPage, ReadError};

/// What the store does next; empty means that it is never asked.
#[derive(Default)]
pub(super) struct Store {
    pub(super) write: Mutex<Vec<Result<Record, WriteError>>>,
    pub(super) read: Mutex<Vec<Result<Option<Record>, ReadError>>>,
    /// What is kept under any key.
    pub(super) kept: Option<Kept>,
    /// The key of what was written last.
    pub(super) key: Mutex<Option<IdempotencyKey>>,
    /// When what was asked last had to be done.
    pub(super) deadline: Mutex<Option<Instant>>,
}

impl Store {
    fn next(&self, deadline: Instant) -> Result<Option<Record>, ReadError> {
        *self.deadline.lock().unwrap() = Some(deadline);
        self.read.lock().unwrap().pop().expect("the store was not to be asked")
    }

    /// For reads whose answers only a database can give.
    fn fail<T>(&self, deadline: Instant) -> Result<T, ReadError> {
        Err(self.next(deadline).unwrap_err())
    }
}

#[async_trait(?Send)]
impl AuditWriter for Store {
    async fn write(
        &self,
        _: NewRecord,
        keyed: Option<Keyed<Record>>,
        _: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        *self.key.lock().unwrap() = keyed.map(|keyed| keyed.key);
        *self.deadline.lock().unwrap() = Some(deadline);
        let outcome = self.write.lock().unwrap().pop().expect("the store was not to be asked");
        outcome.map(Written::Now)
    }

    async fn write_strict(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        self.write(record, keyed, size, deadline).await
    }

    async fn write_batch(
        &self,
        _: Vec<NewRecord>,
        _: Option<Keyed<[i64]>>,
        _: Reservation,
        deadline: Instant,
    ) -> Result<Written<Vec<i64>>, WriteError> {
        *self.deadline.lock().unwrap() = Some(deadline);
        let outcome = self.write.lock().unwrap().pop().expect("the store was not to be asked");
        outcome.map(|record| Written::Now(vec![record.id()]))
    }

    async fn update(
        &self,
        _: &Record,
        _: RecordUpdate,
        _: Option<Keyed<Updated>>,
        _: Reservation,
        deadline: Instant,
    ) -> Result<Written<Updated>, WriteError> {
        *self.deadline.lock().unwrap() = Some(deadline);
        let outcome = self.write.lock().unwrap().pop().expect("the store was not to be asked");
        outcome.map(|record| Written::Now(Updated { record, is_pending: true }))
    }

    async fn until_synced(&self, _: Vec<(i64, Timestamp)>, _: Instant) -> bool {
        false
    }

    async fn amend(&self, _: &IdempotencyKey, _: &[u8], _: Instant) -> bool {
        false
    }

    fn is_up(&self) -> bool {
        true
    }
}

#[async_trait(?Send)]
impl AuditReader for Store {
    async fn list(&self, _: AnyList, deadline: Instant) -> Result<ItemPage, ReadError> {
        Ok(ItemPage {
            items: self.next(deadline)?.into_iter().map(Item::Record).collect(),
            total: Some(1),
            request: PageRequest::default(),
            is_after_cursor: false,
            has_more: false,
            is_cut: false,
            next_cursor: None,
            previous_cursor: None,
        })
    }

    async fn get(&self, _: RecordType, _: i64, deadline: Instant) -> Result<Option<Record>, ReadError> {
        self.next(deadline)
    }

    async fn kept(&self, _: &IdempotencyKey, _: Instant) -> Result<Option<Kept>, ReadError> {
        Ok(self.kept.clone())
    }

    /// None, as if every month had its partition.
    async fn missing_months(&self, _: Vec<Month>, _: Instant) -> Result<Vec<Month>, ReadError> {
        Ok(Vec::new())
    }

    async fn incident(&self, _: i64, deadline: Instant) -> Result<Option<Incident>, ReadError> {
        self.fail(deadline)
    }

    async fn timeline(&self, _: i64, deadline: Instant) -> Result<Option<Timeline>, ReadError> {
        self.fail(deadline)
    }

    async fn success_rate(
        &self,
        _: CheckedFilter<RemediationFilter>,
        deadline: Instant,
    ) -> Result<SuccessRate, ReadError> {
        self.fail(deadline)
    }

    async fn group_counts(
        &self,
        _: CheckedFilter<RemediationFilter>,
        _: Grouping,
        deadline: Instant,
    ) -> Result<Groups, ReadError> {
        self.fail(deadline)
    }

    async fn trend(&self, _: TrendQuery, deadline: Instant) -> Result<Trend, ReadError> {
        self.fail(deadline)
    }

    async fn outcomes(&self, _: OutcomesQuery, deadline: Instant) -> Result<Outcomes, ReadError> {
        self.fail(deadline)
    }

    async fn history(&self, _: HistoryQuery, deadline: Instant) -> Result<History, ReadError> {
        self.fail(deadline)
    }

    async fn actions(&self, _: ActionsQuery, deadline: Instant) -> Result<Vec<ActionOutcome>, ReadError> {
        self.fail(deadline)
    }

    async fn threshold(&self, deadline: Instant) -> Result<Option<f64>, ReadError> {
        self.fail(deadline)
    }

    async fn facets(&self, _: FacetsQuery, deadline: Instant) -> Result<Vec<Facet>, ReadError> {
        self.fail(deadline)
    }

    async fn nearest(&self, _: NearestQuery, deadline: Instant) -> Result<Nearest, ReadError> {
        self.fail(deadline)
    }

    async fn nearest_incidents(
        &self,
        _: NearestQuery,
        deadline: Instant,
    ) -> Result<Vec<IncidentHit>, ReadError> {
        self.fail(deadline)
    }

    async fn incidents(
        &self,
        _: Vec<IncidentKey>,
        _: CheckedFilter<RemediationFilter>,
        deadline: Instant,
    ) -> Result<HashMap<IncidentKey, IncidentSummary>, ReadError> {
        self.fail(deadline)
    }

    /// Nothing, unless it is to fail: a hit only a database can give.
    async fn lexical(&self, _: LexicalQuery, deadline: Instant) -> Result<Lexical, ReadError> {
        self.next(deadline).map(|_| Lexical::default())
    }

    async fn nearest_among(
        &self,
        _: NearestQuery,
        _: Vec<i64>,
        deadline: Instant,
    ) -> Result<Nearest, ReadError> {
        self.fail(deadline)
    }
}
