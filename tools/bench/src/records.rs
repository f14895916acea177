//! A table of remediations of a given size, and a service that only reads it.

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::future::try_join_all;
use storage_dualwrite::counters::{FOLD_LIMIT, fold};
use storage_testkit::{Cluster, ServiceOptions, ServiceProcess, environment};

/// Records of one statement.
const CHUNK: usize = 100_000;
/// Connections that fill a table.
const CONNECTIONS: usize = 2;

/// Hashes give the values to count and filter by, each independent of the others: fifty namespaces, sixteen actions,
/// four severities; the last record is a moment old.
fn insert(from: usize, to: usize, rows: usize, months: u32) -> String {
    format!(
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, status, start_time, end_time,
             environment, cluster, remediation_request_id, alert_name, severity, error_message, metadata)
         SELECT 'remediation-' || n, 'ns-' || h1 % 50, CASE WHEN ended THEN CASE WHEN failed THEN 'failed' ELSE 'completed' END
                 ELSE 'processing' END,
             'action-' || h1 / 64 % 16, 'checkout-' || n, CASE WHEN NOT ended THEN 'running' WHEN failed THEN 'failed'
                 ELSE 'success' END,
             t, CASE WHEN ended THEN t + h2 % 600000 * interval '1 ms' END, 'production', 'eu-' || h2 % 4, 'req-' || n / 3,
             'KubePodCrashLooping', (ARRAY['critical', 'high', 'warning', 'info'])[1 + h2 / 1024 % 4],
             CASE WHEN failed THEN 'Back-off restarting failed container checkout in pod ' || n END,
             jsonb_build_object('reason', 'CrashLoopBackOff', 'restarts', h2 % 20)
         FROM (
             SELECT n, h1, h2, h2 / 4096 % 10 > 0 AS ended, h1 / 4096 % 20 = 0 AND h2 / 4096 % 10 > 0 AS failed,
                 now() - interval '{months} months' * (1 - n / {rows}::float8) AS t
             FROM (
                 SELECT n, hashint8extended(n, 1) & 1073741823 AS h1, hashint8extended(n, 2) & 1073741823 AS h2
                 FROM generate_series({from}, {to}) AS n
             ) AS drawn
         ) AS record"
    )
}

/// Makes the records, which begin so many months ago, folds the counters as the service's job does, and brings statistics up to date.
pub(crate) async fn fill(url: &str, rows: usize, months: u32) -> Result<Duration> {
    let started = Instant::now();
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection
        .batch_execute(&format!(
            "SELECT ensure_audit_partition('remediation_audit', (now() - age * interval '1 month')::date)
             FROM generate_series(0, {months}) AS age"
        ))
        .await?;
    let chunks = (1..=rows).step_by(CHUNK);
    run_all(url, chunks.map(|from| insert(from, rows.min(from + CHUNK - 1), rows, months))).await?;
    while fold(&mut connection, FOLD_LIMIT).await? > 0 {}
    for table in ["remediation_audit", "remediation_count", "remediation_count_delta"] {
        connection.batch_execute(&format!("VACUUM ANALYZE {table}")).await?;
    }
    connection.batch_execute("CHECKPOINT").await?;
    Ok(started.elapsed())
}

/// Runs statements that fill a table, in any order.
pub(crate) async fn run_all(url: &str, statements: impl Iterator<Item = String> + Clone) -> Result<()> {
    let running = (0..CONNECTIONS).map(async |first| {
        let mut connection = AsyncPgConnection::establish(url).await?;
        for statement in statements.clone().skip(first).step_by(CONNECTIONS) {
            connection.batch_execute(&statement).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(running).await?;
    Ok(())
}

/// Another database of the cluster, filled for a service with these settings; its URL.
pub(crate) async fn database(
    cluster: &Cluster,
    name: &str,
    rows: usize,
    months: u32,
    options: &ServiceOptions,
) -> Result<String> {
    storage_testkit::create_database(&cluster.url("postgres"), name, None).await?;
    let url = cluster.url(name);
    storage_schema::bootstrap(&url).await?;
    // The first start makes the set of vectors, and records that are there by then wait for theirs.
    drop(ServiceProcess::start(&url, options.clone()).await?);
    fill(&url, rows, months).await?;
    Ok(url)
}

/// The settings of a service that leaves records without vectors alone. `embedder` is `local` or `hashing`.
pub(crate) fn only_reading(embedder: &str) -> Result<ServiceOptions> {
    let model = environment::required(environment::MODEL_DIR)?;
    Ok(ServiceOptions::default()
        .set("DATASTORAGE__RECONCILE__ENABLED", "false")
        .set("DATASTORAGE__EMBEDDING__PROVIDER", embedder)
        .set("DATASTORAGE__EMBEDDING__MODEL_DIR", model))
}
