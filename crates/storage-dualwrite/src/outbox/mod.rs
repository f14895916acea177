//! The outbox: remediations whose current version is not yet in every configured store.
//!
//! There is a row for each set of vectors that serves or is being built. A row waits, is claimed under a lease, and is
//! removed when PostgreSQL and the outside index, if there is one, hold its version. A record that fails for its own
//! reasons again and again is parked with its error until an operator retries it.

pub(crate) mod claim;
mod depth;
pub(crate) mod horizon;
mod operate;
pub(crate) mod read;
pub(crate) mod settle;
pub(crate) mod window;

pub(crate) use claim::{Claim, set_up, take};
pub use depth::{Depth, DepthCount};
pub(crate) use horizon::Horizon;
pub use operate::{Parked, list, retry};
pub(crate) use read::{ClaimedRecord, PORTION_BYTES, Portion, read};
pub(crate) use settle::{
    Failure, Holder, Projected, Retry, Settlement, adopt, discard, fail, release, settle,
};
#[cfg(test)]
pub(crate) use window::Position;
pub(crate) use window::{Wanted, Window};

use crate::projection::Version;

/// One row of the outbox as the projector holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) record_id: i64,
    pub(crate) start_time: storage_models::Timestamp,
    pub(crate) version: storage_models::Timestamp,
    /// The parts of this version that are noted as stored.
    pub(crate) stage: Stage,
}

/// How far the projection of a row's version has come, as far as that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nothing is known to be stored.
    Enqueued,
    /// PostgreSQL holds the words.
    Words,
    /// PostgreSQL holds the words and the vector; the row waits for the outside index.
    Vector,
}

impl Stage {
    /// As the column has it.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Enqueued => 0,
            Self::Words => 1,
            Self::Vector => 2,
        }
    }

    const fn of(number: i16) -> Self {
        match number {
            1 => Self::Words,
            2 => Self::Vector,
            _ => Self::Enqueued,
        }
    }
}

impl From<&Lease> for Version {
    fn from(lease: &Lease) -> Self {
        Self { record_id: lease.record_id, start_time: lease.start_time, version: lease.version }
    }
}
