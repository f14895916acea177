//! HNSW indexes side by side: rows a second while the index is maintained, recall against an exact scan, latency.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::sql_types::{Array, BigInt, Double};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use indicatif::{ProgressBar, ProgressStyle};
use storage_embedding::{Embedder, LocalEmbedder};
use storage_models::{Embedding, VectorSql};
use storage_testkit::{Cluster, ClusterSettings, Installation, environment};

use super::corpus;
use crate::progress::{answer, say};

/// Of the texts.
pub(super) const SEED: u64 = 42;
const QUERIES: usize = 200;
const NEIGHBOURS: i64 = 10;
/// Rows of one UPDATE, as the projector completes them.
const BATCH: usize = 100;
/// Distances closer than this are the same: equal texts have equal vectors.
const TIE: f64 = 1e-6;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Distinct texts.
    #[arg(long, default_value_t = 6_000)]
    texts: usize,
    /// Rows. Beyond the number of texts, rows repeat texts, as audit records do.
    #[arg(long, default_value_t = 6_000)]
    rows: usize,
}

struct Variant {
    name: &'static str,
    index: &'static str,
    order: &'static str,
}

const VARIANTS: &[Variant] = &[
    Variant {
        name: "vector m=16 ef_construction=64",
        index: "USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64)",
        order: "embedding <=> $1",
    },
    Variant {
        name: "vector m=8 ef_construction=32",
        index: "USING hnsw (embedding vector_cosine_ops) WITH (m = 8, ef_construction = 32)",
        order: "embedding <=> $1",
    },
    Variant {
        name: "halfvec m=16 ef_construction=64",
        index: "USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)",
        order: "embedding::halfvec(384) <=> $1::halfvec(384)",
    },
    Variant {
        name: "halfvec m=8 ef_construction=32",
        index: "USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WITH (m = 8, ef_construction = 32)",
        order: "embedding::halfvec(384) <=> $1::halfvec(384)",
    },
];

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let programs = Installation::from_test_run()?;
    let vectors = embed(&corpus::texts(arguments.texts + QUERIES, SEED)).await?;
    let (queries, vectors) = vectors.split_at(QUERIES);
    let durable = ClusterSettings::for_development(String::from("bench"));
    let cluster = Cluster::temporary(&programs, durable).await?;
    let outcome = compare(&cluster, arguments, queries, vectors).await;
    cluster.destroy().await?;
    outcome
}

async fn compare(
    cluster: &Cluster,
    arguments: &Arguments,
    queries: &[Embedding],
    vectors: &[Embedding],
) -> Result<()> {
    let mut connection = AsyncPgConnection::establish(&cluster.url("postgres")).await?;
    connection.batch_execute("CREATE EXTENSION vector; SET synchronous_commit = on").await?;
    answer(&format!(
        "{} rows of {} texts, {QUERIES} queries, k = {NEIGHBOURS}",
        arguments.rows,
        vectors.len()
    ));
    answer("index                            rows/s   size MB  ef_search  recall@10  p50 ms  p95 ms");
    for variant in VARIANTS {
        let rate = fill(&mut connection, variant, arguments.rows, vectors).await?;
        let size = number(&mut connection, "SELECT pg_relation_size('bench_idx')::float8 / 1e6 AS n").await?;
        for ef_search in [40, 100, 200, 400] {
            let (recall, p50, p95) = search(&mut connection, variant, ef_search, queries).await?;
            answer(&format!(
                "{:<32} {rate:>6.0} {size:>9.1} {ef_search:>10} {recall:>10.4} {:>7.2} {:>7.2}",
                variant.name,
                p50.as_secs_f64() * 1e3,
                p95.as_secs_f64() * 1e3,
            ));
        }
    }
    Ok(())
}

