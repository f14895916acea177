//! One worker: claim, read, store words, embed, store in the outside index, settle, again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use storage_models::DatabaseFault;
use storage_postgres::silence;
use tokio::sync::watch;
use uuid::Uuid;

use super::ProjectorSettings;
use super::batch::{Embedded, part};
use super::held::Held;
use super::indexing;
use super::pace::Pace;
use super::shared::Shared;
use super::wake::{Role, Wake};
use crate::ConnectError;
use crate::outbox::{self, Claim, ClaimedRecord, Holder, Horizon, Portion, Stage, Wanted, Window};

/// The least time from the beginning of a turn that has done all there was to the next one. Records that are written
/// within it share a turn, whose price hardly depends on their number. One that comes after a pause waits for nothing.
const GATHER: Duration = Duration::from_millis(25);

/// How long a helping worker keeps away before it looks again whether writes wait.
const KEEP_AWAY: Duration = Duration::from_millis(100);

pub(super) struct Worker {
    role: Role,
    pub(super) shared: Arc<Shared>,
    pub(super) owner: Uuid,
    pub(super) held: Held,
    horizon: Horizon,
    pace: Pace,
    work: watch::Receiver<()>,
    pub(super) wake: Arc<Wake>,
}

/// The next step after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// There is more to do.
    Again,
    /// There is more to do, once writes have had their share of PostgreSQL.
    Yield(Duration),
    /// Nothing is due: wait to be woken.
    Idle,
    /// Nothing can be done for a while, even when woken.
    Pause,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    #[error("no connection to PostgreSQL")]
    Connect(#[from] ConnectError),
    #[error("PostgreSQL refused a step of the projection")]
    Database(#[from] diesel::result::Error),
}

impl TurnError {
    /// The message of the other side, or what happened without one.
    pub(super) fn cause(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// The month of a row has no partition. The record is not at fault.
    pub(super) fn is_no_partition(&self) -> bool {
        matches!(self, Self::Database(error) if DatabaseFault::of(error) == DatabaseFault::NoPartition)
    }

    fn is_timeout(&self) -> bool {
        let Self::Database(error) = self else { return false };
        // On a connection that was silent for a whole step it is not known whether PostgreSQL still worked on it.
        matches!(DatabaseFault::of(error), DatabaseFault::StatementTimeout | DatabaseFault::ConnectionLost)
    }
}

impl Worker {
    pub(super) fn new(role: Role, shared: Arc<Shared>, wake: Arc<Wake>) -> Self {
        let horizon = Horizon::new(shared.settings.sweep_pause);
        let pace = Pace::new(shared.settings.batch);
        let work = wake.subscribe(role);
        Self { role, shared, owner: Uuid::new_v4(), held: Held::default(), horizon, pace, work, wake }
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
                        tracing::warn!(
                            %error,
                            cause = error.cause(),
                            "the projection of records failed; the projector tries again"
                        );
                    }
                    Next::Pause
                }
            };
            self.wait(next, started).await;
        }
    }

    async fn wait(&mut self, next: Next, started: Instant) {
        let ProjectorSettings { poll, outage_pause, .. } = self.shared.settings;
        let stopping = self.shared.stopping.clone();
        let woken = async {
            match next {
                Next::Again => {}
                Next::Yield(pause) => tokio::time::sleep(pause).await,
                Next::Idle => {
                    let longest = self.horizon.pause(poll, Instant::now());
                    // A sweep that finds rows goes on at once.
                    if !longest.is_zero() {
                        let _polled = tokio::time::timeout(longest, self.work.changed()).await;
                        tokio::time::sleep_until((started + GATHER).into()).await;
                    }
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

    async fn turn(&mut self, slot: &mut Option<AsyncPgConnection>) -> Result<Next, TurnError> {
        if self.role == Role::Helping && self.shared.commits.are_crowded(Instant::now()) {
            return Ok(Next::Yield(KEEP_AWAY));
        }
        let wanted = self.shared.wanted();
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let started = Instant::now();
        let (claim, follows) = self.claim(&mut connection, wanted).await?;
        let is_full = self.is_full(&claim);
        if is_full {
            self.wake.call_for_help();
        }
        let mut leases = claim.leases;
        let until = started + self.shared.settings.lease / 2;
        let mut still_ours = true;
        while still_ours && !leases.is_empty() {
            let portion = self.read(&mut connection, &mut leases).await?;
            still_ours = self.carry_through(&mut connection, portion, wanted, until).await?;
        }
        debug_assert!(!still_ours || self.held.is_empty(), "leases were not settled: {:?}", self.held);
        // Nothing, as long as the set serves.
        self.release(&mut connection, &self.held.all(), Stage::Enqueued).await?;
        self.pace.note(is_full, started.elapsed());
        *slot = Some(connection);
        Ok(if still_ours { follows } else { Next::Pause })
    }

    /// Brings the records of one portion as far as they come now. Returns whether this worker's embedding set still serves.
    async fn carry_through(
        &mut self,
        connection: &mut AsyncPgConnection,
        portion: Portion,
        wanted: Wanted,
        until: Instant,
    ) -> Result<bool, TurnError> {
        self.straighten(connection, &portion).await?;
        let records = self.store_words(connection, portion.records).await?;
        let mut embedded = self.embed(records, until).await;
        let ready = std::mem::take(&mut embedded.ready);
        let placed = match &self.shared.index {
            None => indexing::without_index(ready),
            Some(_) if ready.is_empty() => Vec::new(),
            Some(_) if !wanted.to_index => indexing::put_off(ready),
            Some(index) => indexing::store(index, ready).await,
        };
        let still_ours = self.settle(connection, &placed).await?;
        self.give_back(connection, &embedded).await?;
        Ok(still_ours)
    }

    /// Opens a new connection and releases the leases that this worker holds since it lost the last one. Leases of a
    /// claim whose answer was lost are not known here; they expire.
    async fn connect(&mut self) -> Result<AsyncPgConnection, TurnError> {
        let mut connection = self.shared.connector.connect().await?;
        self.bounded(outbox::set_up(&mut connection)).await?;
        let held = self.held.all();
        if let Err(error) = self.release(&mut connection, &held, Stage::Enqueued).await {
            self.held.halve();
            return Err(error);
        }
        Ok(connection)
    }

    /// The leases that this worker may settle.
    pub(super) fn holder(&self) -> Holder {
        Holder { owner: self.owner, set: self.shared.set }
    }

    /// Carries out one step in PostgreSQL, unless it stays silent for too long.
    pub(super) async fn bounded<T>(
        &self,
        step: impl Future<Output = QueryResult<T>>,
    ) -> Result<T, TurnError> {
        Ok(silence::answered(self.shared.settings.step_timeout, step).await?)
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
        let claim = match self.bounded(outbox::take(connection, self.holder(), rows, lease, window)).await {
            Ok(claim) => claim,
            Err(error) => {
                if error.is_timeout() {
                    self.horizon.note_timeout(window);
                }
                return Err(error);
            }
        };
        self.held.take(&claim.leases);
        let is_full = self.is_full(&claim);
        self.horizon.note(window, &claim, is_full, started.elapsed(), Instant::now());
        Ok((claim, if is_full || is_newest_first(window) { Next::Again } else { Next::Idle }))
    }

    /// Whether a claim has as many rows as it could.
    fn is_full(&self, claim: &Claim) -> bool {
        i64::try_from(claim.leases.len()).is_ok_and(|rows| rows >= self.pace.rows())
    }

    /// Embeds what begins before `until`, so that the lease lasts for the steps that follow.
    async fn embed(&self, records: Vec<ClaimedRecord>, until: Instant) -> Embedded {
        let (mut embedded, leases, records) = part(records);
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
        self.shared.note_embedder(&embedded);
        embedded
    }
}

const fn is_newest_first(window: Window) -> bool {
    matches!(window.look, outbox::window::Look::Newest(_))
}

/// The length of a pause after which work has taken `percent` percent of the whole time.
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
