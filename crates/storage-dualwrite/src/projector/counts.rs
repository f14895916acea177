//! The metrics of the projector.

/// Counts records that reached a configured outside index.
const SUCCESSES: &str = "datastorage_dualwrite_success_total";
/// Counts tries of records that did not; label `reason`.
const FAILURES: &str = "datastorage_dualwrite_failure_total";
/// Counts refusals of PostgreSQL to project a record.
const REFUSED: &str = "datastorage_projection_refused_total";
/// Seconds from a record's commit until every configured store held it.
const LAG: &str = "datastorage_projection_lag_seconds";

/// Records are in every configured store; `waited` has the seconds that each took.
pub(super) fn completed(waited: &[f32], has_index: bool) {
    for seconds in waited {
        metrics::histogram!(LAG).record(f64::from(*seconds));
    }
    if has_index {
        metrics::counter!(SUCCESSES).increment(count(waited.len()));
    }
}

/// Counts an attempt with `records` records that did not reach the configured outside index.
pub(super) fn failed(reason: &'static str, records: usize) {
    metrics::counter!(FAILURES, "reason" => reason).increment(count(records));
}

/// PostgreSQL refused to project one record.
pub(super) fn refused() {
    metrics::counter!(REFUSED).increment(1);
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}
