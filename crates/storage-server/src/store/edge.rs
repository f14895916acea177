//! The store as the handlers use it, so that tests can replace it by faults (F18).

use std::collections::HashMap;

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_dualwrite::idempotency::{IdempotencyKey, Kept, Keyed, Written};
use storage_dualwrite::{ConnectError, Reservation, Updated, WriteError};
use storage_models::{
    AiAnalysis, ErrorCode, Execution, IncidentKey, NewRecord, Record, RecordType, RecordUpdate, Remediation,
    Timestamp, Workflow,
};
use storage_query::{
    ActionOutcome, ActionsQuery, CheckedFilter, Facet, FacetsQuery, Feed, Grouping, Groups, History,
    HistoryQuery, Incident, IncidentHit, IncidentSummary, Lexical, LexicalQuery, ListQuery, Listed, Nearest,
    NearestQuery, Outcomes, OutcomesQuery, Page, PageRequest, QueryError, RemediationFilter, SuccessRate,
    Timeline, Trend, TrendQuery,
};
use storage_schema::partitions::Month;
use tokio::time::Instant;

/// Takes records. The real one is [`WritePath`]. Futures need not be `Send`: a handler stays on its thread.
#[async_trait(?Send)]
pub(crate) trait AuditWriter: Send + Sync {
    /// Stores one record, see [`Writer::write`](storage_dualwrite::Writer::write).
    async fn write(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError>;

    /// Stores one record in both stores or in neither, see
    /// [`StrictWriter::write`](storage_dualwrite::StrictWriter::write).
    async fn write_strict(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError>;

    /// Stores all records or none, see [`Writer::write_batch`](storage_dualwrite::Writer::write_batch).
    async fn write_batch(
        &self,
        records: Vec<NewRecord>,
        keyed: Option<Keyed<[i64]>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Vec<i64>>, WriteError>;

    /// Changes one record, see [`Writer::update`](storage_dualwrite::Writer::update).
    async fn update(
        &self,
        current: &Record,
        update: RecordUpdate,
        keyed: Option<Keyed<Updated>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Updated>, WriteError>;

    /// Waits until these versions have reached every store, see
    /// [`ProjectionWaits::wait`](storage_dualwrite::ProjectionWaits::wait).
    async fn until_synced(&self, versions: Vec<(i64, Timestamp)>, until: Instant) -> bool;

    /// Replaces the body of a kept answer, see
    /// [`KeptAnswers::amend`](storage_dualwrite::idempotency::KeptAnswers::amend).
    async fn amend(&self, key: &IdempotencyKey, body: &[u8], until: Instant) -> bool;

    /// Whether PostgreSQL answered when it was last asked for a write.
    fn is_up(&self) -> bool;
}

/// Gives records. The real one is [`crate::store::pool::ReadPool`].
///
/// Dropping a future of it, or passing the deadline, ends the statement on the server.
#[async_trait(?Send)]
pub(crate) trait AuditReader: Send + Sync {
    /// One page.
    async fn list(&self, query: AnyList, deadline: Instant) -> Result<ItemPage, ReadError>;

    /// The record with this id.
    async fn get(
        &self,
        record_type: RecordType,
        id: i64,
        deadline: Instant,
    ) -> Result<Option<Record>, ReadError>;

    /// The answer that is kept under an idempotency key.
    async fn kept(&self, key: &IdempotencyKey, deadline: Instant) -> Result<Option<Kept>, ReadError>;

    /// Those of the months that have no partition.
    async fn missing_months(&self, months: Vec<Month>, deadline: Instant) -> Result<Vec<Month>, ReadError>;

    /// The incident with this id.
    async fn incident(&self, id: i64, deadline: Instant) -> Result<Option<Incident>, ReadError>;

    /// The remediation with this id and all that belongs to it.
    async fn timeline(&self, id: i64, deadline: Instant) -> Result<Option<Timeline>, ReadError>;

    /// How many of the finished remediations succeeded.
    async fn success_rate(
        &self,
        filter: CheckedFilter<RemediationFilter>,
        deadline: Instant,
    ) -> Result<SuccessRate, ReadError>;

    /// How many remediations have each value of a column.
    async fn group_counts(
        &self,
        filter: CheckedFilter<RemediationFilter>,
        by: Grouping,
        deadline: Instant,
    ) -> Result<Groups, ReadError>;

    /// How many remediations began in each interval.
    async fn trend(&self, query: TrendQuery, deadline: Instant) -> Result<Trend, ReadError>;

    /// What came of what was done.
    async fn outcomes(&self, query: OutcomesQuery, deadline: Instant) -> Result<Outcomes, ReadError>;

    /// How often an alert came.
    async fn history(&self, query: HistoryQuery, deadline: Instant) -> Result<History, ReadError>;

    /// What was done about some incidents, and what came of it.
    async fn actions(&self, query: ActionsQuery, deadline: Instant) -> Result<Vec<ActionOutcome>, ReadError>;

    /// From which similarity on incidents are alike.
    async fn threshold(&self, deadline: Instant) -> Result<Option<f64>, ReadError>;

    /// Which values there are to filter by.
    async fn facets(&self, query: FacetsQuery, deadline: Instant) -> Result<Vec<Facet>, ReadError>;

    /// The remediations nearest in meaning.
    async fn nearest(&self, query: NearestQuery, deadline: Instant) -> Result<Nearest, ReadError>;

    /// The incidents nearest in meaning.
    async fn nearest_incidents(
        &self,
        query: NearestQuery,
        deadline: Instant,
    ) -> Result<Vec<IncidentHit>, ReadError>;

    /// These incidents, as the records that match the filter show them.
    async fn incidents(
        &self,
        keys: Vec<IncidentKey>,
        filter: CheckedFilter<RemediationFilter>,
        deadline: Instant,
    ) -> Result<HashMap<IncidentKey, IncidentSummary>, ReadError>;

    /// The remediations that hold the words.
    async fn lexical(&self, query: LexicalQuery, deadline: Instant) -> Result<Lexical, ReadError>;

    /// The remediations nearest in meaning that share a vector with one of the candidates.
    async fn nearest_among(
        &self,
        query: NearestQuery,
        candidates: Vec<i64>,
        deadline: Instant,
    ) -> Result<Nearest, ReadError>;
}

/// Records of a type, page by page.
#[derive(Debug, Clone)]
pub(crate) enum PagedQuery<R: Listed> {
    List(ListQuery<R>),
    Feed(Feed<R>),
}

impl<R: Listed> PagedQuery<R> {
    /// Which records are meant.
    pub(crate) const fn filter(&self) -> &CheckedFilter<R::Filter> {
        match self {
            Self::List(list) => list.filter(),
            Self::Feed(feed) => feed.filter(),
        }
    }

    pub(crate) async fn run(&self, connection: &mut AsyncPgConnection) -> Result<Page<R>, QueryError> {
        match self {
            Self::List(list) => list.run(connection).await,
            Self::Feed(feed) => feed.run(connection).await,
        }
    }
}

/// A list of any kind.
#[derive(Debug, Clone)]
pub(crate) enum AnyList {
    Remediation(PagedQuery<Remediation>),
    AiAnalysis(PagedQuery<AiAnalysis>),
    Workflow(PagedQuery<Workflow>),
    Execution(PagedQuery<Execution>),
    Incident(PagedQuery<Incident>),
}

/// The items of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Item {
    Record(Record),
    Incident(Incident),
}

impl Item {
    /// Bytes of its long texts.
    pub(crate) fn bulk(&self) -> usize {
        match self {
            Self::Record(record) => record.bulk(),
            Self::Incident(incident) => incident.bulk(),
        }
    }
}

macro_rules! any_list {
    ($($kind:ident in $item:ident as $wrap:expr,)+) => {$(
        impl From<PagedQuery<$kind>> for AnyList {
            fn from(query: PagedQuery<$kind>) -> Self {
                Self::$kind(query)
            }
        }

        impl From<$kind> for Item {
            fn from(item: $kind) -> Self {
                Self::$item($wrap(item))
            }
        }
    )+};
}

any_list! {
    Remediation in Record as Record::Remediation,
    AiAnalysis in Record as Record::AiAnalysis,
    Workflow in Record as Record::Workflow,
    Execution in Record as Record::Execution,
    Incident in Incident as std::convert::identity,
}

/// A page of items of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ItemPage {
    pub(crate) items: Vec<Item>,
    pub(crate) total: Option<i64>,
    pub(crate) request: PageRequest,
    /// Then the number of items before the page is unknown.
    pub(crate) is_after_cursor: bool,
    pub(crate) has_more: bool,
    /// Whether it ends before its limit because its items are large.
    pub(crate) is_cut: bool,
    pub(crate) next_cursor: Option<String>,
    pub(crate) previous_cursor: Option<String>,
}

impl<R: Into<Item>> From<Page<R>> for ItemPage {
    fn from(page: Page<R>) -> Self {
        Self {
            items: page.records.into_iter().map(Into::into).collect(),
            total: page.total,
            request: page.request,
            is_after_cursor: page.is_after_cursor,
            has_more: page.has_more,
            is_cut: page.is_cut,
            next_cursor: page.next_cursor.map(|cursor| cursor.to_string()),
            previous_cursor: page.previous_cursor.map(|cursor| cursor.to_string()),
        }
    }
}

impl ItemPage {
    /// How many items were skipped; `None` after a cursor.
    pub(crate) fn offset(&self) -> Option<i64> {
        (!self.is_after_cursor).then_some(self.request.offset())
    }
}

/// A read that was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Every connection is in use and none came free in time.
    #[error("no connection for reads became free in time; see database.read_connections")]
    Busy,
    /// As many exports are under way as may be.
    #[error("every connection for exports is in use; see export.connections")]
    TooManyExports,
    /// No connection could be made.
    #[error("the connection to PostgreSQL for a read failed")]
    Connect(#[source] ConnectError),
    /// The request's time was up; the statement was cancelled.
    #[error("the read took longer than the request's time limit")]
    DeadlinePassed,
    /// The pool is closed.
    #[error("the service is stopping")]
    Stopping,
    /// A record could not be written as JSON.
    #[error("a record could not be written as JSON")]
    Encoding(#[source] serde_json::Error),
    /// The database did not answer, or not as it should.
    #[error("the query was not answered")]
    Query(#[source] QueryError),
}

impl ReadError {
    /// The problem for the caller.
    pub(crate) const fn code(&self) -> ErrorCode {
        match self {
            Self::Busy | Self::TooManyExports => ErrorCode::Overloaded,
            Self::Connect(_) => ErrorCode::Unavailable,
            Self::DeadlinePassed => ErrorCode::DeadlinePassed,
            Self::Stopping => ErrorCode::Stopping,
            Self::Encoding(_) => ErrorCode::Internal,
            Self::Query(error) => error.code(),
        }
    }
}
