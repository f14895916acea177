//! The order of a list.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use storage_models::Remediation;

use crate::sql::Sql;
use crate::{AuditRecord, InvalidParameter, InvalidReason};

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest, or smallest, first.
    Ascending,
    /// Newest, or largest, first.
    Descending,
}

/// A column that lists may be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The record's own time: `start_time`, or an analysis's `timestamp`.
    Time,
    /// When the record was written.
    CreatedAt,
    /// How long it took.
    Duration,
}

/// The order of a list of `R`; by default newest first.
///
/// Equal records follow their ids, in the same direction; records without a duration come last in both
/// directions. As a parameter it is the column's name, after `-` when descending: `start_time` (of an
/// analysis `timestamp`), `created_at`, and of remediations `duration_ms`.
///
/// ```
/// use storage_models::{Execution, Remediation};
/// use storage_query::{Direction, Sort};
///
/// let slowest: Sort<Remediation> = "-duration_ms".parse()?;
/// assert_eq!(slowest, Sort::duration_ms(Direction::Descending));
/// assert!("-duration_ms".parse::<Sort<Execution>>().is_err());
/// # Ok::<(), storage_query::InvalidParameter>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Sort<R> {
    key: SortKey,
    direction: Direction,
    record: PhantomData<fn() -> R>,
}

impl<R> Sort<R> {
    const fn new(key: SortKey, direction: Direction) -> Self {
        Self { key, direction, record: PhantomData }
    }

    /// By the record's own time: `start_time`, or an analysis's `timestamp`.
    #[must_use]
    pub const fn time(direction: Direction) -> Self {
        Self::new(SortKey::Time, direction)
    }

    /// By the time the record was written.
    #[must_use]
    pub const fn created_at(direction: Direction) -> Self {
        Self::new(SortKey::CreatedAt, direction)
    }
}

impl Sort<Remediation> {
    /// By how long it took; records that have not ended come last.
    #[must_use]
    pub const fn duration_ms(direction: Direction) -> Self {
        Self::new(SortKey::Duration, direction)
    }
}

impl<R: AuditRecord> Sort<R> {
    /// Every order there is, as parameters.
    pub fn all() -> impl Iterator<Item = Self> {
        R::SORT_KEYS.iter().flat_map(|key| {
            [Direction::Ascending, Direction::Descending].map(|direction| Self::new(*key, direction))
        })
    }

    const fn column(&self) -> &'static str {
        match self.key {
            SortKey::Time => R::TIME,
            SortKey::CreatedAt => "created_at",
            SortKey::Duration => "duration_ms",
        }
    }

    /// ` ORDER BY …`. NULLS LAST is said only where there are nulls: the indexes on times are plain, and
    /// PostgreSQL does not use one for an order that differs in the place of nulls, even when the column has
    /// none.
    pub(crate) fn order_by(&self) -> Sql {
        let mut sql = Sql::new(" ORDER BY ");
        sql.text(self.column());
        sql.text(match (self.key, self.direction) {
            (SortKey::Duration, Direction::Ascending) => " ASC NULLS LAST, id ASC",
            (SortKey::Duration, Direction::Descending) => " DESC NULLS LAST, id DESC",
            (_, Direction::Ascending) => " ASC, id ASC",
            (_, Direction::Descending) => " DESC, id DESC",
        });
        sql
    }
}

impl<R> Clone for Sort<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Sort<R> {}

impl<R> Default for Sort<R> {
    fn default() -> Self {
        Self::time(Direction::Descending)
    }
}

impl<R: AuditRecord> fmt::Display for Sort<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.direction == Direction::Descending { "-" } else { "" };
        write!(f, "{sign}{}", self.column())
    }
}

impl<R: AuditRecord> FromStr for Sort<R> {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        Self::all().find(|sort| sort.to_string() == text).ok_or_else(|| {
            let allowed = Self::all().map(|sort| sort.to_string()).collect::<Vec<_>>().join(", ");
            InvalidParameter::new("sort", text, InvalidReason::NotOneOf { allowed })
        })
    }
}

#[cfg(test)]
mod tests {
    use storage_models::{AiAnalysis, Execution, Remediation, Workflow};

    use super::{Direction, Sort};
    use crate::AuditRecord;

    fn names<R: AuditRecord>() -> String {
        for sort in Sort::<R>::all() {
            assert_eq!(sort.to_string().parse(), Ok(sort));
        }
        "start-time".parse::<Sort<R>>().unwrap_err().to_string()
    }

    #[test]
    fn each_type_is_sorted_by_the_columns_it_has() {
        assert_eq!(
            names::<Remediation>(),
            "sort must be one of start_time, -start_time, created_at, -created_at, duration_ms, -duration_ms"
        );
        assert_eq!(
            names::<AiAnalysis>(),
            "sort must be one of timestamp, -timestamp, created_at, -created_at"
        );
        let times = "sort must be one of start_time, -start_time, created_at, -created_at";
        assert_eq!((names::<Workflow>(), names::<Execution>()), (times.to_owned(), times.to_owned()));
    }

    #[test]
    fn newest_first_is_the_default() {
        assert_eq!(Sort::<Execution>::default(), Sort::time(Direction::Descending));
        assert_eq!(Sort::<Execution>::default().to_string(), "-start_time");
    }
}
