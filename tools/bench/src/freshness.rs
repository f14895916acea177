//! Writes at a steady rate, independent of the answers: the time of each write, and the time until its record can be
//! found (F1).
//!
//! The second is measured as a client sees it, by requests that ask to wait for it (`Prefer: wait`): it holds the write,
//! the projection, and the way of the answer. Every other request asks, so that both times come from one run.

use std::time::Duration;

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};

use super::load;
use super::stand::{Stand, body, until_searchable};
use crate::report::{Figures, Goal, Report};

/// Enough that a request hardly ever waits for a connection; one that does has that in its latency.
const CONNECTIONS: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Writes per second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds of a round.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Seconds before each round that are not counted: connections, statements and caches come into use.
    #[arg(long, default_value_t = 5)]
    warm_up: u32,
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
        Self { rate: 50, seconds: 1, warm_up: 0, rounds: 1, texts: 20, embedder: "hashing".to_owned() }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    let stand = Stand::start("freshness", &arguments.embedder).await?;
    let report = measure(&stand, arguments).await;
    stand.end().await?;
    Ok(vec![report?])
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<Report> {
    let Arguments { rate, seconds, warm_up, rounds, texts, .. } = *arguments;
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let host = stand.host()?;
    let pause = Duration::from_secs(1) / rate;
    let uncounted = usize::try_from(rate * warm_up)?;
    let count = uncounted + usize::try_from(rate * seconds)?;
    // Not measured: every text is embedded once, as all but a few are in use.
    let each: Vec<Vec<u8>> = (1..=texts).map(|n| load::request(&host, "", &body(n))).collect();
    load::run(&host, &each, each.len(), CONNECTIONS).await?;
    until_searchable(&mut connection).await?;
    // An even number, so that the requests at even places are those that do not wait.
    let requests: Vec<Vec<u8>> = (1..=texts)
        .flat_map(|n| ["", "Prefer: wait=20\r\n"].map(|more| load::request(&host, more, &body(n))))
        .collect();
    let (mut accepted, mut searchable) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let run = load::paced(&host, &requests, count, CONNECTIONS, pause).await?;
        accepted.push(run.latencies_of(|place| place >= uncounted && place % 2 == 0));
        searchable.push(run.latencies_of(|place| place >= uncounted && place % 2 == 1));
        until_searchable(&mut connection).await?;
    }
    let store = if stand.has_qdrant() { "Qdrant" } else { "pgvector" };
    let mut report = Report::new("F1", format!("from the write to searchable in {store}, open loop"));
    if !stand.has_qdrant() {
        report.skipped = Some("until searchable in Qdrant: QDRANT_URL names no server".to_owned());
    }
    report
        .condition("rounds", rounds)
        .condition("writes a second", format!("{rate}, and every other one waits until it is searchable"))
        .condition("seconds a round", format!("{seconds}, and {warm_up} before them that are not counted"))
        .condition("distinct texts", format!("{texts}, each embedded before"))
        .condition("embedder", &arguments.embedder)
        .condition("latency", "from the time at which a request was to leave");
    for (what, rounds) in [("accepted", &accepted), ("accepted and searchable", &searchable)] {
        for (name, share) in [("p50", 500), ("p99", 990), ("p99.9", 999)] {
            let figures = rounds.iter().map(|it| it.per_mille(share)).collect();
            report.series(format!("{what}: {name}"), "ms", figures);
        }
    }
    let p99 = Figures::of(searchable.iter().map(|it| it.per_mille(990)).collect()).median;
    report.verdict(format!("F1: p99 until searchable through {store}, ms"), p99, Goal::AtMost(1_000.0));
    Ok(report)
}
