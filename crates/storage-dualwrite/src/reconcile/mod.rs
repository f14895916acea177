//! Repair: finds where the vector index, the vectors in PostgreSQL and the records differ, and mends it.
//!
//! ```text
//! pass ─▶ the gap ─▶ pass ─▶ what both have seen, unless it waits in the outbox ─▶ a last look ─▶ enqueue, delete
//! ```
//!
//! [`Reconciler`] walks both stores range by range. [`merge`] names the differences of two ordered lists, [`Suspects`]
//! holds them until two passes agree, [`check_deletions`] stops a run that would delete too much: all three are pure.

mod limit;
mod merge;
mod records;
mod report;
mod run;
mod stream;
mod suspects;

pub use limit::{TooManyDeletions, check_deletions};
pub use merge::{Difference, DriftKind, merge};
pub use report::{Drift, ReconcileError, Report};
pub use run::{Mode, OnProgress, ReconcileSettings, Reconciler};
pub use suspects::{Pass, Suspects};
