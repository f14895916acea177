//! The months of which a page is asked before it is asked of all.
//!
//! PostgreSQL plans a statement over every partition that its conditions leave. Over many months the plan of a page takes
//! longer than its records, and most pages lie in the months in which they begin. The two nearest are therefore asked
//! first. They have a bound only on the side to which the list runs, so that nothing that comes earlier is left out, such as
//! records of the future in a list of the newest.

use storage_models::{Month, Timestamp};

use crate::Direction;
use crate::filter::Range;

/// Where a page begins, and to where its list runs, in a list by the time that decides the partitions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// Which way the page is read.
    pub(super) direction: Direction,
    /// The filter's range.
    pub(super) range: Range<Timestamp>,
    /// The time of the cursor.
    pub(super) place: Option<Timestamp>,
    /// The present, after which there are few months.
    pub(super) now: Option<Timestamp>,
}

impl Course {
    /// The bound of the nearest two months. `None` when nothing says where the page begins, or when the list ends within
    /// these months.
    pub(super) fn nearest_months(self) -> Option<Range<Timestamp>> {
        let Self { direction, range, place, now } = self;
        match direction {
            Direction::Descending => {
                let begin = [range.until, place, now].into_iter().flatten().min()?;
                let since = Month::of(begin).previous().begin();
                let is_beyond = range.since.is_none_or(|end| end < since);
                is_beyond.then_some(Range { since: Some(since), until: None })
            }
            Direction::Ascending => {
                let begin = range.since.max(place)?;
                let until = Month::of(begin).next().end();
                let end = [range.until, now].into_iter().flatten().min();
                let is_beyond = end.is_none_or(|end| until < end);
                is_beyond.then_some(Range { since: None, until: Some(until) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;

    use super::Course;
    use crate::Direction::{Ascending, Descending};
    use crate::filter::Range;

    fn at(text: &str) -> Option<Timestamp> {
        (!text.is_empty()).then(|| format!("{text}T00:00:00Z").parse().unwrap())
    }

    const NOW: &str = "2026-03-31";

    #[test]
    fn the_nearest_months_are_the_one_where_the_page_begins_and_the_next_one_of_the_list() {
        for (direction, since, until, place, now, expected) in [
            // Newest first: from the earliest of the present, the end of the range and the cursor.
            (Descending, "", "", "", NOW, Some("2026-02-01")),
            (Descending, "", "", "", "2026-01-01", Some("2025-12-01")),
            (Descending, "", "2025-06-15", "", NOW, Some("2025-05-01")),
            (Descending, "", "2027-06-15", "", NOW, Some("2026-02-01")),
            (Descending, "", "", "2024-01-01", NOW, Some("2023-12-01")),
            (Descending, "", "", "2026-07-01", NOW, Some("2026-02-01")),
            (Descending, "", "2025-06-15", "2024-03-31", NOW, Some("2024-02-01")),
            (Descending, "", "", "2024-01-01", "", Some("2023-12-01")),
            (Descending, "", "", "", "", None),
            // Nothing of the list is beyond them.
            (Descending, "2026-01-31", "", "", NOW, Some("2026-02-01")),
            (Descending, "2026-02-01", "", "", NOW, None),
            (Descending, "2025-01-15", "2025-02-15", "", NOW, None),
            (Descending, "2024-01-15", "", "2024-02-20", NOW, None),
            // Oldest first: from the latest of the beginning of the range and the cursor.
            (Ascending, "", "", "", NOW, None),
            (Ascending, "2024-01-15", "", "", NOW, Some("2024-03-01")),
            (Ascending, "", "", "2024-12-31", NOW, Some("2025-02-01")),
            (Ascending, "2024-01-15", "", "2025-01-15", NOW, Some("2025-03-01")),
            (Ascending, "2024-01-15", "", "", "", Some("2024-03-01")),
            (Ascending, "2024-01-15", "2024-03-01", "", NOW, None),
            (Ascending, "2024-01-15", "2024-03-02", "", NOW, Some("2024-03-01")),
            // Beyond them are only the months after the present one.
            (Ascending, "2026-02-15", "", "", NOW, None),
            (Ascending, "", "2027-01-01", "2026-02-15", NOW, None),
            (Ascending, "2026-01-31", "", "", NOW, Some("2026-03-01")),
            // Ends of the calendar.
            (Descending, "", "0001-01-01", "", NOW, Some("1970-01-01")),
            (Ascending, "9000-01-01", "", "", NOW, None),
        ] {
            let range = Range { since: at(since), until: at(until) };
            let course = Course { direction, range, place: at(place), now: at(now) };
            let bound = expected.and_then(at);
            let expected = bound.map(|_| match direction {
                Descending => Range { since: bound, until: None },
                Ascending => Range { since: None, until: bound },
            });
            assert_eq!(course.nearest_months(), expected, "{course:?}");
        }
    }
}
