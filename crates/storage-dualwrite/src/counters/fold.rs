//! Keeping the counters small: what was appended is added up, kinds without a record are dropped.

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::{Transaction, statement};

use super::try_lock;

/// How many appended rows one fold takes.
pub const FOLD_LIMIT: i64 = 20_000;

/// The most kinds that a month may have. Reading more counters than that costs about as much as counting records.
pub const MAX_KINDS: i64 = 50_000;

/// How long a fold may take on a connection that says nothing; PostgreSQL ends its statements before.
const TIME_LIMIT: Duration = Duration::from_secs(60);

statement! {
    /// Adds appended rows up into the counters and removes them; returns how many.
    Fold("counters/fold.sql") -> BigInt { limit: i64 => BigInt }
}

statement! {
    /// Notes the months that have too many kinds.
    GiveUp("counters/give_up.sql") -> () { max_kinds: i64 => BigInt }
}

statement! {
    /// Removes counters that are zero, and those of months that were given up.
    DropCounters("counters/drop.sql") -> () {}
}

/// Folds at most `limit` appended rows into the counters, in a transaction of its own; returns how many it took, none
/// when somebody else is changing the counters.
///
/// # Errors
/// When the database does not answer.
pub async fn fold(connection: &mut AsyncPgConnection, limit: i64) -> QueryResult<usize> {
    Transaction::new("fold counters", TIME_LIMIT)
        .run(connection, async |connection| {
            if !try_lock(connection).await? {
                return Ok(0);
            }
            let taken: i64 = Fold { limit }.get_result(connection).await?;
            Ok(usize::try_from(taken).unwrap_or_default())
        })
        .await
}

/// Removes the counters of months with more than `max_kinds` kinds, and the counters that are zero; returns the number
/// of months removed. From then on the totals of these months are counted in the table. [`correct`](super::correct)
/// restores the counters of a month.
///
/// # Errors
/// When the database does not answer.
pub async fn tidy(connection: &mut AsyncPgConnection, max_kinds: i64) -> QueryResult<usize> {
    Transaction::new("tidy counters", TIME_LIMIT)
        .run(connection, async |connection| {
            if !try_lock(connection).await? {
                return Ok(0);
            }
            let given_up = GiveUp { max_kinds }.execute(connection).await?;
            DropCounters {}.execute(connection).await?;
            Ok(given_up)
        })
        .await
}
