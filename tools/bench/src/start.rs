//! T1: the time from the start of the process until `/ready` answers 200, on a database that is in use.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use storage_testkit::{Cluster, ClusterSettings, Installation, ServiceOptions, ServiceProcess};

use super::reader::Reader;
use super::records;
use crate::progress::step;
use crate::report::{Figures, Goal, Report};

/// How often to look whether the service is ready: far below what is measured.
const LOOK: Duration = Duration::from_millis(1);
/// Longest that a start, and a stop, may take.
const BOUND: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records in the database.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Months over which they are spread.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=240))]
    months: u32,
    /// Starts.
    #[arg(long, default_value_t = 10)]
    starts: usize,
}

impl Arguments {
    /// Enough to see that it works.
    pub(crate) fn short() -> Self {
        Self { rows: 1_000, months: 2, starts: 2 }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    ensure!(arguments.starts > 0 && arguments.rows > 0, "give at least one start and one record");
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure(&cluster, arguments).await;
    cluster.destroy().await?;
    Ok(vec![outcome?])
}

async fn measure(cluster: &Cluster, arguments: &Arguments) -> Result<Report> {
    let Arguments { rows, months, starts } = *arguments;
    let mut report = Report::new("T1", "from the start of the process until /ready answers 200");
    report
        .condition("starts", format!("{starts}, after one that is not counted"))
        .condition("records", rows)
        .condition("months", months);
    for (embedder, what, goal) in
        [("hashing", "without the model", Goal::AtMost(500.0)), ("local", "with the model", Goal::None)]
    {
        let options = records::only_reading(embedder)?;
        let storing = records::database(cluster, embedder, rows, months, &options);
        let url = step(&format!("{rows} records"), storing, |_| "stored".to_owned()).await?;
        start(&url, &options).await?;
        let mut times = Vec::new();
        for _ in 0..starts {
            times.push(start(&url, &options).await?.as_secs_f64() * 1e3);
        }
        report.verdict(format!("T1: start to ready in ms, {what}"), Figures::of(times.clone()).median, goal);
        report.series(format!("start to ready, {what}"), "ms", times);
    }
    Ok(report)
}

/// Starts the service, stops it, and returns how long it took until it was ready.
async fn start(url: &str, options: &ServiceOptions) -> Result<Duration> {
    let started = Instant::now();
    let mut service = ServiceProcess::spawn(url, options.clone())?;
    let took = loop {
        if is_ready(&service).await {
            break started.elapsed();
        }
        let is_running = service.process().is_some_and(|it| it.is_running());
        ensure!(is_running && started.elapsed() < BOUND, "the service did not start: {}", service.logs());
        tokio::time::sleep(LOOK).await;
    };
    service.terminate()?;
    let ended = service.wait_exit(BOUND).await.context("the service did not stop")?;
    ensure!(ended.success(), "the service stopped with {ended}");
    Ok(took)
}

/// Whether the service listens, and says that it is ready.
async fn is_ready(service: &ServiceProcess) -> bool {
    let Ok(mut reader) = Reader::connect(service).await else { return false };
    let request = reader.request("/ready");
    reader.send(&request).await.is_ok()
}
