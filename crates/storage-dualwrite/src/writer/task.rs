//! One writer: takes what is queued, commits it, tells each client.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures_util::FutureExt as _;
use storage_models::{DatabaseFault, NewRecord, RecordType};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::group::{self, GroupError, Outcomes};
use super::queue::{Job, Receiver};
use super::settle::{Fate, fate_of};
use super::{Shared, WriteError, WriterSettings};
use crate::Connector;

/// Between two tries to reach a database that is away.
const RECONNECT_DELAY: Duration = Duration::from_millis(250);

/// Bytes of records in one transaction; a group beyond them is split.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

pub(super) struct WriterTask {
    pub(super) connector: Connector,
    pub(super) settings: WriterSettings,
    pub(super) queue: Receiver,
    pub(super) shared: Arc<Shared>,
    pub(super) committed: Arc<Notify>,
}

/// What to do after a group was not written.
enum Next {
    /// Run the same transaction again.
    Again,
    /// Write each record in a transaction of its own, to find the one that is refused.
    Apart,
    /// Nothing is stored; tell every client this.
    Fail(WriteError),
}

impl WriterTask {
    pub(super) async fn run(self) {
        let mut connection = None;
        loop {
            if connection.is_none() {
                connection = self.connect().await;
            }
            let Ok(jobs) = self.next_jobs(connection.is_none()).await else { continue };
            if jobs.is_empty() {
                return;
            }
            let work = AssertUnwindSafe(self.write_all(&mut connection, jobs));
            if work.catch_unwind().await.is_err() {
                tracing::error!("a writer panicked; the outcome of its group is unknown");
                connection = None;
            }
        }
    }

    /// Waits for records; none means that the queue is closed and drained. While the database is away the wait
    /// ends after a moment with an error, to try it again.
    async fn next_jobs(&self, away: bool) -> Result<Vec<Job>, tokio::time::error::Elapsed> {
        let wait = async {
            let mut jobs = Vec::new();
            let mut queue = self.queue.lock().await;
            let limit = self.settings.group_records;
            tokio::select! {
                biased;
                _ = queue.recv_many(&mut jobs, limit) => {}
                () = self.shared.stopping.cancelled() => {
                    queue.close();
                    queue.recv_many(&mut jobs, limit).await;
                }
            }
            jobs
        };
        if away { tokio::time::timeout(RECONNECT_DELAY, wait).await } else { Ok(wait.await) }
    }

    async fn connect(&self) -> Option<AsyncPgConnection> {
        let result = self.connector.connect().await;
        let news = self.shared.health.set_up(result.is_ok());
        match result {
            Ok(connection) => {
                if news {
                    tracing::info!("PostgreSQL is back; writes are accepted again");
                }
                Some(connection)
            }
            Err(error) => {
                if news {
                    tracing::error!(error = %error, cause = ?std::error::Error::source(&error), "PostgreSQL is away; writes are refused until it is back");
                }
                None
            }
        }
    }

