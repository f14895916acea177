//! The points of an index, and its answers.

use storage_models::{Embedding, IncidentKey, Remediation, Timestamp};

/// One remediation in the index: its vector, and its fields to filter by.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The record as it was at its version, [`Remediation::updated_at`].
    pub record: Remediation,
    /// Its vector.
    pub embedding: Embedding,
    /// The incident it belongs to.
    pub incident_key: IncidentKey,
}

impl Point {
    /// The state of the index once it holds this point.
    #[must_use]
    pub const fn version(&self) -> PointVersion {
        PointVersion { record_id: self.record.id, version: self.record.updated_at }
    }
}

/// Which version of a record the index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PointVersion {
    /// [`Remediation::id`].
    pub record_id: i64,
    /// [`Remediation::updated_at`].
    pub version: Timestamp,
}

/// A record that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// [`Remediation::id`].
    pub record_id: i64,
    /// The cosine of the angle between the two vectors, -1 to 1.
    pub similarity: f64,
}

/// An incident that a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NearIncident {
    /// Which one.
    pub key: IncidentKey,
    /// The similarity of its nearest record, -1 to 1.
    pub similarity: f64,
}

impl Neighbour {
    /// The order of a search's answer: nearest first, those equally near by id.
    pub(super) fn nearest_first(&self, other: &Self) -> std::cmp::Ordering {
        other.similarity.total_cmp(&self.similarity).then_with(|| self.record_id.cmp(&other.record_id))
    }
}
