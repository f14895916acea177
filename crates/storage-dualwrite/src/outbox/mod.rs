//! The outbox: remediations whose current version is not yet in every configured store.
//!
//! A row waits, is claimed under a lease, and is removed when PostgreSQL and the outside index, if there is
//! one, hold its version. A record that fails for its own reasons again and again is parked with its error until an
//! operator retries it.

pub(crate) mod claim;
mod horizon;
mod operate;
pub(crate) mod settle;

pub(crate) use claim::{Claim, ClaimedRecord, Position, Wanted, Window, resume, set_up, take};
pub(crate) use horizon::Horizon;
pub use operate::{Depth, Parked, depth, list, retry};
pub(crate) use settle::{Holder, Retry, Settlement, discard, fail, release, settle};

/// One row of the outbox as the projector holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) record_id: i64,
    pub(crate) start_time: storage_models::Timestamp,
    pub(crate) version: storage_models::Timestamp,
}
