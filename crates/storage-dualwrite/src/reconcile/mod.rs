//! Repair: finds where the vector index and the records differ.
//!
//! What is here decides and touches no store: [`merge`] names the differences of two ordered lists, [`Suspects`]
//! holds them until two passes agree, [`check_deletions`] stops a run that would delete too much.

mod limit;
mod merge;
mod suspects;

pub use limit::{TooManyDeletions, check_deletions};
pub use merge::{Difference, DriftKind, merge};
pub use suspects::{Pass, Suspects};
