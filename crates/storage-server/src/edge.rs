//! What the handlers need of the store, so that tests can put faults in its place (F18).

use async_trait::async_trait;
use storage_dualwrite::{ConnectError, Reservation, WriteError, Writer};
use storage_models::{AiAnalysis, ErrorCode, Execution, NewRecord, Record, RecordType, Remediation, Workflow};
use storage_query::{AuditRecord, ListQuery, Nearest, NearestQuery, Page, PageRequest, QueryError};
use tokio::time::Instant;

/// Takes records. The real one is [`Writer`]. Futures need not be `Send`: a handler stays on its thread.
#[async_trait(?Send)]
pub(crate) trait AuditWriter: Send + Sync {
    /// Stores one record, see [`Writer::write`].
    async fn write(&self, record: NewRecord, size: Reservation, deadline: Instant) -> Result<Record, WriteError>;

    /// Whether PostgreSQL answered when it was last asked for a write.
    fn is_up(&self) -> bool;
}

#[async_trait(?Send)]
impl AuditWriter for Writer {
    async fn write(&self, record: NewRecord, size: Reservation, deadline: Instant) -> Result<Record, WriteError> {
        Self::write(self, record, size, deadline).await
    }

    fn is_up(&self) -> bool {
        Self::is_up(self)
    }
}

/// Gives records. The real one is [`crate::pool::ReadPool`].
///
/// Dropping a future of it, or passing the deadline, ends the statement on the server.
#[async_trait(?Send)]
pub(crate) trait AuditReader: Send + Sync {
    /// One page.
    async fn list(&self, query: AnyList, deadline: Instant) -> Result<RecordPage, ReadError>;

    /// The record with this id.
    async fn get(&self, record_type: RecordType, id: i64, deadline: Instant) -> Result<Option<Record>, ReadError>;

    /// The remediations nearest in meaning.
    async fn nearest(&self, query: NearestQuery, deadline: Instant) -> Result<Nearest, ReadError>;
}

/// A list of any type.
#[derive(Debug, Clone)]
pub(crate) enum AnyList {
    Remediation(ListQuery<Remediation>),
    AiAnalysis(ListQuery<AiAnalysis>),
    Workflow(ListQuery<Workflow>),
    Execution(ListQuery<Execution>),
}

macro_rules! any_list {
    ($($record:ident)+) => {$(
        impl From<ListQuery<$record>> for AnyList {
            fn from(query: ListQuery<$record>) -> Self {
                Self::$record(query)
            }
        }
    )+};
}

any_list!(Remediation AiAnalysis Workflow Execution);

/// A page of records of one type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordPage {
    pub(crate) records: Vec<Record>,
    pub(crate) total: Option<i64>,
    pub(crate) request: PageRequest,
    pub(crate) has_more: bool,
}

impl<R: AuditRecord> From<Page<R>> for RecordPage {
    fn from(page: Page<R>) -> Self {
        Self {
            records: page.records.into_iter().map(AuditRecord::into_record).collect(),
            total: page.total,
            request: page.request,
            has_more: page.has_more,
        }
    }
}

/// A read that was not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Every connection is in use and none came free in time.
    #[error("no connection for reads came free in time; see database.read_connections")]
    Busy,
    /// No connection could be made.
    #[error("no connection to PostgreSQL for a read")]
    Connect(#[source] ConnectError),
    /// The request's time was up; the statement was cancelled.
    #[error("the read was still running when the request's time was up")]
    DeadlinePassed,
    /// The pool is closed.
    #[error("the service is stopping")]
    Stopping,
    /// The pool cannot work as it is built.
    #[error("the pool of connections for reads does not work: {0}")]
    Pool(String),
    /// The database did not answer, or not as it should.
    #[error("the query was not answered")]
    Query(#[source] QueryError),
}

impl ReadError {
    /// What the caller is told.
    pub(crate) const fn code(&self) -> ErrorCode {
        match self {
            Self::Busy => ErrorCode::Overloaded,
            Self::Connect(_) => ErrorCode::Unavailable,
            Self::DeadlinePassed => ErrorCode::DeadlinePassed,
            Self::Stopping => ErrorCode::Stopping,
            Self::Pool(_) => ErrorCode::Internal,
            Self::Query(error) => error.code(),
        }
    }
}
