//! Searches by words, and by words and meaning together, through the query crate: their time, by the kind of text
//! searched for, over a year of records that repeat their texts. The model's own time is not in it.

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Embedding;
use storage_query::{CheckedFilter, LexicalQuery, NearestQuery, SearchRequest, fuse};
use storage_testkit::{Cluster, ClusterSettings, Installation, STORE_WORDS};

use super::latency::Latencies;
use crate::progress::{answer, say};

/// The searched texts, by kind.
const QUERIES: [(&str, &str); 8] = [
    ("a record's name", "rr-4711"),
    ("an alert", "KubePodCrashLooping"),
    ("the alert in small letters", "kubepodcrashlooping"),
    ("a service", "checkout"),
    ("a common word", "failed"),
    ("three words", "readiness probe failed"),
    ("an error", "no space left on device while writing the journal of ledger"),
    (
        "a pasted sentence",
        "Since this morning the pods of payments are restarted again and again, the log says that consumer group of payments \
         lags 17 messages behind, and that the secret for payments was not found; what did we do the last time?",
    ),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records.
    #[arg(long, default_value_t = 100_000)]
    rows: u32,
    /// Distinct kinds of failure. Further records repeat them, as audit records do.
    #[arg(long, default_value_t = 6_000)]
    texts: u32,
    /// Searches of each kind.
    #[arg(long, default_value_t = 50)]
    runs: u32,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure(&cluster.url("postgres"), arguments).await;
    cluster.destroy().await?;
    outcome
}

async fn measure(url: &str, arguments: &Arguments) -> Result<()> {
    storage_schema::bootstrap(url).await?;
    let mut connection = AsyncPgConnection::establish(url).await?;
    say("storing the records");
    connection.batch_execute(&records(arguments)).await?;
    let started = Instant::now();
    connection.batch_execute(STORE_WORDS).await?;
    let words = started.elapsed() / arguments.rows;
    say("storing their vectors");
    connection.batch_execute(VECTORS).await?;
    connection.batch_execute("VACUUM ANALYZE").await?;
    answer(&format!(
        "{} records of {} kinds over 12 months; the words of a record stored in {:.0} µs",
        arguments.rows,
        arguments.texts,
        words.as_secs_f64() * 1e6
    ));
    answer("searched for                   hits  lexical p50 ms  p95 ms  hybrid p50 ms  p95 ms");
    for (kind, text) in QUERIES {
        let (mut lexical, mut hybrid, mut hits) = (Vec::new(), Vec::new(), 0);
        for _ in 0..arguments.runs {
            let (found, took) = by_words(&mut connection, text).await?;
            hits = found;
            lexical.push(took);
            hybrid.push(by_both(&mut connection, text).await?);
        }
        let (lexical, hybrid) = (Latencies::of(lexical), Latencies::of(hybrid));
        answer(&format!(
            "{kind:<30} {hits:>4} {:>15.1} {:>7.1} {:>14.1} {:>7.1}",
            lexical.p50(),
            lexical.per_mille(950),
            hybrid.p50(),
            hybrid.per_mille(950)
        ));
    }
    Ok(())
}

async fn by_words(connection: &mut AsyncPgConnection, text: &str) -> Result<(usize, Duration)> {
    let started = Instant::now();
    let found =
        LexicalQuery::new(text, CheckedFilter::default(), SearchRequest::default())?.run(connection).await?;
    Ok((found.hits.len(), started.elapsed()))
}

/// One side after the other, where the service asks both at a time.
async fn by_both(connection: &mut AsyncPgConnection, text: &str) -> Result<Duration> {
    let started = Instant::now();
    let vector = Embedding::new(vec![0.05; Embedding::DIMENSION])?;
    let request = SearchRequest::default();
    let near =
        NearestQuery::new(vector, CheckedFilter::default(), request).for_fusion().run(connection).await?;
    let words =
        LexicalQuery::new(text, CheckedFilter::default(), request)?.for_fusion().run(connection).await?;
    let _fused = fuse(near.hits, words.hits, 10);
    Ok(started.elapsed())
}

/// Each draw of `texts` kinds is one of alert, action, service and error; targets are pods, twenty of a ReplicaSet.
fn records(Arguments { rows, texts, .. }: &Arguments) -> String {
    let pick = |seed: u32, values: &[&str]| {
        format!(
            "(ARRAY['{}'])[1 + (hashint8extended(kind, {seed}) & 1073741823) % {}]",
            values.join("', '"),
            values.len()
        )
    };
    let drawn = "translate(md5(n::text), '0123456789abcdef', 'bcdfghjk2456789z')";
    format!(
        "SELECT count(ensure_audit_partition('remediation_audit', month::date)) \
            FROM generate_series(now() - interval '11 months', now(), '1 month') AS month; \
         INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, alert_name, error_message, start_time) \
         SELECT 'rr-' || n, 'ns-' || n % 10, 'processing', {}, \
            service || '-' || substr(translate(md5((n / 20)::text), '0123456789abcdef', 'bcdfghjk2456789z'), 1, 9) || '-' || substr({drawn}, 1, 5), \
            {}, replace(replace({}, '{{s}}', service), '{{n}}', ((hashint8extended(kind, 4) & 1073741823) % 64)::text), \
            now() - n * interval '330 days' / {rows} \
         FROM generate_series(1, {rows}) AS n, LATERAL (SELECT (hashint8extended(n, 9) & 1073741823) % {texts} AS kind) AS kinds, \
            LATERAL (SELECT {} AS service) AS services",
        pick(1, super::corpus::ACTIONS),
        pick(2, super::corpus::ALERTS),
        pick(3, super::corpus::FAULTS),
        pick(5, super::corpus::SERVICES),
    )
}

/// A vector for each set of shared words.
const VECTORS: &str = "CREATE TEMPORARY TABLE made AS \
        SELECT text_key, row_number() OVER () AS number FROM remediation_text; \
    INSERT INTO embedding_vector (slot, embedding_id, vector) \
        SELECT 1, number, (SELECT array_agg(((hashint8extended(number * 384 + k, 7) & 65535) - 32768)::real)::vector \
                           FROM generate_series(1, 384) AS k) FROM made; \
    INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('1', 'bench', 384, 'active', 1); \
    INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key) \
        SELECT 1, record_id, start_time, version, number, text_key FROM remediation_words JOIN made USING (text_key)";
