//! One writer: takes queued records, commits them and answers each client.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::FutureExt as _;
use storage_models::{RecordType, Timestamp};
use tokio::sync::mpsc::WeakSender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use super::WriteError;
use super::commit_outcome::CommitProbe;
use super::group::{GroupWork, Outcomes};
use super::queue::Job;
use super::transaction::{Failure, Runner, Work};
use super::turn::{Receiver, Turn};
use crate::supervise::note_panic;

/// Between two tries to reach a database that is unavailable.
const RECONNECT_DELAY: Duration = Duration::from_millis(250);

/// Bytes of records in one transaction; a group beyond them is split.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct WriterTask {
    pub(super) runner: Runner,
    pub(super) queue: Receiver,
    /// The other end of the queue, for what this writer has taken and cannot write. Weak: the queue ends with the writer's
    /// clients.
    pub(super) others: WeakSender<Job>,
}

impl WriterTask {
    pub(super) async fn run(self) {
        let mut connection = None;
        loop {
            if connection.is_none() {
                connection = self.runner.connect().await;
            }
            if connection.is_none() && self.runner.shared.health.is_up() {
                if self.is_over() {
                    return;
                }
                self.pause().await;
                continue;
            }
            let Ok((turn, jobs)) = self.next_jobs(connection.is_none()).await else { continue };
            if jobs.is_empty() {
                return;
            }
            self.runner.committed.found_waiting(jobs.len(), std::time::Instant::now());
            let work = AssertUnwindSafe(turn.bound(self.write_all(&mut connection, jobs, &turn)));
            if let Err(panic) = work.catch_unwind().await {
                tracing::error!("the outcome of a group of writes is unknown");
                note_panic("writer", panic.as_ref());
                connection = None;
            }
        }
    }

    /// Whether the queued records are the last ones.
    fn is_over(&self) -> bool {
        self.runner.shared.stopping.is_cancelled() || self.others.upgrade().is_none()
    }

    /// Leaves the queue to the writers that have a connection, until the next try to get one.
    async fn pause(&self) {
        let stopped = self.runner.shared.stopping.cancelled();
        let _stopped = tokio::time::timeout(RECONNECT_DELAY, stopped).await;
    }

    /// Waits for records; none means that the queue is closed and drained. While the database is unavailable the wait
    /// ends after a moment with an error, to try it again.
    async fn next_jobs(&self, away: bool) -> Result<(Turn, Vec<Job>), tokio::time::error::Elapsed> {
        let wait = async {
            let mut jobs = Vec::new();
            let mut queue = Arc::clone(&self.queue).lock_owned().await;
            let limit = self.runner.settings.group_records;
            tokio::select! {
                biased;
                _ = queue.recv_many(&mut jobs, limit) => {}
                () = self.runner.shared.stopping.cancelled() => {
                    queue.close();
                    queue.recv_many(&mut jobs, limit).await;
                }
            }
            (Turn::of(queue), jobs)
        };
        if away { tokio::time::timeout(RECONNECT_DELAY, wait).await } else { Ok(wait.await) }
    }

    async fn write_all(&self, connection: &mut Option<AsyncPgConnection>, jobs: Vec<Job>, turn: &Turn) {
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "a group holds a few hundred records"
        )]
        metrics::gauge!("datastorage_write_queue_depth").decrement(jobs.len() as f64);
        let now = Instant::now();
        let taken = jobs.into_iter().filter_map(|job| job.take(now));
        for group in split(taken) {
            self.write_group(connection, group, turn).await;
        }
    }

    /// Finds the outcome of every record of the group and answers its client.
    async fn write_group(&self, connection: &mut Option<AsyncPgConnection>, mut jobs: Vec<Job>, turn: &Turn) {
        #[expect(
            clippy::as_conversions,
            clippy::cast_precision_loss,
            reason = "a group holds a few hundred records"
        )]
        metrics::histogram!("datastorage_write_batch_size").record(jobs.len() as f64);
        let work = InTurn { group: GroupWork(jobs.iter().map(Job::item).collect()), turn };
        match self.runner.run(connection, &work).await {
            Ok(outcomes) => self.answer(jobs, outcomes),
            Err(Failure::Write(error)) => self.tell(jobs, &error),
            Err(Failure::NoConnection) => self.hand_over(jobs),
            Err(Failure::Refused(message)) if jobs.len() == 1 => {
                self.answer(jobs, vec![Err(WriteError::Refused(message))]);
            }
            // In halves, to find the one that is refused.
            Err(Failure::Refused(_)) => {
                let second = jobs.split_off(jobs.len() / 2);
                Box::pin(self.write_group(connection, jobs, turn)).await;
                Box::pin(self.write_group(connection, second, turn)).await;
            }
        }
    }

    /// Leaves the records to other writers while this writer has no connection.
    fn hand_over(&self, jobs: Vec<Job>) {
        let is_up = self.runner.shared.health.is_up();
        let Some(queue) = self.others.upgrade().filter(|_queue| is_up) else {
            return self.tell(jobs, &WriteError::Unavailable);
        };
        for job in jobs {
            match queue.try_send(job.given_back()) {
                Ok(()) => metrics::gauge!("datastorage_write_queue_depth").increment(1.0),
                Err(TrySendError::Full(job) | TrySendError::Closed(job)) => {
                    job.answer(Err(WriteError::Unavailable));
                }
            }
        }
    }

    fn tell(&self, jobs: Vec<Job>, error: &WriteError) {
        let outcomes = jobs.iter().map(|_| Err(error.clone())).collect();
        self.answer(jobs, outcomes);
    }

    fn answer(&self, jobs: Vec<Job>, outcomes: Outcomes) {
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            if let Err(WriteError::Refused(message)) = &outcome {
                let table = job.record.record_type().table();
                job.span.in_scope(|| {
                    tracing::error!(table, error = message, "the database refused a valid record")
                });
            }
            job.answer(outcome);
        }
    }
}

/// A group, whose turn ends with its statements.
struct InTurn<'a> {
    group: GroupWork<'a>,
    turn: &'a Turn,
}

impl Work for InTurn<'_> {
    const NAME: &'static str = GroupWork::NAME;
    type Output = Outcomes;

    async fn run(&self, connection: &mut AsyncPgConnection) -> QueryResult<(Option<CommitProbe>, Outcomes)> {
        let written = self.group.run(connection).await;
        self.turn.end();
        written
    }

    fn months(&self) -> Vec<(RecordType, Timestamp)> {
        self.group.months()
    }

    fn is_in_flight(&self, outcomes: &Outcomes) -> bool {
        self.group.is_in_flight(outcomes)
    }

    fn enqueued(&self, outcomes: &Outcomes) -> usize {
        self.group.enqueued(outcomes)
    }

    fn len(&self) -> usize {
        self.group.len()
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
