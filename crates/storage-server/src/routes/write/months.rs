//! Records of months far from the present: a caller may open a few of these, an import any.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use storage_models::{NewRecord, Timestamp};
use storage_schema::partitions::{self, Month};
use tokio::time::Instant;

use crate::auth::Permission;
use crate::http::state::AppState;
use crate::problem::{Problem, ProblemKind};
use crate::store::requester::Requester;

/// Sees to it that the records may have their months; the writer makes them.
pub(super) async fn open(
    request: &HttpRequest,
    state: &AppState,
    records: &[NewRecord],
    deadline: Instant,
) -> Result<(), Problem> {
    let asked = unknown(state, records, Timestamp::now());
    if asked.is_empty() || state.months.is_unlimited() {
        return Ok(());
    }
    let missing = state.reader.missing_months(asked.clone(), deadline).await?;
    state.months.know(asked.into_iter().filter(|month| !missing.contains(month)));
    if missing.is_empty() || state.guard.permits(request, Permission::Admin).await {
        return Ok(());
    }
    let refused = |wait| Problem::new(ProblemKind::TooManyMonths).retry_after(wait);
    state.months.open(&Requester::current(), &missing).map_err(refused)
}

/// The far months of the records that are not known to be there.
fn unknown(state: &AppState, records: &[NewRecord], now: Timestamp) -> Vec<Month> {
    let months: BTreeSet<Month> = records
        .iter()
        .map(|record| (record.record_type(), partitions::month_of(record.partition_time())))
        .filter(|(_, month)| partitions::is_far(*month, now))
        .collect();
    months.into_iter().filter(|month| !state.months.is_known(month)).collect()
}
