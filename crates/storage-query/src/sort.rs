//! The order of a list.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use storage_models::Timestamp;

use crate::cursor::{Boundary, Position, Side};
use crate::filter::{Conditions, Fields as _};
use crate::record::sealed::{Changing, Lasting};
use crate::sort_key::SortKey;
use crate::sql::{Bind, Sql};
use crate::time_bound::is_in_range;
use crate::{CheckedFilter, InvalidParameter, InvalidReason, Listed};

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest, or smallest, first.
    Ascending,
    /// Newest, or largest, first.
    Descending,
}

/// The order of a list of `R`; by default newest first.
///
/// Equal records follow their ids, in the same direction; records without a duration come last in both
/// directions. As a parameter it is the column's name, after `-` when descending: `start_time` (of an
/// analysis `timestamp`), `created_at`, of what can change `updated_at`, and of remediations `duration_ms`.
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

impl<R: Changing> Sort<R> {
    /// By the time of the last change, of remediations, incidents and workflow runs. Such a list needs a range of that time,
    /// or another filter that narrows it: see [`ListQuery::run`](crate::ListQuery::run).
    #[must_use]
    pub const fn updated_at(direction: Direction) -> Self {
        Self::new(SortKey::UpdatedAt, direction)
    }
}

impl<R: Lasting> Sort<R> {
    /// By duration, for remediations and incidents. Records that have not ended come last.
    #[must_use]
    pub const fn duration_ms(direction: Direction) -> Self {
        Self::new(SortKey::Duration, direction)
    }
}

impl<R: Listed> Sort<R> {
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
            SortKey::UpdatedAt => "updated_at",
            SortKey::Duration => "duration_ms",
        }
    }

    /// ` ORDER BY …`; of what precedes a place, the nearest first. The place of nulls is said only where there are nulls: the
    /// indexes on times are plain, and PostgreSQL does not use one for an order that differs in the place of nulls, even
    /// when the column has none.
    pub(crate) fn order_by(&self, side: Side) -> Sql {
        let mut sql = Sql::new(" ORDER BY ");
        sql.text(self.column());
        sql.text(match (self.key, self.away(side), side) {
            (SortKey::Duration, Direction::Ascending, Side::After) => " ASC NULLS LAST, id ASC",
            (SortKey::Duration, Direction::Descending, Side::After) => " DESC NULLS LAST, id DESC",
            (SortKey::Duration, Direction::Ascending, Side::Before) => " ASC NULLS FIRST, id ASC",
            (SortKey::Duration, Direction::Descending, Side::Before) => " DESC NULLS FIRST, id DESC",
            (_, Direction::Ascending, _) => " ASC, id ASC",
            (_, Direction::Descending, _) => " DESC, id DESC",
        });
        sql
    }

    /// Which way it runs through the months of the partitions, away from a place; `None` when it is by another time or by
    /// none.
    pub(crate) fn through_months(&self, side: Side) -> Option<Direction> {
        (self.key == SortKey::Time).then(|| self.away(side))
    }

    /// Which way it runs away from a place.
    const fn away(&self, side: Side) -> Direction {
        match (self.direction, side) {
            (Direction::Ascending, Side::After) | (Direction::Descending, Side::Before) => {
                Direction::Ascending
            }
            (Direction::Descending, Side::After) | (Direction::Ascending, Side::Before) => {
                Direction::Descending
            }
        }
    }
}

impl<R: Listed> Sort<R> {
    /// Refuses an order that would be made of every record there is: no index has it, and nothing narrows the list.
    pub(crate) fn check(&self, filter: &CheckedFilter<R::Filter>) -> Result<(), InvalidParameter> {
        if self.key != SortKey::UpdatedAt || filter.is_narrow() || filter.times().updated.is_set() {
            return Ok(());
        }
        let reason = InvalidReason::range_required(R::Filter::TYPE.fields());
        Err(InvalidParameter::new("sort", self.to_string(), reason))
    }

