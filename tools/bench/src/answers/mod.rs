//! What operators ask, over a year of remediations: what came of what was done, histories, facets, trends, similar incidents
//! and advice, through the query crate and one connection. Neither HTTP nor the model's own time is in it.

mod asked;
pub(crate) mod seed;

use anyhow::{Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_query::{NearestQuery, prepare};
use storage_testkit::{Cluster, ClusterSettings, Installation};

use super::latency::{Latencies, in_a_row};
use super::statement::{Cost, cost};
use crate::progress::{answer, say, step};
use asked::{Answer, Asked};

/// Months before the present one in which records begin.
const MONTHS: u32 = 11;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Runs of each; slow ones run less often.
    #[arg(long, default_value_t = 100)]
    runs: usize,
    /// Only what has this in its name.
    #[arg(long, default_value = "")]
    only: String,
    /// A database to measure in, which is filled if it is empty, instead of one that is made and thrown away.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.runs > 0 && arguments.rows >= 10_000, "the table is too small to measure");
    if cfg!(debug_assertions) {
        say("NOT OPTIMISED: decoding is slower than it should be; use `cargo xtask bench answers`");
    }
    if let Some(url) = &arguments.database {
        return measure(url, arguments).await;
    }
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure(&cluster.url("postgres"), arguments).await;
    cluster.destroy().await?;
    outcome
}

async fn measure(url: &str, arguments: &Arguments) -> Result<()> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    let records = format!("{} records", arguments.rows);
    if seed::is_empty(&mut connection).await? {
        step(&records, seed::fill(url, arguments.rows, MONTHS), |()| "stored".to_owned()).await?;
    }
    // What is too slow is to be measured, not cut off.
    connection.batch_execute("SET statement_timeout = '60s'").await?;
    for fault in prepare(&mut connection).await? {
        say(&fault.to_string());
    }
    answer(&format!(
        "answers over {records} of a year; milliseconds; planning and execution as PostgreSQL tells them"
    ));
    answer(
        "asked                                                      p50     p95     p99  runs | planning execution |  goal",
    );
    for Asked { name, goal, answer: asked } in asked::all(&mut connection).await? {
        if !name.contains(&arguments.only) {
            continue;
        }
        let times = in_a_row(arguments.runs, async || asked.run(&mut connection).await).await?;
        let cost = costs(&mut connection, &asked).await?;
        print(&name, &times, cost, goal);
    }
    Ok(())
}

/// What its statements cost together.
async fn costs(connection: &mut AsyncPgConnection, asked: &Answer) -> Result<Cost> {
    let mut sum = Cost::default();
    for statement in asked.statements(connection).await? {
        connection.batch_execute("BEGIN").await?;
        if matches!(asked, Answer::Similar { .. } | Answer::Advice { .. } | Answer::AdviceOfRecords(_)) {
            connection.batch_execute(NearestQuery::SETTINGS).await?;
        }
        let Cost { planning, execution } = cost(connection, statement).await?;
        sum = Cost { planning: sum.planning + planning, execution: sum.execution + execution };
        connection.batch_execute("ROLLBACK").await?;
    }
    Ok(sum)
}

fn print(name: &str, times: &Latencies, Cost { planning, execution }: Cost, goal: f64) {
    let p95 = times.per_mille(950);
    answer(&format!(
        "{name:<54} {:>7.1} {p95:>7.1} {:>7.1} {:>5} | {planning:>8.1} {execution:>9.1} | {goal:>4.0} {}",
        times.p50(),
        times.per_mille(990),
        times.len(),
        if p95 < goal { "met" } else { "MISSED" },
    ));
}
