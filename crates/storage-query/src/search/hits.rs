//! The hits of a search by meaning.

use storage_models::{IncidentKey, Remediation};

use super::order;
use crate::read::rows::Distant;

/// A remediation that a search by meaning found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Hit {
    /// 1 - cosine distance, from 0 (unrelated or opposed) to 1 (the same direction).
    pub similarity: f64,
    /// The record.
    pub record: Remediation,
}

impl Hit {
    /// A hit that stands for others: an incident's newest record for all of them.
    #[must_use]
    pub const fn new(similarity: f64, record: Remediation) -> Self {
        Self { similarity, record }
    }
}

/// Nearest first; those that tie with the first of their group newest first.
pub(super) fn ranked(mut rows: Vec<Distant<Remediation>>, min_similarity: f64) -> Vec<Hit> {
    order::sort(&mut rows, |row| row.distance, |row| &row.record);
    rows.into_iter()
        .map(|row| Hit { similarity: similarity(row.distance), record: row.record })
        .filter(|hit| hit.similarity >= min_similarity)
        .collect()
}

/// Rounding may put a distance a little below 0; that of a zero vector is NaN, which counts as unrelated.
pub(super) fn similarity(distance: f64) -> f64 {
    if distance.is_nan() { 0.0 } else { (1.0 - distance).clamp(0.0, 1.0) }
}

/// An incident that a search by meaning found.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct IncidentHit {
    /// Which one.
    pub key: IncidentKey,
    /// How near its nearest record is: 1 - cosine distance, from 0 (unrelated or opposed) to 1 (the same direction).
    pub similarity: f64,
}

impl IncidentHit {
    /// An incident that another index than the database found.
    #[must_use]
    pub const fn new(key: IncidentKey, similarity: f64) -> Self {
        Self { key, similarity }
    }
}
