//! Compares lists, totals and counts through the query crate with the same statements and `count(*)` as a person would
//! type them, on tables of several sizes.
//!
//! Both sides have a connection of their own to one server and take turns.

mod shapes;

use anyhow::{Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage_models::Timestamp;
use storage_testkit::{Cluster, ClusterSettings, Installation};
use tokio_postgres::{Client, NoTls};

use super::latency::{Latencies, in_turns};
use super::records;
use super::statement::read_through;
use crate::progress::{answer, say, step};
use shapes::Shape;

/// Months over which the records are spread.
const MONTHS: u32 = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sizes of the table, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    rows: Vec<usize>,
    /// Runs of each side; slow ones run less often.
    #[arg(long, default_value_t = 300)]
    runs: usize,
}

/// One line of the table.
struct Line {
    rows: usize,
    name: &'static str,
    ours: Latencies,
    other: Latencies,
    through: String,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        arguments.runs > 0 && arguments.rows.iter().all(|rows| *rows > 0),
        "the table is too small to measure"
    );
    if cfg!(debug_assertions) {
        say("NOT OPTIMISED: decoding is slower than it should be; use `cargo xtask bench lists`");
    }
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure_all(&cluster, arguments).await;
    cluster.destroy().await?;
    print(&outcome?);
    Ok(())
}

async fn measure_all(cluster: &Cluster, arguments: &Arguments) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for rows in &arguments.rows {
        let name = format!("bench_{rows}");
        storage_testkit::create_database(&cluster.url("postgres"), &name, None).await?;
        let url = cluster.url(&name);
        storage_schema::bootstrap(&url).await?;
        let filling = records::fill(&url, *rows, MONTHS);
        step(&format!("{rows} records"), filling, |took| format!("stored in {took:.0?}")).await?;
        let table = Table { rows: *rows, runs: arguments.runs, url: &url };
        lines.extend(step("shapes", table.shapes(), |it| format!("{} measured", it.len())).await?);
        storage_testkit::drop_database(&cluster.url("postgres"), &name).await?;
    }
    Ok(lines)
}

/// A table of one size.
struct Table<'a> {
    rows: usize,
    runs: usize,
    url: &'a str,
}

impl Table<'_> {
    async fn shapes(&self) -> Result<Vec<Line>> {
        let mut connection = AsyncPgConnection::establish(self.url).await?;
        let plain = plain(self.url).await?;
        let mut lines = Vec::new();
        for Shape { name, ours, typed } in shapes::all(Timestamp::now())? {
            let through = read_through(&mut connection, ours.sql()?).await?;
            let other = async || {
                for statement in &typed {
                    plain.simple_query(statement).await?;
                }
                Ok(())
            };
            let [ours, other] = in_turns(self.runs, async || ours.run(&mut connection).await, other).await?;
            lines.push(Line { rows: self.rows, name, ours, other, through });
        }
        Ok(lines)
    }
}

/// A connection that sends statements as they are, as psql does.
async fn plain(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn print(lines: &[Line]) {
    answer("storage-query compared with the statements as a person would type them; milliseconds");
    answer(
        "    rows shape                                          p50     p99 | typed p50     p99   ratio  runs  read through",
    );
    for Line { rows, name, ours, other, through } in lines {
        answer(&format!(
            "{rows:>8} {name:<44} {:>8.2} {:>7.2} | {:>9.2} {:>7.2} {:>7.2} {:>5}  {through}",
            ours.p50(),
            ours.per_mille(990),
            other.p50(),
            other.per_mille(990),
            other.p50() / ours.p50(),
            ours.len(),
        ));
    }
}
