//! Counts of remediations: which are asked for, and what comes back.

use diesel_async::AsyncPgConnection;
use serde::Serialize;
use storage_models::Timestamp;
use storage_query::{
    Bucket, Group, Grouping, Interval, QueryError, RemediationFilter, SuccessRate, Valid, group_counts,
    success_rate, trend,
};

/// Counts of the remediations that match a filter.
#[derive(Debug, Clone)]
pub(crate) struct CountQuery {
    pub(crate) filter: Valid<RemediationFilter>,
    pub(crate) counted: Counted,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// How many of the finished ones succeeded.
    SuccessRate,
    /// How many have each value of a column.
    Groups(Grouping),
    /// How many began in each interval, up to `now`.
    Trend { interval: Interval, now: Timestamp },
}

/// The counts, as they are sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Counts {
    SuccessRate(SuccessRate),
    Groups {
        data: Vec<Group>,
        /// Whether smaller groups were left out; only sent when it is so.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        truncated: bool,
    },
    Trend {
        data: Vec<Bucket>,
    },
}

impl Counted {
    /// Its name in the metrics.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::SuccessRate => "success_rate",
            Self::Groups(_) => "group_counts",
            Self::Trend { .. } => "trend",
        }
    }
}

impl CountQuery {
    /// Counts, in one statement.
    pub(crate) async fn run(&self, connection: &mut AsyncPgConnection) -> Result<Counts, QueryError> {
        match self.counted {
            Counted::SuccessRate => success_rate(connection, &self.filter).await.map(Counts::SuccessRate),
            Counted::Groups(by) => {
                let found = group_counts(connection, &self.filter, by).await?;
                Ok(Counts::Groups { data: found.groups, truncated: found.is_truncated })
            }
            Counted::Trend { interval, now } => {
                let data = trend(connection, &self.filter, interval, now).await?;
                Ok(Counts::Trend { data })
            }
        }
    }
}
