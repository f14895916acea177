//! The comparison of two ordered lists of versions: pure, so that it can be tested by properties.

use std::cmp::Ordering;

use storage_models::Timestamp;

use crate::index::PointVersion;

/// How the index differs from the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DriftKind {
    /// A record that the index does not hold.
    Missing,
    /// A point without a record.
    Phantom,
    /// A point in another version than its record's.
    Stale,
}

/// One id on which the stores differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Difference {
    /// The id of the record, or of the point without a record.
    pub record_id: i64,
    /// The record's version; none for a phantom.
    pub record: Option<Timestamp>,
    /// The point's version; none for a missing one.
    pub point: Option<Timestamp>,
}

impl Difference {
    /// The kind of the difference; `None` if there is none.
    ///
    /// A point that is newer than its record counts as stale, too: no version goes back, so another program wrote the
    /// point, or the database was restored from a backup.
    #[must_use]
    pub fn kind(&self) -> Option<DriftKind> {
        match (self.record, self.point) {
            (Some(_), None) => Some(DriftKind::Missing),
            (None, Some(_)) => Some(DriftKind::Phantom),
            (Some(record), Some(point)) if record != point => Some(DriftKind::Stale),
            _ => None,
        }
    }

    /// Whether the point claims a version that its record has not reached. An upsert would not replace it, so it has
    /// to be removed first.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        matches!((self.record, self.point), (Some(record), Some(point)) if point > record)
    }
}

/// All ids on which the two differ, in ascending order. Both lists are in ascending order of id, without an id twice.
#[must_use]
pub fn merge(records: &[PointVersion], points: &[PointVersion]) -> Vec<Difference> {
    let (mut records, mut points) = (records.iter().peekable(), points.iter().peekable());
    let mut differences = Vec::new();
    loop {
        let order = match (records.peek(), points.peek()) {
            (None, None) => return differences,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(record), Some(point)) => record.record_id.cmp(&point.record_id),
        };
        let record = if order.is_le() { records.next() } else { None };
        let point = if order.is_ge() { points.next() } else { None };
        let Some(record_id) = record.or(point).map(|one| one.record_id) else { return differences };
        let difference = Difference {
            record_id,
            record: record.map(|one| one.version),
            point: point.map(|one| one.version),
        };
        if difference.kind().is_some() {
            differences.push(difference);
        }
    }
}
