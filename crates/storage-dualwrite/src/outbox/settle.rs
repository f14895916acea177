//! Settles claimed rows: done, kept for the outside index, failed, released. Each statement names the version and the
//! lease, so that it leaves rows alone that now belong to another worker.

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{
    Array, BigInt, Double, Float, Integer, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, IncidentKey, Timestamp};
use uuid::Uuid;

use super::{Lease, Stage};
use crate::fixed_statement::fixed_statement;
use crate::projection::store_vectors;
use crate::{ServingSet, embedding_set, vectors};

/// Characters of an error that are kept with its row.
const REASON_CHARS: usize = 2_000;

/// The outbox rows of `mine` that still have its versions, by their keys and without a join; see [`super::set_up`].
/// `IS TRUE` keeps PostgreSQL from making one.
const THAT_ARE_MINE: &str = " AND record_id = ANY(ARRAY(SELECT id FROM mine)) \
    AND ((record_id, version) IN (SELECT id, version FROM mine)) IS TRUE";

fixed_statement! {
    /// Removes rows of this version and lease; returns how many seconds each had waited.
    Remove -> Float {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version)) DELETE FROM vector_outbox WHERE lease_owner = ", owner: Uuid => SqlUuid;
        " AND set_id = ", set: i64 => BigInt;
        THAT_ARE_MINE;
        " RETURNING extract(epoch FROM clock_timestamp() - enqueued_at)::real";
    }
}

fixed_statement! {
    /// Ends leases, makes their rows due at once, and notes what is stored of them.
    Release -> () {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, version)) UPDATE vector_outbox \
            SET lease_owner = NULL, lease_until = NULL, next_attempt_at = now(), stage = greatest(stage, ",
            stage: i16 => SmallInt;
        ") WHERE lease_owner = ", owner: Uuid => SqlUuid;
        " AND set_id = ", set: i64 => BigInt;
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
            SET version = (SELECT current FROM mine WHERE id = record_id), stage = 0, attempts = 0, lease_owner = NULL, \
            lease_until = NULL, next_attempt_at = now() WHERE lease_owner = ", owner: Uuid => SqlUuid;
        " AND set_id = ", set: i64 => BigInt;
        THAT_ARE_MINE;
    }
}

fixed_statement! {
    /// Ends leases after an attempt that failed, and notes what is stored of their rows; after the last one the row is
    /// parked. The delay is up to half of it shorter or longer, so that records that failed together do not return together.
    Fail -> () {
        "WITH mine AS MATERIALIZED (SELECT * FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", errors: Vec<String> => Array<Text>;
        ") AS v (id, version, error)) UPDATE vector_outbox SET lease_owner = NULL, lease_until = NULL, \
            last_error = (SELECT error FROM mine WHERE id = record_id), attempts = attempts + 1, \
            stage = greatest(stage, ", stage: i16 => SmallInt;
        "), \
            next_attempt_at = now() + make_interval(secs => (0.5 + random()) * power(2, least(attempts, 10)) * ",
            delay: f64 => Double;
        "), parked_at = CASE WHEN attempts + 1 >= ", limit: i32 => Integer;
        " THEN now() END WHERE lease_owner = ", owner: Uuid => SqlUuid;
        " AND set_id = ", set: i64 => BigInt;
        THAT_ARE_MINE;
    }
}

/// A worker's right to settle: its leases, under the embedding set that its vectors belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pub(crate) owner: Uuid,
    pub(crate) set: ServingSet,
}

/// The data of a version that PostgreSQL stores besides its words.
#[derive(Debug)]
pub(crate) struct Projected<'a> {
    pub(crate) lease: &'a Lease,
    pub(crate) embedding: &'a Embedding,
    pub(crate) incident_key: IncidentKey,
}

/// A lease whose record failed, with the words of what it failed of.
pub(crate) type Failure<'a> = (&'a Lease, &'a str);

