//! Records with the vectors of realistic texts, stored by the real projector; those of large tables, for which the
//! projector would take hours, by statements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use async_trait::async_trait;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use indicatif::{ProgressBar, ProgressStyle};
use storage_dualwrite::{Commits, EmbedFault, EmbeddingSet, IncidentKeys, ProjectorSettings, RecordEmbedder};
use storage_models::{Embedding, IncidentKey, Remediation};

use crate::{outbox, records};

/// Records of one statement.
const CHUNK: usize = 10_000;
/// How often to look whether everything has its vector.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest time for the batch at hand when all are stored.
const STOP: Duration = Duration::from_secs(10);

/// How many records there are to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    /// Over which they are spread.
    pub(super) months: u32,
    /// Of the records, those whose vectors the projector stores. The others get the vector of an equal text by a
    /// statement.
    pub(super) projected: usize,
}

/// What storing the records took.
pub(super) struct Stored {
    /// Records a second, projected.
    pub(super) rate: f64,
    /// Bytes of write-ahead log for a record, and of indexes.
    pub(super) log_bytes: u64,
    pub(super) index_bytes: u64,
}

/// Stores records and their vectors, which are those of this set. The figures are those of the records that are projected.
pub(super) async fn store(
    connection: &mut AsyncPgConnection,
    url: &str,
    size: Size,
    set: &EmbeddingSet,
    vectors: &[Embedding],
) -> Result<Stored> {
    let log_begins = log_position(connection).await?;
    let Size { months, projected, .. } = size;
    let rate = fill(connection, url, (projected, months), set, vectors).await?;
    let log_bytes = log_position(connection).await?.saturating_sub(log_begins);
    let index_bytes = index_bytes(connection).await?;
    repeat(connection, url, size, vectors.len()).await?;
    connection.batch_execute("VACUUM ANALYZE").await?;
    let each = |bytes: u64| Ok::<u64, anyhow::Error>(bytes / u64::try_from(projected)?);
    Ok(Stored { rate, log_bytes: each(log_bytes)?, index_bytes: each(index_bytes)? })
}

/// Bytes of write-ahead log so far.
async fn log_position(connection: &mut AsyncPgConnection) -> Result<u64> {
    size(connection, "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").await
}

/// Bytes of the indexes of remediations, of what is derived from them, and of the outbox.
async fn index_bytes(connection: &mut AsyncPgConnection) -> Result<u64> {
    let sizes = "(SELECT sum(pg_relation_size(indexrelid)) FROM pg_index JOIN pg_class c ON c.oid = indrelid \
                 WHERE c.relname ~ '^(remediation_(audit|words|vector)|embedding_vector|vector_outbox)')";
    size(connection, sizes).await
}

async fn size(connection: &mut AsyncPgConnection, expression: &str) -> Result<u64> {
    #[derive(QueryableByName)]
    struct Size {
        #[diesel(sql_type = BigInt)]
        bytes: i64,
    }
    let row: Size =
        sql_query(format!("SELECT ({expression})::bigint AS bytes")).get_result(connection).await?;
    Ok(u64::try_from(row.bytes)?)
}

