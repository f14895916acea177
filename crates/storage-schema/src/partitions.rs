//! Monthly partitions: which months exist, and making those that are missing.

use chrono::{Datelike, Months, NaiveDate};
use diesel::sql_types::{Bool, Date, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{RecordType, Timestamp};

use crate::SchemaError;

/// Months before the present one that always have a partition.
pub const MONTHS_BEHIND: u32 = 1;

/// Months after the present one that always have a partition.
pub const MONTHS_AHEAD: u32 = 3;

/// The first day of the UTC month that an instant lies in.
#[must_use]
pub fn month_of(instant: Timestamp) -> NaiveDate {
    let day = instant.as_datetime().date_naive();
    day.with_day(1).unwrap_or(day)
}

/// Makes one partition if it is missing; says whether it was.
///
/// Takes a connection with no open transaction: the partition is made in one of its own. Safe to call from any
/// number of replicas at once.
///
/// # Errors
/// When the month is outside the accepted range, when a lock could not be had within two seconds, or when the
/// database is away.
pub async fn ensure(
    connection: &mut AsyncPgConnection,
    record_type: RecordType,
    month: NaiveDate,
) -> Result<bool, SchemaError> {
    #[derive(QueryableByName)]
    struct Made {
        #[diesel(sql_type = Bool)]
        made: bool,
    }
    let table = record_type.table();
    sql_query("SELECT ensure_audit_partition($1, $2) AS made")
        .bind::<Text, _>(table)
        .bind::<Date, _>(month)
        .get_result::<Made>(connection)
        .await
        .map(|row| row.made)
        .map_err(|source| SchemaError::Partition { table, month, source })
}

/// Makes the partitions around `now` that every table shall have; returns how many were missing.
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
    use super::{month_of, window};

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
}
