//! One worker: claim, embed, store in the outside index, settle, again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use storage_models::{Breaker, BreakerSettings, BreakerState};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batch::{Embedded, Outage, part};
use super::indexing::{self, Indexed};
use super::pace::Pace;
use super::{ProjectorSettings, RecordEmbedder, tally};
use crate::index::GuardedIndex;
use crate::outbox::{self, Claim, Holder, Horizon, Lease, Retry, Wanted};
use crate::{Commits, ConnectError, Connector};

/// What all workers of a projector share.
pub(super) struct Shared {
    pub(super) connector: Connector,
    pub(super) embedder: Arc<dyn RecordEmbedder>,
    pub(super) set: i64,
    pub(super) index: Option<Arc<GuardedIndex>>,
    pub(super) settings: ProjectorSettings,
    pub(super) stopping: CancellationToken,
    commits: Arc<Commits>,
    /// One worker finds out whether the embedder is back, for all. Not shown as a metric: a provider that can be away
    /// has a breaker of its own, which searches share.
    embedder_breaker: Breaker,
    is_embedder_away: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        connector: Connector,
        embedder: Arc<dyn RecordEmbedder>,
        set: i64,
        index: Option<Arc<GuardedIndex>>,
        settings: ProjectorSettings,
        stopping: CancellationToken,
        commits: Arc<Commits>,
    ) -> Self {
        let (first_pause, longest_pause) = (settings.outage_pause, settings.outage_pause);
        let embedder_breaker = Breaker::new(BreakerSettings { failures: 1, first_pause, longest_pause });
        let is_embedder_away = AtomicBool::new(false);
        Self {
            connector,
            embedder,
            set,
            index,
            settings,
            stopping,
            commits,
            embedder_breaker,
            is_embedder_away,
        }
    }
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    owner: Uuid,
    horizon: Horizon,
    pace: Pace,
    work: watch::Receiver<()>,
}

