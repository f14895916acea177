//! What becomes of claimed rows: done, kept for the outside index, failed, released. Each statement names the version
//! and the lease it holds, so that what belongs to somebody else by now is left alone.

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Double, Float, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, Timestamp};
use uuid::Uuid;

use super::Lease;
use crate::fixed_statement::fixed_statement;
use crate::{embedding_set, vectors};

fixed_statement! {
    /// Gives versions that are still current their vectors.
    Fill -> () {
        "UPDATE remediation_audit r SET embedding_id = v.embedding_id FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", start_times: Vec<Timestamp> => Array<Timestamptz>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", embedding_ids: Vec<i64> => Array<BigInt>;
        ") AS v (id, start_time, version, embedding_id) \
         WHERE r.id = v.id AND r.start_time = v.start_time AND r.updated_at = v.version";
    }
}

/// Characters of an error that are kept with its row.
const REASON_CHARS: usize = 2_000;

/// The outbox rows of `mine` that still have its versions, by their keys and without a join; see [`super::set_up`].
/// `IS TRUE` keeps PostgreSQL from making one.
const THAT_ARE_MINE: &str = " AND record_id = ANY(ARRAY(SELECT id FROM mine)) \
    AND ((record_id, version) IN (SELECT id, version FROM mine)) IS TRUE";

fixed_statement! {
    /// Notes that these versions have their vectors.
    Mark -> () {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version)) UPDATE vector_outbox SET embedded_version = version WHERE lease_owner = ",
            owner: Uuid => SqlUuid;
        THAT_ARE_MINE;
    }
}

fixed_statement! {
    /// Removes rows of this version and lease; returns how many seconds each had waited.
    Remove -> Float {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version)) DELETE FROM vector_outbox WHERE lease_owner = ", owner: Uuid => SqlUuid;
        THAT_ARE_MINE;
        " RETURNING extract(epoch FROM clock_timestamp() - enqueued_at)::real";
    }
}

fixed_statement! {
    /// Ends leases, and makes their rows due at once.
    Release -> () {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version)) UPDATE vector_outbox \
            SET lease_owner = NULL, lease_until = NULL, next_attempt_at = now() WHERE lease_owner = ",
            owner: Uuid => SqlUuid;
        THAT_ARE_MINE;
    }
}

fixed_statement! {
    /// Ends leases of rows that are not in step with their records: they get the records' versions, and are due at once.
    Adopt -> () {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", current: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version, current)) UPDATE vector_outbox \
            SET version = (SELECT current FROM mine WHERE id = record_id), attempts = 0, lease_owner = NULL, \
            lease_until = NULL, next_attempt_at = now() WHERE lease_owner = ", owner: Uuid => SqlUuid;
        THAT_ARE_MINE;
    }
}

fixed_statement! {
    /// Ends leases after an attempt that failed; after the last one the row is parked. The delay is up to half of it
    /// shorter or longer, so that records that failed together do not return together.
    Fail -> () {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", errors: Vec<String> => Array<Text>;
        ") AS v (id, version, error)) UPDATE vector_outbox SET lease_owner = NULL, lease_until = NULL, \
            last_error = (SELECT error FROM mine WHERE id = record_id), attempts = attempts + 1, \
            next_attempt_at = now() + make_interval(secs => (0.5 + random()) * power(2, least(attempts, 10)) * ",
            delay: f64 => Double;
        "), parked_at = CASE WHEN attempts + 1 >= ", limit: i32 => Integer;
        " THEN now() END WHERE lease_owner = ", owner: Uuid => SqlUuid;
        THAT_ARE_MINE;
    }
}

/// A worker's right to settle: its leases, under the embedding set that its vectors belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pub(crate) owner: Uuid,
    pub(crate) set: i64,
}

/// What has become of rows that have their vector.
#[derive(Debug, Default)]
pub(crate) struct Settlement<'a> {
    /// Vectors that their records do not have yet.
    pub(crate) vectors: Vec<(&'a Lease, &'a Embedding)>,
    /// Rows whose version every configured store holds once the vectors above are stored.
    pub(crate) done: Vec<&'a Lease>,
    /// Rows that wait for the outside index.
    pub(crate) kept: Vec<&'a Lease>,
    /// Rows whose point the outside index refused, with its words.
    pub(crate) refused: Vec<(&'a Lease, &'a str)>,
}

/// How often and how soon a record that failed is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    /// After a first failure; doubles with each.
    pub(crate) delay: Duration,
    /// The attempt after which a row is parked.
    pub(crate) limit: i32,
}

