//! The counters behind exact totals: how many remediations there are of each kind (month, namespace, status, phase,
//! action type, severity).
//!
//! Triggers append to `remediation_count_delta` what a statement changes, in its own transaction. Whoever reads adds
//! up `remediation_count` and what was appended, in one snapshot, so that a total is exact whether or not anything is
//! ever folded. What happens here moves numbers from one table to the other, or corrects them by appending the
//! difference; neither stops a writer.

mod audit;
mod fold;

pub use audit::{Drift, allow_long_statements, correct, drift, months};
pub use fold::{FOLD_LIMIT, MAX_KINDS, fold, tidy};

use diesel::sql_types::{BigInt, Bool};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The advisory lock for changing the counters other than by writing records: the bytes of "dscounts".
const LOCK_KEY: i64 = i64::from_be_bytes(*b"dscounts");

/// A row that is a number.
#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Takes the lock until the transaction ends, if it is free.
///
/// In a statement of its own: the next one's snapshot then holds all that the last holder has done.
async fn try_lock(connection: &mut AsyncPgConnection) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = Bool)]
        held: bool,
    }
    sql_query("SELECT pg_try_advisory_xact_lock($1) AS held")
        .bind::<BigInt, _>(LOCK_KEY)
        .get_result::<Held>(connection)
        .await
        .map(|row| row.held)
}

/// As [`try_lock`], but waits.
async fn lock(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<BigInt, _>(LOCK_KEY)
        .execute(connection)
        .await
        .map(|_row| ())
}