    /// Its number in a cursor. The meaning of a number never changes; 2 is that of a feed.
    pub(crate) const fn code(&self) -> u8 {
        match (self.key, self.direction) {
            (SortKey::Time, Direction::Ascending) => 0,
            (SortKey::Time, Direction::Descending) => 1,
            (SortKey::CreatedAt, Direction::Descending) => 3,
            (SortKey::Duration, Direction::Ascending) => 4,
            (SortKey::Duration, Direction::Descending) => 5,
            (SortKey::UpdatedAt, Direction::Ascending) => 6,
            (SortKey::UpdatedAt, Direction::Descending) => 7,
            (SortKey::CreatedAt, Direction::Ascending) => 8,
        }
    }

    /// Where `record` stands in it.
    pub(crate) fn position_of(&self, record: &R) -> Position {
        Position { value: record.sort_value(self.key), id: record.id() }
    }

    /// Whether a record can stand there.
    pub(crate) fn has(&self, position: Position) -> bool {
        match (self.key, position.value) {
            (SortKey::Duration, _) => true,
            (_, value) => value.and_then(Timestamp::from_micros).is_some_and(is_in_range),
        }
    }

    /// Requires the records on one side of a position that it [`Self::has`].
    ///
    /// One comparison of rows is one range of a B-tree. The partitions it rules out, and what a BRIN leaves of them, are
    /// known only from a comparison of the time alone, which it implies.
    pub(crate) fn push_boundary(&self, Boundary { side, position }: Boundary, conditions: &mut Conditions) {
        let (beyond, up_to) = match self.away(side) {
            Direction::Ascending => (" > ", " >= "),
            Direction::Descending => (" < ", " <= "),
        };
        let Some(value) = position.value else {
            let (is_null, joint, end) = match side {
                Side::After => (" IS NULL", " AND id", ""),
                Side::Before => (" IS NOT NULL", " OR id", ")"),
            };
            let sql = conditions.and(if side == Side::Before { "(" } else { "" }).text(self.column());
            sql.text(is_null).text(joint).text(beyond).bind(Bind::BigInt(position.id)).text(end);
            return;
        };
        if self.key != SortKey::Duration {
            conditions.and(self.column()).text(up_to).bind(self.bind(value));
        }
        let nulls_follow = self.key == SortKey::Duration && side == Side::After;
        let sql = conditions.and(if nulls_follow { "((" } else { "(" });
        sql.text(self.column()).text(", id)").text(beyond).text("(").bind(self.bind(value));
        sql.text(", ").bind(Bind::BigInt(position.id)).text(")");
        if nulls_follow {
            sql.text(" OR ").text(self.column()).text(" IS NULL)");
        }
    }

    fn bind(&self, value: i64) -> Bind {
        match (self.key, Timestamp::from_micros(value)) {
            (SortKey::Time | SortKey::CreatedAt | SortKey::UpdatedAt, Some(instant)) => {
                Bind::Timestamptz(instant)
            }
            _ => Bind::BigInt(value),
        }
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

impl<R: Listed> fmt::Display for Sort<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.direction == Direction::Descending { "-" } else { "" };
        write!(f, "{sign}{}", self.column())
    }
}

impl<R: Listed> FromStr for Sort<R> {
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
    use crate::{Incident, Listed};

    fn names<R: Listed>() -> String {
        for sort in Sort::<R>::all() {
            assert_eq!(sort.to_string().parse(), Ok(sort));
        }
        "start-time".parse::<Sort<R>>().unwrap_err().to_string()
    }

    #[test]
    fn each_type_is_sorted_by_the_columns_it_has() {
        assert_eq!(
            names::<Remediation>(),
            "sort must be one of start_time, -start_time, created_at, -created_at, updated_at, -updated_at, \
             duration_ms, -duration_ms"
        );
        assert_eq!(
            names::<AiAnalysis>(),
            "sort must be one of timestamp, -timestamp, created_at, -created_at"
        );
        assert_eq!(names::<Incident>(), names::<Remediation>());
        let times = "sort must be one of start_time, -start_time, created_at, -created_at";
        assert_eq!(names::<Execution>(), times);
        assert_eq!(names::<Workflow>(), format!("{times}, updated_at, -updated_at"));
    }

    #[test]
    fn newest_first_is_the_default() {
        assert_eq!(Sort::<Execution>::default(), Sort::time(Direction::Descending));
        assert_eq!(Sort::<Execution>::default().to_string(), "-start_time");
    }
}
