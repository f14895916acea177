//! Monthly partitions: lists the existing months and creates missing ones.

use chrono::{Datelike, Months, NaiveDate};
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Date, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{RecordType, Timestamp};
use storage_postgres::statement;

use crate::{SchemaError, expected};

/// Months before the present one that always have a partition.
pub const MONTHS_BEHIND: u32 = 1;

/// Months after the present one that always have a partition.
pub const MONTHS_AHEAD: u32 = 3;

/// A month of one table, by its first day.
pub type Month = (RecordType, NaiveDate);

/// Months from the present one, either way, in which records are no surprise.
const NEAR: i32 = 3;

/// Whether the month is further than three from the present one.
#[must_use]
pub fn is_far(month: NaiveDate, now: Timestamp) -> bool {
    let count = |day: NaiveDate| day.year() * 12 + day.month0().cast_signed();
    (count(month) - count(month_of(now))).abs() > NEAR
}

/// The first day of the UTC month that an instant lies in.
#[must_use]
pub fn month_of(instant: Timestamp) -> NaiveDate {
    let day = instant.as_datetime().date_naive();
    day.with_day(1).unwrap_or(day)
}

statement! {
    /// Makes a month's partition unless it is there; says whether it did.
    EnsurePartition("ensure_partition.sql") -> Bool { table: &'static str => Text, month: NaiveDate => Date }
}

statement! {
    /// The places of months that lack a partition.
    MissingPartitions("missing_partitions.sql") -> BigInt {
        places: Vec<i64> => Array<BigInt>,
        parents: Vec<&'static str> => Array<Text>,
        children: Vec<String> => Array<Text>,
    }
}

/// Makes one month's partitions of a type of record and of all that follows it; says whether one was missing.
///
/// Takes a connection with no open transaction: the partitions are made in one of their own. Safe to call from any
/// number of replicas at once.
///
/// # Errors
/// When the month is outside the accepted range, when a lock could not be had within two seconds, or when the
/// database is unavailable.
pub async fn ensure(
    connection: &mut AsyncPgConnection,
    record_type: RecordType,
    month: NaiveDate,
) -> Result<bool, SchemaError> {
    let table = record_type.table();
    EnsurePartition { table, month }.get_result(connection).await.map_err(|source| SchemaError::Partition {
        table,
        month,
        source,
    })
}

/// Those of the months that lack a partition, of the record or of what follows it, in their order.
///
/// # Errors
/// When the database does not answer.
pub async fn missing(connection: &mut AsyncPgConnection, months: &[Month]) -> QueryResult<Vec<Month>> {
    let (mut places, mut parents, mut children) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (record_type, month)) in (0_i64..).zip(months) {
        for table in expected::tables_of(*record_type) {
            places.push(place);
            parents.push(table);
            children.push(format!("{table}_{}", month.format("%Y_%m")));
        }
    }
    let found: Vec<i64> = MissingPartitions { places, parents, children }.load(connection).await?;
    let places = found.into_iter().filter_map(|place| usize::try_from(place).ok());
    Ok(places.filter_map(|place| months.get(place).copied()).collect())
}

/// The types of record that lack a partition for the month after the present one, of the record or of what follows it.
///
/// # Errors
/// When the database does not answer.
pub async fn missing_next(
    connection: &mut AsyncPgConnection,
    now: Timestamp,
) -> Result<Vec<RecordType>, SchemaError> {
    let next = month_of(now).checked_add_months(Months::new(1));
    let asked: Vec<Month> =
        next.into_iter().flat_map(|month| RecordType::ALL.map(|record_type| (record_type, month))).collect();
    let found = missing(connection, &asked).await;
    let found = found.map_err(SchemaError::during("the list of missing partitions"))?;
    Ok(found.into_iter().map(|(record_type, _)| record_type).collect())
}

/// Makes the partitions around `now` that every table shall have; returns of how many months some were missing, each
/// type of record counted by itself.
///
/// # Errors
/// As [`ensure`]; partitions made before the failure stay.
pub async fn ensure_window(connection: &mut AsyncPgConnection, now: Timestamp) -> Result<usize, SchemaError> {
    let mut made = 0;
    for record_type in RecordType::ALL {
        for month in window(month_of(now)) {
            made += usize::from(ensure(connection, record_type, month).await?);
        }
    }
    Ok(made)
}

fn window(present: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let first = present.checked_sub_months(Months::new(MONTHS_BEHIND)).unwrap_or(present);
    (0..=MONTHS_BEHIND + MONTHS_AHEAD).filter_map(move |months| first.checked_add_months(Months::new(months)))
}

#[cfg(test)]
mod tests {
    use super::{is_far, month_of, window};

    #[test]
    fn the_window_reaches_over_a_year_end() {
        let months: Vec<_> =
            window(month_of("2026-11-30T23:59:59.999999Z".parse().unwrap())).map(|m| m.to_string()).collect();
        assert_eq!(months, ["2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01", "2027-02-01"]);
    }

    #[test]
    fn a_month_is_that_of_utc() {
        assert_eq!(month_of("2026-12-01T00:30:00+01:00".parse().unwrap()).to_string(), "2026-11-01");
    }

    /// F60: counted in months, over the end of a year.
    #[test]
    fn months_further_than_three_are_far() {
        let now = "2026-11-30T23:59:59.999999Z".parse().unwrap();
        for (month, expected) in [
            ("2026-07-01", true),
            ("2026-08-01", false),
            ("2026-11-01", false),
            ("2027-02-01", false),
            ("2027-03-01", true),
            ("2016-11-01", true),
        ] {
            assert_eq!(is_far(month.parse().unwrap(), now), expected, "{month}");
        }
    }
}
