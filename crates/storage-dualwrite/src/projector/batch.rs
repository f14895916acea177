//! Embedding one batch, so that one bad record or one panic costs no other record its vector.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use storage_models::{Embedding, Remediation};

use super::{EmbedFault, RecordEmbedder};
use crate::outbox::{ClaimedRecord, Lease};

/// A batch after the embedder has seen it.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    pub(super) done: Vec<(Lease, Embedding)>,
    pub(super) failed: Vec<(Lease, String)>,
    pub(super) postponed: Vec<Lease>,
    pub(super) outage: Option<Outage>,
}

#[derive(Debug)]
pub(super) struct Outage {
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
}

pub(super) async fn embed(embedder: &dyn RecordEmbedder, claimed: Vec<ClaimedRecord>) -> Embedded {
    let (leases, records): (Vec<_>, Vec<_>) = claimed.into_iter().map(|c| (c.lease, c.record)).unzip();
    let outcomes = match ask(embedder, &records).await {
        Some(outcomes) => outcomes,
        None => one_by_one(embedder, &records).await,
    };
    let mut embedded = Embedded::default();
    for (lease, outcome) in leases.into_iter().zip(outcomes) {
        embedded.sort_in(lease, outcome);
    }
    embedded
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
    fn sort_in(&mut self, lease: Lease, outcome: Result<Embedding, EmbedFault>) {
        match outcome {
            Ok(embedding) => self.done.push((lease, embedding)),
            Err(EmbedFault::Record(error)) => self.failed.push((lease, error)),
            Err(EmbedFault::Outage { reason, retry_after }) => {
                self.postponed.push(lease);
                self.outage = Some(Outage { reason, retry_after });
            }
        }
    }
}
