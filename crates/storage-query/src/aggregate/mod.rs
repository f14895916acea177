//! Counts of remediations: how many succeeded, how many of each kind, how many over time.

mod groups;
mod rate;
#[cfg(test)]
mod tests;
mod trend;

pub(crate) use groups::sql as group_counts_sql;
pub use groups::{Group, Grouping, Groups, MAX_GROUPS, group_counts};
pub(crate) use rate::sql as success_rate_sql;
pub use rate::{SuccessRate, success_rate};
pub(crate) use trend::sql as trend_sql;
pub use trend::{Bucket, Interval, MAX_BUCKETS, trend};

/// `count(*)` of those that succeeded and of those that failed, for the end of a list of columns.
const OUTCOMES: &str = "count(*) AS total, count(*) FILTER (WHERE status = 'success') AS success, \
                        count(*) FILTER (WHERE status = 'failed') AS failed";
