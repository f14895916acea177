//! G1: the time and the memory of `datastorage reconcile` over records whose derived data is in step, without a Qdrant and,
//! where there is one, with it.

use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde::Deserialize;
use storage_testkit::{
    Cluster, ClusterSettings, Installation, STORE_WORDS, ServiceOptions, TestQdrant, environment,
};
use tokio::process::Command;

use super::answers::seed;
use crate::progress::step;
use crate::report::{Figures, Goal, Report};

/// How often to look how much memory the process has had; its peak only grows.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Numbers of records, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000])]
    rows: Vec<usize>,
    /// Months over which they are spread, separated by commas; each number is measured with each.
    #[arg(long, value_delimiter = ',', default_values_t = [24], value_parser = clap::value_parser!(u32).range(1..=240))]
    months: Vec<u32>,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

impl Arguments {
    /// Enough to see that it works.
    pub(crate) fn short() -> Self {
        Self { rows: vec![2_000], months: vec![2], rounds: 1 }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    ensure!(arguments.rounds > 0 && !arguments.rows.contains(&0), "give at least one round and one record");
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure_all(&cluster, arguments).await;
    cluster.destroy().await?;
    Ok(vec![outcome?])
}

async fn measure_all(cluster: &Cluster, arguments: &Arguments) -> Result<Report> {
    let mut report = Report::new("G1", "`datastorage reconcile` over records that are in step, one pass");
    report.condition("rounds", arguments.rounds);
    if !has_qdrant() {
        report.skipped = Some(WITHOUT_QDRANT.to_owned());
    }
    for months in &arguments.months {
        for rows in &arguments.rows {
            let name = format!("bench_{rows}_{months}");
            storage_testkit::create_database(&cluster.url("postgres"), &name, None).await?;
            measure(&cluster.url(&name), arguments, *rows, *months, &mut report).await?;
            storage_testkit::drop_database(&cluster.url("postgres"), &name).await?;
        }
    }
    Ok(report)
}

/// Why a comparison with Qdrant is missing.
const WITHOUT_QDRANT: &str = "QDRANT_URL is not set, so the records are compared with their words and vectors in PostgreSQL, \
    and not with Qdrant";

fn has_qdrant() -> bool {
    std::env::var(environment::QDRANT_URL).is_ok_and(|url| !url.is_empty())
}

async fn measure(
    url: &str,
    arguments: &Arguments,
    rows: usize,
    months: u32,
    report: &mut Report,
) -> Result<()> {
    let name = format!("{rows} records, {months} months");
    step(&name, store(url, rows, months), |()| "stored".to_owned()).await?;
    let runs = repeat(url, &ServiceOptions::default(), arguments.rounds, rows).await?;
    add(report, &format!("{name}, PostgreSQL alone"), rows, &runs);
    if has_qdrant() {
        let qdrant = TestQdrant::create()?;
        let options = on_qdrant(ServiceOptions::default(), &qdrant);
        let outcome = async {
            let filling = reconcile(url, &options, &["--rebuild"]);
            step("points", filling, |it| format!("{} stored", it.found.points)).await?;
            repeat(url, &options, arguments.rounds, rows).await
        };
        let outcome = outcome.await;
        qdrant.close().await?;
        add(report, &format!("{name}, with Qdrant"), rows, &outcome?);
    }
    Ok(())
}

/// The records with their words and vectors.
async fn store(url: &str, rows: usize, months: u32) -> Result<()> {
    seed::fill(url, rows, months).await?;
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection.batch_execute(STORE_WORDS).await?;
    connection.batch_execute("VACUUM ANALYZE").await?;
    Ok(connection.batch_execute("CHECKPOINT").await?)
}

async fn repeat(url: &str, options: &ServiceOptions, rounds: usize, rows: usize) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for _ in 0..rounds {
        let run = reconcile(url, options, &[]).await?;
        let Found { records, drift, .. } = &run.found;
        ensure!(
            usize::try_from(*records)? == rows && *drift == Drift::default(),
            "{records} of {rows} records were compared, and these differed: {drift:?}"
        );
        runs.push(run);
    }
    Ok(runs)
}

fn add(report: &mut Report, name: &str, rows: usize, runs: &[Run]) {
    let seconds: Vec<f64> = runs.iter().map(|it| it.took.as_secs_f64()).collect();
    let megabytes: Vec<f64> = runs.iter().map(|it| it.peak_megabytes).collect();
    let goal = |most| if rows == 1_000_000 { Goal::AtMost(most) } else { Goal::None };
    report
        .verdict(format!("G1: seconds, {name}"), Figures::of(seconds.clone()).median, goal(30.0))
        .verdict(format!("G1: peak memory in MB, {name}"), Figures::of(megabytes.clone()).median, goal(100.0))
        .series(format!("time, {name}"), "s", seconds)
        .series(format!("peak memory, {name}"), "MB", megabytes);
}

/// One run of the command.
pub(crate) struct Run {
    took: Duration,
    peak_megabytes: f64,
    pub(crate) found: Found,
}

/// What it says.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    records: u64,
    pub(crate) points: u64,
    drift: Drift,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct Drift {
    missing: u64,
    phantom: u64,
    stale: u64,
}

/// The settings of a service with this index.
pub(crate) fn on_qdrant(options: ServiceOptions, qdrant: &TestQdrant) -> ServiceOptions {
    let options = options
        .set("DATASTORAGE__QDRANT__URL", qdrant.url())
        .set("DATASTORAGE__QDRANT__COLLECTION", qdrant.collection());
    match qdrant.api_key() {
        Some(key) => options.set("DATASTORAGE__QDRANT__API_KEY", key),
        None => options,
    }
}

/// Runs `datastorage reconcile` on a database.
pub(crate) async fn reconcile(url: &str, options: &ServiceOptions, arguments: &[&str]) -> Result<Run> {
    let program = environment::required(environment::SERVICE_BIN)?;
    let mut command = Command::new(&program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DATASTORAGE__")) {
        command.env_remove(name);
    }
    command
        .args(["reconcile", "--json", "--database-url", url])
        .args(arguments)
        .envs(options.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let started = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    let status = format!("/proc/{}/status", child.id().context("the process has no id")?);
    let mut ended = pin!(child.wait_with_output());
    let mut peak_kilobytes = 0;
    let output = loop {
        peak_kilobytes = peak_kilobytes.max(peak(&status));
        if let Ok(output) = tokio::time::timeout(LOOK, &mut ended).await {
            break output?;
        }
    };
    let took = started.elapsed();
    ensure!(output.status.success(), "reconcile failed: {}", String::from_utf8_lossy(&output.stderr));
    let found = serde_json::from_slice(&output.stdout).context("reconcile gave no report")?;
    Ok(Run { took, peak_megabytes: f64::from(peak_kilobytes) * 1.024e-3, found })
}

/// The most memory that a process has had, in KiB; 0 once it has ended.
fn peak(status: &str) -> u32 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    line.and_then(|kilobytes| kilobytes.parse().ok()).unwrap_or_default()
}
