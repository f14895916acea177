//! One worker: claim, embed, complete, again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batch::{Embedded, Outage, embed};
use super::{ProjectorSettings, RecordEmbedder};
use crate::index::GuardedIndex;
use crate::outbox::{self, Claim};
use crate::{ConnectError, Connector};

pub(super) struct Worker {
    pub(super) owner: Uuid,
    pub(super) connector: Connector,
    pub(super) embedder: Arc<dyn RecordEmbedder>,
    pub(super) set: i64,
    #[expect(dead_code, reason = "read when points are stored")]
    pub(super) index: Option<Arc<GuardedIndex>>,
    pub(super) settings: ProjectorSettings,
    pub(super) committed: Arc<Notify>,
    pub(super) stopping: CancellationToken,
    pub(super) embedder_away: Arc<AtomicBool>,
}

/// What follows a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// There is more to do.
    Again,
    /// Nothing is due: wait to be woken.
    Idle,
    /// A dependency asks for a pause, whoever wakes us.
    Pause(Duration),
}

#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error("no connection to PostgreSQL")]
    Connect(#[from] ConnectError),
    #[error("PostgreSQL refused a step of the projection")]
    Database(#[from] diesel::result::Error),
    #[error("PostgreSQL did not answer a step of the projection in time")]
    TimedOut(#[from] tokio::time::error::Elapsed),
}

impl Worker {
    pub(super) async fn run(self) {
        let mut connection = None;
        let mut healthy = true;
        while !self.stopping.is_cancelled() {
            let next = match self.turn(&mut connection).await {
                Ok(next) => {
                    healthy = true;
                    next
                }
                Err(error) => {
                    connection = None;
                    if std::mem::replace(&mut healthy, false) {
                        tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "projection is interrupted; it goes on by itself");
                    }
                    Next::Pause(self.settings.outage_pause)
                }
            };
            self.wait(next).await;
        }
    }

    async fn wait(&self, next: Next) {
        let woken = async {
            match next {
                Next::Again => {}
                Next::Idle => {
                    // A wake that is missed costs one poll, never a record.
                    let _polled = tokio::time::timeout(self.settings.poll, self.committed.notified()).await;
                }
                Next::Pause(pause) => tokio::time::sleep(pause).await,
            }
        };
        tokio::select! {
            () = woken => {}
            () = self.stopping.cancelled() => {}
        }
    }

    async fn turn(&self, slot: &mut Option<AsyncPgConnection>) -> Result<Next, TurnError> {
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let claim = self.claim(&mut connection).await?;
        let is_full = i64::try_from(claim.len()).is_ok_and(|rows| rows >= self.settings.batch);
        let embedded = embed(self.embedder.as_ref(), claim.records).await;
        let still_ours = self.store(&mut connection, &embedded).await?;
        *slot = Some(connection);
        self.note_embedder(&embedded);
        Ok(match embedded.outage {
            Some(Outage { retry_after, .. }) => {
                Next::Pause(retry_after.unwrap_or(self.settings.outage_pause))
            }
            None if !still_ours => Next::Pause(self.settings.outage_pause),
            None if is_full => Next::Again,
            None => Next::Idle,
        })
    }

    /// A new connection, with what this worker had claimed on a lost one free again.
    async fn connect(&self) -> Result<AsyncPgConnection, TurnError> {
        let mut connection = self.connector.connect().await?;
        outbox::resume(&mut connection, self.owner).await?;
        Ok(connection)
    }

    async fn claim(&self, connection: &mut AsyncPgConnection) -> Result<Claim, TurnError> {
        let ProjectorSettings { batch, lease, step_timeout, .. } = self.settings;
        let claim =
            tokio::time::timeout(step_timeout, outbox::take(connection, self.owner, batch, lease)).await??;
        if !claim.stale.is_empty() {
            outbox::release(connection, self.owner, &claim.stale).await?;
        }
        if !claim.gone.is_empty() {
            tracing::warn!(records = claim.gone.len(), "outbox rows without a record were removed");
            outbox::discard(connection, self.owner, &claim.gone).await?;
        }
        Ok(claim)
    }

    /// Returns whether this worker's embedding set still serves.
    async fn store(
        &self,
        connection: &mut AsyncPgConnection,
        embedded: &Embedded,
    ) -> Result<bool, TurnError> {
        let ProjectorSettings { step_timeout, retry_delay, attempts, .. } = self.settings;
        let mut serves = true;
        if !embedded.done.is_empty() {
            let complete = outbox::complete(connection, self.owner, self.set, &embedded.done);
            match tokio::time::timeout(step_timeout, complete).await?? {
                Some(waited) => waited.iter().for_each(|seconds| {
                    metrics::histogram!("datastorage_projection_lag_seconds").record(f64::from(*seconds));
                }),
                None => {
                    serves = false;
                    tracing::error!(
                        "another embedding set serves now; this process's vectors are not stored. Restart it"
                    );
                    let leases: Vec<_> = embedded.done.iter().map(|(lease, _)| lease.clone()).collect();
                    outbox::release(connection, self.owner, &leases).await?;
                }
            }
        }
        if !embedded.failed.is_empty() {
            for (lease, error) in &embedded.failed {
                tracing::warn!(record_id = lease.record_id, error, "a record could not be embedded");
            }
            outbox::fail(connection, self.owner, &embedded.failed, retry_delay, attempts).await?;
        }
        if !embedded.postponed.is_empty() {
            outbox::release(connection, self.owner, &embedded.postponed).await?;
        }
        Ok(serves)
    }

    /// Logs a change of the embedder's state once.
    fn note_embedder(&self, embedded: &Embedded) {
        match &embedded.outage {
            Some(outage) if !self.embedder_away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(reason = outage.reason, "the embedder is away; records wait in the outbox");
            }
            None if !embedded.done.is_empty() && self.embedder_away.swap(false, Ordering::Relaxed) => {
                tracing::info!("the embedder is back");
            }
            _ => {}
        }
    }
}
