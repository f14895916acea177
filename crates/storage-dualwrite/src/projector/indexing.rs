//! Storing a batch in the outside index, so that one refused point costs no other record its place.

use storage_models::Embedding;

use super::batch::Ready;
use super::tally;
use crate::index::{GuardedIndex, IndexError, Point, VectorIndex as _};
use crate::outbox::{Lease, Settlement};

/// A batch after the outside index has seen it.
#[derive(Debug, Default)]
pub(super) struct Indexed {
    /// In every configured store but PostgreSQL.
    done: Vec<Ready>,
    /// To be stored in the index later.
    kept: Vec<Ready>,
    /// Refused, with the index's words.
    refused: Vec<(Ready, String)>,
}

impl Indexed {
    /// What becomes of the batch without an outside index.
    pub(super) fn without_index(ready: Vec<Ready>) -> Self {
        Self { done: ready, ..Self::default() }
    }

    /// What becomes of the batch while the outside index is away.
    pub(super) fn put_off(ready: Vec<Ready>) -> Self {
        Self { kept: ready, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty() && self.kept.is_empty() && self.refused.is_empty()
    }

    pub(super) fn refused(&self) -> impl Iterator<Item = (i64, &str)> {
        self.refused.iter().map(|(ready, error)| (ready.lease.record_id, error.as_str()))
    }

    pub(super) fn leases(&self) -> Vec<&Lease> {
        self.all().map(|ready| &ready.lease).collect()
    }

    pub(super) fn settlement(&self) -> Settlement<'_> {
        let vectors = self.all().filter(|ready| !ready.is_stored);
        let vectors: Vec<(&Lease, &Embedding)> =
            vectors.map(|ready| (&ready.lease, &ready.point.embedding)).collect();
        Settlement {
            vectors,
            done: self.done.iter().map(|ready| &ready.lease).collect(),
            kept: self.kept.iter().map(|ready| &ready.lease).collect(),
            refused: self.refused.iter().map(|(ready, error)| (&ready.lease, error.as_str())).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Ready> {
        self.done.iter().chain(&self.kept).chain(self.refused.iter().map(|(ready, _)| ready))
    }
}

/// Stores the batch. An error other than a refusal leaves open what was stored: all of it is kept, and stored again.
pub(super) async fn store(index: &GuardedIndex, ready: Vec<Ready>) -> Indexed {
    let points: Vec<Point> = ready.iter().map(|ready| ready.point.clone()).collect();
    match index.upsert(&points).await {
        Ok(()) => Indexed::without_index(ready),
        Err(IndexError::Refused { .. }) => one_by_one(index, ready).await,
        Err(error) => {
            tally::failed(reason(&error), ready.len());
            Indexed::put_off(ready)
        }
    }
}

async fn one_by_one(index: &GuardedIndex, ready: Vec<Ready>) -> Indexed {
    let mut indexed = Indexed::default();
    for ready in ready {
        match index.upsert(std::slice::from_ref(&ready.point)).await {
            Ok(()) => indexed.done.push(ready),
            Err(error) => {
                tally::failed(reason(&error), 1);
                match error {
                    IndexError::Refused { .. } => indexed.refused.push((ready, error.to_string())),
                    _ => indexed.kept.push(ready),
                }
            }
        }
    }
    indexed
}

const fn reason(error: &IndexError) -> &'static str {
    match error {
        IndexError::Away { .. } => "index_away",
        IndexError::TimedOut { .. } => "index_timed_out",
        IndexError::Mismatch(_) => "index_mismatch",
        IndexError::Refused { .. } => "index_refused",
    }
}
