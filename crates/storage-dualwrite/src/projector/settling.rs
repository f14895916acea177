//! The statements of a worker for a portion of records: words, vectors, and the ends of leases.
//!
//! PostgreSQL takes a portion's words, and settles it, all at once, and refuses all of it for one record. So a portion
//! that is refused because of a record is halved until that record is alone: the others are settled, and only this
//! record fails. If PostgreSQL's message does not say whether the record is at fault, it is at fault if others of its
//! portion are settled.

use diesel_async::AsyncPgConnection;
use storage_models::DatabaseFault;

use super::batch::Embedded;
use super::counts;
use super::indexing::{Placed, settlement};
use super::worker::{TurnError, Worker};
use crate::outbox::{self, ClaimedRecord, Failure, Lease, PORTION_BYTES, Portion, Stage};
use crate::projection;

/// Records that are refused for no clear reason before it is taken for the server's: were all of a portion, each would be
/// tried alone.
const SUSPECTS: usize = 8;

/// The subject of PostgreSQL's refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    Record,
    /// A record, or all there are.
    Unclear,
    /// The server, the connection or the time.
    Server,
}

fn blame(error: &TurnError) -> Blame {
    let TurnError::Database(error) = error else { return Blame::Server };
    match DatabaseFault::of(error) {
        DatabaseFault::Unreadable => Blame::Record,
        DatabaseFault::Other => Blame::Unclear,
        fault if fault.blames_record() => Blame::Record,
        _ => Blame::Server,
    }
}

/// The data of a record that PostgreSQL stores in one step, for all records of a part or none.
trait Part: Sized + Sync {
    fn lease(&self) -> &Lease;

    /// Returns whether the worker's embedding set still serves.
    fn store(
        worker: &mut Worker,
        connection: &mut AsyncPgConnection,
        part: &[Self],
    ) -> impl Future<Output = Result<bool, TurnError>> + Send;
}

/// Its words. They are of no set.
impl Part for ClaimedRecord {
    fn lease(&self) -> &Lease {
        &self.lease
    }

    async fn store(
        worker: &mut Worker,
        connection: &mut AsyncPgConnection,
        part: &[Self],
    ) -> Result<bool, TurnError> {
        let versions = part.iter().map(|record| (&record.lease).into());
        worker.bounded(projection::store_words(connection, versions)).await?;
        Ok(true)
    }
}

/// Its vector, and the end of its lease.
impl Part for Placed {
    fn lease(&self) -> &Lease {
        Self::lease(self)
    }

    async fn store(
        worker: &mut Worker,
        connection: &mut AsyncPgConnection,
        part: &[Self],
    ) -> Result<bool, TurnError> {
        let settlement = settlement(part);
        let (retry, limit) = (worker.shared.retry(), worker.shared.settings.step_timeout);
        let settling = outbox::settle(connection, worker.holder(), &settlement, retry, limit);
        let Some(waited) = settling.await? else {
            tracing::error!(
                "another embedding set is active now, so the vectors of this process are not stored. Restart this \
                 process"
            );
            return Ok(false);
        };
        worker.held.settle(part.iter().map(Self::lease));
        counts::completed(&waited, worker.shared.index.is_some());
        Ok(true)
    }
}

