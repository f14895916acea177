//! The projector's statements: claim, complete, fail, release. Each names the version and the lease it holds, so
//! that what belongs to somebody else by now is left alone.

use std::collections::HashMap;
use std::time::Duration;

use diesel::sql_types::{
    Array, BigInt, Double, Float, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use storage_models::schema::remediation_audit;
use storage_models::{Embedding, Remediation, Timestamp, VectorSql};
use uuid::Uuid;

use super::Lease;
use crate::embedding_set;
use crate::fixed_statement::fixed_statement;

fixed_statement! {
    /// Leases what is due, oldest first, by the database's clock.
    Take -> (BigInt, Timestamptz, Timestamptz) {
        "WITH due AS (SELECT record_id FROM vector_outbox \
            WHERE parked_at IS NULL AND next_attempt_at <= now() \
            ORDER BY next_attempt_at, record_id LIMIT ", limit: i64 => BigInt;
        " FOR UPDATE SKIP LOCKED) \
         UPDATE vector_outbox o SET lease_owner = ", owner: Uuid => SqlUuid;
        ", lease_until = now() + make_interval(secs => ", lease: f64 => Double;
        "), next_attempt_at = now() + make_interval(secs => ", until: f64 => Double;
        ") FROM due WHERE o.record_id = due.record_id RETURNING o.record_id, o.start_time, o.version";
    }
}

fixed_statement! {
    /// Stores the vectors of versions that are still current.
    Fill<'a> -> () {
        "UPDATE remediation_audit r SET embedding = v.embedding FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", start_times: Vec<Timestamp> => Array<Timestamptz>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", embeddings: Vec<&'a Embedding> => Array<VectorSql>;
        ") AS v (id, start_time, version, embedding) \
         WHERE r.id = v.id AND r.start_time = v.start_time AND r.updated_at = v.version";
    }
}

fixed_statement! {
    /// Removes rows of this version and lease; returns how many seconds each had waited.
    Remove -> Float {
        "DELETE FROM vector_outbox o USING UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version) WHERE o.record_id = v.id AND o.version = v.version AND o.lease_owner = ",
            owner: Uuid => SqlUuid;
        " RETURNING extract(epoch FROM clock_timestamp() - o.enqueued_at)::real";
    }
}

fixed_statement! {
    /// Ends leases. `counts` says whether this was an attempt that failed; after the last one the row is parked.
    GiveBack<'a> -> () {
        "UPDATE vector_outbox o SET lease_owner = NULL, lease_until = NULL, \
            last_error = coalesce(v.error, o.last_error), \
            attempts = o.attempts + v.counts, \
            next_attempt_at = now() + make_interval(secs => v.delay * power(2, least(o.attempts, 10) * v.counts)), \
            parked_at = CASE WHEN o.attempts + v.counts >= ", limit: i32 => Integer;
        " THEN now() END FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", errors: Vec<Option<&'a str>> => Array<Nullable<Text>>;
        ", ", delays: Vec<f64> => Array<Double>;
        ", ", counts: Vec<i32> => Array<Integer>;
        ") AS v (id, version, error, delay, counts) \
         WHERE o.record_id = v.id AND o.version = v.version AND o.lease_owner = ", owner: Uuid => SqlUuid;
    }
}

fixed_statement! {
    /// Ends every lease of one owner.
    Resume -> () {
        "UPDATE vector_outbox SET lease_owner = NULL, lease_until = NULL, next_attempt_at = now() WHERE lease_owner = ",
            owner: Uuid => SqlUuid;
    }
}

/// A leased row with its record at the leased version.
#[derive(Debug)]
pub(crate) struct ClaimedRecord {
    pub(crate) lease: Lease,
    pub(crate) record: Remediation,
}

/// What a claim has brought.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    /// Rows to be worked on.
    pub(crate) records: Vec<ClaimedRecord>,
    /// Rows whose record was updated while they were being leased; the newer version is due next.
    pub(crate) stale: Vec<Lease>,
    /// Rows whose record does not exist, as after its partition was detached.
    pub(crate) gone: Vec<Lease>,
}

impl Claim {
    pub(crate) fn len(&self) -> usize {
        self.records.len() + self.stale.len() + self.gone.len()
    }
}

