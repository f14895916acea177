//! What a search finds, and in which order.

use std::cmp::Ordering;

use storage_models::Remediation;

use crate::read::rows::Distant;

/// Distances this close are equal: the same text embedded twice may differ by as much.
const TIE: f64 = 1e-6;

/// A remediation that a search by meaning found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Hit {
    /// 1 - cosine distance, from 0 (unrelated or opposed) to 1 (the same direction).
    pub similarity: f64,
    /// The record.
    pub record: Remediation,
}

/// Nearest first; those that tie with the first of their group newest first, then by id.
pub(super) fn ranked(mut rows: Vec<Distant<Remediation>>, min_similarity: f64) -> Vec<Hit> {
    rows.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    let mut rest = rows.as_mut_slice();
    while let Some(nearest) = rest.first().map(|row| row.distance) {
        let ties = rest.partition_point(|row| row.distance - nearest <= TIE).max(1);
        let (group, others) = rest.split_at_mut(ties);
        group.sort_by(newest_first);
        rest = others;
    }
    rows.into_iter()
        .map(|row| Hit { similarity: similarity(row.distance), record: row.record })
        .filter(|hit| hit.similarity >= min_similarity)
        .collect()
}

fn newest_first(a: &Distant<Remediation>, b: &Distant<Remediation>) -> Ordering {
    let newest = b.record.start_time.cmp(&a.record.start_time);
    newest.then(a.record.id.cmp(&b.record.id))
}

/// Rounding may put a distance a little below 0; that of a zero vector is NaN, which counts as unrelated.
pub(super) fn similarity(distance: f64) -> f64 {
    if distance.is_nan() { 0.0 } else { (1.0 - distance).clamp(0.0, 1.0) }
}
