//! A deep outbox: what the service needs of memory while very many records wait, how fast they go, and how long a new
//! record waits beside them.

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_testkit::ServiceProcess;

use super::load;
use super::outbox::waiting;
use super::stand::{Stand, body, until_searchable};
use crate::progress::{answer, step};

/// Enough for the steady rate of new records.
const CONNECTIONS: usize = 50;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records that wait.
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
    /// Distinct texts among them.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
    /// New records per second meanwhile.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Seconds of new records.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let stand = Stand::start("backlog", &arguments.embedder).await?;
    let outcome = measure(&stand, arguments).await;
    stand.end().await?;
    outcome
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<()> {
    let Arguments { records, texts, rate, seconds, .. } = *arguments;
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let host = stand.host()?;
    let requests: Vec<Vec<u8>> =
        (1..=texts).map(|n| load::request(&host, "Prefer: wait=20\r\n", &body(n))).collect();
    // Not measured: every text is embedded once, and everything is in use.
    let each: Vec<Vec<u8>> = (1..=texts).map(|n| load::request(&host, "", &body(n))).collect();
    load::run(&host, &each, each.len(), CONNECTIONS).await?;
    until_searchable(&mut connection).await?;
    megabytes(&stand.service)?;
    let quiet = megabytes(&stand.service)?;

    let filling = async { Ok(connection.batch_execute(&fill(records, texts)).await?) };
    step("backlog", filling, |()| format!("{records} records wait")).await?;
    let before = waiting(&mut connection).await?;
    let started = Instant::now();
    let pause = Duration::from_secs(1) / rate;
    let count = usize::try_from(rate * seconds)?;
    let fresh = load::paced(&host, &requests, count, CONNECTIONS, pause).await?;
    let (beside, left) = (megabytes(&stand.service)?, waiting(&mut connection).await?);
    let pace = f64::from(u32::try_from(before.saturating_sub(left))?) / started.elapsed().as_secs_f64();
    until_searchable(&mut connection).await?;
    let drained = started.elapsed();
    answer(&format!(
        "{records} records waited, {texts} texts, embedder {}; {rate} new ones a second beside them",
        arguments.embedder
    ));
    answer(&format!(
        "memory: {quiet} MiB before, at most {beside} MiB beside them, {} MiB until all were done",
        megabytes(&stand.service)?
    ));
    answer(&format!(
        "new records were searchable after p50 {:.1} ms, p99 {:.1} ms",
        fresh.latencies.p50(),
        fresh.latencies.per_mille(990)
    ));
    answer(&format!(
        "of those that waited {pace:.0} a second went meanwhile; all were done after {:.0} s",
        drained.as_secs_f64()
    ));
    Ok(())
}

/// Megabytes in memory at most since last asked.
fn megabytes(service: &ServiceProcess) -> Result<u64> {
    Ok(service.take_peak_memory()? >> 20)
}

/// Stores records past the service, each with its row in the outbox, as writes do.
fn fill(records: usize, texts: usize) -> String {
    format!(
        "WITH stored AS (
             INSERT INTO remediation_audit (name, namespace, phase, action_type, status, alert_name, severity, error_message)
             SELECT 'checkout-restart', 'payments', 'processing', 'restart-pod', 'running', 'KubePodCrashLooping', 'critical',
                 'replica ' || 1 + n % {texts} || ' does not become ready'
             FROM generate_series(1, {records}) AS n RETURNING id, start_time, updated_at)
         INSERT INTO vector_outbox (set_id, record_id, start_time, version)
         SELECT s.id, stored.id, start_time, updated_at FROM stored CROSS JOIN embedding_set s WHERE state = 'active'"
    )
}
