//! A record that is in PostgreSQL and in the vector index, or in neither, before its client gets an answer.
//!
//! ```text
//! embed ─▶ BEGIN ─▶ keys ─▶ record ─▶ point into the index ─▶ words, vector ─▶ answer kept ─▶ COMMIT
//!                                                  │ refused, late or away
//!                                                  ▼
//!                                     all of it rolled back, the point removed
//! ```
//!
//! A point may outlive its record all the same: the process is killed, the index is away when the point is to be removed,
//! or applies it late. The reconciler removes it. A point is never removed while it is not known whether its record is
//! stored.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, IncidentKey, NewRecord, Record, RecordType, Remediation, Timestamp};
use storage_postgres::{savepoint, statement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::Instant;

use super::batch::settled;
use super::commit_outcome::CommitProbe;
use super::connection_pool::ConnectionPool;
use super::group::insert_records;
use super::stored::as_stored;
use super::transaction::{Runner, Work};
use super::{WriteError, Writer, measured};
use crate::idempotency::{Keyed, Written, keep};
use crate::index::{IndexError, Point, VectorIndex};
use crate::projection::{self, Version};
use crate::{Connector, EmbedFault, RecordEmbedder, Reservation, ServingSet, embedding_set, vectors};

statement! {
    /// Takes the outbox row of a record that every store of the set holds.
    Remove("outbox/remove_stored.sql") -> () {
        set: i64 => BigInt,
        id: i64 => BigInt,
    }
}

/// How long an answer may wait for the removal of a point that has no record; the reconciler removes what stays.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The dependencies of strict writes besides PostgreSQL.
#[derive(Clone)]
pub struct StrictParts {
    /// Opens their connections: sessions that end a transaction which waits longer than a request may take.
    pub connector: Connector,
    /// Makes vectors.
    pub embedder: Arc<dyn RecordEmbedder>,
    /// The embedder's set, as [`embedding_set::activate`] returned it.
    pub set: ServingSet,
    /// The outside index; without one, PostgreSQL is the index.
    pub index: Option<Arc<dyn VectorIndex>>,
    /// Strict writes at a time, each with a connection of its own; beyond them one is refused at once.
    pub places: usize,
}

/// Writes one record at a time into both stores. Shares the writer's queue for records that are in no index.
#[derive(Clone)]
pub struct StrictWriter {
    writer: Writer,
    parts: StrictParts,
    places: Arc<Semaphore>,
    pool: Arc<ConnectionPool>,
}

impl std::fmt::Debug for StrictWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StrictWriter")
            .field("places", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}

impl StrictWriter {
    /// Strict writes beside this writer. Needs a tokio runtime.
    #[must_use]
    pub fn new(writer: &Writer, parts: StrictParts) -> Self {
        let runner = Runner { connector: parts.connector.clone(), ..writer.runner.clone() };
        let pool = Arc::new(ConnectionPool::new(runner, parts.places));
        Self { writer: writer.clone(), places: Arc::new(Semaphore::new(parts.places)), parts, pool }
    }

    /// Stores one record in PostgreSQL and, if it is a remediation, in the index. As for [`Writer::write`], giving up
    /// before the transaction has begun leaves nothing; from then on it is carried through.
    ///
    /// # Errors
    /// See [`WriteError`]; [`WriteError::IndexUnavailable`] when it cannot be in both now.
    pub async fn write(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        if record.record_type() != RecordType::Remediation {
            return self.writer.write(record, keyed, size, deadline).await;
        }
        let work = async {
            self.writer.check_open()?;
            let place = self.place()?;
            self.writer.ensure_partition(RecordType::Remediation, record.partition_time(), deadline).await?;
            let (embedding, incident_key) = self.embed(&record, deadline).await?;
            let StrictParts { set, index, .. } = self.parts.clone();
            let sent = Mutex::default();
            let work = StrictWork {
                record,
                embedding,
                incident_key,
                keyed,
                set,
                index,
                sent,
                deadline,
                _place: place,
            };
            self.pool.run(work, size, deadline).await?
        };
        let outcome = measured(RecordType::Remediation, 1, work).await;
        if matches!(outcome, Ok(Written::Now(_))) {
            self.writer.runner.committed.notify();
        }
        outcome
    }

    /// Held until the transaction is settled, also when its client is gone by then: as many places as connections.
    fn place(&self) -> Result<OwnedSemaphorePermit, WriteError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => WriteError::QueueFull,
            TryAcquireError::Closed => WriteError::Stopping,
        })
    }

    /// Before anything is locked or written: the slowest step holds no connection.
    async fn embed(
        &self,
        record: &NewRecord,
        deadline: Instant,
    ) -> Result<(Embedding, IncidentKey), WriteError> {
        let records = [provisional(record).ok_or(WriteError::Unavailable)?];
        let embedding = self.parts.embedder.embed(&records);
        let outcomes =
            tokio::time::timeout_at(deadline, embedding).await.map_err(|_late| WriteError::DeadlinePassed)?;
        match outcomes.into_iter().next() {
            Some(Ok(embedding)) => {
                let [record] = &records;
                Ok((embedding, self.parts.embedder.incident_key(record)))
            }
            Some(Err(EmbedFault::Outage { reason, .. })) => {
                tracing::warn!(reason, "a strict write was refused: the embedder is unavailable");
                Err(WriteError::IndexUnavailable)
            }
            Some(Err(EmbedFault::Record(reason))) => Err(WriteError::Refused(reason)),
            None => Err(WriteError::Refused("the embedder gave no vector".to_owned())),
        }
    }

    /// Takes no further record; returns when those under way are settled.
    pub async fn drain(&self) {
        self.places.close();
        self.pool.drain().await;
    }
}

