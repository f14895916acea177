//! Compares lists, totals and counts through the query crate with the same statements and `count(*)` as a person would
//! type them, on tables of several sizes; and the first page with a deep one.
//!
//! Both sides have a connection of their own to one server and take turns.

mod shapes;

use anyhow::{Context as _, Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage_models::{Remediation, Timestamp};
use storage_query::{CheckedFilter, ListQuery, PageRequest, Total};
use storage_testkit::{Cluster, ClusterSettings, Installation};
use tokio_postgres::{Client, NoTls};

use super::latency::{Latencies, in_turns};
use super::records;
use super::statement::read_through;
use crate::progress::{answer, say, step};
use shapes::Shape;

/// The page whose cost is compared with that of the first, if the table has that many.
const DEEP: usize = 10_000;
/// Records of a page.
const PAGE: usize = 100;
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
        arguments.runs > 0 && arguments.rows.iter().all(|rows| *rows > PAGE),
        "the table is too small to measure"
    );
    if cfg!(debug_assertions) {
        say("NOT OPTIMISED: decoding is slower than it should be; use `cargo xtask bench lists`");
    }
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure_all(&cluster, arguments).await;
    cluster.destroy().await?;
    let (lines, pages) = outcome?;
    print(&lines, &pages);
    Ok(())
}

async fn measure_all(cluster: &Cluster, arguments: &Arguments) -> Result<(Vec<Line>, Vec<Line>)> {
    let (mut lines, mut pages) = (Vec::new(), Vec::new());
    for rows in &arguments.rows {
        let name = format!("bench_{rows}");
        storage_testkit::create_database(&cluster.url("postgres"), &name, None).await?;
        let url = cluster.url(&name);
        storage_schema::bootstrap(&url).await?;
        let filling = records::fill(&url, *rows, MONTHS);
        step(&format!("{rows} records"), filling, |took| format!("stored in {took:.0?}")).await?;
        let table = Table { rows: *rows, runs: arguments.runs, url: &url };
        lines.extend(step("shapes", table.shapes(), |it| format!("{} measured", it.len())).await?);
        pages.push(step("pages", table.pages(), |it| it.name.to_owned()).await?);
        storage_testkit::drop_database(&cluster.url("postgres"), &name).await?;
    }
    Ok((lines, pages))
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

    /// The first page by cursor beside the deepest, at most number [`DEEP`].
    async fn pages(&self) -> Result<Line> {
        let mut connection = AsyncPgConnection::establish(self.url).await?;
        let mut another = AsyncPgConnection::establish(self.url).await?;
        let query = ListQuery::<Remediation>::new(CheckedFilter::default()).total(Total::None);
        let skipped = (DEEP - 1).min(self.rows / PAGE - 1) * PAGE;
        let deep = behind(&mut connection, &query, skipped).await?;
        let page = PageRequest::new(i64::try_from(PAGE)?, 0)?;
        let (first, deep) = (query.page(page), deep.page(page));
        let through = read_through(&mut connection, deep.to_sql()?).await?;
        let [ours, other] = in_turns(
            self.runs,
            async || Ok(first.run(&mut connection).await.map(drop)?),
            async || Ok(deep.run(&mut another).await.map(drop)?),
        )
        .await?;
        Ok(Line { rows: self.rows, name: "page 1, and the deepest", ours, other, through })
    }
}

/// The list behind its first `skipped` records, which are walked over by cursor.
async fn behind(
    connection: &mut AsyncPgConnection,
    query: &ListQuery<Remediation>,
    skipped: usize,
) -> Result<ListQuery<Remediation>> {
    let (mut left, mut at) = (i64::try_from(skipped)?, query.clone());
    while left > 0 {
        let limit = left.min(PageRequest::MAX_LIMIT);
        let page = at.page(PageRequest::new(limit, 0)?).run(connection).await?;
        at = query.clone().after(&page.next_cursor.context("the list ends too early")?);
        left -= limit;
    }
    Ok(at)
}

/// A connection that sends statements as they are, as psql does.
async fn plain(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn print(lines: &[Line], pages: &[Line]) {
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
    answer("by cursor, page 1 beside page 10,000 or the last one");
    for Line { rows, ours, other, through, .. } in pages {
        let deepest = DEEP.min(rows / PAGE);
        answer(&format!(
            "{rows:>8} page 1: {:.2} ms, page {deepest}: {:.2} ms, ratio {:.2}; {through}",
            ours.p50(),
            other.p50(),
            other.p50() / ours.p50(),
        ));
    }
}
