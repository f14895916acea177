//! Embedding one batch, so that one bad record or one panic costs no other record its vector.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use storage_models::{Embedding, Remediation};

use super::{EmbedFault, RecordEmbedder};
use crate::index::Point;
use crate::outbox::{ClaimedRecord, Lease};

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
    pub(super) postponed: Vec<Lease>,
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
            Some(embedding) => {
                embedded.ready.push(Ready { lease, point: Point { record, embedding }, is_stored: true });
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
pub(super) async fn embed(
    embedder: &dyn RecordEmbedder,
    records: &[Remediation],
) -> Vec<Result<Embedding, EmbedFault>> {
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
    pub(super) fn sort_in(
        &mut self,
        lease: Lease,
        record: Remediation,
        outcome: Result<Embedding, EmbedFault>,
    ) {
        match outcome {
            Ok(embedding) => {
                self.ready.push(Ready { lease, point: Point { record, embedding }, is_stored: false });
            }
            Err(EmbedFault::Record(error)) => self.failed.push((lease, error)),
            Err(EmbedFault::Outage { reason, retry_after }) => {
                self.postponed.push(lease);
                self.outage = Some(Outage { reason, retry_after });
            }
        }
    }
}
