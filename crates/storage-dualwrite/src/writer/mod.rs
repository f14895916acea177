//! The writer: a bounded queue in front of a few tasks that commit whatever is queued as one transaction.

mod draw;
mod error;
pub(crate) mod group;
mod insert;
mod partitions;
mod queue;
mod settings;
mod settle;
mod stored;
mod task;

pub use error::WriteError;
pub use settings::WriterSettings;

use std::sync::Arc;
use std::time::Duration;

use storage_models::{NewRecord, Record};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Connector, Reservation};
use partitions::Partitions;
use queue::{Health, Job, Receiver};
use task::WriterTask;

/// Accepts records and answers when they are committed. Cheap to clone.
///
/// Must be made inside a tokio runtime. Its tasks end with [`Writer::stop`].
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    health: Health,
    partitions: Partitions,
    stopping: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the writer's tasks. `committed` is notified after each commit that enqueued a remediation, which is
    /// what wakes a projector in the same process.
    #[must_use]
    pub fn start(connector: Connector, settings: WriterSettings, committed: Arc<Notify>) -> Self {
        let (queue, receiver) = mpsc::channel(settings.queue_records);
        let receiver: Receiver = Arc::new(Mutex::new(receiver));
        let shared = Arc::new(Shared {
            health: Health::default(),
            partitions: Partitions::new(connector.clone()),
            stopping: CancellationToken::new(),
            tasks: Mutex::default(),
        });
        let tasks = (0..settings.writers.max(1)).map(|_| {
            let task = WriterTask {
                connector: connector.clone(),
                settings: settings.clone(),
                queue: Arc::clone(&receiver),
                shared: Arc::clone(&shared),
                committed: Arc::clone(&committed),
            };
            tokio::spawn(task.run())
        });
        if let Ok(mut slots) = shared.tasks.try_lock() {
            slots.extend(tasks);
        }
        Self { queue, shared }
    }

    /// Stores one record: returns it as stored, once its transaction has committed.
    ///
    /// Before the transaction has begun, dropping this future or passing the deadline takes the record out of the
    /// queue and nothing is stored. Once it has begun it is carried through, and this waits for its outcome, which
    /// the writer's own time-outs bound. `size` is the record's share of the byte budget.
    ///
    /// # Errors
    /// See [`WriteError`], which says of each cause whether the record may have been stored.
    pub async fn write(
        &self,
        record: NewRecord,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Record, WriteError> {
        let table = record.record_type().table();
        let started = Instant::now();
        let outcome = self.enqueue(record, size, deadline).await;
        let status = if outcome.is_ok() { "success" } else { "failure" };
        metrics::counter!("datastorage_write_total", "table" => table, "status" => status).increment(1);
        metrics::histogram!("datastorage_write_duration_seconds", "table" => table).record(started.elapsed());
        outcome
    }

    async fn enqueue(
        &self,
        record: NewRecord,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Record, WriteError> {
        if self.shared.stopping.is_cancelled() {
            return Err(WriteError::Stopping);
        }
        if !self.shared.health.is_up() {
            return Err(WriteError::Unavailable);
        }
        let made = self.shared.partitions.ensure(record.record_type(), record.partition_time());
        tokio::time::timeout_at(deadline, made).await.unwrap_or(Err(WriteError::DeadlinePassed))?;

        let (job, waiter) = Job::new(record, size, deadline);
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => WriteError::Stopping,
        })?;
        metrics::gauge!("datastorage_write_queue_depth").increment(1.0);
        waiter.outcome(deadline).await
    }

    /// Whether PostgreSQL answered when the writer last asked it.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.health.is_up()
    }

    /// Takes no further record, writes what is queued, and ends the tasks; at the latest after `limit`.
    /// Returns whether everything queued was settled in time.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.shared.stopping.cancel();
        let mut tasks = self.shared.tasks.lock().await;
        let all = futures_util::future::join_all(tasks.iter_mut());
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        for task in tasks.drain(..) {
            task.abort();
        }
        in_time
    }
}
