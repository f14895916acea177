//! Searches by meaning through pgvector: their recall compared with an exact scan, and their time, with filters of
//! several selectivities.
//!
//! The vectors are those of realistic texts, stored by the real projector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use diesel::sql_types::{BigInt, Double};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use indicatif::{ProgressBar, ProgressStyle};
use storage_dualwrite::{Commits, EmbedFault, IncidentKeys, ProjectorSettings, RecordEmbedder};
use storage_models::{Embedding, IncidentKey, Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, CountQuery, NearestQuery, RemediationFilter, Scan, SearchRequest,
};
use storage_testkit::{Cluster, ClusterSettings, Installation};

use super::latency::Latencies;
use super::{hnsw, outbox};
use crate::progress::{answer, say};

const QUERIES: usize = 200;
const NEIGHBOURS: i64 = 10;
/// Distances closer than this are the same: equal texts have equal vectors.
const TIE: f64 = 1e-6;
/// Records of one statement.
const CHUNK: usize = 10_000;
/// How often to look whether everything has its vector.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest time for the batch at hand when all are stored.
const STOP: Duration = Duration::from_secs(10);
/// The percentage of records that each filter matches.
const SELECTIVITIES: [(&str, &[(&str, &str)]); 5] = [
    ("0.1", &[("target_name", "target-7")]),
    ("1", &[("cluster", "cluster-7")]),
    ("10", &[("environment", "environment-7")]),
    ("50", &[("severity", "critical")]),
    ("100", &[]),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Distinct texts. Further records repeat texts, as audit records do.
    #[arg(long, default_value_t = 6_000)]
    texts: usize,
    /// Months of the records; the last is the present month.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=120))]
    months: u32,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.texts > 0 && arguments.rows > 0, "give at least one record and one text");
    let programs = Installation::from_test_run()?;
    let vectors = hnsw::embed(arguments.texts + QUERIES).await?;
    let (queries, vectors) = vectors.split_at(QUERIES);
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure(&cluster, arguments, queries, vectors).await;
    cluster.destroy().await?;
    say("THROUGH PGVECTOR ALONE: scenario S1, a Qdrant server beside the service, is not measured here");
    outcome
}

async fn measure(
    cluster: &Cluster,
    arguments: &Arguments,
    queries: &[Embedding],
    vectors: &[Embedding],
) -> Result<()> {
    let url = cluster.url("postgres");
    storage_schema::bootstrap(&url).await?;
    let mut connection = AsyncPgConnection::establish(&url).await?;
    let log_begins = log_position(&mut connection).await?;
    let rate = store(&mut connection, &url, arguments, vectors).await?;
    let log_bytes = log_position(&mut connection).await?.saturating_sub(log_begins);
    let index_bytes = index_bytes(&mut connection).await?;
    connection.batch_execute("VACUUM ANALYZE").await?;
    answer(&format!(
        "{} records of {} texts in {} months, stored with their vectors at {rate:.0}/s; {} queries, k = {NEIGHBOURS}",
        arguments.rows,
        vectors.len(),
        arguments.months,
        queries.len()
    ));
    answer(&format!(
        "a record, written and projected: {} bytes of write-ahead log, {} bytes of indexes",
        log_bytes / u64::try_from(arguments.rows)?,
        index_bytes / u64::try_from(arguments.rows)?
    ));
    answer("passes %  matching  recall@10  p50 ms  p95 ms  exact p50 ms  repeated exactly");
    for (share, pairs) in SELECTIVITIES {
        let filter = RemediationFilter::from_pairs(pairs.iter().copied())?.check(Timestamp::now())?;
        let found = search(&mut connection, &filter, queries).await?;
        answer(&format!(
            "{share:>8} {:>9} {:>10.4} {:>7.2} {:>7.2} {:>13.2} {:>17}",
            CountQuery::<Remediation>::new(filter.clone()).run(&mut connection).await?,
            found.recall,
            found.indexed.p50(),
            found.indexed.per_mille(950),
            found.exact.p50(),
            found.repeated,
        ));
    }
    answer("S2: goals: recall@10 at least 0.98 and p95 below 12 ms at each");
    Ok(())
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
async fn store(
    connection: &mut AsyncPgConnection,
    url: &str,
    Arguments { rows, months, .. }: &Arguments,
    vectors: &[Embedding],
) -> Result<f64> {
    let (rows, months) = (*rows, *months);
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
        outbox::project(connection, url, known, &ProjectorSettings::default(), &committed).await?;
    for from in (1..=rows).step_by(CHUNK) {
        let to = rows.min(from + CHUNK - 1);
        connection.batch_execute(&insert(from, to, vectors.len(), months)).await?;
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

/// The filters' columns are drawn by hashing, so that none has anything to do with the text.
fn insert(from: usize, to: usize, texts: usize, months: u32) -> String {
    let drawn = |seed: usize, of: usize| format!("(hashint8extended(n, {seed}) & 1073741823) % {of}");
    format!(
        "WITH stored AS (INSERT INTO remediation_audit \
            (name, namespace, phase, action_type, status, start_time, target_name, cluster, environment, severity) \
            SELECT 'text-' || n % {texts}, 'default', 'processing', 'restart-pod', 'running', \
                date_trunc('month', now()) - make_interval(months => (({})::int)) + n * interval '1 millisecond', \
                'target-' || {}, 'cluster-' || {}, 'environment-' || {}, \
                CASE {} WHEN 0 THEN 'critical' ELSE 'high' END \
            FROM generate_series({from}, {to}) AS n RETURNING id, start_time, updated_at) \
         INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
         SELECT s.id, stored.id, start_time, updated_at FROM stored CROSS JOIN embedding_set s WHERE state = 'active'",
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

/// What searches found under one filter.
struct Found {
    recall: f64,
    indexed: Latencies,
    exact: Latencies,
    /// How many searches had to be repeated without the index.
    repeated: usize,
}

/// Every query both ways, in turns. A hit counts when it is as near as the last one that an exact scan finds.
async fn search(
    connection: &mut AsyncPgConnection,
    filter: &CheckedFilter<RemediationFilter>,
    queries: &[Embedding],
) -> Result<Found> {
    let request = SearchRequest::new(NEIGHBOURS, 0.0)?;
    let (mut hits, mut wanted, mut repeated) = (0_u32, 0_u32, 0);
    let (mut indexed, mut exact) = (Vec::new(), Vec::new());
    for vector in queries {
        let query = NearestQuery::new(vector.clone(), filter.clone(), request);
        let started = Instant::now();
        let truth = distances(connection, &query).await?;
        exact.push(started.elapsed());
        let farthest = truth.last().context("no record matches the filter: give more records")? + TIE;
        let started = Instant::now();
        let nearest = query.run(connection).await?;
        indexed.push(started.elapsed());
        let near = nearest.hits.iter().filter(|hit| 1.0 - hit.similarity <= farthest);
        hits += u32::try_from(near.count())?;
        wanted += u32::try_from(truth.len())?;
        repeated += usize::from(nearest.scan == Scan::Everything);
    }
    let recall = f64::from(hits) / f64::from(wanted);
    Ok(Found { recall, indexed: Latencies::of(indexed), exact: Latencies::of(exact), repeated })
}

/// Those of the nearest, by an exact scan.
async fn distances(connection: &mut AsyncPgConnection, query: &NearestQuery) -> Result<Vec<f64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Double)]
        distance: f64,
    }
    let rows: Vec<Row> = query.to_exact_sql().into_query().load(connection).await?;
    Ok(rows.into_iter().map(|row| row.distance).collect())
}
