//! Outcomes as numbers.

use diesel::deserialize::{self, QueryableByName};
use diesel::pg::Pg;
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Double, Nullable, Timestamptz};
use serde::Serialize;
use storage_models::Timestamp;

use crate::number::ratio;

/// What came of the finished records of a group. A success that did not hold is not evidence that an action works.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OutcomeCounts {
    /// How many are finished: the sum of the next three.
    pub total: i64,
    /// How many of them have status success.
    pub success: i64,
    /// How many have status failed.
    pub failed: i64,
    /// How many have neither.
    pub unknown: i64,
    /// `success / total`.
    pub success_rate: Option<f64>,
    /// The lower end of that rate's Wilson interval of 95 %.
    pub success_rate_bound: Option<f64>,
    /// Of the successes that were looked up, how many held: nothing of the same incident came soon after.
    pub held: i64,
    /// After how many of them the same incident came back.
    pub recurred: i64,
    /// How many of them are too young to tell.
    pub too_early: i64,
    /// How many held of all that were looked up and can be told, failed and unknown ones among them.
    pub held_rate: Option<f64>,
    /// The lower end of that rate's Wilson interval of 95 %.
    pub held_rate_bound: Option<f64>,
    /// When the newest began.
    pub last_seen: Timestamp,
    /// The median of their durations, in milliseconds; `None` when none of those looked up has one.
    pub duration_ms_p50: Option<i64>,
    /// What 95 % of them do not exceed.
    pub duration_ms_p95: Option<i64>,
}

impl QueryableByName<Pg> for OutcomeCounts {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let count = |name| NamedRow::get::<BigInt, i64>(row, name);
        let bound = |name| NamedRow::get::<Nullable<Double>, Option<f64>>(row, name);
        let duration = |name| NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, name);
        let (total, success, failed) = (count("total")?, count("success")?, count("failed")?);
        let (held, judged) = (count("held")?, count("judged")?);
        Ok(Self {
            total,
            success,
            failed,
            unknown: total - success - failed,
            success_rate: ratio(success, total),
            success_rate_bound: bound("success_rate_bound")?,
            held,
            recurred: count("recurred")?,
            too_early: count("too_early")?,
            held_rate: ratio(held, judged),
            held_rate_bound: bound("held_rate_bound")?,
            last_seen: NamedRow::get::<Timestamptz, _>(row, "last_seen")?,
            duration_ms_p50: duration("duration_ms_p50")?,
            duration_ms_p95: duration("duration_ms_p95")?,
        })
    }
}

/// Counts finished records.
pub(super) const COUNTS: &str = "count(*) AS total, count(*) FILTER (WHERE status = 'success') AS success, \
     count(*) FILTER (WHERE status = 'failed') AS failed, max(start_time) AS last_seen";

/// What is counted of records that are not judged.
pub(super) const NO_JUDGMENTS: &str = "0 AS held, 0 AS recurred, 0 AS too_early, 0 AS judged, NULL::bigint AS duration_ms_p50, NULL::bigint AS duration_ms_p95";

/// What is counted of judged records, which are all where `is_all`; where others are counted, only which is the newest.
pub(super) const COUNTS_OF_ALL: &str = "count(*) FILTER (WHERE is_all) AS total, \
     count(*) FILTER (WHERE is_all AND status = 'success') AS success, \
     count(*) FILTER (WHERE is_all AND status = 'failed') AS failed, max(start_time) AS last_seen";

/// Counts judged records, by the `outcome` of each.
pub(super) const JUDGMENTS: &str = "count(*) FILTER (WHERE outcome = 'held') AS held, count(*) FILTER (WHERE outcome = 'recurred') AS recurred, \
     count(*) FILTER (WHERE outcome = 'too_early') AS too_early, \
     count(*) FILTER (WHERE outcome <> 'too_early') AS judged, \
     percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS duration_ms_p50, \
     percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) AS duration_ms_p95";

/// Both together, for one row of a group.
pub(super) const SUMMED: &str = "sum(total)::bigint AS total, sum(success)::bigint AS success, sum(failed)::bigint AS failed, \
     max(last_seen) AS last_seen, sum(held)::bigint AS held, sum(recurred)::bigint AS recurred, \
     sum(too_early)::bigint AS too_early, sum(judged)::bigint AS judged, max(duration_ms_p50) AS duration_ms_p50, \
     max(duration_ms_p95) AS duration_ms_p95";

/// The lower end of the Wilson interval of 95 % of a rate of whole numbers; null of nothing.
macro_rules! wilson {
    ($part:literal of $whole:literal) => {
        concat!(
            "CASE WHEN ",
            $whole,
            " > 0 THEN CASE WHEN ",
            $part,
            " = 0 THEN 0 ELSE (",
            $part,
            "::float8 / ",
            $whole,
            " + 1.920729410347062 / ",
            $whole,
            " - 1.959963984540054 * sqrt((",
            $part,
            "::float8 / ",
            $whole,
            " * (1 - ",
            $part,
            "::float8 / ",
            $whole,
            ") + 0.960364705173531 / ",
            $whole,
            ") / ",
            $whole,
            ")) / (1 + 3.841458820694124 / ",
            $whole,
            ") END END"
        )
    };
}

/// What follows from the sums.
pub(super) const BOUNDS: &str = concat!(
    wilson!("success" of "total"),
    " AS success_rate_bound, ",
    wilson!("held" of "judged"),
    " AS held_rate_bound"
);
