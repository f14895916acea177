//! The counters behind exact totals: how many remediations there are of each kind (month, namespace, status, phase,
//! action type, severity).
//!
//! Triggers append to `remediation_count_delta` what a statement changes, in its own transaction. A reader adds
//! up `remediation_count` and what was appended, in one snapshot, so that a total is exact whether or not anything is
//! ever folded. What happens here moves numbers from one table to the other, or corrects them by appending the
//! difference; neither stops a writer.

mod audit;
mod fold;

pub use audit::{Drift, allow_long_statements, correct, drift, months};
pub use fold::{FOLD_LIMIT, MAX_KINDS, fold, tidy};

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

/// The advisory lock for changing the counters other than by writing records: the bytes of "dscounts".
const LOCK_KEY: i64 = i64::from_be_bytes(*b"dscounts");

statement! {
    /// Takes the lock until the transaction ends, if it is free.
    TryLock("counters/try_lock.sql") -> Bool { key: i64 => BigInt }
}

statement! {
    /// As [`TryLock`], but waits.
    Lock("counters/lock.sql") -> Text { key: i64 => BigInt }
}

/// Takes the lock until the transaction ends, if it is free.
///
/// In a statement of its own: the next one's snapshot then holds all that the last holder has done.
async fn try_lock(connection: &mut AsyncPgConnection) -> QueryResult<bool> {
    TryLock { key: LOCK_KEY }.get_result(connection).await
}

/// As [`try_lock`], but waits.
async fn lock(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    Lock { key: LOCK_KEY }.execute(connection).await.map(|_row| ())
}