/// Inserts the records and has the projector store their vectors; records a second.
async fn fill(
    connection: &mut AsyncPgConnection,
    url: &str,
    (rows, months): (usize, u32),
    set: &EmbeddingSet,
    vectors: &[Embedding],
) -> Result<f64> {
    let made = format!(
        "SELECT ensure_audit_partition('remediation_audit', (date_trunc('month', now()) - make_interval(months => m))::date) \
         FROM generate_series(0, {months} - 1) AS m"
    );
    connection.batch_execute(&made).await?;
    let style = ProgressStyle::with_template("storing {wide_bar} {pos}/{len} {eta}")?;
    let bar = ProgressBar::new(u64::try_from(rows)?).with_style(style);
    let committed = Arc::new(Commits::default());
    let started = Instant::now();
    let known = Arc::new(Known(vectors.to_vec()));
    let projector =
        outbox::project(connection, url, set, known, &ProjectorSettings::default(), &committed).await?;
    for from in (1..=rows).step_by(CHUNK) {
        let to = rows.min(from + CHUNK - 1);
        connection.batch_execute(&waiting_for_vectors(&insert(from, to, vectors.len(), months))).await?;
        committed.notify();
        loop {
            let waiting = outbox::waiting(connection).await?;
            bar.set_position(u64::try_from(to)?.saturating_sub(waiting));
            if waiting == 0 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    let elapsed = started.elapsed();
    projector.stop(STOP).await;
    bar.finish_and_clear();
    Ok(f64::from(u32::try_from(rows)?) / elapsed.as_secs_f64())
}

/// Stores the records behind those that were projected, each with the vector of a record of the same text.
async fn repeat(
    connection: &mut AsyncPgConnection,
    url: &str,
    Size { rows, months, projected }: Size,
    texts: usize,
) -> Result<()> {
    if rows == projected {
        return Ok(());
    }
    connection
        .batch_execute(
            "CREATE TABLE vector_of_name AS SELECT DISTINCT ON (name) name, slot, embedding_id, incident_key \
             FROM remediation_audit a JOIN remediation_vector v ON (v.record_id, v.start_time) = (a.id, a.start_time)",
        )
        .await?;
    let chunks = (projected + 1..=rows).step_by(CHUNK);
    let stored = chunks.map(|from| insert(from, rows.min(from + CHUNK - 1), texts, months));
    records::run_all(url, stored.map(|stored| with_vectors(&stored))).await
}

/// Records that wait for the projector.
fn waiting_for_vectors(stored: &str) -> String {
    format!(
        "WITH stored AS ({stored}) INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
         SELECT s.id, stored.id, start_time, updated_at FROM stored CROSS JOIN embedding_set s WHERE state = 'active'"
    )
}

/// Records with the vectors of their texts.
fn with_vectors(stored: &str) -> String {
    format!(
        "WITH stored AS ({stored}) \
         INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
         SELECT slot, id, start_time, updated_at, embedding_id, incident_key FROM stored JOIN vector_of_name USING (name)"
    )
}

/// The filters' columns are drawn by hashing, so that none has anything to do with the text.
fn insert(from: usize, to: usize, texts: usize, months: u32) -> String {
    let drawn = |seed: usize, of: usize| format!("(hashint8extended(n, {seed}) & 1073741823) % {of}");
    format!(
        "INSERT INTO remediation_audit \
            (name, namespace, phase, action_type, status, start_time, target_name, cluster, environment, severity) \
         SELECT 'text-' || n % {texts}, 'default', 'processing', 'restart-pod', 'running', \
            date_trunc('month', now()) - make_interval(months => (({})::int)) + n * interval '1 millisecond', \
            'target-' || {}, 'cluster-' || {}, 'environment-' || {}, \
            CASE {} WHEN 0 THEN 'critical' ELSE 'high' END \
         FROM generate_series({from}, {to}) AS n RETURNING id, start_time, updated_at, name",
        drawn(5, usize::try_from(months).unwrap_or(1)),
        drawn(1, 1_000),
        drawn(2, 100),
        drawn(3, 10),
        drawn(4, 2)
    )
}

/// The vectors of the texts, by the number in the record's name.
struct Known(Vec<Embedding>);

impl IncidentKeys for Known {
    fn incident_key(&self, record: &Remediation) -> IncidentKey {
        outbox::incident_of(record)
    }
}

#[async_trait]
impl RecordEmbedder for Known {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        let number = |record: &Remediation| record.name.strip_prefix("text-")?.parse::<usize>().ok();
        let vector =
            |record| number(record).and_then(|number| self.0.get(number)).or(self.0.as_slice().first());
        records.iter().filter_map(vector).cloned().map(Ok).collect()
    }
}