/// Settles in one transaction, if the embedding set still serves. Vectors that are new are stored before it, so that no
/// record is locked while the vector index takes them.
/// Returns the seconds each removed row had waited, or `None` when another set serves now.
pub(crate) async fn settle(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    settlement: &Settlement<'_>,
    retry: Retry,
) -> QueryResult<Option<Vec<f32>>> {
    let Settlement { vectors, done, kept, refused } = settlement;
    let embedding_ids = vectors::ids(connection, vectors.iter().map(|(_, embedding)| *embedding)).await?;
    connection
        .transaction(async |connection| {
            if !embedding_set::hold(connection, holder.set).await? {
                return Ok(None);
            }
            // The records before their outbox rows, as an update takes them.
            if !vectors.is_empty() {
                fill(connection, vectors, embedding_ids).await?;
            }
            let waiting: Vec<&Lease> =
                kept.iter().copied().chain(refused.iter().map(|(lease, _)| *lease)).collect();
            if !waiting.is_empty() {
                mark(connection, holder.owner, &waiting).await?;
            }
            if !kept.is_empty() {
                release(connection, holder.owner, kept).await?;
            }
            if !refused.is_empty() {
                fail(connection, holder.owner, refused, retry).await?;
            }
            remove(connection, holder.owner, done).await.map(Some)
        })
        .await
}

async fn fill(
    connection: &mut AsyncPgConnection,
    vectors: &[(&Lease, &Embedding)],
    embedding_ids: Vec<i64>,
) -> QueryResult<usize> {
    let statement = Fill {
        ids: vectors.iter().map(|(lease, _)| lease.record_id).collect(),
        start_times: vectors.iter().map(|(lease, _)| lease.start_time).collect(),
        versions: vectors.iter().map(|(lease, _)| lease.version).collect(),
        embedding_ids,
    };
    statement.execute(connection).await
}

async fn mark(connection: &mut AsyncPgConnection, owner: Uuid, leases: &[&Lease]) -> QueryResult<usize> {
    let (ids, versions) = keys(leases.iter().copied());
    Mark { ids, versions, owner }.execute(connection).await
}

async fn remove(connection: &mut AsyncPgConnection, owner: Uuid, leases: &[&Lease]) -> QueryResult<Vec<f32>> {
    let (ids, versions) = keys(leases.iter().copied());
    Remove { ids, versions, owner }.load(connection).await
}

/// Removes rows whose record does not exist.
pub(crate) async fn discard(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    leases: &[Lease],
) -> QueryResult<usize> {
    remove(connection, owner, &leases.iter().collect::<Vec<_>>()).await.map(|rows| rows.len())
}

/// Ends leases after failures of the records' own: one attempt more for each, parked after the last.
pub(crate) async fn fail(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    failures: &[(&Lease, &str)],
    retry: Retry,
) -> QueryResult<usize> {
    let (ids, versions) = keys(failures.iter().map(|(lease, _)| *lease));
    let errors = failures.iter().map(|(_, error)| reason(error)).collect();
    let Retry { delay, limit } = retry;
    Fail { ids, versions, errors, delay: delay.as_secs_f64(), limit, owner }.execute(connection).await
}

/// What is kept of an error's words: some may be of a length, or hold a character, that PostgreSQL would refuse together
/// with the rows beside it.
fn reason(error: &str) -> String {
    error.chars().filter(|character| *character != '\0').take(REASON_CHARS).collect()
}

/// Gives rows that were enqueued in other versions than their records have the records' versions. A row that got another
/// version meanwhile is left.
pub(crate) async fn adopt(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    stale: &[(Lease, Timestamp)],
) -> QueryResult<usize> {
    let (ids, versions) = keys(stale.iter().map(|(lease, _)| lease));
    let current = stale.iter().map(|(_, version)| *version).collect();
    Adopt { ids, versions, current, owner }.execute(connection).await
}

/// Ends leases without counting an attempt: the fault was not the records'.
pub(crate) async fn release(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    leases: &[&Lease],
) -> QueryResult<usize> {
    let (ids, versions) = keys(leases.iter().copied());
    Release { ids, versions, owner }.execute(connection).await
}

fn keys<'a>(leases: impl Iterator<Item = &'a Lease>) -> (Vec<i64>, Vec<Timestamp>) {
    leases.map(|lease| (lease.record_id, lease.version)).unzip()
}
