//! R1, R2: pages of a list over HTTP, on tables of several sizes. R1 compares a page and its exact total with the same
//! page and `COUNT(*)` as prepared statements; R2 compares the first page with one far behind it.
//!
//! The sides take turns on one server, each on one connection, one request after the other: those of R1 for some seconds
//! each, since `COUNT(*)` may take long, those of R2 with each request.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use storage_models::{Remediation, Timestamp};
use storage_query::{AuditFilter as _, ListQuery, PageRequest, RemediationFilter, Total};
use storage_testkit::{Cluster, ClusterSettings, Installation, ServiceProcess};
use tokio_postgres::{Client, NoTls, Statement};

use super::latency::{Latencies, for_a_while, in_turns_for_a_while, median, of_each};
use super::reader::Reader;
use super::records;
use super::statement::typed;
use crate::progress::step;
use crate::report::{Goal, Report};

/// Records of a page.
const PAGE: usize = 100;
/// R2: the page whose time is compared with that of the first, or the last but one if the table has no more.
const DEEP: usize = 10_000;
/// Records that are skipped at a time on the way there.
const STRIDE: usize = 1_000;
/// The namespaces of [`records`], which the requests go through.
const NAMESPACES: usize = 50;
const LIST: &str = "/api/v1/audit/remediation";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Sizes of the table, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000, 2_000_000])]
    rows: Vec<usize>,
    /// Months over which the records are spread, separated by commas; each size is measured with each.
    #[arg(long, value_delimiter = ',', default_values_t = [24], value_parser = clap::value_parser!(u32).range(1..=240))]
    months: Vec<u32>,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Milliseconds of each measurement in a round.
    #[arg(long, default_value_t = 4_000)]
    millis: u64,
}

impl Arguments {
    /// Enough to see that it works.
    pub(crate) fn short() -> Self {
        Self { rows: vec![2_000], months: vec![2], rounds: 2, millis: 100 }
    }

    /// Few and many records in one month, in two years and in ten.
    pub(crate) fn of_all_sizes() -> Self {
        Self {
            rows: vec![10_000, 100_000, 1_000_000, 10_000_000],
            months: vec![1, 24, 120],
            rounds: 1,
            millis: 2_000,
        }
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.millis)
    }
}

/// A table of one size, and what each round measured on it.
struct Table {
    rows: usize,
    months: u32,
    service: Vec<Latencies>,
    statements: Vec<Latencies>,
    first: Vec<Latencies>,
    deep: Vec<Latencies>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    named(arguments, ["R1", "R2"]).await
}

/// The same as a scenario of its own.
pub(crate) async fn growth(arguments: &Arguments) -> Result<Vec<Report>> {
    named(arguments, ["Growth of R1", "Growth of R2"]).await
}

async fn named(arguments: &Arguments, [of_totals, of_depths]: [&'static str; 2]) -> Result<Vec<Report>> {
    ensure!(
        arguments.rounds > 0 && arguments.rows.iter().all(|rows| *rows >= 2 * PAGE),
        "the table is too small to measure"
    );
    let programs = Installation::from_test_run()?;
    let cluster = Cluster::temporary(&programs, ClusterSettings::for_development("bench".to_owned())).await?;
    let outcome = measure_all(&cluster, arguments).await;
    cluster.destroy().await?;
    let tables = outcome?;
    Ok(vec![totals(of_totals, arguments, &tables), depths(of_depths, arguments, &tables)])
}

async fn measure_all(cluster: &Cluster, arguments: &Arguments) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for months in &arguments.months {
        for rows in &arguments.rows {
            let name = format!("bench_{rows}_{months}");
            tables.push(measure(cluster, &name, arguments, *rows, *months).await?);
            storage_testkit::drop_database(&cluster.url("postgres"), &name).await?;
        }
    }
    Ok(tables)
}