/// The state of rows whose vector is stored.
#[derive(Debug, Default)]
pub(crate) struct Settlement<'a> {
    /// Vectors that their records do not have yet.
    pub(crate) vectors: Vec<Projected<'a>>,
    /// Rows whose version every configured store holds once the vectors above are stored.
    pub(crate) done: Vec<&'a Lease>,
    /// Rows that wait for the outside index.
    pub(crate) kept: Vec<&'a Lease>,
    /// Rows whose point the outside index refused, with its words.
    pub(crate) refused: Vec<Failure<'a>>,
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
    let embeddings = vectors.iter().map(|it| it.embedding);
    let embedding_ids = vectors::ids(connection, holder.set.slot, embeddings).await?;
    connection
        .transaction(async |connection| {
            if !embedding_set::hold(connection, holder.set.id).await? {
                return Ok(None);
            }
            if !vectors.is_empty() {
                let versions = vectors.iter().map(|it| it.lease.into());
                let incidents = vectors.iter().map(|it| it.incident_key).collect();
                store_vectors(connection, holder.set.slot, versions, embedding_ids, incidents).await?;
            }
            if !kept.is_empty() {
                release(connection, holder, kept, Stage::Vector).await?;
            }
            if !refused.is_empty() {
                fail(connection, holder, refused, Stage::Vector, retry).await?;
            }
            remove(connection, holder, done).await.map(Some)
        })
        .await
}

async fn remove(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    leases: &[&Lease],
) -> QueryResult<Vec<f32>> {
    let (ids, versions) = keys(leases.iter().copied());
    let Holder { owner, set: ServingSet { id: set, .. } } = holder;
    Remove { ids, versions, owner, set }.load(connection).await
}

/// Removes rows whose record does not exist.
pub(crate) async fn discard(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    leases: &[Lease],
) -> QueryResult<usize> {
    remove(connection, holder, &leases.iter().collect::<Vec<_>>()).await.map(|rows| rows.len())
}

/// Ends leases after failures of the records' own: one attempt more for each, parked after the last. `stage` says what is
/// stored of them.
pub(crate) async fn fail(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    failures: &[Failure<'_>],
    stage: Stage,
    retry: Retry,
) -> QueryResult<usize> {
    let (ids, versions) = keys(failures.iter().map(|(lease, _)| *lease));
    let errors = failures.iter().map(|(_, error)| reason(error)).collect();
    let Retry { delay, limit } = retry;
    let Holder { owner, set: ServingSet { id: set, .. } } = holder;
    let (stage, delay) = (stage.number(), delay.as_secs_f64());
    Fail { ids, versions, errors, stage, delay, limit, owner, set }.execute(connection).await
}

/// The part of an error's message that is stored. PostgreSQL would refuse a message that is too long or holds NUL, and
/// the other rows of the statement with it.
fn reason(error: &str) -> String {
    error.chars().filter(|character| *character != '\0').take(REASON_CHARS).collect()
}

/// Gives rows that were enqueued in other versions than their records have the records' versions. A row that got another
/// version meanwhile is left.
pub(crate) async fn adopt(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    stale: &[(Lease, Timestamp)],
) -> QueryResult<usize> {
    let (ids, versions) = keys(stale.iter().map(|(lease, _)| lease));
    let current = stale.iter().map(|(_, version)| *version).collect();
    let Holder { owner, set: ServingSet { id: set, .. } } = holder;
    Adopt { ids, versions, current, owner, set }.execute(connection).await
}

/// Ends leases without counting an attempt: the fault was not the records'. `stage` says what is stored of them.
pub(crate) async fn release(
    connection: &mut AsyncPgConnection,
    holder: Holder,
    leases: &[&Lease],
    stage: Stage,
) -> QueryResult<usize> {
    let (ids, versions) = keys(leases.iter().copied());
    let Holder { owner, set: ServingSet { id: set, .. } } = holder;
    Release { ids, versions, stage: stage.number(), owner, set }.execute(connection).await
}

fn keys<'a>(leases: impl Iterator<Item = &'a Lease>) -> (Vec<i64>, Vec<Timestamp>) {
    leases.map(|lease| (lease.record_id, lease.version)).unzip()
}