/// Leases at most `limit` due rows for `lease`, and reads their records.
pub(crate) async fn take(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    limit: i64,
    lease: Duration,
) -> QueryResult<Claim> {
    let seconds = lease.as_secs_f64();
    let statement = Take { limit, owner, lease: seconds, until: seconds };
    let rows: Vec<(i64, Timestamp, Timestamp)> = statement.load(connection).await?;
    let mut claim = Claim::default();
    if rows.is_empty() {
        return Ok(claim);
    }
    let mut records = read(connection, &rows).await?;
    for (record_id, start_time, version) in rows {
        let lease = Lease { record_id, start_time, version };
        match records.remove(&record_id) {
            Some(record) if record.updated_at == version => {
                claim.records.push(ClaimedRecord { lease, record })
            }
            Some(_) => claim.stale.push(lease),
            None => claim.gone.push(lease),
        }
    }
    Ok(claim)
}

/// Frees what this owner held on a connection it has lost, so that it need not wait for its own leases to end.
pub(crate) async fn resume(connection: &mut AsyncPgConnection, owner: Uuid) -> QueryResult<usize> {
    Resume { owner }.execute(connection).await
}

async fn read(
    connection: &mut AsyncPgConnection,
    rows: &[(i64, Timestamp, Timestamp)],
) -> QueryResult<HashMap<i64, Remediation>> {
    let ids: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let start_times: Vec<Timestamp> = rows.iter().map(|row| row.1).collect();
    let records: Vec<Remediation> = remediation_audit::table
        .filter(remediation_audit::id.eq_any(ids))
        .filter(remediation_audit::start_time.eq_any(start_times))
        .select(Remediation::as_select())
        .load(connection)
        .await?;
    Ok(records.into_iter().map(|record| (record.id, record)).collect())
}

/// Stores vectors and removes their rows, in one transaction, if the embedding set still serves.
/// Returns the seconds each removed row had waited, or `None` when another set serves now.
pub(crate) async fn complete(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    set: i64,
    done: &[(Lease, Embedding)],
) -> QueryResult<Option<Vec<f32>>> {
    connection
        .transaction(async |connection| {
            if !embedding_set::hold(connection, set).await? {
                return Ok(None);
            }
            // The record before its outbox row, as an update takes them.
            let fill = Fill {
                ids: done.iter().map(|(lease, _)| lease.record_id).collect(),
                start_times: done.iter().map(|(lease, _)| lease.start_time).collect(),
                versions: done.iter().map(|(lease, _)| lease.version).collect(),
                embeddings: done.iter().map(|(_, embedding)| embedding).collect(),
            };
            fill.execute(connection).await?;
            let remove = Remove {
                ids: done.iter().map(|(lease, _)| lease.record_id).collect(),
                versions: done.iter().map(|(lease, _)| lease.version).collect(),
                owner,
            };
            remove.load(connection).await.map(Some)
        })
        .await
}

/// Removes rows whose record does not exist.
pub(crate) async fn discard(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    leases: &[Lease],
) -> QueryResult<usize> {
    let remove = Remove {
        ids: leases.iter().map(|lease| lease.record_id).collect(),
        versions: leases.iter().map(|lease| lease.version).collect(),
        owner,
    };
    remove.load::<f32>(connection).await.map(|rows| rows.len())
}

/// Ends leases after failures of the records' own: one attempt more for each, parked after `limit`. The wait
/// doubles with each attempt from `delay`.
pub(crate) async fn fail(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    failures: &[(Lease, String)],
    delay: Duration,
    limit: i32,
) -> QueryResult<usize> {
    let statement = GiveBack {
        limit,
        ids: failures.iter().map(|(lease, _)| lease.record_id).collect(),
        versions: failures.iter().map(|(lease, _)| lease.version).collect(),
        errors: failures.iter().map(|(_, error)| Some(error.as_str())).collect(),
        delays: failures.iter().map(|_| with_jitter(delay)).collect(),
        counts: vec![1; failures.len()],
        owner,
    };
    statement.execute(connection).await
}

/// Ends leases without counting an attempt: the fault was not the records'.
pub(crate) async fn release(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    leases: &[Lease],
) -> QueryResult<usize> {
    let statement = GiveBack {
        limit: i32::MAX,
        ids: leases.iter().map(|lease| lease.record_id).collect(),
        versions: leases.iter().map(|lease| lease.version).collect(),
        errors: vec![None; leases.len()],
        delays: vec![0.0; leases.len()],
        counts: vec![0; leases.len()],
        owner,
    };
    statement.execute(connection).await
}

/// The delay, up to half of it shorter or longer, so that records that failed together do not return together.
fn with_jitter(delay: Duration) -> f64 {
    delay.as_secs_f64() * rand::random_range(0.5..1.5)
}
