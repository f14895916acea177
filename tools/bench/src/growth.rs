//! Writes while the table grows: the same loads, one after the other, at several numbers of rows.
//!
//! The table is filled through the service, by batches, so that every row has its words, its vector and its counters.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};

use super::load;
use super::progress::step;
use super::stand::{Stand, body, until_searchable};
use super::{batches, usage::Watched};
use crate::report::{Goal, Report, number};

/// Records of a batch, and the connections that send them.
const BATCH: usize = 100;
const BATCH_CONNECTIONS: usize = 8;
/// Connections that send single records.
const CONNECTIONS: usize = 64;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Rows of the table at which to measure, from few to many, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000, 10_000_000])]
    rows: Vec<usize>,
    /// Seconds of each load, at each number of rows.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Distinct texts among the records.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
}

impl Arguments {
    /// For a look whether it works.
    pub(crate) fn short() -> Self {
        Self { rows: vec![500, 1_000], seconds: 1, texts: 20, embedder: "hashing".to_owned() }
    }
}

/// The figures at one number of rows.
struct Stage {
    rows: usize,
    /// Records a second, and the 99th percentile of a request in milliseconds.
    singles: (f64, f64),
    batches: (f64, f64),
    megabytes: f64,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    ensure!(arguments.rows.is_sorted() && !arguments.rows.is_empty(), "the rows must go from few to many");
    let stand = Stand::start("growth", &arguments.embedder).await?;
    let stages = measure(&stand, arguments).await;
    stand.end().await?;
    Ok(vec![summary(arguments, &stages?)?])
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<Vec<Stage>> {
    let host = stand.host()?;
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let singles: Vec<Vec<u8>> = (1..=arguments.texts).map(|n| load::request(&host, "", &body(n))).collect();
    let batches = batches::requests(&host, BATCH, arguments.texts);
    let service = Watched::of(&stand.service)?;
    let long = Duration::from_secs(arguments.seconds);
    let mut stored = 0;
    let mut stages = Vec::new();
    for rows in &arguments.rows {
        let missing = rows.saturating_sub(stored).div_ceil(BATCH);
        let fill = async {
            let run = load::run(&host, &batches, missing, BATCH_CONNECTIONS).await?;
            until_searchable(&mut connection).await?;
            Ok(run)
        };
        stored += BATCH
            * step(&format!("up to {rows} rows"), fill, |it| format!("{} batches", it.latencies.len()))
                .await?
                .latencies
                .len();
        let at = stored;
        let mut turn = async |requests: &[Vec<u8>], connections| {
            connection.batch_execute("CHECKPOINT").await?;
            let run = load::lasting(&host, requests, connections, long).await?.without_failures()?;
            until_searchable(&mut connection).await?;
            anyhow::Ok(run)
        };
        let (both, used) = service
            .during(async {
                Ok((turn(&singles, CONNECTIONS).await?, turn(&batches, BATCH_CONNECTIONS).await?))
            })
            .await?;
        let (single, batch) = both;
        stored += single.latencies.len() + BATCH * batch.latencies.len();
        let records_a_batch = f64::from(u32::try_from(BATCH)?);
        stages.push(Stage {
            rows: at,
            singles: (single.rate(), single.latencies.per_mille(990)),
            batches: (batch.rate() * records_a_batch, batch.latencies.per_mille(990)),
            megabytes: used.megabytes,
        });
    }
    Ok(stages)
}

fn summary(arguments: &Arguments, stages: &[Stage]) -> Result<Report> {
    let (first, last) = stages.first().zip(stages.last()).context("nothing was measured")?;
    let mut report = Report::new("Growth", "writes while the table grows");
    report
        .condition("seconds of each load", arguments.seconds)
        .condition("single records", format!("closed loop, {CONNECTIONS} connections"))
        .condition("batches", format!("{BATCH} records, closed loop, {BATCH_CONNECTIONS} connections"))
        .condition("distinct texts", arguments.texts)
        .condition("embedder", &arguments.embedder);
    for Stage { rows, singles, batches, megabytes } in stages {
        let rows = number(f64::from(u32::try_from(*rows)?));
        report
            .series(format!("service: single records at {rows} rows"), "/s", vec![singles.0])
            .series(format!("service: single records at {rows} rows, p99"), "ms", vec![singles.1])
            .series(format!("service: batches at {rows} rows"), "/s", vec![batches.0])
            .series(format!("service: batches at {rows} rows, p99"), "ms", vec![batches.1])
            .series(format!("service: memory at {rows} rows"), "MB", vec![*megabytes]);
    }
    let most = number(f64::from(u32::try_from(last.rows)?));
    report
        .verdict(
            format!("Growth: rate at {most} rows / at the fewest, single records"),
            last.singles.0 / first.singles.0,
            Goal::None,
        )
        .verdict(
            format!("Growth: rate at {most} rows / at the fewest, batches"),
            last.batches.0 / first.batches.0,
            Goal::None,
        );
    Ok(report)
}
