//! Compares writes to the service, which are embedded and indexed in the background, with the same rows through
//! pgbench: into the same table in another database, into a bare copy of it, and with vector and HNSW index in the
//! insert.
//!
//! Rounds alternate on one cluster, with fsync and `synchronous_commit` on. A round of the service ends when everything
//! it accepted is searchable, so that nothing of it runs beside pgbench.

mod pgbench;

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use indicatif::ProgressBar;

use super::load;
use super::stand::{Setting, Stand, body, until_searchable};
use crate::progress::answer;
use pgbench::Table;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records of one round.
    #[arg(long, default_value_t = 50_000)]
    records: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Distinct texts among the records.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
    /// Connections, of the service's clients and of pgbench.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
    /// A setting of the service, such as `writer.writers=1`; may be given several times.
    #[arg(long = "set", value_name = "SETTING=VALUE")]
    settings: Vec<Setting>,
}

/// The figures of one round.
struct Round {
    service: load::Run,
    /// From the first request until the last record could be found.
    searchable: Duration,
    same: f64,
    bare: f64,
    inline: f64,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let stand = Stand::start_with("writes", &arguments.embedder, &arguments.settings).await?;
    let other_url = stand.other_database("same").await?;
    let rounds = Bench { stand: &stand, other_url, arguments };
    let rounds = rounds.run().await?;
    print(arguments, &rounds);
    stand.end().await
}

struct Bench<'a> {
    stand: &'a Stand,
    /// The database that holds the same table for pgbench.
    other_url: String,
    arguments: &'a Arguments,
}

impl Bench<'_> {
    async fn run(&self) -> Result<Vec<Round>> {
        let mut connection = AsyncPgConnection::establish(&self.stand.database_url).await?;
        let host = self.stand.host()?;
        let requests: Vec<Vec<u8>> =
            (1..=self.arguments.texts).map(|n| load::request(&host, "", &body(n))).collect();
        // Not measured: every text is embedded once, connections and statements are there, and pgbench gets its vectors.
        load::run(&host, &requests, requests.len(), self.arguments.connections).await?;
        until_searchable(&mut connection).await?;
        connection
            .batch_execute(
                "CREATE TABLE bench_vector (id bigint PRIMARY KEY, embedding vector(384)); \
                 INSERT INTO bench_vector SELECT row_number() OVER (ORDER BY record_id), vector FROM remediation_vector JOIN embedding_vector USING (slot, embedding_id)",
            )
            .await?;
        for definition in [Table::BARE, Table::INLINE] {
            connection.batch_execute(definition).await?;
        }
        let mut rounds = Vec::new();
        let bar = ProgressBar::new(u64::try_from(self.arguments.rounds)?);
        for _ in 0..self.arguments.rounds {
            rounds.push(self.round(&mut connection, &host, &requests).await?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(rounds)
    }

    async fn round(
        &self,
        connection: &mut AsyncPgConnection,
        host: &str,
        requests: &[Vec<u8>],
    ) -> Result<Round> {
        let Arguments { records, texts, connections, .. } = *self.arguments;
        connection.batch_execute("CHECKPOINT").await?;
        let started = Instant::now();
        let service = load::run(host, requests, records, connections).await?;
        until_searchable(connection).await?;
        let searchable = started.elapsed();
        let mut pgbench = async |table, url| {
            connection.batch_execute("CHECKPOINT").await?;
            pgbench::run(&self.stand.programs, url, table, texts, records, connections).await
        };
        let same = pgbench(Table::Same, &self.other_url).await?;
        let bare = pgbench(Table::Bare, &self.stand.database_url).await?;
        let inline = pgbench(Table::Inline, &self.stand.database_url).await?;
        Ok(Round { service, searchable, same, bare, inline })
    }
}

fn print(arguments: &Arguments, rounds: &[Round]) {
    let each = |figure: &dyn Fn(&Round) -> f64| Figures::of(rounds.iter().map(figure).collect());
    let count = f64::from(u32::try_from(arguments.records).unwrap_or(u32::MAX));
    let accepted = each(&|it| it.service.rate());
    let (same, bare, inline) = (each(&|it| it.same), each(&|it| it.bare), each(&|it| it.inline));
    let searchable = each(&|it| it.searchable.as_secs_f64());
    let inserted = each(&|it| count / it.inline);
    answer(&format!(
        "{} rounds of {} records of {} texts, {} connections, embedder {}; median (least to most)",
        rounds.len(),
        arguments.records,
        arguments.texts,
        arguments.connections,
        arguments.embedder,
    ));
    for (what, figures, unit) in [
        ("service: records accepted, projector running", &accepted, "/s"),
        ("  p50", &each(&|it| it.service.latencies.per_mille(500)), "ms"),
        ("  p99", &each(&|it| it.service.latencies.per_mille(990)), "ms"),
        ("pgbench: single INSERT, the same table", &same, "/s"),
        ("pgbench: single INSERT, a bare copy", &bare, "/s"),
        ("pgbench: single INSERT, vector and HNSW inline", &inline, "/s"),
        ("service: written and searchable", &searchable, "s"),
        ("pgbench: the same with HNSW inline", &inserted, "s"),
    ] {
        answer(&format!("{what:<50} {figures} {unit}"));
    }
    for (what, ratio, goal) in [
        ("W1: accepted / single INSERT, the same table", accepted.median / same.median, "at least 2"),
        ("    accepted / single INSERT, a bare copy", accepted.median / bare.median, "none"),
        ("W2: accepted / single INSERT with HNSW", accepted.median / inline.median, "at least 15"),
        (
            "W2: time to searchable / time with HNSW inline",
            searchable.median / inserted.median,
            "at most 0.5",
        ),
    ] {
        answer(&format!("{what:<50} {ratio:>10.2}   goal: {goal}"));
    }
}

/// One figure over all rounds.
struct Figures {
    median: f64,
    least: f64,
    most: f64,
}

impl Figures {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
        let last = figures.len().saturating_sub(1);
        Self { median: f64::midpoint(at(last / 2), at(last.div_ceil(2))), least: at(0), most: at(last) }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>10.1} ({:.1} to {:.1})", self.median, self.least, self.most)
    }
}