/// What follows a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// There is more to do.
    Again,
    /// There is more to do, once writes have had their share of PostgreSQL.
    Yield(Duration),
    /// Nothing is due: wait to be woken.
    Idle,
    /// Whoever wakes us, nothing can be done for a while.
    Pause,
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
    pub(super) fn new(shared: Arc<Shared>, work: watch::Receiver<()>) -> Self {
        let horizon = Horizon::new(shared.settings.sweep_pause);
        let pace = Pace::new(shared.settings.batch);
        Self { shared, owner: Uuid::new_v4(), horizon, pace, work }
    }

    pub(super) async fn run(mut self) {
        let mut connection = None;
        let mut healthy = true;
        while !self.shared.stopping.is_cancelled() {
            self.work.borrow_and_update();
            let started = Instant::now();
            let next = match self.turn(&mut connection).await {
                Ok(next) => {
                    healthy = true;
                    self.after(next, started)
                }
                Err(error) => {
                    connection = None;
                    if std::mem::replace(&mut healthy, false) {
                        tracing::warn!(error = %error, cause = ?std::error::Error::source(&error), "projection is interrupted; it goes on by itself");
                    }
                    Next::Pause
                }
            };
            self.wait(next).await;
        }
    }

    async fn wait(&mut self, next: Next) {
        let ProjectorSettings { poll, outage_pause, .. } = self.shared.settings;
        let stopping = self.shared.stopping.clone();
        let woken = async {
            match next {
                Next::Again => {}
                Next::Yield(pause) => tokio::time::sleep(pause).await,
                Next::Idle => {
                    let _polled = tokio::time::timeout(poll, self.work.changed()).await;
                }
                Next::Pause => tokio::time::sleep(outage_pause).await,
            }
        };
        tokio::select! {
            () = woken => {}
            () = stopping.cancelled() => {}
        }
    }

    /// Makes room for writes that wait, and so that a new record waits no longer than a poll for its turn.
    fn after(&self, next: Next, started: Instant) -> Next {
        let now = Instant::now();
        if next != Next::Again || !self.shared.commits.are_crowded(now) {
            return next;
        }
        let ProjectorSettings { percent_beside_writes, poll, .. } = self.shared.settings;
        let worked = now.saturating_duration_since(started);
        Next::Yield(rest(worked, percent_beside_writes).min(poll))
    }

    /// Which rows can be worked on: none while the embedder is away and no index waits for vectors that are there.
    fn wanted(&self) -> Option<Wanted> {
        let can_embed = self.shared.embedder_breaker.state(Instant::now()) != BreakerState::Open;
        let can_index = self.shared.index.as_ref().map(|index| index.may_be_asked());
        match (can_embed, can_index) {
            (true, None | Some(true)) => Some(Wanted::All),
            (true, Some(false)) => Some(Wanted::WithoutVector),
            (false, Some(true)) => Some(Wanted::WithVector),
            (false, None | Some(false)) => None,
        }
    }

    async fn turn(&mut self, slot: &mut Option<AsyncPgConnection>) -> Result<Next, TurnError> {
        let Some(wanted) = self.wanted() else { return Ok(Next::Pause) };
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let started = Instant::now();
        let (claim, follows) = self.claim(&mut connection, wanted).await?;
        let is_full = self.is_full(&claim);
        let mut embedded = self.embed(claim, started + self.shared.settings.lease / 2).await;
        let ready = std::mem::take(&mut embedded.ready);
        let indexed = match &self.shared.index {
            None => Indexed::without_index(ready),
            Some(_) if ready.is_empty() => Indexed::default(),
            Some(_) if wanted == Wanted::WithoutVector => Indexed::put_off(ready),
            Some(index) => indexing::store(index, ready).await,
        };
        let still_ours = self.settle(&mut connection, &indexed).await?;
        self.give_back(&mut connection, &embedded).await?;
        self.pace.note(is_full, started.elapsed());
        *slot = Some(connection);
        Ok(if still_ours { follows } else { Next::Pause })
    }

    /// A new connection, with what this worker had claimed on a lost one free again.
    async fn connect(&self) -> Result<AsyncPgConnection, TurnError> {
        let mut connection = self.shared.connector.connect().await?;
        let prepare = async {
            outbox::set_up(&mut connection).await?;
            outbox::resume(&mut connection, self.owner).await
        };
        self.bounded(prepare).await?;
        Ok(connection)
    }

    /// Carries out one step in PostgreSQL, unless it stays silent for too long.
    async fn bounded<T>(&self, step: impl Future<Output = QueryResult<T>>) -> Result<T, TurnError> {
        Ok(tokio::time::timeout(self.shared.settings.step_timeout, step).await??)
    }

    /// Leases rows, and says whether there may be more.
    async fn claim(
        &mut self,
        connection: &mut AsyncPgConnection,
        wanted: Wanted,
    ) -> Result<(Claim, Next), TurnError> {
        let started = Instant::now();
        let window = self.horizon.next(wanted, started);
        let (rows, lease) = (self.pace.rows(), self.shared.settings.lease);
        let claim = self.bounded(outbox::take(connection, self.owner, rows, lease, window)).await?;
        let is_full = self.is_full(&claim);
        self.horizon.note(window, &claim, is_full, started.elapsed(), Instant::now());
        if !claim.stale.is_empty() {
            self.release(connection, &claim.stale).await?;
        }
        if !claim.gone.is_empty() {
            tracing::warn!(records = claim.gone.len(), "outbox rows without a record were removed");
            self.bounded(outbox::discard(connection, self.owner, &claim.gone)).await?;
        }
        Ok((claim, if is_full || window.newest_first { Next::Again } else { Next::Idle }))
    }

    /// Whether a claim has as many rows as it could.
    fn is_full(&self, claim: &Claim) -> bool {
        i64::try_from(claim.len()).is_ok_and(|rows| rows >= self.pace.rows())
    }

    /// Embeds what begins before `until`, so that the lease lasts for the steps that follow.
    async fn embed(&self, claim: Claim, until: Instant) -> Embedded {
        let (mut embedded, leases, records) = part(claim.records);
        if records.is_empty() {
            return embedded;
        }
        let Ok(permit) = self.shared.embedder_breaker.admit(Instant::now()) else {
            embedded.postponed = leases;
            return embedded;
        };
        embedded.embed(self.shared.embedder.as_ref(), leases, records, until.into()).await;
        match &embedded.outage {
            Some(outage) => permit.failed(Instant::now(), outage.retry_after),
            None => permit.succeeded(),
        }
        self.note_embedder(&embedded);
        embedded
    }

    /// Stores vectors and ends leases, all or nothing. Returns whether this worker's embedding set still serves.
    async fn settle(&self, connection: &mut AsyncPgConnection, indexed: &Indexed) -> Result<bool, TurnError> {
        if indexed.is_empty() {
            return Ok(true);
        }
        for (record_id, error) in indexed.refused() {
            tracing::warn!(record_id, error, "a record was refused by the vector index");
        }
        let holder = Holder { owner: self.owner, set: self.shared.set };
        let settlement = indexed.settlement();
        match self.bounded(outbox::settle(connection, holder, &settlement, self.retry())).await? {
            Some(waited) => {
                tally::completed(&waited, self.shared.index.is_some());
                Ok(true)
            }
            None => {
                tracing::error!(
                    "another embedding set serves now; this process's vectors are not stored. Restart it"
                );
                self.bounded(outbox::release(connection, self.owner, &indexed.leases())).await?;
                Ok(false)
            }
        }
    }

    /// Ends the leases of what got no vector.
    async fn give_back(
        &self,
        connection: &mut AsyncPgConnection,
        embedded: &Embedded,
    ) -> Result<(), TurnError> {
        if !embedded.failed.is_empty() {
            for (lease, error) in &embedded.failed {
                tracing::warn!(record_id = lease.record_id, error, "a record could not be embedded");
            }
            let failures: Vec<(&Lease, &str)> =
                embedded.failed.iter().map(|(lease, error)| (lease, error.as_str())).collect();
            self.bounded(outbox::fail(connection, self.owner, &failures, self.retry())).await?;
            self.tally_failed("record", failures.len());
        }
        if !embedded.postponed.is_empty() {
            self.release(connection, &embedded.postponed).await?;
            self.tally_failed("embedder_away", embedded.postponed.len());
        }
        if !embedded.late.is_empty() {
            self.release(connection, &embedded.late).await?;
        }
        Ok(())
    }

    /// Ends leases of rows that are due again at once, and says of how many.
    async fn release(
        &self,
        connection: &mut AsyncPgConnection,
        leases: &[Lease],
    ) -> Result<usize, TurnError> {
        let leases: Vec<&Lease> = leases.iter().collect();
        self.bounded(outbox::release(connection, self.owner, &leases)).await
    }

    /// Without an outside index there is no second write that could fail.
    fn tally_failed(&self, reason: &'static str, records: usize) {
        if self.shared.index.is_some() {
            tally::failed(reason, records);
        }
    }

    fn retry(&self) -> Retry {
        Retry { delay: self.shared.settings.retry_delay, limit: self.shared.settings.attempts }
    }

    /// Logs a change of the embedder's state once.
    fn note_embedder(&self, embedded: &Embedded) {
        let is_away = &self.shared.is_embedder_away;
        match &embedded.outage {
            Some(Outage { reason, .. }) if !is_away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(reason, "the embedder is away; records wait in the outbox");
            }
            None if is_away.swap(false, Ordering::Relaxed) => tracing::info!("the embedder is back"),
            _ => {}
        }
    }
}

/// How long to pause so that what was worked is so many percent of both.
fn rest(worked: Duration, percent: u32) -> Duration {
    let percent = percent.clamp(1, 100);
    worked * (100 - percent) / percent
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::rest;

    #[test]
    fn work_and_rest_have_the_share_that_was_asked_for() {
        for (percent, pause) in [(100, 0), (50, 40), (25, 120), (1, 3_960), (0, 3_960)] {
            let rest = rest(Duration::from_millis(40), percent);
            assert_eq!(rest, Duration::from_millis(pause), "{percent} percent");
        }
    }
}
