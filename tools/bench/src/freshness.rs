//! Writes at a steady rate, independent of the answers: the time of each write, and the time until its record can be
//! found.
//!
//! The second is measured as a client sees it, by requests that ask to wait for it (`Prefer: wait`): it holds the write,
//! the projection, and the way of the answer.

use std::time::Duration;

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection};

use super::load;
use super::stand::{Stand, body, until_searchable};
use crate::progress::answer;

/// Enough that a request hardly ever waits for a connection; one that does has that in its latency.
const CONNECTIONS: usize = 200;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Writes per second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds of each of the two parts.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Distinct texts among the records.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let stand = Stand::start("freshness", &arguments.embedder).await?;
    measure(&stand, arguments).await?;
    stand.end().await
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<()> {
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let host = stand.host()?;
    let count = usize::try_from(arguments.rate * arguments.seconds)?;
    let pause = Duration::from_secs(1) / arguments.rate;
    // Not measured: every text is embedded once, as all but a few are in use.
    let each: Vec<Vec<u8>> = (1..=arguments.texts).map(|n| load::request(&host, "", &body(n))).collect();
    load::run(&host, &each, each.len(), CONNECTIONS).await?;
    until_searchable(&mut connection).await?;
    answer(&format!(
        "{} writes/s for {} s, {} texts, embedder {}; latency in ms from the time each was to leave",
        arguments.rate, arguments.seconds, arguments.texts, arguments.embedder
    ));
    answer("                                   p50       p99     p99.9");
    for (what, more) in [("accepted", ""), ("accepted and searchable", "Prefer: wait=20\r\n")] {
        let requests: Vec<Vec<u8>> =
            (1..=arguments.texts).map(|n| load::request(&host, more, &body(n))).collect();
        let run = load::paced(&host, &requests, count, CONNECTIONS, pause).await?;
        answer(&format!(
            "{what:<28} {:>9.1} {:>9.1} {:>9.1}",
            run.latencies.per_mille(500),
            run.latencies.per_mille(990),
            run.latencies.per_mille(999)
        ));
        until_searchable(&mut connection).await?;
    }
    Ok(())
}