/// The record as it will be, without the values that the database adds; `None` for a type that is not embedded.
fn provisional(record: &NewRecord) -> Option<Remediation> {
    let NewRecord::Remediation(new) = record else { return None };
    let row = Some((0, None, new.metadata.clone()));
    match as_stored(record, 0, new.start_time, row) {
        Ok(Record::Remediation(record)) => Some(record),
        _ => None,
    }
}

/// One record, its vector, and where both go.
struct StrictWork {
    record: NewRecord,
    embedding: Embedding,
    incident_key: IncidentKey,
    keyed: Option<Keyed<Record>>,
    set: ServingSet,
    index: Option<Arc<dyn VectorIndex>>,
    /// Ids of points that the index may hold: each try draws another.
    sent: Mutex<Vec<i64>>,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
}

/// Why a record was not stored in both.
#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("PostgreSQL refused a step")]
    Database(#[from] diesel::result::Error),
    #[error("the vector index did not store the point")]
    Index(#[from] IndexError),
}

impl Work for StrictWork {
    const NAME: &'static str = "write a record strictly";
    type Output = Result<Written<Record>, WriteError>;

    async fn run(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> QueryResult<(Option<CommitProbe>, Self::Output)> {
        if let Some(settled) = settled(connection, self.keyed.as_ref()).await? {
            return Ok((None, settled));
        }
        if !embedding_set::hold(connection, self.set.id).await? {
            tracing::error!(
                "another embedding set is active now; strict writes are refused. Restart this process"
            );
            return Ok((None, Err(WriteError::IndexUnavailable)));
        }
        // What the index refuses leaves a transaction of nothing.
        match savepoint(connection, async |connection| self.store(connection).await).await {
            Ok((probe, record)) => Ok((probe, record.map(Written::Now))),
            Err(StoreError::Database(error)) => Err(error),
            Err(StoreError::Index(error)) => {
                tracing::warn!(%error, "a strict write was refused");
                let refused = match error {
                    IndexError::Refused { reason, .. } => WriteError::Refused(reason),
                    _ => WriteError::IndexUnavailable,
                };
                Ok((None, Err(refused)))
            }
        }
    }

    fn months(&self) -> Vec<(RecordType, Timestamp)> {
        vec![(self.record.record_type(), self.record.partition_time())]
    }

    fn is_in_flight(&self, output: &Self::Output) -> bool {
        matches!(output, Err(WriteError::KeyInFlight))
    }

    fn len(&self) -> usize {
        1
    }

    /// Removes the points of tries that are known to have stored nothing.
    async fn after(&self, outcome: &Result<Self::Output, WriteError>) {
        let kept = match outcome {
            Err(WriteError::OutcomeUnknown) => return,
            Ok(Ok(Written::Now(record))) => Some(record.id()),
            _ => None,
        };
        let mut phantoms = self.sent().clone();
        phantoms.retain(|id| Some(*id) != kept);
        let Some(index) = self.index.as_ref().filter(|_| !phantoms.is_empty()) else { return };
        let removed = tokio::time::timeout(REMOVAL_TIMEOUT, index.delete(&phantoms)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(
                ?phantoms,
                "points that have no record could not be removed; the reconciler removes them"
            );
        }
    }
}

impl StrictWork {
    async fn store(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> Result<(Option<CommitProbe>, Result<Record, WriteError>), StoreError> {
        let inserted = insert_records(connection, &[&self.record], &Default::default()).await?;
        let outcome = inserted.outcomes.into_iter().next().unwrap_or(Err(WriteError::Unavailable));
        if let Ok(Record::Remediation(record)) = &outcome {
            self.index(record).await?;
            self.project(connection, record).await?;
        }
        if let (Ok(record), Some(keyed)) = (&outcome, &self.keyed) {
            keep(connection, &[(&keyed.key, (keyed.render)(record))]).await?;
        }
        Ok((inserted.probe, outcome))
    }

    /// Without an outside index PostgreSQL is the index.
    async fn index(&self, record: &Remediation) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        self.sent().push(record.id);
        let (embedding, incident_key) = (self.embedding.clone(), self.incident_key);
        let point = Point { record: record.clone(), embedding, incident_key };
        let storing = tokio::time::timeout_at(self.deadline, index.upsert(std::slice::from_ref(&point)));
        let limit = self.deadline.saturating_duration_since(Instant::now());
        let late = |_elapsed| IndexError::TimedOut { operation: "store a point", limit };
        Ok(storing.await.map_err(late)??)
    }

    /// Does what the projector would do in PostgreSQL. This comes last, because another writer of the same vector waits
    /// for this transaction.
    async fn project(&self, connection: &mut AsyncPgConnection, record: &Remediation) -> QueryResult<()> {
        let version =
            Version { record_id: record.id, start_time: record.start_time, version: record.updated_at };
        projection::store_words(connection, [version]).await?;
        let ServingSet { id: set, slot } = self.set;
        let ids = vectors::ids(connection, slot, [&self.embedding]).await?;
        projection::store_vectors(connection, slot, [version], ids, vec![self.incident_key]).await?;
        Remove { set, id: record.id }.execute(connection).await?;
        Ok(())
    }

    fn sent(&self) -> std::sync::MutexGuard<'_, Vec<i64>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
