//! Counts of remediations: how many succeeded, how many of each kind, how many over time.

mod groups;
mod rate;
#[cfg(test)]
mod tests;
mod trend;

pub use groups::{Group, GroupCountsQuery, Grouping, Groups, MAX_GROUPS};
pub use rate::{SuccessRate, SuccessRateQuery};
pub use trend::{Bucket, Interval, MAX_BUCKETS, TrendQuery};

/// `count(*)` of the successful and of the failed remediations, for the end of a list of columns.
const OUTCOMES: &str = "count(*) AS total, count(*) FILTER (WHERE status = 'success') AS success, \
                        count(*) FILTER (WHERE status = 'failed') AS failed";
