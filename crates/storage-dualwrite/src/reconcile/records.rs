//! The side of PostgreSQL: what the records are, what already waits, and putting a record back into the outbox.

use std::collections::HashMap;

use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, IncidentKey, Month, RecordType, Remediation, Timestamp, VectorSql};

use super::ReconcileError;
use crate::Connector;
use crate::embedding_set::{active_set, active_slot};
use crate::fixed_statement::fixed_statement;
use crate::index::PointVersion;
use crate::outbox::PORTION_BYTES;
use crate::outbox::read::bytes_before;

/// Whether the words and the vector of the record `r` in PostgreSQL have its version.
macro_rules! is_projected {
    () => {
        concat!(
            "EXISTS (SELECT FROM remediation_words w JOIN remediation_text t USING (text_key) WHERE w.record_id = r.id AND w.start_time = r.start_time \
                AND w.version = r.updated_at) \
             AND EXISTS (SELECT FROM remediation_vector v WHERE v.slot = ",
            active_slot!(),
            " AND v.record_id = r.id AND v.start_time = r.start_time AND v.version = r.updated_at)"
        )
    };
}

/// The number of the advisory lock that one reconciler of all replicas holds at a time.
const LOCK: i64 = 0x6461_7461_7265_636f;

fixed_statement! {
    /// Records in order of id, over all partitions by their primary keys.
    Page -> (BigInt, Timestamptz, Bool) {
        concat!("SELECT id, updated_at, ", is_projected!(), " FROM \
            (SELECT id, start_time, updated_at FROM remediation_audit WHERE id > "), after: i64 => BigInt;
        " ORDER BY id LIMIT ", limit: i64 => BigInt;
        ") AS r ORDER BY id";
    }
}

fixed_statement! {
    /// As [`Page`], of these alone, whose months lie in a range.
    These -> (BigInt, Timestamptz, Bool) {
        concat!("SELECT id, updated_at, ", is_projected!(), " FROM remediation_audit r WHERE id = ANY("),
            ids: Vec<i64> => Array<BigInt>;
        ") AND start_time >= ", begin: Timestamp => Timestamptz;
        " AND start_time < ", end: Timestamp => Timestamptz;
    }
}

fixed_statement! {
    /// Which of these have an outbox row of the set that serves, and whether it is parked.
    Waiting -> (BigInt, Bool) {
        concat!("SELECT record_id, parked_at IS NOT NULL FROM vector_outbox WHERE set_id = ", active_set!(),
            " AND record_id = ANY("),
            ids: Vec<i64> => Array<BigInt>;
        ")";
    }
}

fixed_statement! {
    /// Puts records, whose months lie in a range, into the outbox in the version they have; a row that is there already stays
    /// as it is.
    Enqueue -> BigInt {
        "INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
            SELECT s.id, r.id, r.start_time, r.updated_at FROM remediation_audit r CROSS JOIN embedding_set s \
            WHERE s.state = 'active' AND r.id = ANY(", ids: Vec<i64> => Array<BigInt>;
        ") AND r.start_time >= ", begin: Timestamp => Timestamptz;
        " AND r.start_time < ", end: Timestamp => Timestamptz;
        " ON CONFLICT (set_id, record_id) DO NOTHING RETURNING record_id";
    }
}

fixed_statement! {
    /// Records with the vectors and incidents of their versions, as many as there is room for, but one at least.
    Vectors -> (SqlTypeOf<AsSelect<Remediation, Pg>>, Nullable<VectorSql>, Nullable<Binary>) {
        "SELECT ";
        RecordType::Remediation.columns();
        concat!(", vector, incident_key FROM (SELECT *, ", bytes_before!(),
            " AS bytes_before FROM (SELECT * FROM remediation_audit WHERE id > "), after: i64 => BigInt;
        " ORDER BY id LIMIT ", limit: i64 => BigInt;
        concat!(") AS page) AS records LEFT JOIN LATERAL ( \
            SELECT vector, incident_key FROM remediation_vector v JOIN embedding_vector e USING (slot, embedding_id) \
            WHERE v.slot = ", active_slot!(), " AND v.record_id = records.id AND v.start_time = records.start_time \
              AND v.version = records.updated_at) AS derived ON true WHERE bytes_before < "), room: i64 => BigInt;
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
        #[derive(QueryableByName)]
        struct Held {
            #[diesel(sql_type = Bool)]
            held: bool,
        }
        let mut connection = connector.connect().await?;
        let lock = sql_query("SELECT pg_try_advisory_lock($1) AS held").bind::<BigInt, _>(LOCK);
        let lock: Held = connector.answered(lock.get_result(&mut connection)).await?;
        Ok(lock.held.then(|| Self { connector: connector.clone(), connection }))
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
