//! The claim: leases due rows and reads their records, in statements that hold nothing afterwards.

use std::collections::HashMap;
use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Double, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use storage_models::schema::remediation_audit;
use storage_models::{Embedding, Remediation, Timestamp, VectorSql};
use uuid::Uuid;

use super::Lease;
use crate::fixed_statement::fixed_statement;

/// The database's time, and a leased row: id, start time, version, whether its vector is stored, when it was due.
type Row = (Timestamp, Option<i64>, Option<Timestamp>, Option<Timestamp>, Option<bool>, Option<Timestamp>);
type RowSql = (
    Timestamptz,
    Nullable<BigInt>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Bool>,
    Nullable<Timestamptz>,
);

/// A statement that leases what is due behind a position, in this order, by the database's clock. One row comes back at
/// least.
macro_rules! take_statement {
    ($name:ident in $order:literal) => {
        fixed_statement! {
            $name -> RowSql {
                "WITH due AS (SELECT record_id, next_attempt_at FROM vector_outbox \
                    WHERE parked_at IS NULL AND next_attempt_at <= now() AND (next_attempt_at, record_id) > (",
                    after: Timestamp => Timestamptz;
                ", ", after_id: i64 => BigInt;
                ") AND coalesce((embedded_version IS NOT DISTINCT FROM version) = ",
                    with_vector: Option<bool> => Nullable<Bool>;
                ", true) ORDER BY ";
                $order;
                " LIMIT ", limit: i64 => BigInt;
                " FOR UPDATE SKIP LOCKED), \
                 taken AS (UPDATE vector_outbox o SET lease_owner = ", owner: Uuid => SqlUuid;
                ", lease_until = now() + make_interval(secs => ", lease: f64 => Double;
                "), next_attempt_at = now() + make_interval(secs => ", until: f64 => Double;
                ") WHERE o.record_id = ANY(ARRAY(SELECT record_id FROM due)) \
                    RETURNING o.record_id, o.start_time, o.version, \
                        o.embedded_version IS NOT DISTINCT FROM o.version AS has_vector) \
                 SELECT now(), record_id, taken.start_time, taken.version, has_vector, due.next_attempt_at \
                    FROM (VALUES (1)) AS one LEFT JOIN (taken JOIN due USING (record_id)) ON true";
            }
        }
    };
}

take_statement!(TakeOldest in "next_attempt_at, record_id");
take_statement!(TakeNewest in "next_attempt_at DESC, record_id DESC");

fixed_statement! {
    /// Ends every lease of one owner.
    Resume -> () {
        "UPDATE vector_outbox SET lease_owner = NULL, lease_until = NULL, next_attempt_at = now() WHERE lease_owner = ",
            owner: Uuid => SqlUuid;
    }
}

/// Which due rows a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any.
    All,
    /// Those whose vector is not stored yet, while the outside index is away.
    WithoutVector,
    /// Those that wait for the outside index alone, while the embedder is away.
    WithVector,
}

/// A place in the order of due rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) due_at: Timestamp,
    pub(crate) record_id: i64,
}

/// Where a claim looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) wanted: Wanted,
    /// Rows up to here are passed over.
    pub(crate) after: Position,
    pub(crate) newest_first: bool,
}

/// A leased row with its record at the leased version.
#[derive(Debug)]
pub(crate) struct ClaimedRecord {
    pub(crate) lease: Lease,
    pub(crate) record: Remediation,
    /// The vector of this version, when the record has it already.
    pub(crate) stored: Option<Embedding>,
}

/// What a claim has brought.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The database's time.
    pub(crate) now: Timestamp,
    /// The last row in the order of due rows.
    pub(crate) last: Option<Position>,
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

/// Prepares a connection for the outbox, which is empty at one moment and a million rows deep at another: its statistics
/// and any plan that was made for the other moment are wrong. Plans are made anew for each statement, and read no more of
/// the index of due rows than they need, in its order. For the same reason no statement joins the outbox to the rows it
/// is about: to an outbox that is believed to be empty every join reads all of it. They are named by their keys instead.
pub(crate) async fn set_up(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    let plans = "SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
                 SET enable_sort = off";
    connection.batch_execute(plans).await
}

