//! The writer: a bounded queue in front of a few tasks that commit all queued records as one transaction.

mod batch;
mod columns;
mod commit_outcome;
mod connection_pool;
mod draw;
mod error;
pub(crate) mod group;
mod health;
mod insert;
mod partitions;
mod queue;
mod settings;
mod shared;
mod stored;
mod strict;
mod task;
pub(crate) mod transaction;
mod turn;
mod update;

pub use error::{Orphan, WriteError};
pub use settings::WriterSettings;
pub use strict::{StrictParts, StrictWriter};
pub use update::Updated;

use std::sync::Arc;
use std::time::Duration;

use storage_models::{NewRecord, Record, RecordType, RecordUpdate, Timestamp};
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::idempotency::{Keyed, Written};
use crate::{Commits, Connector, Reservation, supervised};
use batch::BatchWork;
use connection_pool::ConnectionPool;
use health::Health;
use partitions::Partitions;
use queue::Job;
use shared::Shared;
use task::WriterTask;
use transaction::Runner;
use turn::Receiver;
use update::UpdateWork;

/// Accepts records and answers when they are committed. Cheap to clone.
///
/// Must be made inside a tokio runtime. Its tasks end with [`Writer::stop`].
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    runner: Runner,
    batches: Arc<ConnectionPool>,
    updates: Arc<ConnectionPool>,
}

impl Writer {
    /// Starts the writer's tasks. `committed` is notified after each commit that enqueued a remediation, which is
    /// what wakes a projector in the same process.
    #[must_use]
    pub fn start(connector: Connector, settings: WriterSettings, committed: Arc<Commits>) -> Self {
        let writers = settings.writers.max(1);
        let (queue, receiver) = mpsc::channel(settings.queue_records);
        let receiver: Receiver = Arc::new(Mutex::new(receiver));
        let shared = Arc::new(Shared {
            health: Health::of(writers),
            partitions: Partitions::new(connector.clone()),
            stopping: CancellationToken::new(),
            tasks: Mutex::default(),
        });
        let (settings_of_tasks, health) = (settings.clone(), Arc::clone(&shared));
        let runner =
            Runner { connector, settings: settings_of_tasks, shared: health, committed, writer: None };
        let pool = |connections| Arc::new(ConnectionPool::new(runner.clone(), connections));
        let (batches, updates) = (pool(settings.batch_connections), pool(settings.update_connections));
        let tasks = (0..writers).map(|writer| {
            let task = WriterTask {
                runner: Runner { writer: Some(writer), ..runner.clone() },
                queue: Arc::clone(&receiver),
                others: queue.downgrade(),
            };
            tokio::spawn(supervised("writer", shared.stopping.clone(), move || task.clone().run()))
        });
        if let Ok(mut slots) = shared.tasks.try_lock() {
            slots.extend(tasks);
        }
        Self { queue, shared, runner, batches, updates }
    }

    /// Stores one record: returns it as stored, once its transaction has committed.
    ///
    /// Before the transaction has begun, dropping this future or passing the deadline takes the record out of the
    /// queue and nothing is stored. Once it has begun it is carried through, and this waits for its outcome, which
    /// the writer's own time-outs bound. `size` is the record's share of the byte budget.
    /// With a key, a request that was answered before is not written again.
    ///
    /// # Errors
    /// See [`WriteError`], which says of each cause whether the record may have been stored.
    pub async fn write(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        let record_type = record.record_type();
        measured(record_type, 1, self.enqueue(record, keyed, size, deadline)).await
    }

    /// Stores all records, which are of one type, or none of them, in a transaction of their own. Returns their ids
    /// in the records' order. As for one record, giving up before the transaction has begun leaves nothing.
    ///
    /// # Errors
    /// See [`WriteError`]; [`WriteError::ParentsNotFound`] names every record whose remediation is missing.
    pub async fn write_batch(
        &self,
        records: Vec<NewRecord>,
        keyed: Option<Keyed<[i64]>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Vec<i64>>, WriteError> {
        let Some(record_type) = records.first().map(NewRecord::record_type) else {
            return Ok(Written::Now(Vec::new()));
        };
        let count = records.len();
        let work = async {
            self.check_open()?;
            for record in &records {
                self.ensure_partition(record.record_type(), record.partition_time(), deadline).await?;
            }
            self.batches.run(BatchWork { records, keyed }, size, deadline).await?
        };
        measured(record_type, count, work).await
    }

    /// Updates a record that still is as `current` says, and enqueues its new version for the vector index. An
    /// update that changes nothing makes no version.
    ///
    /// # Errors
    /// See [`WriteError`]; [`WriteError::Stale`] when the record has changed meanwhile.
    pub async fn update(
        &self,
        current: &Record,
        update: RecordUpdate,
        keyed: Option<Keyed<Updated>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Updated>, WriteError> {
        let work = async {
            self.check_open()?;
            let Some(work) = UpdateWork::new(current, update, keyed) else { return Err(WriteError::Stale) };
            self.updates.run(work, size, deadline).await?
        };
        measured(current.record_type(), 1, work).await
    }

    async fn enqueue(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        self.check_open()?;
        self.ensure_partition(record.record_type(), record.partition_time(), deadline).await?;

        let (job, waiter) = Job::new(record, keyed, size, deadline);
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => WriteError::Stopping,
        })?;
        metrics::gauge!("datastorage_write_queue_depth").increment(1.0);
        waiter.outcome(deadline).await
    }

    /// Whether there is a point in trying.
    fn check_open(&self) -> Result<(), WriteError> {
        if self.shared.stopping.is_cancelled() {
            return Err(WriteError::Stopping);
        }
        if self.is_up() { Ok(()) } else { Err(WriteError::Unavailable) }
    }

    async fn ensure_partition(
        &self,
        record_type: RecordType,
        time: Timestamp,
        deadline: Instant,
    ) -> Result<(), WriteError> {
        let made = self.shared.partitions.ensure(record_type, time);
        tokio::time::timeout_at(deadline, made).await.unwrap_or(Err(WriteError::DeadlinePassed))
    }

    /// Whether a writer has a connection, or had none refused yet.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.health.is_up()
    }

    /// Accepts no further record, writes the queued ones, and ends the tasks, within `limit`. Returns whether every
    /// queued record was settled in time.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.shared.stopping.cancel();
        let mut tasks = self.shared.tasks.lock().await;
        let groups = futures_util::future::join_all(tasks.iter_mut());
        let all = async { tokio::join!(groups, self.batches.drain(), self.updates.drain()) };
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        for task in tasks.drain(..) {
            task.abort();
        }
        in_time
    }
}

/// Counts and times a write of `records` records.
async fn measured<T>(
    record_type: RecordType,
    records: usize,
    work: impl Future<Output = Result<T, WriteError>>,
) -> Result<T, WriteError> {
    let table = record_type.table();
    let started = Instant::now();
    let outcome = work.await;
    let status = if outcome.is_ok() { "success" } else { "failure" };
    let records = u64::try_from(records).unwrap_or(u64::MAX);
    metrics::counter!("datastorage_write_total", "table" => table, "status" => status).increment(records);
    metrics::histogram!("datastorage_write_duration_seconds", "table" => table).record(started.elapsed());
    outcome
}
