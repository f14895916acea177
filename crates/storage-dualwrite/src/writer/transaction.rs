//! One transaction, brought to an outcome: run again where that helps, and asked about when COMMIT's answer is lost.

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use storage_models::{DatabaseFault, ErrorCode, RecordType, Timestamp};
use storage_postgres::{Failed, Transaction};
use tokio::time::Instant;

use super::commit_outcome::{CommitOutcome, CommitProbe, commit_outcome};
use super::shared::Shared;
use super::{WriteError, WriterSettings};
use crate::{Commits, Connector};

/// How long to wait for a try whose connection was lost: until the server has found that out, the try holds its key.
const KEY_PAUSE: Duration = Duration::from_millis(50);

/// The work of a transaction. It may run several times.
pub(crate) trait Work: Sync {
    /// The transaction's name in the metrics.
    const NAME: &'static str;

    /// The result.
    type Output: Send;

    /// Everything between BEGIN and COMMIT. The probe is none when nothing was written.
    fn run(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> impl Future<Output = QueryResult<(Option<CommitProbe>, Self::Output)>> + Send;

    /// The types and times of the records that are inserted.
    fn months(&self) -> Vec<(RecordType, Timestamp)>;

    /// How many records are concerned.
    fn len(&self) -> usize;

    /// Whether all of it was kept back because another transaction holds its key.
    fn is_in_flight(&self, _output: &Self::Output) -> bool {
        false
    }

    /// How many versions of remediations wait for the projector because of this outcome.
    fn enqueued(&self, _output: &Self::Output) -> usize {
        0
    }

    /// The work outside the database once the outcome is known.
    fn after(&self, _outcome: &Result<Self::Output, WriteError>) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Why a transaction has not been written, although it was tried as often as it may.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database refuses what a record in it says, in these words. Nothing is stored.
    Refused(String),
    /// Every client of the transaction gets this error.
    Write(WriteError),
    /// There is no connection to be had. Nothing is stored; another writer may have one.
    NoConnection,
}

/// Why one try did not succeed.
#[derive(Debug)]
pub(crate) enum TryError<T> {
    /// Before COMMIT was sent: nothing is stored.
    Before {
        /// The meaning of the error.
        fault: DatabaseFault,
        /// The database's sentence, for the log.
        message: String,
        /// Whether the connection is of no further use; if not, the transaction was rolled back.
        is_lost: bool,
    },
    /// COMMIT was sent and its answer is not a success: the outcome is open, and would be this.
    AtCommit(CommitProbe, T),
}

/// Runs transactions on connections that it replaces when they are lost.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    pub(super) connector: Connector,
    pub(super) settings: WriterSettings,
    pub(super) shared: Arc<Shared>,
    pub(super) committed: Arc<Commits>,
    /// The writer of these connections, if they belong to one. Their state shows whether the writer can write. Other
    /// users do not keep trying, so they would never notice that PostgreSQL is available again.
    pub(super) writer: Option<usize>,
}

impl Runner {
    pub(super) async fn connect(&self) -> Option<AsyncPgConnection> {
        let result = self.connector.connect().await;
        let news = self.writer.is_some_and(|writer| self.shared.health.note(writer, result.is_ok()));
        match result {
            Ok(connection) => {
                if news {
                    tracing::info!("PostgreSQL is available; writes are accepted again");
                }
                Some(connection)
            }
            Err(error) => {
                if news {
                    tracing::error!(
                        error = %error,
                        cause = ?std::error::Error::source(&error),
                        "PostgreSQL is unavailable; writes are refused until it is available again"
                    );
                }
                None
            }
        }
    }

