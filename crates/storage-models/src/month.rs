//! Months of the UTC calendar: a record lies in one month's partition, and its id says in which.

use chrono::{Datelike as _, Months, NaiveDate, NaiveTime};

use crate::Timestamp;

/// A month of the UTC calendar, from January 1970 to August 2652.
///
/// The number of a record's id and the month of its own time (`start_time`, or `timestamp` for analyses) make the id:
/// `id = number × 8192 + months since January 1970`. Ids are in the order of their numbers, and a look-up by id reads the
/// one partition that may hold the record.
///
/// ```
/// use storage_models::Month;
///
/// let month = Month::of("2026-11-29T22:00:00Z".parse()?);
/// let id = month.id(1);
/// assert_eq!(id, 8192 + 56 * 12 + 10);
/// assert_eq!(Month::of_id(id), month);
/// assert_eq!(month.begin().to_string(), "2026-11-01T00:00:00.000000Z");
/// assert_eq!(month.end().to_string(), "2026-12-01T00:00:00.000000Z");
/// # Ok::<(), storage_models::ParseTimestampError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u16);

impl Month {
    /// The number of months that an id can represent.
    const COUNT: u16 = 8192;

    /// The month that an instant lies in. An instant outside the range is counted to the nearest month of it.
    #[must_use]
    pub fn of(instant: Timestamp) -> Self {
        let day = instant.as_datetime().date_naive();
        let months = (day.year() - 1970) * 12 + day.month0().cast_signed();
        Self(u16::try_from(months.max(0)).map_or(Self::COUNT - 1, |months| months.min(Self::COUNT - 1)))
    }

    /// The month that an id carries.
    #[must_use]
    pub fn of_id(id: i64) -> Self {
        Self(u16::try_from(id.rem_euclid(i64::from(Self::COUNT))).unwrap_or_default())
    }

    /// The id of the record with this number in this month. Below 2^53, which JSON's readers keep exactly, for the first
    /// 10^12 records; beyond 10^15 the largest id there is.
    #[must_use]
    pub fn id(self, number: i64) -> i64 {
        number.saturating_mul(i64::from(Self::COUNT)).saturating_add(i64::from(self.0))
    }

    /// The month's first instant.
    #[must_use]
    pub fn begin(self) -> Timestamp {
        first_instant(self.0)
    }

    /// The first instant after the month.
    #[must_use]
    pub fn end(self) -> Timestamp {
        first_instant(self.0 + 1)
    }

    /// The month before it; of the first month there is, itself.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The month after it; of the last month there is, itself.
    #[must_use]
    pub fn next(self) -> Self {
        Self((self.0 + 1).min(Self::COUNT - 1))
    }

    /// The ranges of time that cover the months of these ids and no other month, in their order: each from its first instant
    /// to the first instant after it. Months that follow one another are one range.
    #[must_use]
    pub fn ranges(ids: &[i64]) -> Vec<(Timestamp, Timestamp)> {
        let mut months: Vec<Self> = ids.iter().copied().map(Self::of_id).collect();
        months.sort_unstable();
        months.dedup();
        let runs = months.chunk_by(|month, next| month.0 + 1 == next.0);
        runs.filter_map(|run| Some((run.first()?.begin(), run.last()?.end()))).collect()
    }
}

fn first_instant(months: u16) -> Timestamp {
    let day = NaiveDate::default().checked_add_months(Months::new(u32::from(months))).unwrap_or_default();
    Timestamp::new(day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_the_month_of_utc() {
        for (instant, number, id) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1970-01-31T23:59:59.999999Z", 1, 8192),
            ("2026-11-30T23:59:59.999999Z", 1, 8192 + 682),
            ("2026-12-01T00:30:00+01:00", 1, 8192 + 682),
            ("2026-12-01T00:00:00Z", 1, 8192 + 683),
            ("2026-12-01T00:00:00Z", 1_000_000_000_000, 8_192_000_000_000_683),
        ] {
            let instant: Timestamp = instant.parse().unwrap();
            let month = Month::of(instant);
            assert_eq!(month.id(number), id, "{instant}");
            assert_eq!(Month::of_id(id), month);
            assert!(month.begin() <= instant && instant < month.end(), "{instant}");
        }
        let late = Month::of("2652-08-31T00:00:00Z".parse().unwrap());
        assert!(late.id(1_000_000_000_000) < 1 << 53);
    }

    #[test]
    fn what_is_no_id_of_a_record_has_a_month_all_the_same() {
        for id in [i64::MIN, -1, 0, 7, i64::MAX] {
            let month = Month::of_id(id);
            assert!(month.begin() < month.end(), "{id}");
        }
        for instant in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            let month = Month::of(instant.parse().unwrap());
            assert_eq!(Month::of_id(month.id(5)), month, "{instant}");
        }
    }

    #[test]
    fn the_months_beside_a_month_end_with_the_calendar() {
        let month = |instant: &str| Month::of(instant.parse().unwrap());
        assert_eq!(month("2026-01-31T00:00:00Z").previous(), month("2025-12-01T00:00:00Z"));
        assert_eq!(month("2025-12-31T00:00:00Z").next(), month("2026-01-01T00:00:00Z"));
        let (first, last) = (month("0000-01-01T00:00:00Z"), month("9999-12-31T00:00:00Z"));
        assert_eq!((first.previous(), last.next()), (first, last));
    }

    #[test]
    fn months_that_follow_one_another_are_one_range() {
        let id = |month: &str, number| Month::of(format!("{month}-15T00:00:00Z").parse().unwrap()).id(number);
        let ids = [id("2026-02", 9), id("2025-12", 1), id("2026-01", 2), id("2026-02", 3), id("2026-06", 4)];
        let ranges: Vec<String> = Month::ranges(&ids)
            .iter()
            .map(|(from, until)| format!("{:.7} {:.7}", from.to_string(), until.to_string()))
            .collect();
        assert_eq!(ranges, ["2025-12 2026-03", "2026-06 2026-07"]);
        assert_eq!(Month::ranges(&[]), []);
    }
}