    async fn write_all(&self, connection: &mut Option<AsyncPgConnection>, jobs: Vec<Job>) {
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "a group holds a few hundred records"
        )]
        metrics::gauge!("datastorage_write_queue_depth").decrement(jobs.len() as f64);
        let now = Instant::now();
        let taken = jobs.into_iter().filter_map(|job| job.take(now));
        for group in split(taken) {
            self.write_group(connection, group).await;
        }
    }

    /// Brings every record of the group to an outcome and tells its client.
    async fn write_group(&self, connection: &mut Option<AsyncPgConnection>, jobs: Vec<Job>) {
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "a group holds a few hundred records"
        )]
        metrics::histogram!("datastorage_write_batch_size").record(jobs.len() as f64);
        let started = Instant::now();
        let mut tries = 0;
        loop {
            match self.try_group(connection, &jobs, tries, started).await {
                Ok(outcomes) => return self.answer(jobs, outcomes),
                Err(Next::Again) => tries += 1,
                Err(Next::Fail(error)) => {
                    let outcomes = jobs.iter().map(|_| Err(error.clone())).collect();
                    return self.answer(jobs, outcomes);
                }
                Err(Next::Apart) => {
                    for job in jobs {
                        Box::pin(self.write_group(connection, vec![job])).await;
                    }
                    return;
                }
            }
        }
    }

    async fn try_group(
        &self,
        slot: &mut Option<AsyncPgConnection>,
        jobs: &[Job],
        tries: u32,
        started: Instant,
    ) -> Result<Outcomes, Next> {
        if slot.is_none() {
            *slot = self.connect().await;
        }
        let Some(connection) = slot else { return Err(Next::Fail(WriteError::Unavailable)) };
        let records: Vec<&NewRecord> = jobs.iter().map(|job| &job.record).collect();
        match group::write(connection, &records, self.settings.step_timeout).await {
            Ok(outcomes) => Ok(outcomes),
            Err(GroupError::AtCommit(mark, outcomes)) => {
                *slot = None;
                tracing::warn!(
                    transaction = mark.transaction,
                    "the answer to COMMIT was lost; asking what became of it"
                );
                match fate_of(&mark, &self.connector, self.settings.settle_timeout).await {
                    Fate::Committed => Ok(outcomes),
                    Fate::Aborted if tries < self.settings.conflict_retries => Err(Next::Again),
                    Fate::Aborted => Err(Next::Fail(WriteError::Unavailable)),
                    Fate::Unknown => Err(Next::Fail(WriteError::OutcomeUnknown)),
                }
            }
            Err(GroupError::Before { fault, message }) => {
                if fault.ends_connection() || group::roll_back(connection).await.is_err() {
                    *slot = None;
                }
                Err(self.after_failure(fault, message, jobs, tries, started).await)
            }
        }
    }

    /// Nothing is stored: decides whether to try again, and how.
    async fn after_failure(
        &self,
        fault: DatabaseFault,
        message: String,
        jobs: &[Job],
        tries: u32,
        started: Instant,
    ) -> Next {
        let is_quick = started.elapsed() < self.settings.step_timeout / 2;
        match fault {
            _ if fault.is_conflict() && tries < self.settings.conflict_retries => Next::Again,
            // A connection that died while idle is found out by the first group that uses it.
            _ if fault.ends_connection() && tries == 0 && is_quick => Next::Again,
            DatabaseFault::NoPartition if tries == 0 => match self.remake_partitions(jobs).await {
                Ok(()) => Next::Again,
                Err(error) => Next::Fail(error),
            },
            DatabaseFault::Other if jobs.len() > 1 => Next::Apart,
            DatabaseFault::Other => Next::Fail(WriteError::Refused(message)),
            _ => {
                tracing::warn!(?fault, error = message, records = jobs.len(), "a group was not written");
                Next::Fail(WriteError::Unavailable)
            }
        }
    }

    /// A month that had a partition has none any more, as after a partition was detached.
    async fn remake_partitions(&self, jobs: &[Job]) -> Result<(), WriteError> {
        self.shared.partitions.forget();
        for job in jobs {
            self.shared.partitions.ensure(job.record.record_type(), job.record.partition_time()).await?;
        }
        Ok(())
    }

    fn answer(&self, jobs: Vec<Job>, outcomes: Outcomes) {
        let is_remediation = |job: &Job| job.record.record_type() == RecordType::Remediation;
        let enqueued =
            jobs.iter().zip(&outcomes).any(|(job, outcome)| outcome.is_ok() && is_remediation(job));
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            if let Err(WriteError::Refused(message)) = &outcome {
                let table = job.record.record_type().table();
                job.span.in_scope(|| {
                    tracing::error!(table, error = message, "the database refused a valid record")
                });
            }
            job.answer(outcome);
        }
        if enqueued {
            self.committed.notify_one();
        }
    }
}

/// Groups of consecutive records within the bound of bytes; a single record may exceed it.
fn split(jobs: impl Iterator<Item = Job>) -> Vec<Vec<Job>> {
    let mut groups: Vec<Vec<Job>> = Vec::new();
    let mut free = 0_usize;
    for job in jobs {
        let bytes = job.bytes();
        match groups.last_mut() {
            Some(group) if bytes <= free => group.push(job),
            _ => {
                groups.push(vec![job]);
                free = GROUP_BYTES;
            }
        }
        free = free.saturating_sub(bytes);
    }
    groups
}