async fn measure(
    cluster: &Cluster,
    name: &str,
    arguments: &Arguments,
    rows: usize,
    months: u32,
) -> Result<Table> {
    let options = records::only_reading("hashing")?;
    let storing = records::database(cluster, name, rows, months, &options);
    let what = format!("{rows} records of {months} months");
    let url = step(&what, storing, |_| "stored".to_owned()).await?;
    let service = ServiceProcess::start(&url, options).await?;
    let mut reader = Reader::connect(&service).await?;
    let filtered: Vec<Vec<u8>> =
        (0..NAMESPACES).map(|n| reader.request(&format!("{LIST}?{}", of_namespace(n)))).collect();
    let first = reader.request(&format!("{LIST}?total=none&limit={PAGE}"));
    let deep = far_behind(&mut reader, rows).await?;
    let typed = Typed::prepare(&url).await?;
    typed.agrees_with(&mut reader).await?;
    let mut table = Table {
        rows,
        months,
        service: Vec::new(),
        statements: Vec::new(),
        first: Vec::new(),
        deep: Vec::new(),
    };
    // The first round fills caches and is not counted.
    for round in 0..=arguments.rounds {
        let mut requests = filtered.iter().cycle();
        let mut places = (0..NAMESPACES).cycle();
        // Connected just before, since the service closes connections that wait.
        let mut reader = Reader::connect(&service).await?;
        let answers = for_a_while(arguments.time(), async || {
            reader.send(requests.next().context("there is nothing to send")?).await
        });
        let answers = answers.await?;
        let statements =
            for_a_while(arguments.time(), async || typed.run(places.next().unwrap_or_default()).await);
        let statements = statements.await?;
        let [mut near, mut far] = [Reader::connect(&service).await?, Reader::connect(&service).await?];
        let pages = in_turns_for_a_while(
            arguments.time(),
            async || near.send(&first).await,
            async || far.send(&deep).await,
        );
        let [first, deep] = pages.await?;
        if round > 0 {
            table.service.push(answers);
            table.statements.push(statements);
            table.first.push(first);
            table.deep.push(deep);
        }
    }
    Ok(table)
}

/// The query string for one of the namespaces.
fn of_namespace(number: usize) -> String {
    format!("namespace=ns-{number}&status=success&limit={PAGE}")
}

/// The request for the deepest page of [`DEEP`], by the cursor that is found on the way there.
async fn far_behind(reader: &mut Reader, rows: usize) -> Result<Vec<u8>> {
    let mut left = (deepest(rows) - 1) * PAGE;
    let mut cursor = String::new();
    while left > 0 {
        let limit = left.min(STRIDE);
        let page = reader.read(&format!("{LIST}?total=none&limit={limit}{cursor}")).await?;
        let next = page.pointer("/pagination/next_cursor").and_then(serde_json::Value::as_str);
        cursor = format!("&cursor={}", next.context("the list ends too early")?);
        left -= limit;
    }
    Ok(reader.request(&format!("{LIST}?total=none&limit={PAGE}{cursor}")))
}

/// The page of R2 in a table of this size: never the last one. Its months do not fill it, so that all months are asked too.
/// The last but one is faster than page 1, by an eighth.
fn deepest(rows: usize) -> usize {
    DEEP.min(rows / PAGE - 1)
}

/// Page and count as a person would type them, for each of the namespaces.
struct Typed {
    client: Client,
    statements: Vec<[Statement; 2]>,
}

impl Typed {
    async fn prepare(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let mut statements = Vec::new();
        for number in 0..NAMESPACES {
            let namespace = format!("ns-{number}");
            let pairs = [("namespace", namespace.as_str()), ("status", "success")];
            let filter = RemediationFilter::from_pairs(pairs)?.check(Timestamp::now())?;
            let list = ListQuery::<Remediation>::new(filter).total(Total::None);
            let page = typed(&list.page(PageRequest::new(i64::try_from(PAGE)?, 0)?).to_sql()?)?;
            let count = format!(
                "SELECT count(*) FROM remediation_audit WHERE namespace = '{namespace}' AND status = 'success'"
            );
            statements.push([client.prepare(&page).await?, client.prepare(&count).await?]);
        }
        Ok(Self { client, statements })
    }

    async fn run(&self, number: usize) -> Result<()> {
        for statement in self.statements.get(number).context("there is no such namespace")? {
            self.client.query(statement, &[]).await?;
        }
        Ok(())
    }