/// The vectors of texts, from the local model.
pub(super) async fn embed(texts: &[String]) -> Result<Vec<Embedding>> {
    let count = texts.len();
    let model = environment::required(environment::MODEL_DIR)?;
    let embedder = LocalEmbedder::load(Path::new(&model), NonZeroUsize::MIN)?;
    let style = ProgressStyle::with_template("embedding {wide_bar} {pos}/{len} {eta}")?;
    let bar = ProgressBar::new(u64::try_from(count)?).with_style(style);
    let mut vectors = Vec::with_capacity(count);
    let started = Instant::now();
    for batch in texts.chunks(32) {
        vectors.extend(embedder.embed(batch).await?);
        bar.inc(u64::try_from(batch.len())?);
    }
    bar.finish_and_clear();
    let each = started.elapsed() / u32::try_from(count)?;
    say(&format!("{count} texts embedded, {:.1} ms each", each.as_secs_f64() * 1e3));
    Ok(vectors)
}

/// Fills the embedding column of rows that are there, batch by batch, with the index in place.
async fn fill(
    connection: &mut AsyncPgConnection,
    variant: &Variant,
    rows: usize,
    vectors: &[Embedding],
) -> Result<f64> {
    let table = format!(
        "DROP TABLE IF EXISTS bench; CREATE TABLE bench (id bigint PRIMARY KEY, embedding vector(384)); \
         CREATE INDEX bench_idx ON bench {}; INSERT INTO bench SELECT generate_series(1, {rows})",
        variant.index
    );
    connection.batch_execute(&table).await?;
    let ids: Vec<i64> = (1..=i64::try_from(rows)?).collect();
    let mut source = vectors.iter().cycle();
    let started = Instant::now();
    for ids in ids.chunks(BATCH) {
        let batch: Vec<&Embedding> = source.by_ref().take(ids.len()).collect();
        sql_query("UPDATE bench b SET embedding = v.e FROM UNNEST($1, $2) AS v (id, e) WHERE b.id = v.id")
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<VectorSql>, _>(batch)
            .execute(connection)
            .await?;
    }
    let rate = f64::from(u32::try_from(rows)?) / started.elapsed().as_secs_f64();
    connection.batch_execute("VACUUM ANALYZE bench").await?;
    Ok(rate)
}

/// Recall and latency over all queries. A hit counts when it is as near as the exact answer's last one.
async fn search(
    connection: &mut AsyncPgConnection,
    variant: &Variant,
    ef_search: u32,
    queries: &[Embedding],
) -> Result<(f64, Duration, Duration)> {
    let settings = format!(
        "SET hnsw.ef_search = {ef_search}; SET hnsw.iterative_scan = strict_order; SET enable_seqscan = off"
    );
    let indexed = format!(
        "SELECT (embedding <=> $1) AS n FROM (SELECT embedding FROM bench ORDER BY {} LIMIT {NEIGHBOURS}) AS found",
        variant.order
    );
    let exact = format!("SELECT (embedding <=> $1) + 0 AS n FROM bench ORDER BY n LIMIT {NEIGHBOURS}");
    let (mut found, mut wanted, mut times) = (0_u32, 0_u32, Vec::new());
    for query in queries {
        connection.batch_execute("SET enable_seqscan = on").await?;
        let truth = distances(connection, &exact, query).await?;
        let farthest = truth.last().context("the table is empty")? + TIE;
        connection.batch_execute(&settings).await?;
        let started = Instant::now();
        let hits = distances(connection, &indexed, query).await?;
        times.push(started.elapsed());
        wanted += u32::try_from(truth.len())?;
        found += u32::try_from(hits.iter().filter(|distance| **distance <= farthest).count())?;
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    Ok((f64::from(found) / f64::from(wanted), at(50), at(95)))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Double)]
    n: f64,
}

async fn distances(connection: &mut AsyncPgConnection, query: &str, vector: &Embedding) -> Result<Vec<f64>> {
    let rows: Vec<Row> = sql_query(query).bind::<VectorSql, _>(vector).load(connection).await?;
    Ok(rows.into_iter().map(|row| row.n).collect())
}

async fn number(connection: &mut AsyncPgConnection, query: &'static str) -> Result<f64> {
    Ok(sql_query(query).get_result::<Row>(connection).await?.n)
}
