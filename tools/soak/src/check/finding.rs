//! The finding of a check.

use crate::model::Difference;

/// One check, and what it found.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) looked_at: u64,
    pub(crate) differences: Vec<Difference>,
}
