//! The side of PostgreSQL: what the records are, what already waits, and putting a record back into the outbox.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, IncidentKey, Month, RecordType, Remediation, Timestamp, VectorSql};
use storage_postgres::statement;

use super::ReconcileError;
use crate::Connector;
use crate::built_statement::built_statement;
use crate::index::PointVersion;
use crate::outbox::PORTION_BYTES;
use crate::outbox::read::bytes_before;

/// The number of the advisory lock that one reconciler at a time holds, whatever the replica.
const LOCK: i64 = 0x6461_7461_7265_636f;

statement! {
    /// Takes the lock for as long as the connection lives, if it is free.
    TryLock("reconcile/try_lock.sql") -> Bool { key: i64 => BigInt }
}

statement! {
    /// Gives the lock back before the connection ends.
    Unlock("reconcile/unlock.sql") -> Bool { key: i64 => BigInt }
}

statement! {
    /// Records in order of id, over all partitions by their primary keys.
    Page("reconcile/page.sql") -> (BigInt, Timestamptz, Bool) {
        after: i64 => BigInt,
        limit: i64 => BigInt,
    }
}

statement! {
    /// As [`Page`], of these alone, whose months lie in a range.
    These("reconcile/these.sql") -> (BigInt, Timestamptz, Bool) {
        ids: Vec<i64> => Array<BigInt>,
        begin: Timestamp => Timestamptz,
        end: Timestamp => Timestamptz,
    }
}

statement! {
    /// Which of these have an outbox row of the set that serves, and whether it is parked.
    Waiting("reconcile/waiting.sql") -> (BigInt, Bool) {
        ids: Vec<i64> => Array<BigInt>,
    }
}

statement! {
    /// Puts records, whose months lie in a range, into the outbox in the version they have; a row that is there already stays
    /// as it is.
    Enqueue("reconcile/enqueue.sql") -> BigInt {
        ids: Vec<i64> => Array<BigInt>,
        begin: Timestamp => Timestamptz,
        end: Timestamp => Timestamptz,
    }
}

built_statement! {
    /// Records with the vectors and incidents of their versions, as many as there is room for, but one at least.
    Vectors -> (SqlTypeOf<AsSelect<Remediation, Pg>>, Nullable<VectorSql>, Nullable<Binary>) {
        "SELECT ";
        RecordType::Remediation.columns();
        concat!(", vector, incident_key FROM (SELECT *, ", bytes_before!(),
            " AS bytes_before FROM (SELECT * FROM remediation_audit WHERE id > "), after: i64 => BigInt;
        " ORDER BY id LIMIT ", limit: i64 => BigInt;
        ") AS page) AS records LEFT JOIN LATERAL ( \
            SELECT vector, incident_key FROM remediation_vector v JOIN embedding_vector e USING (slot, embedding_id) \
            WHERE v.slot = (SELECT slot FROM embedding_set WHERE state = 'active') AND v.record_id = records.id AND v.start_time = records.start_time \
              AND v.version = records.updated_at) AS derived ON true WHERE bytes_before < ", room: i64 => BigInt;
        " ORDER BY id";
    }
}

/// A record as far as its drift is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordState {
    pub(crate) version: PointVersion,
    /// Whether PostgreSQL holds its words and its vector in this version.
    pub(crate) is_projected: bool,
}

fn state((record_id, version, is_projected): (i64, Timestamp, bool)) -> RecordState {
    RecordState { version: PointVersion { record_id, version }, is_projected }
}

/// The records, as the one reconciler that has the lock sees them. Without a transaction: were the connection lost, so would
/// be the lock, and the next step fails.
pub(super) struct Records {
    connector: Connector,
    connection: AsyncPgConnection,
}

impl Records {
    /// Connects, and takes the lock for as long as the connection lives; `None` when another has it.
    pub(super) async fn lock(connector: &Connector) -> Result<Option<Self>, ReconcileError> {
        let mut connection = connector.connect().await?;
        let is_held: bool = connector.answered(TryLock { key: LOCK }.get_result(&mut connection)).await?;
        Ok(is_held.then(|| Self { connector: connector.clone(), connection }))
    }

    /// Lets the next run begin at once. The end of the connection would do so too, a moment later.
    pub(super) async fn unlock(mut self) {
        let unlocking = Unlock { key: LOCK }.get_result::<bool>(&mut self.connection);
        if let Err(error) = self.connector.answered(unlocking).await {
            tracing::debug!(%error, "the lock of reconciliation ends with its connection");
        }
    }

    /// At most `limit` records with ids above `after`, in ascending order.
    pub(super) async fn page(&mut self, after: i64, limit: i64) -> QueryResult<Vec<RecordState>> {
        let rows = Page { after, limit }.load(&mut self.connection);
        let rows: Vec<_> = self.connector.answered(rows).await?;
        Ok(rows.into_iter().map(state).collect())
    }

    /// Those of these records that exist, in ascending order.
    pub(super) async fn these(&mut self, ids: Vec<i64>) -> QueryResult<Vec<RecordState>> {
        let mut states: Vec<RecordState> = Vec::new();
        for (begin, end) in Month::ranges(&ids) {
            let rows = These { ids: ids.clone(), begin, end }.load(&mut self.connection);
            let rows: Vec<_> = self.connector.answered(rows).await?;
            states.extend(rows.into_iter().map(state));
        }
        states.sort_unstable_by_key(|state| state.version.record_id);
        Ok(states)
    }

    /// Which of these records have an outbox row, and whether it is parked.
    pub(super) async fn waiting(&mut self, ids: Vec<i64>) -> QueryResult<HashMap<i64, bool>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = Waiting { ids }.load(&mut self.connection);
        let rows: Vec<(i64, bool)> = self.connector.answered(rows).await?;
        Ok(rows.into_iter().collect())
    }

    /// Puts those records into the outbox that it does not hold yet; returns their number.
    pub(super) async fn enqueue(&mut self, ids: Vec<i64>) -> QueryResult<u64> {
        let mut enqueued = 0;
        for (begin, end) in Month::ranges(&ids) {
            let rows = Enqueue { ids: ids.clone(), begin, end }.load(&mut self.connection);
            let rows: Vec<i64> = self.connector.answered(rows).await?;
            enqueued += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        }
        Ok(enqueued)
    }

    /// At most `limit` records with ids above `after`, with the vectors of their versions, in ascending order; fewer where
    /// they are large.
    pub(super) async fn vectors(
        &mut self,
        after: i64,
        limit: i64,
    ) -> QueryResult<Vec<(Remediation, Option<Embedding>, Option<IncidentKey>)>> {
        let rows = Vectors { after, limit, room: PORTION_BYTES }.load(&mut self.connection);
        self.connector.answered(rows).await
    }
}
