//! The keys that order a list.

/// A column that lists may be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The record's own time: `start_time`, or an analysis's `timestamp`.
    Time,
    /// When the record was written.
    CreatedAt,
    /// When the record last changed.
    UpdatedAt,
    /// How long it took.
    Duration,
}
