//! The report of a run.

use super::{Difference, DriftKind, TooManyDeletions};
use crate::ConnectError;
use crate::index::IndexError;

/// How many of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    /// Records that a store lacks.
    pub missing: u64,
    /// Points without a record.
    pub phantom: u64,
    /// Points in another version than their record's.
    pub stale: u64,
}

/// The findings and repairs of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Records read by the last pass.
    pub records: u64,
    /// Points read by the last pass.
    pub points: u64,
    /// Differences that both passes have seen.
    pub drift: Drift,
    /// Differences of the last pass beyond those that a run remembers. The run does not enqueue them; a later run does,
    /// once others are repaired.
    pub unremembered: u64,
    /// Records that differ and are parked in the outbox: known trouble, an operator's to retry.
    pub parked: u64,
    /// Records put into the outbox.
    pub enqueued: u64,
    /// Points deleted.
    pub deleted: u64,
}

/// Why a run stopped early. Its repairs stay; the next run continues.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Another process reconciles.
    #[error("another reconciler is running on this database; wait for its end")]
    Busy,
    /// No connection.
    #[error("no connection to PostgreSQL")]
    Connect(#[from] ConnectError),
    /// The database did not answer in time, or ended the connection and with it the lock.
    #[error("PostgreSQL refused a step")]
    Database(#[from] diesel::result::Error),
    /// The index did not answer.
    #[error("the vector index refused a step")]
    Index(#[from] IndexError),
    /// The run would delete too much (F36).
    #[error(transparent)]
    TooManyDeletions(#[from] TooManyDeletions),
    /// There is no outside index to rebuild.
    #[error("there is no vector index to reconcile: set qdrant.url")]
    NoIndex,
}

impl Drift {
    /// How many of each kind these are.
    pub(super) fn of(differences: &[Difference]) -> Self {
        let mut drift = Self::default();
        for difference in differences {
            match difference.kind() {
                Some(DriftKind::Missing) => drift.missing += 1,
                Some(DriftKind::Phantom) => drift.phantom += 1,
                Some(DriftKind::Stale) => drift.stale += 1,
                None => {}
            }
        }
        drift
    }
}
