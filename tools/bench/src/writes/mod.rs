//! Compares writes to the service, which are embedded and indexed in the background, with the same rows through
//! pgbench: into the same table in another database, into a bare copy of it, and with vector and HNSW index in the
//! insert; and with the same writes to a plain service, into the same table in a third database (W1, W2).
//!
//! Rounds alternate on one cluster, with fsync and `synchronous_commit` on. A round of the service ends when everything
//! it accepted is searchable, so that nothing of it runs beside pgbench.

mod pgbench;
pub(crate) mod plain;

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use indicatif::ProgressBar;

use super::load;
use super::stand::{Setting, Stand, body, until_searchable};
use crate::report::{Figures, Goal, Report};
use pgbench::Table;
use plain::PlainService;

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

impl Arguments {
    /// For a look whether it works.
    pub(crate) fn short() -> Self {
        Self {
            records: 1_000,
            rounds: 1,
            texts: 20,
            connections: 64,
            embedder: "hashing".to_owned(),
            settings: Vec::new(),
        }
    }
}

/// The figures of one round.
struct Round {
    service: load::Run,
    /// From the first request until the last record could be found.
    searchable: Duration,
    plain: load::Run,
    same: f64,
    bare: f64,
    inline: f64,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    let stand = Stand::start_with("writes", &arguments.embedder, &arguments.settings).await?;
    let rounds = Bench { stand: &stand, arguments }.run().await;
    let has_qdrant = stand.has_qdrant();
    stand.end().await?;
    let mut report = summary(arguments, &rounds?);
    if !has_qdrant {
        report.skipped = Some("W2 with Qdrant: QDRANT_URL names no server".to_owned());
    }
    Ok(vec![report])
}

struct Bench<'a> {
    stand: &'a Stand,
    arguments: &'a Arguments,
}

/// What the service is compared with.
struct Opponents {
    /// The database that holds the same table for pgbench.
    same_url: String,
    plain: PlainService,
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
        let same_url = self.stand.other_database("same").await?;
        let plain_url = self.stand.other_database("plain").await?;
        let plain = PlainService::start(&plain_url, self.arguments.connections).await?;
        load::run(&plain.host, &requests, requests.len(), self.arguments.connections).await?;
        let opponents = Opponents { same_url, plain };
        let mut rounds = Vec::new();
        let bar = ProgressBar::new(u64::try_from(self.arguments.rounds)?);
        for _ in 0..self.arguments.rounds {
            rounds.push(self.round(&mut connection, &host, &requests, &opponents).await?);
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
        opponents: &Opponents,
    ) -> Result<Round> {
        let Arguments { records, texts, connections, .. } = *self.arguments;
        connection.batch_execute("CHECKPOINT").await?;
        let started = Instant::now();
        let service = load::run(host, requests, records, connections).await?;
        until_searchable(connection).await?;
        let searchable = started.elapsed();
        connection.batch_execute("CHECKPOINT").await?;
        let plain = load::run(&opponents.plain.host, requests, records, connections).await?;
        let mut pgbench = async |table, url| {
            connection.batch_execute("CHECKPOINT").await?;
            pgbench::run(&self.stand.programs, url, table, texts, records, connections).await
        };
        let same = pgbench(Table::Same, &opponents.same_url).await?;
        let bare = pgbench(Table::Bare, &self.stand.database_url).await?;
        let inline = pgbench(Table::Inline, &self.stand.database_url).await?;
        Ok(Round { service, searchable, plain, same, bare, inline })
    }
}

fn summary(arguments: &Arguments, rounds: &[Round]) -> Report {
    let each = |figure: &dyn Fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    let count = f64::from(u32::try_from(arguments.records).unwrap_or(u32::MAX));
    let accepted = each(&|it| it.service.rate());
    let plain = each(&|it| it.plain.rate());
    let (same, bare, inline) = (each(&|it| it.same), each(&|it| it.bare), each(&|it| it.inline));
    let searchable = each(&|it| it.searchable.as_secs_f64());
    let inserted = each(&|it| count / it.inline);
    let ratio = |of: &[f64], to: &[f64]| Figures::of(of.to_vec()).median / Figures::of(to.to_vec()).median;
    let mut report = Report::new("W1, W2", "single records, closed loop, against single INSERTs");
    report
        .condition("rounds", rounds.len())
        .condition("records a round", arguments.records)
        .condition("distinct texts", arguments.texts)
        .condition("connections", arguments.connections)
        .condition("embedder", &arguments.embedder)
        .verdict("W1: accepted / single INSERT, the same table", ratio(&accepted, &same), Goal::AtLeast(2.0))
        .verdict(
            "W1: p99 of the service in ms",
            Figures::of(each(&|it| it.service.latencies.per_mille(990))).median,
            Goal::AtMost(10.0),
        )
        .verdict("W1: accepted / single INSERT, a bare copy", ratio(&accepted, &bare), Goal::None)
        .verdict("W1: accepted / accepted by the plain service", ratio(&accepted, &plain), Goal::None)
        .verdict("W2: accepted / single INSERT with HNSW", ratio(&accepted, &inline), Goal::AtLeast(15.0))
        .verdict(
            "W2: time to searchable / time with HNSW inline",
            ratio(&searchable, &inserted),
            Goal::AtMost(0.4),
        )
        .series("service: records accepted, projector running", "/s", accepted)
        .series("pgbench: single INSERT, the same table", "/s", same)
        .series("pgbench: single INSERT, a bare copy", "/s", bare)
        .series("pgbench: single INSERT, vector and HNSW inline", "/s", inline)
        .series("plain service: a transaction a request, the same table", "/s", plain)
        .series("service: p50", "ms", each(&|it| it.service.latencies.per_mille(500)))
        .series("service: p99", "ms", each(&|it| it.service.latencies.per_mille(990)))
        .series("plain service: p99", "ms", each(&|it| it.plain.latencies.per_mille(990)))
        .series("service: written and searchable", "s", searchable)
        .series("pgbench: the same with HNSW inline", "s", inserted);
    report
}