/// Leases at most `limit` due rows of the window for `lease`, and reads their records.
pub(crate) async fn take(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    limit: i64,
    lease: Duration,
    window: Window,
) -> QueryResult<Claim> {
    let rows = lease_rows(connection, owner, limit, lease, window).await?;
    let now = rows.as_slice().first().map(|row| row.0).ok_or(diesel::result::Error::NotFound)?;
    let mut claim = Claim { now, last: None, records: Vec::new(), stale: Vec::new(), gone: Vec::new() };
    let (mut leases, mut with_vector) = (Vec::new(), Vec::new());
    for (_, record_id, start_time, version, has_vector, due_at) in rows {
        let (Some(record_id), Some(start_time), Some(version), Some(due_at)) =
            (record_id, start_time, version, due_at)
        else {
            continue;
        };
        claim.last = claim.last.max(Some(Position { due_at, record_id }));
        if has_vector == Some(true) {
            with_vector.push(record_id);
        }
        leases.push(Lease { record_id, start_time, version });
    }
    if leases.is_empty() {
        return Ok(claim);
    }
    let mut records = read(connection, &leases).await?;
    let mut stored = read_vectors(connection, &leases, with_vector).await?;
    for lease in leases {
        match records.remove(&lease.record_id) {
            Some(record) if record.updated_at == lease.version => {
                let stored = stored.remove(&lease.record_id);
                claim.records.push(ClaimedRecord { lease, record, stored });
            }
            Some(_) => claim.stale.push(lease),
            None => claim.gone.push(lease),
        }
    }
    Ok(claim)
}

async fn lease_rows(
    connection: &mut AsyncPgConnection,
    owner: Uuid,
    limit: i64,
    lease: Duration,
    window: Window,
) -> QueryResult<Vec<Row>> {
    let with_vector = match window.wanted {
        Wanted::All => None,
        Wanted::WithoutVector => Some(false),
        Wanted::WithVector => Some(true),
    };
    let Position { due_at: after, record_id: after_id } = window.after;
    let (lease, until) = (lease.as_secs_f64(), lease.as_secs_f64());
    if window.newest_first {
        TakeNewest { after, after_id, with_vector, limit, owner, lease, until }.load(connection).await
    } else {
        TakeOldest { after, after_id, with_vector, limit, owner, lease, until }.load(connection).await
    }
}

/// Frees what this owner held on a connection it has lost, so that it need not wait for its own leases to end.
pub(crate) async fn resume(connection: &mut AsyncPgConnection, owner: Uuid) -> QueryResult<usize> {
    Resume { owner }.execute(connection).await
}

async fn read(
    connection: &mut AsyncPgConnection,
    leases: &[Lease],
) -> QueryResult<HashMap<i64, Remediation>> {
    let records: Vec<Remediation> = remediation_audit::table
        .filter(remediation_audit::id.eq_any(leases.iter().map(|lease| lease.record_id).collect::<Vec<_>>()))
        .filter(remediation_audit::start_time.eq_any(start_times(leases)))
        .select(Remediation::as_select())
        .load(connection)
        .await?;
    Ok(records.into_iter().map(|record| (record.id, record)).collect())
}

fixed_statement! {
    /// Reads the vectors of records.
    Vectors -> (BigInt, VectorSql) {
        "SELECT id, vector FROM remediation_audit JOIN embedding_vector USING (embedding_id) WHERE id = ANY(", ids: Vec<i64> => diesel::sql_types::Array<BigInt>;
        ") AND start_time = ANY(", start_times: Vec<Timestamp> => diesel::sql_types::Array<Timestamptz>;
        ")";
    }
}

/// The vectors of those records that have one. Read after the record: should an update come in between, what is read
/// may belong to the newer version, whose own point then replaces the one that is made of it.
async fn read_vectors(
    connection: &mut AsyncPgConnection,
    leases: &[Lease],
    ids: Vec<i64>,
) -> QueryResult<HashMap<i64, Embedding>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = Vectors { ids, start_times: start_times(leases) };
    let vectors: Vec<(i64, Embedding)> = statement.load(connection).await?;
    Ok(vectors.into_iter().collect())
}

fn start_times(leases: &[Lease]) -> Vec<Timestamp> {
    leases.iter().map(|lease| lease.start_time).collect()
}