impl Worker {
    /// Reads what fits of the records of these leases, and takes those off. A record that cannot be read fails alone.
    pub(super) async fn read(
        &mut self,
        connection: &mut AsyncPgConnection,
        leases: &mut Vec<Lease>,
    ) -> Result<Portion, TurnError> {
        let mut rest = Vec::new();
        loop {
            match self.bounded(outbox::read(connection, self.shared.set.slot, leases, PORTION_BYTES)).await {
                Ok(portion) => {
                    leases.append(&mut rest);
                    return Ok(portion);
                }
                Err(error) if blame(&error) == Blame::Record => {
                    if let [lease] = leases.as_slice() {
                        self.refuse(connection, lease, &error).await?;
                        leases.clear();
                        std::mem::swap(leases, &mut rest);
                    } else {
                        let mut second = leases.split_off(leases.len() / 2);
                        second.append(&mut rest);
                        rest = second;
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Stores vectors and ends leases, all or nothing of each part. Returns whether this worker's embedding set still
    /// serves.
    pub(super) async fn settle(
        &mut self,
        connection: &mut AsyncPgConnection,
        placed: &[Placed],
    ) -> Result<bool, TurnError> {
        for (lease, error) in placed.iter().filter_map(|it| Some((it.lease(), it.refusal()?))) {
            tracing::warn!(record_id = lease.record_id, error, "the vector index refused a record");
        }
        self.by_parts(connection, placed).await
    }

    /// Stores the words of records of which that is not noted; returns the records that are still to be worked on.
    pub(super) async fn store_words(
        &mut self,
        connection: &mut AsyncPgConnection,
        records: Vec<ClaimedRecord>,
    ) -> Result<Vec<ClaimedRecord>, TurnError> {
        let (wordless, mut rest): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|record| record.lease.stage == Stage::Enqueued);
        self.by_parts(connection, &wordless).await?;
        rest.extend(wordless.into_iter().filter(|record| self.held.holds(&record.lease)));
        Ok(rest)
    }

    /// Stores all of it, or as much as PostgreSQL takes. Returns whether this worker's embedding set still serves.
    async fn by_parts<T: Part>(
        &mut self,
        connection: &mut AsyncPgConnection,
        all: &[T],
    ) -> Result<bool, TurnError> {
        let mut parts = if all.is_empty() { Vec::new() } else { vec![all] };
        let (mut is_any_stored, mut suspects, mut are_months_made) = (false, Vec::new(), false);
        while let Some(part) = parts.pop() {
            match (T::store(self, connection, part).await, part) {
                (Err(error), _) if !are_months_made && error.is_no_partition() => {
                    are_months_made = true;
                    self.make_months(connection, part).await?;
                    parts.push(part);
                }
                (Ok(true), _) => is_any_stored = true,
                (Ok(false), _) => return Ok(false),
                (Err(error), _) if blame(&error) == Blame::Server => return Err(error),
                (Err(error), [alone]) if blame(&error) == Blame::Record => {
                    self.refuse(connection, alone.lease(), &error).await?;
                }
                (Err(error), [_]) if !is_any_stored && suspects.len() + 1 == SUSPECTS => return Err(error),
                (Err(error), [alone]) => suspects.push((alone.lease(), error)),
                (Err(_refused), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        self.judge(connection, suspects, is_any_stored).await
    }

    /// Makes the partitions of these records' months, of which one that follows a record's own was removed.
    async fn make_months<T: Part>(
        &self,
        connection: &mut AsyncPgConnection,
        part: &[T],
    ) -> Result<(), TurnError> {
        tracing::warn!(
            records = part.len(),
            "a month has no partition for words and vectors yet; the projector makes it"
        );
        let times = part.iter().map(|it| it.lease().start_time);
        self.bounded(projection::make_months(connection, times)).await
    }

    /// Decides about records that were refused for no clear reason, after all records of their portion were tried.
    async fn judge(
        &mut self,
        connection: &mut AsyncPgConnection,
        suspects: Vec<(&Lease, TurnError)>,
        is_any_stored: bool,
    ) -> Result<bool, TurnError> {
        for (lease, error) in suspects {
            if !is_any_stored {
                return Err(error);
            }
            self.refuse(connection, lease, &error).await?;
        }
        Ok(true)
    }

    /// Counts a failed attempt of a record that PostgreSQL refused.
    async fn refuse(
        &mut self,
        connection: &mut AsyncPgConnection,
        lease: &Lease,
        error: &TurnError,
    ) -> Result<(), TurnError> {
        let words = error.cause();
        tracing::warn!(
            record_id = lease.record_id,
            error = words,
            "PostgreSQL refused to project a record; the other records of the batch are projected"
        );
        counts::refused();
        self.fail(connection, &[(lease, &words)], Stage::Enqueued).await
    }

    /// Ends leases of records that failed for their own reasons.
    async fn fail(
        &mut self,
        connection: &mut AsyncPgConnection,
        failures: &[Failure<'_>],
        stage: Stage,
    ) -> Result<(), TurnError> {
        self.bounded(outbox::fail(connection, self.holder(), failures, stage, self.shared.retry())).await?;
        self.held.settle(failures.iter().map(|(lease, _)| *lease));
        Ok(())
    }

    /// Ends the leases of what got no vector. Its words are stored.
    pub(super) async fn give_back(
        &mut self,
        connection: &mut AsyncPgConnection,
        embedded: &Embedded,
    ) -> Result<(), TurnError> {
        if !embedded.failed.is_empty() {
            for (lease, error) in &embedded.failed {
                tracing::warn!(record_id = lease.record_id, error, "a record could not be embedded");
            }
            let failures: Vec<Failure<'_>> =
                embedded.failed.iter().map(|(lease, error)| (lease, error.as_str())).collect();
            self.fail(connection, &failures, Stage::Words).await?;
            self.tally_failed("record", failures.len());
        }
        if !embedded.postponed.is_empty() {
            self.release(connection, &embedded.postponed, Stage::Words).await?;
            // Another replica's embedder may answer, and that replica may have come while they were leased.
            self.wake.tell_others();
            self.tally_failed("embedder_away", embedded.postponed.len());
        }
        self.release(connection, &embedded.late, Stage::Words).await
    }

    /// Ends the leases of rows that are not in step with their records, or have none.
    pub(super) async fn straighten(
        &mut self,
        connection: &mut AsyncPgConnection,
        portion: &Portion,
    ) -> Result<(), TurnError> {
        let Portion { stale, gone, .. } = portion;
        if !stale.is_empty() {
            self.bounded(outbox::adopt(connection, self.holder(), stale)).await?;
            self.held.settle(stale.iter().map(|(lease, _)| lease));
        }
        if !gone.is_empty() {
            tracing::warn!(records = gone.len(), "outbox rows that had no record were removed");
            self.bounded(outbox::discard(connection, self.holder(), gone)).await?;
            self.held.settle(gone);
        }
        Ok(())
    }

    /// Ends leases of rows that are due again at once; `stage` says what is stored of them.
    pub(super) async fn release(
        &mut self,
        connection: &mut AsyncPgConnection,
        leases: &[Lease],
        stage: Stage,
    ) -> Result<(), TurnError> {
        if leases.is_empty() {
            return Ok(());
        }
        let all: Vec<&Lease> = leases.iter().collect();
        self.bounded(outbox::release(connection, self.holder(), &all, stage)).await?;
        self.held.settle(leases);
        Ok(())
    }

    /// Without an outside index there is no second write that could fail.
    fn tally_failed(&self, reason: &'static str, records: usize) {
        if self.shared.index.is_some() {
            counts::failed(reason, records);
        }
    }
}
