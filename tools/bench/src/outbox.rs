//! The outbox with a snapshot held elsewhere beside none: records a second through the real projector, alternating.
//!
//! The embedder answers at once and there is no HNSW index, so that the outbox is what is measured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use async_trait::async_trait;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_dualwrite::{
    Commits, Connector, DatabaseTls, EmbedFault, EmbeddingSet, IncidentKeys, Projector, ProjectorSettings,
    RecordEmbedder, SessionSettings, embedding_set,
};
use storage_models::{Embedding, IncidentKey, Remediation};
use storage_testkit::{Cluster, ClusterSettings, Installation};

use crate::progress::answer;

/// Longest time for the batch at hand when a round is over.
const STOP: Duration = Duration::from_secs(10);
/// How often the rounds look whether the outbox is empty: no longer than a claim takes, which would be measured instead.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records of one round.
    #[arg(long, default_value_t = 20_000)]
    records: u32,
    /// Rounds of each kind.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The most records of one claim.
    #[arg(long, default_value_t = ProjectorSettings::default().batch)]
    batch: i64,
    /// Records that arrive at once; the next ones follow when these are done. Give the number of --records for a
    /// backlog.
    #[arg(long, default_value_t = 500)]
    burst: u32,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let programs = Installation::from_test_run()?;
    let durable = ClusterSettings::for_development(String::from("bench"));
    let cluster = Cluster::temporary(&programs, durable).await?;
    let outcome = compare(&cluster, arguments).await;
    cluster.destroy().await?;
    outcome
}

async fn compare(cluster: &Cluster, arguments: &Arguments) -> Result<()> {
    let url = cluster.url("postgres");
    storage_schema::bootstrap(&url).await?;
    let mut connection = AsyncPgConnection::establish(&url).await?;
    connection.batch_execute("DROP INDEX embedding_vector_hnsw_idx").await?;
    let Arguments { records, rounds, burst, .. } = arguments;
    answer(&format!("{records} records a round in bursts of {burst}; records/s"));
    answer("round     free     held   held/free");
    for round in 1..=*rounds {
        empty(&mut connection).await?;
        let free = drain(&mut connection, &url, arguments).await?;
        empty(&mut connection).await?;
        let mut holder = AsyncPgConnection::establish(&url).await?;
        holder
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM vector_outbox")
            .await?;
        let held = drain(&mut connection, &url, arguments).await?;
        holder.batch_execute("ROLLBACK").await?;
        answer(&format!("{round:>5} {free:>8.0} {held:>8.0} {:>11.2}", held / free));
    }
    Ok(())
}

/// As after bootstrap, before a snapshot is held that would keep what is removed here. The outbox is vacuumed, which is
/// when PostgreSQL learns that it is empty, as it does again and again where it is in use.
async fn empty(connection: &mut AsyncPgConnection) -> Result<()> {
    connection
        .batch_execute("TRUNCATE remediation_audit, remediation_words, remediation_text, remediation_vector, remediation_count, remediation_count_delta")
        .await?;
    connection.batch_execute("VACUUM vector_outbox").await?;
    Ok(())
}

/// Fills the outbox burst by burst and has it worked off; the rate.
async fn drain(connection: &mut AsyncPgConnection, url: &str, arguments: &Arguments) -> Result<f64> {
    let committed = Arc::new(Commits::default());
    let embedder = Arc::new(Instantly(Embedding::new(vec![0.5; Embedding::DIMENSION])?));
    let settings = ProjectorSettings { batch: arguments.batch, ..ProjectorSettings::default() };
    let set = EmbeddingSet { composition: "1".to_owned(), model: "bench".to_owned(), dimension: 384 };
    let projector = project(connection, url, &set, embedder, &settings, &committed).await?;
    let fill = format!(
        "WITH stored AS (INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time) \
            SELECT 'record-' || n, 'default', 'processing', 'restart-pod', 'running', now() \
            FROM generate_series(1, {}) AS n RETURNING id, start_time, updated_at) \
         INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
         SELECT s.id, stored.id, start_time, updated_at FROM stored CROSS JOIN embedding_set s WHERE state = 'active'",
        arguments.burst
    );
    let started = Instant::now();
    let mut done = 0;
    while done < arguments.records {
        let newest = newest(connection).await?;
        connection.batch_execute(&fill).await?;
        committed.notify();
        // By id: all of the table, with what is done and cannot be removed, would be read for longer than the projector
        // takes.
        while waiting_behind(connection, newest).await? > 0 {
            tokio::time::sleep(LOOK).await;
        }
        done += arguments.burst;
    }
    let rate = f64::from(done) / started.elapsed().as_secs_f64();
    projector.stop(STOP).await;
    Ok(rate)
}

/// Starts a projector that has the vectors of a set from `embedder`.
pub(super) async fn project(
    connection: &mut AsyncPgConnection,
    url: &str,
    set: &EmbeddingSet,
    embedder: Arc<dyn RecordEmbedder>,
    settings: &ProjectorSettings,
    committed: &Arc<Commits>,
) -> Result<Projector> {
    let set = embedding_set::activate(connection, set).await?;
    let connector =
        Connector::new(url.into(), DatabaseTls::off(), SessionSettings::new("datastorage bench"))?;
    Ok(Projector::start(&connector, &embedder, set, None, settings, committed))
}

/// How many records wait for the projector.
pub(super) async fn waiting(connection: &mut AsyncPgConnection) -> Result<u64> {
    waiting_behind(connection, 0).await
}

/// How many records with a higher id wait for it.
async fn waiting_behind(connection: &mut AsyncPgConnection, id: i64) -> Result<u64> {
    let row: Number = sql_query("SELECT count(*) AS n FROM vector_outbox WHERE record_id > $1")
        .bind::<BigInt, _>(id)
        .get_result(connection)
        .await?;
    Ok(u64::try_from(row.n)?)
}

/// The highest id; 0 if the table is empty.
async fn newest(connection: &mut AsyncPgConnection) -> Result<i64> {
    let row: Number =
        sql_query("SELECT coalesce(max(id), 0) AS n FROM remediation_audit").get_result(connection).await?;
    Ok(row.n)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The same vector for every record, at once.
struct Instantly(Embedding);

impl IncidentKeys for Instantly {
    fn incident_key(&self, record: &Remediation) -> IncidentKey {
        incident_of(record)
    }
}

/// An incident for each name.
pub(super) fn incident_of(record: &Remediation) -> IncidentKey {
    let mut key = [0; IncidentKey::LENGTH];
    key.iter_mut().zip(record.name.bytes()).for_each(|(to, from)| *to = from);
    IncidentKey::new(key)
}

#[async_trait]
impl RecordEmbedder for Instantly {
    async fn embed(&self, records: &[Remediation]) -> Vec<Result<Embedding, EmbedFault>> {
        records.iter().map(|_| Ok(self.0.clone())).collect()
    }
}
