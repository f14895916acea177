//! The statements of the reads that are functions, for a service with another driver.
//!
//! Queries that are values have a method instead, such as [`ListQuery::to_sql`](crate::ListQuery::to_sql).
//!
//! ```
//! use storage_query::{Grouping, Valid, to_sql};
//!
//! let sql = to_sql::group_counts(&Valid::default(), Grouping::Severity);
//! assert!(sql.text.starts_with("SELECT severity AS value, "), "{}", sql.text);
//! ```

use crate::aggregate::{group_counts_sql, success_rate_sql, trend_sql};
use crate::read::{count_sql, get_many_sql, get_sql, timeline_sql};
use crate::{BoundSql, Grouping, Interval, Listed, RemediationFilter, Valid};

/// Of [`get()`](crate::get()): the record's columns in one row, or no row.
#[must_use]
pub fn get<R: Listed>(id: i64) -> BoundSql {
    get_sql::<R>(id).into_bound()
}

/// Of [`get_many()`](crate::get_many()): the record's columns a row, in no order.
#[must_use]
pub fn get_many<R: Listed>(ids: &[i64], filter: &Valid<R::Filter>) -> BoundSql {
    get_many_sql::<R>(ids, filter).into_bound()
}

/// Of [`timeline()`](crate::timeline()): the columns of a remediation, an analysis, a workflow and an execution beside
/// each other behind the row's number; whichever has no such many is null.
#[must_use]
pub fn timeline(remediation_id: i64) -> BoundSql {
    timeline_sql(remediation_id).into_bound()
}

/// Of [`count()`](crate::count()): one row, `total`.
#[must_use]
pub fn count<R: Listed>(filter: &Valid<R::Filter>) -> BoundSql {
    count_sql::<R>(filter).into_bound()
}

/// Of [`success_rate()`](crate::success_rate()): one row, `total`, `success` and `failed`.
#[must_use]
pub fn success_rate(filter: &Valid<RemediationFilter>) -> BoundSql {
    success_rate_sql(filter).into_bound()
}

/// Of [`group_counts()`](crate::group_counts()): `value` and `count` a row, the largest first; one row more than
/// [`MAX_GROUPS`](crate::MAX_GROUPS) says that smaller ones were left out.
#[must_use]
pub fn group_counts(filter: &Valid<RemediationFilter>, by: Grouping) -> BoundSql {
    group_counts_sql(filter, by).into_bound()
}

/// Of [`trend()`](crate::trend()): `bucket`, `total`, `success` and `failed` a row, the oldest first, without the
/// buckets in which nothing began.
#[must_use]
pub fn trend(filter: &Valid<RemediationFilter>, interval: Interval) -> BoundSql {
    trend_sql(filter, interval).into_bound()
}
