//! Very many connections in a closed loop beside the number of W1, in turns (C1).

use std::time::Duration;

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};

use super::load::{self, Run};
use super::progress::say;
use super::stand::{Stand, body, until_searchable};
use crate::report::{Figures, Goal, Report};

/// The connections of W1.
const FEW: usize = 64;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Connections.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Seconds of a round, with as many again for the connections of W1.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
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
        Self { connections: 200, seconds: 1, rounds: 1, texts: 20, embedder: "hashing".to_owned() }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    let stand = Stand::start("crowd", &arguments.embedder).await?;
    let rounds = measure(&stand, arguments).await;
    stand.end().await?;
    Ok(vec![summary(arguments, &rounds?)])
}

/// The runs of each round: many connections, and few.
async fn measure(stand: &Stand, arguments: &Arguments) -> Result<Vec<[Run; 2]>> {
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let host = stand.host()?;
    let requests: Vec<Vec<u8>> = (1..=arguments.texts).map(|n| load::request(&host, "", &body(n))).collect();
    // Not measured: every text is embedded once, and connections and statements are there.
    load::run(&host, &requests, requests.len(), FEW).await?;
    let mut turn = async |connections| {
        until_searchable(&mut connection).await?;
        connection.batch_execute("CHECKPOINT").await?;
        load::lasting(&host, &requests, connections, Duration::from_secs(arguments.seconds)).await
    };
    let mut rounds = Vec::new();
    for _ in 0..arguments.rounds {
        rounds.push([turn(arguments.connections).await?, turn(FEW).await?]);
    }
    Ok(rounds)
}

fn summary(arguments: &Arguments, rounds: &[[Run; 2]]) -> Report {
    let failures: Vec<_> = rounds.iter().flatten().flat_map(|run| &run.failures).collect();
    if let Some(failure) = failures.first() {
        say(&format!("C1: {} connections failed, one of them because {failure:#}", failures.len()));
    }
    let many = |figure: &dyn Fn(&Run) -> f64| rounds.iter().map(|[it, _]| figure(it)).collect::<Vec<_>>();
    let few = |figure: &dyn Fn(&Run) -> f64| rounds.iter().map(|[_, it]| figure(it)).collect::<Vec<_>>();
    let median = |rounds: &[f64]| Figures::of(rounds.to_vec()).median;
    let count = f64::from(u32::try_from(failures.len()).unwrap_or(u32::MAX));
    let p99 = |run: &Run| run.latencies.per_mille(990);
    let of = arguments.connections;
    let mut report = Report::new("C1", format!("{of} connections, closed loop"));
    report
        .condition("rounds", format!("{} of {} s, in turns", rounds.len(), arguments.seconds))
        .condition("connections", format!("{of}, and {FEW} as in W1"))
        .condition("distinct texts", arguments.texts)
        .condition("embedder", &arguments.embedder)
        .verdict("C1: connections that failed", count, Goal::AtMost(0.0))
        .verdict("C1: p99, ms", median(&many(&p99)), Goal::AtMost(250.0))
        .verdict(
            "C1: rate / rate with the connections of W1",
            median(&many(&Run::rate)) / median(&few(&Run::rate)),
            Goal::AtLeast(1.0),
        )
        .series(format!("service: {of} connections"), "/s", many(&Run::rate))
        .series(format!("service: {FEW} connections"), "/s", few(&Run::rate))
        .series(format!("service: {of} connections, p50"), "ms", many(&|run| run.latencies.p50()))
        .series(format!("service: {of} connections, p99"), "ms", many(&p99))
        .series(format!("service: {FEW} connections, p99"), "ms", few(&p99));
    report
}
