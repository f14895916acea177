//! The data derived from a record in PostgreSQL: its words, and its vector in a set's slot.
//!
//! Both rows have the version of the record. An older version never replaces a newer one, so each may be stored again,
//! in any order and by any worker.

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, SmallInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{IncidentKey, Timestamp};
use storage_postgres::statement;

statement! {
    /// Stores the words of records that still have these versions, and the sets of shared words that are not stored yet, in
    /// the order of their keys: two transactions that take the same sets do not deadlock. The start times are named beside the
    /// join once more, which leaves the partitions of other months alone.
    StoreWords("projection/store_words.sql") -> () {
        ids: Vec<i64> => Array<BigInt>,
        start_times: Vec<Timestamp> => Array<Timestamptz>,
        versions: Vec<Timestamp> => Array<Timestamptz>,
    }
}

statement! {
    /// Says of versions which vector in the slot is theirs, and which incident they belong to. The vector of an older version
    /// serves until then.
    StoreVectors("projection/store_vectors.sql") -> () {
        slot: i16 => SmallInt,
        ids: Vec<i64> => Array<BigInt>,
        start_times: Vec<Timestamp> => Array<Timestamptz>,
        versions: Vec<Timestamp> => Array<Timestamptz>,
        embedding_ids: Vec<i64> => Array<BigInt>,
        incident_keys: Vec<IncidentKey> => Array<Binary>,
    }
}

statement! {
    /// Makes the partitions of these instants' months, of the records and of what follows them.
    MakeMonths("projection/make_months.sql") -> Bool {
        times: Vec<Timestamp> => Array<Timestamptz>,
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
    StoreWords { ids, start_times, versions }.execute(connection).await
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
