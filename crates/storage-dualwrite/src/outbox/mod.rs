//! The outbox: remediations whose current version has no vector yet.
//!
//! A row waits, is claimed under a lease, and is removed when its version's vector is stored. A record that fails
//! for its own reasons again and again is parked with its error until an operator retries it.

mod claim;
mod operate;

pub(crate) use claim::{Claim, ClaimedRecord, complete, discard, fail, release, resume, take};
pub use operate::{Depth, Parked, depth, list, retry};

/// One row of the outbox as the projector holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) record_id: i64,
    pub(crate) start_time: storage_models::Timestamp,
    pub(crate) version: storage_models::Timestamp,
}
