//! Keeping the counters small: what was appended is added up, kinds without a record are dropped.

use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryResult, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::Transaction;

use super::{Count, try_lock};

/// How many appended rows one fold takes.
pub const FOLD_LIMIT: i64 = 20_000;

/// The most kinds that a month may have. Reading more counters than that costs about as much as counting records.
pub const MAX_KINDS: i64 = 50_000;

/// How long a fold may take on a connection that says nothing; PostgreSQL ends its statements before.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Folds at most `limit` appended rows into the counters, in a transaction of its own; returns how many it took; 0 if
/// another process is changing the counters.
///
/// # Errors
/// When the database does not answer.
pub async fn fold(connection: &mut AsyncPgConnection, limit: i64) -> QueryResult<usize> {
    Transaction::new("fold counters", TIME_LIMIT)
        .run(connection, async |connection| {
            if !try_lock(connection).await? {
                return Ok(0);
            }
            let taken: Count = sql_query(
                "WITH taken AS (DELETE FROM remediation_count_delta \
                    WHERE ctid = ANY (ARRAY(SELECT ctid FROM remediation_count_delta LIMIT $1)) RETURNING *), \
                 folded AS (INSERT INTO remediation_count AS counter \
                    (month, namespace, status, phase, action_type, severity, records) \
                    SELECT month, namespace, status, phase, action_type, severity, sum(records) FROM taken \
                    WHERE month NOT IN (SELECT month FROM remediation_count_excess) \
                    GROUP BY month, namespace, status, phase, action_type, severity HAVING sum(records) <> 0 \
                    ON CONFLICT (namespace, month, status, phase, action_type, severity) \
                    DO UPDATE SET records = counter.records + excluded.records) \
                 SELECT count(*) AS n FROM taken",
            )
            .bind::<BigInt, _>(limit)
            .get_result(connection)
            .await?;
            Ok(usize::try_from(taken.n).unwrap_or_default())
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
            let given_up = sql_query(
                "INSERT INTO remediation_count_excess SELECT month FROM remediation_count GROUP BY month \
                 HAVING count(*) > $1 ON CONFLICT DO NOTHING",
            )
            .bind::<BigInt, _>(max_kinds)
            .execute(connection)
            .await?;
            sql_query(
                "DELETE FROM remediation_count \
                 WHERE records = 0 OR month IN (SELECT month FROM remediation_count_excess)",
            )
            .execute(connection)
            .await?;
            Ok(given_up)
        })
        .await
}
