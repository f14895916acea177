//! Embedding one batch, so that one bad record or one panic costs no other record its vector.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use storage_models::{Embedding, Remediation};
use tokio::time::Instant;

use super::{EmbedFault, IncidentKeys, RecordEmbedder};
use crate::index::Point;
use crate::outbox::{ClaimedRecord, Lease};

/// Records embedded at a time; between two portions the time is looked at.
pub(super) const PORTION: u8 = 32;

/// A claimed record with its vector.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) lease: Lease,
    pub(super) point: Point,
    /// Whether PostgreSQL holds the vector already.
    pub(super) is_stored: bool,
}

/// A batch after the embedder has seen it.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    pub(super) ready: Vec<Ready>,
    pub(super) failed: Vec<(Lease, String)>,
    /// Not embedded because the embedder is unavailable.
    pub(super) postponed: Vec<Lease>,
    /// Not begun in time.
    pub(super) late: Vec<Lease>,
    pub(super) outage: Option<Outage>,
}

#[derive(Debug)]
pub(super) struct Outage {
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
}

/// Parts off what has its vector already; the rest is to be embedded.
pub(super) fn part(claimed: Vec<ClaimedRecord>) -> (Embedded, Vec<Lease>, Vec<Remediation>) {
    let (mut embedded, mut leases, mut records) = (Embedded::default(), Vec::new(), Vec::new());
    for ClaimedRecord { lease, record, stored } in claimed {
        match stored {
            Some((embedding, incident_key)) => {
                let point = Point { record, embedding, incident_key };
                embedded.ready.push(Ready { lease, point, is_stored: true });
            }
            None => {
                leases.push(lease);
                records.push(record);
            }
        }
    }
    (embedded, leases, records)
}

/// One outcome for each record, in order.
async fn embed(embedder: &dyn RecordEmbedder, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
    match ask(embedder, records).await {
        Some(outcomes) => outcomes,
        None => one_by_one(embedder, records).await,
    }
}

/// `None` when the embedder panicked or broke its promise of one outcome a record.
async fn ask(
    embedder: &dyn RecordEmbedder,
    records: &[Remediation],
) -> Option<Vec<Result<Embedding, EmbedFault>>> {
    let outcomes = AssertUnwindSafe(embedder.embed(records)).catch_unwind().await.ok()?;
    (outcomes.len() == records.len()).then_some(outcomes)
}

async fn one_by_one(
    embedder: &dyn RecordEmbedder,
    records: &[Remediation],
) -> Vec<Result<Embedding, EmbedFault>> {
    let mut outcomes = Vec::with_capacity(records.len());
    for record in records {
        let alone = ask(embedder, std::slice::from_ref(record)).await;
        let panicked = || Err(EmbedFault::Record("the embedder panicked on this record".to_owned()));
        outcomes.push(alone.and_then(|mut outcome| outcome.pop()).unwrap_or_else(panicked));
    }
    outcomes
}

impl Embedded {
    /// Embeds records portion by portion: those whose portion begins before `until`, and none after one that met an
    /// embedder that is away.
    pub(super) async fn embed(
        &mut self,
        embedder: &dyn RecordEmbedder,
        leases: Vec<Lease>,
        records: Vec<Remediation>,
        until: Instant,
    ) {
        let (mut leases, mut records) = (leases.into_iter(), records.into_iter());
        while self.outage.is_none() && Instant::now() < until {
            let portion: Vec<Remediation> = records.by_ref().take(usize::from(PORTION)).collect();
            if portion.is_empty() {
                return;
            }
            let outcomes = embed(embedder, &portion).await;
            for ((record, lease), outcome) in portion.into_iter().zip(leases.by_ref()).zip(outcomes) {
                self.sort_in(embedder, lease, record, outcome);
            }
        }
        if self.outage.is_some() { &mut self.postponed } else { &mut self.late }.extend(leases);
    }

    fn sort_in(
        &mut self,
        incidents: &dyn IncidentKeys,
        lease: Lease,
        record: Remediation,
        outcome: Result<Embedding, EmbedFault>,
    ) {
        match outcome {
            Ok(embedding) => {
                let incident_key = incidents.incident_key(&record);
                let point = Point { record, embedding, incident_key };
                self.ready.push(Ready { lease, point, is_stored: false });
            }
            Err(EmbedFault::Record(error)) => self.failed.push((lease, error)),
            Err(EmbedFault::Outage { reason, retry_after }) => {
                self.postponed.push(lease);
                self.outage = Some(Outage { reason, retry_after });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::outbox::Stage;
    use crate::tests::index_support::{one_incident, record};
    use async_trait::async_trait;

    /// Takes ten seconds for each call, and is unavailable at one of them.
    struct Slow {
        away_at: usize,
        calls: Mutex<Vec<usize>>,
    }

    one_incident!(Slow);

    #[async_trait]
    impl RecordEmbedder for Slow {
        async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let mut calls = self.calls.lock().unwrap();
            calls.push(records.len());
            let away = || EmbedFault::Outage { reason: "away".to_owned(), retry_after: None };
            let is_away = calls.len() == self.away_at;
            let vector = || Embedding::new(vec![0.5; Embedding::DIMENSION]).unwrap();
            records.iter().map(|_| if is_away { Err(away()) } else { Ok(vector()) }).collect()
        }
    }

    /// A worker that claims many rows, and meets a slow embedder, keeps within its lease.
    #[tokio::test(start_paused = true)]
    async fn portions_begin_in_time_or_are_left() {
        for (seconds, away_at, calls, [ready, postponed, late]) in [
            (1_000, 0, vec![32, 32, 32, 4], [100, 0, 0]),
            (15, 0, vec![32, 32], [64, 0, 36]),
            (1, 0, vec![32], [32, 0, 68]),
            (1_000, 2, vec![32, 32], [32, 68, 0]),
        ] {
            let records: Vec<Remediation> = (1..=100).map(record).collect();
            let lease = |record: &Remediation| Lease {
                record_id: record.id,
                start_time: record.start_time,
                version: record.updated_at,
                stage: Stage::Enqueued,
            };
            let leases = records.iter().map(lease).collect();
            let slow = Slow { away_at, calls: Mutex::default() };
            let mut embedded = Embedded::default();
            let until = Instant::now() + Duration::from_secs(seconds);
            embedded.embed(&slow, leases, records, until).await;
            assert_eq!(*slow.calls.lock().unwrap(), calls);
            let Embedded { ready: has_vector, postponed: put_off, late: left, .. } = &embedded;
            assert_eq!([has_vector.len(), put_off.len(), left.len()], [ready, postponed, late]);
            assert!(has_vector.iter().all(|it| it.lease.record_id == it.point.record.id));
        }
    }
}
