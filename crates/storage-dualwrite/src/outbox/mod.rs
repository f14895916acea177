//! The outbox: remediations whose current version is not yet in every configured store.
//!
//! A row waits, is claimed under a lease, and is removed when PostgreSQL and the outside index, if there is
//! one, hold its version. A record that fails for its own reasons again and again is parked with its error until an
//! operator retries it.

pub(crate) mod claim;
mod depth;
pub(crate) mod horizon;
mod operate;
pub(crate) mod read;
pub(crate) mod settle;

pub(crate) use claim::{Claim, Position, Wanted, set_up, take};
pub use depth::{Depth, DepthCount};
pub(crate) use horizon::{Horizon, Window};
pub use operate::{Parked, list, retry};
pub(crate) use read::{ClaimedRecord, PORTION_BYTES, Portion, read};
pub(crate) use settle::{Holder, Retry, Settlement, adopt, discard, fail, release, settle};

/// One row of the outbox as the projector holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) record_id: i64,
    pub(crate) start_time: storage_models::Timestamp,
    pub(crate) version: storage_models::Timestamp,
    /// Whether PostgreSQL is noted to hold this version's vector.
    pub(crate) has_vector: bool,
}
