//! Reading the records of leased rows, no more at a time than fit in memory.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Binary, SmallInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{Embedding, IncidentKey, RecordType, Remediation, Timestamp, VectorSql};

use super::{Lease, Stage};
use crate::fixed_statement::fixed_statement;

/// Bytes of free text and metadata that are read at once; a single record may exceed them. Records of usual size come as
/// one portion, and the largest ones a few dozen at a time.
pub(crate) const PORTION_BYTES: i64 = 8 * 1024 * 1024;

/// The bytes of the records before a record in the order of ids.
macro_rules! bytes_before {
    () => {
        "coalesce(sum(coalesce(octet_length(metadata::text), 0) + coalesce(octet_length(error_message), 0) \
            + coalesce(octet_length(alterations::text), 0)) \
            OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)"
    };
}
pub(crate) use bytes_before;

fixed_statement! {
    /// The first of these records in order of id, as many as there is room for, but one at least.
    Records -> SqlTypeOf<AsSelect<Remediation, Pg>> {
        "SELECT ";
        RecordType::Remediation.columns();
        concat!(" FROM (SELECT *, ", bytes_before!(),
            " AS bytes_before FROM remediation_audit WHERE id = ANY("), ids: Vec<i64> => Array<BigInt>;
        ") AND start_time = ANY(", start_times: Vec<Timestamp> => Array<Timestamptz>;
        ")) AS records WHERE bytes_before < ", room: i64 => BigInt;
    }
}

fixed_statement! {
    /// The vectors of records, and the incidents they belong to.
    Vectors -> (BigInt, VectorSql, Binary) {
        "SELECT record_id, vector, incident_key FROM remediation_vector JOIN embedding_vector USING (slot, embedding_id) \
         WHERE slot = ", slot: i16 => SmallInt;
        " AND record_id = ANY(", ids: Vec<i64> => Array<BigInt>;
        ") AND start_time = ANY(", start_times: Vec<Timestamp> => Array<Timestamptz>;
        ")";
    }
}

/// A leased row with its record at the leased version.
#[derive(Debug)]
pub(crate) struct ClaimedRecord {
    pub(crate) lease: Lease,
    pub(crate) record: Remediation,
    /// The vector of this version, when the record has it already.
    pub(crate) stored: Option<(Embedding, IncidentKey)>,
}

/// The state of leased rows whose records were read.
#[derive(Debug, Default)]
pub(crate) struct Portion {
    /// To be worked on.
    pub(crate) records: Vec<ClaimedRecord>,
    /// Rows in another version than their record's, and the version that the record has: it was updated after the row was
    /// leased, or the row was enqueued from an older snapshot.
    pub(crate) stale: Vec<(Lease, Timestamp)>,
    /// Rows whose record does not exist, as after its partition was detached.
    pub(crate) gone: Vec<Lease>,
}

/// Reads the records of these leases, at most `room` bytes but at least one record, and removes the leases that it
/// reports on.
pub(crate) async fn read(
    connection: &mut AsyncPgConnection,
    slot: i16,
    leases: &mut Vec<Lease>,
    room: i64,
) -> QueryResult<Portion> {
    let (ids, start_times) = keys(leases.iter());
    let records: Vec<Remediation> = Records { ids, start_times, room }.load(connection).await?;
    let mut records: HashMap<i64, Remediation> = records.into_iter().map(|it| (it.id, it)).collect();
    if records.is_empty() {
        return Ok(Portion { gone: std::mem::take(leases), ..Portion::default() });
    }
    let told: Vec<Lease> = leases.extract_if(.., |lease| records.contains_key(&lease.record_id)).collect();
    let mut stored = read_vectors(connection, slot, &told).await?;
    let mut portion = Portion::default();
    for lease in told {
        let Some(record) = records.remove(&lease.record_id) else { continue };
        debug_assert_eq!(
            record.start_time, lease.start_time,
            "the outbox row and the record {} have different times",
            record.id
        );
        if record.updated_at == lease.version {
            let stored = stored.remove(&lease.record_id);
            portion.records.push(ClaimedRecord { lease, record, stored });
        } else {
            portion.stale.push((lease, record.updated_at));
        }
    }
    Ok(portion)
}

/// The vectors of those records that are noted to have one. Read after the record: should an update come in between, what
/// is read may belong to the newer version, whose own point then replaces the one that is made of it.
async fn read_vectors(
    connection: &mut AsyncPgConnection,
    slot: i16,
    leases: &[Lease],
) -> QueryResult<HashMap<i64, (Embedding, IncidentKey)>> {
    let (ids, start_times) = keys(leases.iter().filter(|lease| lease.stage == Stage::Vector));
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let vectors: Vec<(i64, Embedding, IncidentKey)> =
        Vectors { slot, ids, start_times }.load(connection).await?;
    Ok(vectors.into_iter().map(|(id, embedding, incident)| (id, (embedding, incident))).collect())
}

fn keys<'a>(leases: impl Iterator<Item = &'a Lease>) -> (Vec<i64>, Vec<Timestamp>) {
    leases.map(|lease| (lease.record_id, lease.start_time)).unzip()
}
