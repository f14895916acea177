//! Counts of remediations: how many succeeded, how many of each kind, how many over time.

mod facets;
mod groups;
mod rate;
#[cfg(test)]
mod tests;
mod trend;

pub use facets::{Facet, FacetValue, FacetsQuery};
pub use groups::{Group, GroupCountsQuery, Grouping, Groups, MAX_GROUPS};
pub use rate::{SuccessRate, SuccessRateQuery};
pub use trend::{AUTO_BUCKETS, Bucket, Interval, MAX_BUCKETS, Trend, TrendQuery};

/// `count(*)` of those that succeeded and of those that failed, for the end of a list of columns.
const OUTCOMES: &str = "count(*) AS total, count(*) FILTER (WHERE status = 'success') AS success, \
                        count(*) FILTER (WHERE status = 'failed') AS failed";