    /// Brings the work to an outcome. The slot holds a connection that may be used again, or none.
    pub(super) async fn run<W: Work>(
        &self,
        slot: &mut Option<AsyncPgConnection>,
        work: &W,
    ) -> Result<W::Output, Failure> {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            match self.try_once(slot, work, tries, started).await {
                Ok(Some(output)) if tries > 0 && work.is_in_flight(&output) && self.is_quick(started) => {
                    tokio::time::sleep(KEY_PAUSE).await;
                }
                Ok(Some(output)) => {
                    self.committed.note_enqueued(work.enqueued(&output));
                    return Ok(output);
                }
                Ok(None) => tries += 1,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// One try; `None` when there should be another.
    async fn try_once<W: Work>(
        &self,
        slot: &mut Option<AsyncPgConnection>,
        work: &W,
        tries: u32,
        started: Instant,
    ) -> Result<Option<W::Output>, Failure> {
        if slot.is_none() {
            *slot = self.connect().await;
        }
        let Some(connection) = slot else { return Err(Failure::NoConnection) };
        match attempt(connection, work, self.settings.step_timeout).await {
            Ok(output) => Ok(Some(output)),
            Err(TryError::AtCommit(probe, output)) => {
                *slot = None;
                self.settle(&probe, tries).await.map(|is_committed| is_committed.then_some(output))
            }
            Err(TryError::Before { fault, message, is_lost }) => {
                if is_lost {
                    *slot = None;
                }
                self.after_failure(fault, message, work, tries, started).await.map(|()| None)
            }
        }
    }

    /// Whether the transaction has committed; if not, it should be run again.
    async fn settle(&self, probe: &CommitProbe, tries: u32) -> Result<bool, Failure> {
        tracing::warn!(
            transaction = probe.transaction,
            "the answer to COMMIT was lost; asking PostgreSQL for the outcome"
        );
        match commit_outcome(probe, &self.connector, self.settings.settle_timeout).await {
            CommitOutcome::Committed => Ok(true),
            CommitOutcome::Aborted if tries < self.settings.conflict_retries => Ok(false),
            CommitOutcome::Aborted => Err(Failure::Write(WriteError::Unavailable)),
            CommitOutcome::Unknown => Err(Failure::Write(WriteError::OutcomeUnknown)),
        }
    }

    /// Nothing is stored: returns when the transaction should be run again.
    async fn after_failure<W: Work>(
        &self,
        fault: DatabaseFault,
        message: String,
        work: &W,
        tries: u32,
        started: Instant,
    ) -> Result<(), Failure> {
        match fault {
            _ if fault.is_conflict() && tries < self.settings.conflict_retries => Ok(()),
            // A connection that died while idle is found out by the first transaction that uses it.
            _ if fault.ends_connection() && tries == 0 && self.is_quick(started) => Ok(()),
            DatabaseFault::NoPartition if tries == 0 => {
                self.remake_partitions(work).await.map_err(Failure::Write)
            }
            DatabaseFault::FinishedRecord => Err(Failure::Write(WriteError::Finished)),
            _ if fault.blames_record() => Err(Failure::Refused(message)),
            _ => Err(Failure::Write(not_written(fault, message, work.len()))),
        }
    }

    /// Whether there is time for another try.
    fn is_quick(&self, started: Instant) -> bool {
        started.elapsed() < self.settings.step_timeout / 2
    }

    /// A month that had a partition has none any more, as after a partition was detached.
    async fn remake_partitions<W: Work>(&self, work: &W) -> Result<(), WriteError> {
        self.shared.partitions.forget();
        for (record_type, time) in work.months() {
            self.shared.partitions.ensure(record_type, time).await?;
        }
        Ok(())
    }
}

/// Logs why the records were not written and returns the error for their clients: try again, unless that cannot help.
fn not_written(fault: DatabaseFault, message: String, records: usize) -> WriteError {
    if fault.code() == ErrorCode::Internal {
        tracing::error!(
            ?fault,
            error = message,
            records,
            "a transaction failed, and the cause is not one of its records"
        );
        return WriteError::Failed(message);
    }
    tracing::warn!(?fault, error = message, records, "a transaction was rolled back");
    WriteError::Unavailable
}

/// One try of one transaction.
pub(crate) async fn attempt<W: Work>(
    connection: &mut AsyncPgConnection,
    work: &W,
    step_timeout: Duration,
) -> Result<W::Output, TryError<W::Output>> {
    let transaction = Transaction::new(W::NAME, step_timeout);
    let work = async |connection: &mut AsyncPgConnection| work.run(connection).await;
    transaction.attempt(connection, &work).await.map(|(_, output)| output).map_err(|failed| match failed {
        Failed::RolledBack(error) => before(&error, false),
        Failed::Lost(error) => before(&error, true),
        Failed::AtCommit((Some(probe), output), _) => TryError::AtCommit(probe, output),
        Failed::AtCommit((None, _), _) => nothing_committed(),
    })
}

fn before<T>(error: &diesel::result::Error, is_lost: bool) -> TryError<T> {
    TryError::Before { fault: DatabaseFault::of(error), message: error.to_string(), is_lost }
}

/// A transaction that has stored nothing may be run again. Its COMMIT counts all the same: an answer that is given again
/// waits for it.
fn nothing_committed<T>() -> TryError<T> {
    let message = "the answer to COMMIT was lost; the transaction had nothing to store".to_owned();
    TryError::Before { fault: DatabaseFault::ConnectionLost, message, is_lost: true }
}
