//! The data derived from a record in PostgreSQL: its words, and its vector in a set's slot.
//!
//! Both rows have the version of the record. An older version never replaces a newer one, so each may be stored again,
//! in any order and by any worker.

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, SmallInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{IncidentKey, Timestamp};

use crate::fixed_statement::fixed_statement;

fixed_statement! {
    /// Stores the words of records that still have these versions, and the sets of shared words that are not stored yet, in
    /// the order of their keys: two transactions that take the same sets do not deadlock. `months` are the start times once
    /// more: named beside the join, they leave the partitions of other months alone.
    StoreWords -> () {
        "WITH made AS MATERIALIZED ( \
            SELECT r.id, r.start_time, r.updated_at, shared, own, audit_text_key(shared) AS text_key \
            FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", start_times: Vec<Timestamp> => Array<Timestamptz>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ") AS v (id, start_time, version) JOIN remediation_audit r \
                ON r.id = v.id AND r.start_time = v.start_time AND r.updated_at = v.version \
            CROSS JOIN LATERAL audit_words(r.name, r.target_name, r.alert_name, r.action_type, r.error_message, r.alterations) \
            WHERE r.start_time = ANY(", months: Vec<Timestamp> => Array<Timestamptz>;
        ")), texts AS ( \
            INSERT INTO remediation_text (text_key, words) SELECT DISTINCT ON (text_key) text_key, shared FROM made \
            WHERE NOT EXISTS (SELECT FROM remediation_text t WHERE t.text_key = made.text_key) \
            ORDER BY text_key ON CONFLICT (text_key) DO NOTHING) \
         INSERT INTO remediation_words (record_id, start_time, version, text_key, words) \
         SELECT id, start_time, updated_at, text_key, own FROM made \
         ON CONFLICT (record_id, start_time) DO UPDATE \
            SET version = excluded.version, text_key = excluded.text_key, words = excluded.words \
            WHERE remediation_words.version < excluded.version";
    }
}

fixed_statement! {
    /// Says of versions which vector in the slot is theirs, and which incident they belong to. The vector of an older version
    /// serves until then.
    StoreVectors -> () {
        "INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
         SELECT ", slot: i16 => SmallInt;
        ", v.* FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", start_times: Vec<Timestamp> => Array<Timestamptz>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        ", ", embedding_ids: Vec<i64> => Array<BigInt>;
        ", ", incident_keys: Vec<IncidentKey> => Array<Binary>;
        ") AS v (id, start_time, version, embedding_id, incident_key) \
         ON CONFLICT (slot, record_id, start_time) DO UPDATE SET version = excluded.version, \
            embedding_id = excluded.embedding_id, incident_key = excluded.incident_key \
            WHERE remediation_vector.version < excluded.version";
    }
}

fixed_statement! {
    /// Makes the partitions of these instants' months, of the records and of what follows them.
    MakeMonths -> Bool {
        "SELECT ensure_audit_partition('remediation_audit', month) FROM ( \
            SELECT DISTINCT (date_trunc('month', t, 'UTC') AT TIME ZONE 'UTC')::date AS month FROM UNNEST(",
                times: Vec<Timestamp> => Array<Timestamptz>;
        ") AS t) AS months";
    }
}

/// One version of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) record_id: i64,
    pub(crate) start_time: Timestamp,
    pub(crate) version: Timestamp,
}

/// Stores the words of those of these versions that are still current.
pub(crate) async fn store_words(
    connection: &mut AsyncPgConnection,
    records: impl IntoIterator<Item = Version>,
) -> QueryResult<usize> {
    let (ids, start_times, versions) = columns(records);
    let months = start_times.clone();
    StoreWords { ids, start_times, versions, months }.execute(connection).await
}

/// Stores which vectors of the slot these versions have, and their incidents.
pub(crate) async fn store_vectors(
    connection: &mut AsyncPgConnection,
    slot: i16,
    records: impl IntoIterator<Item = Version>,
    embedding_ids: Vec<i64>,
    incident_keys: Vec<IncidentKey>,
) -> QueryResult<usize> {
    let (ids, start_times, versions) = columns(records);
    StoreVectors { slot, ids, start_times, versions, embedding_ids, incident_keys }.execute(connection).await
}

/// Makes what is missing of the partitions of these records' months. Not inside a transaction.
pub(crate) async fn make_months(
    connection: &mut AsyncPgConnection,
    times: impl Iterator<Item = Timestamp>,
) -> QueryResult<()> {
    MakeMonths { times: times.collect() }.execute(connection).await.map(|_| ())
}

fn columns(records: impl IntoIterator<Item = Version>) -> (Vec<i64>, Vec<Timestamp>, Vec<Timestamp>) {
    records.into_iter().map(|it| (it.record_id, it.start_time, it.version)).collect()
}
