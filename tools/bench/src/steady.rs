//! Writes at a steady rate, independent of the answers, with all dependencies on: latency (W3), and memory (M1) and
//! processors (M2) of the service meanwhile.
//!
//! Once with the local model and once with the embedder that hashes, which is the service without a model.

use std::time::Duration;

use anyhow::{Error, Result};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage_testkit::TestRedis;

use super::load;
use super::stand::{Stand, body, until_searchable};
use super::usage::{Used, Watched};
use crate::latency::Latencies;
use crate::report::{Figures, Goal, Report};

/// Enough that a request hardly ever waits for a connection; one that does has that in its latency.
const CONNECTIONS: usize = 200;

/// The embedders, and what the reports call the service with each.
const WITH_MODEL: (&str, &str) = ("local", "with the local model");
const WITHOUT_MODEL: (&str, &str) = ("hashing", "without a model");

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Writes per second.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Seconds of a round.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Rounds, without a break in between. Memory is compared over all of them.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Distinct texts among the records.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
}

impl Arguments {
    /// For a look whether it works.
    pub(crate) fn short() -> Self {
        Self { rate: 50, seconds: 1, rounds: 1, texts: 20 }
    }
}

/// The figures of one round.
struct Round {
    latencies: Latencies,
    used: Used,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    let (without, _) = with_embedder(WITHOUT_MODEL.0, arguments).await?;
    let (with, has_qdrant) = with_embedder(WITH_MODEL.0, arguments).await?;
    let mut reports = vec![latency(&with), memory(&with, &without), processors(&with, &without)];
    for report in &mut reports {
        report
            .condition("writes a second", arguments.rate)
            .condition(
                "rounds",
                format!("{} of {} s, one after the other", arguments.rounds, arguments.seconds),
            )
            .condition("distinct texts", format!("{}, each embedded before", arguments.texts))
            .condition("dependencies", if has_qdrant { "Redis, Qdrant" } else { "Redis" });
        if !has_qdrant {
            report.skipped = Some("Qdrant: QDRANT_URL names no server".to_owned());
        }
    }
    Ok(reports)
}

/// All rounds with one embedder, and whether Qdrant was there.
async fn with_embedder(embedder: &str, arguments: &Arguments) -> Result<(Vec<Round>, bool)> {
    let redis = TestRedis::create().await?;
    let settings = [format!("redis.url={}", redis.url()), format!("redis.key_prefix={}", redis.prefix())];
    let settings: Result<Vec<_>> = settings.iter().map(|it| it.parse().map_err(Error::msg)).collect();
    let stand = Stand::start_with("steady", embedder, &settings?).await?;
    let rounds = measure(&stand, arguments).await;
    let has_qdrant = stand.has_qdrant();
    stand.end().await?;
    Ok((rounds?, has_qdrant))
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<Vec<Round>> {
    let Arguments { rate, seconds, rounds, texts } = *arguments;
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let host = stand.host()?;
    let requests: Vec<Vec<u8>> = (1..=texts).map(|n| load::request(&host, "", &body(n))).collect();
    // Not measured: every text is embedded once, and connections, statements and caches come into use.
    load::run(&host, &requests, requests.len(), CONNECTIONS).await?;
    until_searchable(&mut connection).await?;
    let pause = Duration::from_secs(1) / rate;
    load::paced(&host, &requests, usize::try_from(rate)?, CONNECTIONS, pause).await?;
    let service = Watched::of(&stand.service)?;
    let mut measured = Vec::new();
    for _ in 0..rounds {
        let count = usize::try_from(rate * seconds)?;
        let (run, used) = service.during(load::paced(&host, &requests, count, CONNECTIONS, pause)).await?;
        measured.push(Round { latencies: run.latencies, used });
    }
    Ok(measured)
}

fn latency(rounds: &[Round]) -> Report {
    let mut report = Report::new("W3", "single records, open loop, all dependencies on");
    report.condition("embedder", WITH_MODEL.0);
    report.condition("latency", "from the time at which a request was to leave");
    for (name, share, goal) in
        [("p50", 500, 3.0), ("p95", 950, 250.0), ("p99", 990, 10.0), ("p99.9", 999, 50.0)]
    {
        let figures: Vec<f64> = rounds.iter().map(|it| it.latencies.per_mille(share)).collect();
        report.verdict(format!("W3: {name}, ms"), Figures::of(figures.clone()).median, Goal::AtMost(goal));
        report.series(name, "ms", figures);
    }
    report
}

fn memory(with: &[Round], without: &[Round]) -> Report {
    let mut report = Report::new("M1", "memory of the service at W3");
    report.condition("memory", "resident, pages of its files included, the most of any look in a round");
    for ((_, name), rounds, goal) in [(WITHOUT_MODEL, without, 48.0), (WITH_MODEL, with, 150.0)] {
        let figures: Vec<f64> = rounds.iter().map(|it| it.used.megabytes).collect();
        let most = Figures::of(figures.clone()).most;
        report.verdict(format!("M1: {name}, the most, MB"), most, Goal::AtMost(goal));
        if let [_, second, .., last] = figures.as_slice() {
            report.verdict(
                format!("M1: {name}, last round / second round"),
                last / second,
                Goal::AtMost(1.05),
            );
        }
        report.series(format!("service: {name}"), "MB", figures);
    }
    report
}

fn processors(with: &[Round], without: &[Round]) -> Report {
    let mut report = Report::new("M2", "processors that the service uses at W3");
    for ((_, name), rounds, goal) in
        [(WITHOUT_MODEL, without, Goal::AtMost(0.3)), (WITH_MODEL, with, Goal::None)]
    {
        let figures: Vec<f64> = rounds.iter().map(|it| it.used.cores).collect();
        report.verdict(format!("M2: {name}, cores"), Figures::of(figures.clone()).median, goal);
        report.series(format!("service: {name}"), "cores", figures);
    }
    report
}
