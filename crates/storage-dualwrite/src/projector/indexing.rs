//! Storing a batch in the outside index, so that one refused point costs no other record its place.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use super::batch::Ready;
use super::counts;
use crate::index::{GuardedIndex, IndexError, Point, VectorIndex as _};
use crate::outbox::{Lease, Projected, Settlement};

/// A record after the outside index has seen it.
#[derive(Debug)]
pub(super) struct Placed {
    ready: Ready,
    outcome: IndexOutcome,
}

#[derive(Debug)]
enum IndexOutcome {
    /// In every configured store but PostgreSQL.
    Done,
    /// To be stored in the index later.
    Kept,
    /// Refused, with the index's words.
    Refused(String),
}

impl Placed {
    pub(super) const fn lease(&self) -> &Lease {
        &self.ready.lease
    }

    /// The index's words, if it refused the record.
    pub(super) const fn refusal(&self) -> Option<&str> {
        match &self.outcome {
            IndexOutcome::Refused(error) => Some(error.as_str()),
            IndexOutcome::Done | IndexOutcome::Kept => None,
        }
    }
}

/// The settlement of a part of a batch.
pub(super) fn settlement(part: &[Placed]) -> Settlement<'_> {
    let mut settlement = Settlement::default();
    for Placed { ready, outcome } in part {
        if !ready.is_stored {
            let Point { embedding, incident_key, .. } = &ready.point;
            let projected = Projected { lease: &ready.lease, embedding, incident_key: *incident_key };
            settlement.vectors.push(projected);
        }
        match outcome {
            IndexOutcome::Done => settlement.done.push(&ready.lease),
            IndexOutcome::Kept => settlement.kept.push(&ready.lease),
            IndexOutcome::Refused(error) => settlement.refused.push((&ready.lease, error.as_str())),
        }
    }
    settlement
}

/// The results of a batch without an outside index.
pub(super) fn without_index(batch: Vec<Ready>) -> Vec<Placed> {
    batch.into_iter().map(|ready| Placed { ready, outcome: IndexOutcome::Done }).collect()
}

/// The results of a batch while the outside index is unavailable.
pub(super) fn put_off(batch: Vec<Ready>) -> Vec<Placed> {
    batch.into_iter().map(|ready| Placed { ready, outcome: IndexOutcome::Kept }).collect()
}

/// Stores the batch. An error other than a refusal leaves open what was stored: all of it is kept, and stored again.
pub(super) async fn store(index: &GuardedIndex, batch: Vec<Ready>) -> Vec<Placed> {
    let (points, rest): (Vec<Point>, Vec<(Lease, bool)>) =
        batch.into_iter().map(|ready| (ready.point, (ready.lease, ready.is_stored))).unzip();
    let outcome = upsert(index, &points).await;
    let together = points.into_iter().zip(rest);
    let batch = together.map(|(point, (lease, is_stored))| Ready { lease, point, is_stored }).collect();
    match outcome {
        Ok(()) => without_index(batch),
        Err(IndexError::Refused { .. }) => one_by_one(index, batch).await,
        Err(error) => {
            counts::failed(reason(&error), batch.len());
            put_off(batch)
        }
    }
}

async fn one_by_one(index: &GuardedIndex, batch: Vec<Ready>) -> Vec<Placed> {
    let mut placed = Vec::with_capacity(batch.len());
    for ready in batch {
        let outcome = match upsert(index, std::slice::from_ref(&ready.point)).await {
            Ok(()) => IndexOutcome::Done,
            Err(error) => {
                counts::failed(reason(&error), 1);
                match error {
                    IndexError::Refused { .. } => IndexOutcome::Refused(error.to_string()),
                    _ => IndexOutcome::Kept,
                }
            }
        };
        placed.push(Placed { ready, outcome });
    }
    placed
}

/// A panic over a point refuses it, so that it is found and parked like any other.
async fn upsert(index: &GuardedIndex, points: &[Point]) -> Result<(), IndexError> {
    let storing = AssertUnwindSafe(index.upsert(points)).catch_unwind();
    storing.await.unwrap_or_else(|_panic| {
        Err(IndexError::Refused {
            operation: "upsert",
            reason: "the client panicked on this record".to_owned(),
        })
    })
}

const fn reason(error: &IndexError) -> &'static str {
    match error {
        IndexError::Away { .. } => "index_away",
        IndexError::TimedOut { .. } => "index_timed_out",
        IndexError::Mismatch(_) => "index_mismatch",
        IndexError::Refused { .. } => "index_refused",
    }
}