    /// Whether both sides give the same total for the first namespace.
    async fn agrees_with(&self, reader: &mut Reader) -> Result<()> {
        let [_, count] = self.statements.first().context("there are no statements")?;
        let counted: i64 = self.client.query_one(count, &[]).await?.try_get(0)?;
        let page = reader.read(&format!("{LIST}?{}", of_namespace(0))).await?;
        let total = page.pointer("/pagination/total").and_then(serde_json::Value::as_i64);
        ensure!(total == Some(counted) && counted > 0, "the service counts {total:?}, COUNT(*) {counted}");
        Ok(())
    }
}

impl Table {
    fn name(&self) -> String {
        format!("{} records, {} months", self.rows, self.months)
    }
}

fn conditions(report: &mut Report, arguments: &Arguments) {
    report
        .condition("rounds", arguments.rounds)
        .condition("time of a measurement in a round", format!("{} ms", arguments.millis))
        .condition("records of a page", PAGE)
        .condition("connections", "one, one request after the other");
}

fn totals(scenario: &'static str, arguments: &Arguments, tables: &[Table]) -> Report {
    let mut report = Report::new(
        scenario,
        "a page with its exact total, by namespace and status, against the page and COUNT(*) as prepared statements",
    );
    conditions(&mut report, arguments);
    report.condition("namespaces, which the requests go through", NAMESPACES);
    for table in tables {
        let (name, service, statements) = (table.name(), &table.service, &table.statements);
        let goal = if table.rows == 1_000_000 { Goal::AtMost(10.0) } else { Goal::None };
        report
            .verdict(format!("{scenario}: p99 of the service in ms, {name}"), median(service, 990), goal)
            .verdict(
                format!("{scenario}: page and COUNT(*) / service, p50, {name}"),
                median(statements, 500) / median(service, 500),
                Goal::None,
            )
            .series(format!("service: p50, {name}"), "ms", of_each(service, 500))
            .series(format!("service: p99, {name}"), "ms", of_each(service, 990))
            .series(format!("page and COUNT(*): p50, {name}"), "ms", of_each(statements, 500))
            .series(format!("page and COUNT(*): p99, {name}"), "ms", of_each(statements, 990));
    }
    for large in tables.iter().filter(|it| it.rows > 100_000) {
        let Some(small) = tables.iter().find(|it| it.rows == 100_000 && it.months == large.months) else {
            continue;
        };
        let goal = if large.rows == 10_000_000 { Goal::AtMost(2.0) } else { Goal::None };
        let growth = median(&large.service, 500) / median(&small.service, 500);
        report.verdict(
            format!("{scenario}: p50 at {} / at 100000, {} months", large.rows, large.months),
            growth,
            goal,
        );
    }
    report
}

fn depths(scenario: &'static str, arguments: &Arguments, tables: &[Table]) -> Report {
    let mut report = Report::new(scenario, "page 1 by cursor, without a total, against a page far behind it");
    conditions(&mut report, arguments);
    report.condition(
        "page far behind",
        format!("{DEEP}, or the last but one of a table with no more, which has no goal"),
    );
    for table in tables {
        let (name, page) = (table.name(), deepest(table.rows));
        let ratio = median(&table.deep, 500) / median(&table.first, 500);
        let goal = if table.rows > DEEP * PAGE { Goal::AtMost(1.1) } else { Goal::None };
        report
            .verdict(format!("{scenario}: page {page} / page 1, p50, {name}"), ratio, Goal::None)
            .verdict(
                format!("{scenario}: the slower / the faster of the two, {name}"),
                ratio.max(1.0 / ratio),
                goal,
            )
            .series(format!("page 1: p50, {name}"), "ms", of_each(&table.first, 500))
            .series(format!("page {page}: p50, {name}"), "ms", of_each(&table.deep, 500))
            .series(format!("page 1: p99, {name}"), "ms", of_each(&table.first, 990))
            .series(format!("page {page}: p99, {name}"), "ms", of_each(&table.deep, 990));
    }
    report
}
