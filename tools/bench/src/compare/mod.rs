//! This version of the service and an earlier one under the same load in turns, so that drift of the machine affects both.
//!
//! Each has a database of its own on one server, which it has migrated itself. A block is the turns this, earlier, earlier,
//! this; each of its halves gives a pair. What is said is the ratio of the pairs and the interval that holds it with 95 %.

mod pairs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_testkit::{ServiceOptions, ServiceProcess};
use tokio::process::Command;

use super::load;
use super::progress::{answer, step};
use super::stand::{self, Stand, body, until_searchable};
use super::usage::Watched;
use crate::report::{MEANINGLESS, number};
use pairs::Pairs;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The earlier commit, as git names it.
    commit: String,
    /// The earlier commit's program, which `cargo xtask bench compare` builds and names.
    #[arg(long, value_name = "PROGRAM")]
    program: PathBuf,
    /// What both are given to do.
    #[arg(long, value_enum, default_value_t = Load::W1)]
    load: Load,
    /// Compare programs that are not optimised, to see that it works. The figures mean nothing.
    #[arg(long)]
    pub(crate) short: bool,
    /// Blocks of four turns.
    #[arg(long, default_value_t = 5)]
    blocks: usize,
    /// Seconds of a turn.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Distinct texts among the records.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
}

/// The loads of the scenarios of these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Load {
    /// Single records, closed loop, 64 connections.
    W1,
    /// Single records, open loop, 500 a second.
    W3,
    /// Batches of 100, closed loop, 8 connections.
    W4,
    /// Single records, closed loop, 1,000 connections.
    C1,
}

/// A version of the service, with a database of its own.
struct Side<'a> {
    service: &'a ServiceProcess,
    connection: AsyncPgConnection,
    host: String,
    requests: Vec<Vec<u8>>,
}

/// One of the figures of a turn.
type Figure = fn(&Turn) -> f64;

/// What one turn measured. Less is better for all but the rate.
struct Turn {
    rate: f64,
    p50: f64,
    p99: f64,
    /// Microseconds of a processor that the service uses for a record.
    processor: f64,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let stand = Stand::start("compare", &arguments.embedder).await?;
    let outcome = compare(&stand, arguments).await;
    stand.end().await?;
    outcome
}

async fn compare(stand: &Stand, arguments: &Arguments) -> Result<()> {
    let earlier_url = stand.empty_database("earlier").await?;
    migrate(&arguments.program, &earlier_url).await?;
    let options = ServiceOptions { bin: Some(arguments.program.clone()), ..stand.options.clone() };
    let earlier_service = ServiceProcess::start(&earlier_url, options).await?;
    let mut this = Side::warm(&stand.service, &stand.database_url, arguments).await?;
    let mut earlier = Side::warm(&earlier_service, &earlier_url, arguments).await?;
    let mut pairs = Vec::new();
    for block in 1..=arguments.blocks {
        let turns = async {
            let first = this.turn(arguments).await?;
            let second = earlier.turn(arguments).await?;
            let third = earlier.turn(arguments).await?;
            Ok([(first, second), (this.turn(arguments).await?, third)])
        };
        let what = format!("block {block} of {}", arguments.blocks);
        let [one, other] = step(&what, turns, |[(this, earlier), _]| {
            format!("{} /s, earlier {} /s", number(this.rate), number(earlier.rate))
        })
        .await?;
        pairs.extend([one, other]);
    }
    tell(arguments, &pairs);
    Ok(())
}

fn tell(arguments: &Arguments, pairs: &[(Turn, Turn)]) {
    answer(&format!(
        "{:?}: this version / {}, {} pairs of turns of {} s, {} texts, embedder {}",
        arguments.load,
        arguments.commit,
        pairs.len(),
        arguments.seconds,
        arguments.texts,
        arguments.embedder
    ));
    answer("                       ratio   95 % interval       this    earlier");
    let figures: [(&str, Figure); 4] = [
        ("records a second", |it| it.rate),
        ("p50, ms", |it| it.p50),
        ("p99, ms", |it| it.p99),
        ("µs of a processor", |it| it.processor),
    ];
    for (name, figure) in figures {
        let pairs = Pairs::new(pairs.iter().map(|(this, earlier)| (figure(this), figure(earlier))));
        answer(&format!("{name:<20} {pairs}"));
    }
    if arguments.short {
        answer(MEANINGLESS);
    }
}

impl<'a> Side<'a> {
    /// Has every text embedded, and everything in use.
    async fn warm(service: &'a ServiceProcess, url: &str, arguments: &Arguments) -> Result<Self> {
        let host = stand::host(service)?;
        let singles: Vec<Vec<u8>> =
            (1..=arguments.texts).map(|n| load::request(&host, "", &body(n))).collect();
        load::run(&host, &singles, singles.len(), 64).await?;
        let mut connection = AsyncPgConnection::establish(url).await?;
        until_searchable(&mut connection).await?;
        let requests = match arguments.load {
            Load::W4 => super::batches::requests(&host, 100, arguments.texts),
            _ => singles,
        };
        Ok(Self { service, connection, host, requests })
    }

    /// Ends when everything is searchable, so that nothing of it runs beside the other version's turn.
    async fn turn(&mut self, arguments: &Arguments) -> Result<Turn> {
        self.connection.batch_execute("CHECKPOINT").await?;
        let (host, requests, seconds) = (&self.host, &self.requests, arguments.seconds);
        let long = Duration::from_secs(seconds.into());
        let sending = async {
            match arguments.load {
                Load::W1 => load::lasting(host, requests, 64, long).await,
                Load::W3 => {
                    let count = usize::try_from(500 * seconds)?;
                    load::paced(host, requests, count, 200, Duration::from_millis(2)).await
                }
                Load::W4 => load::lasting(host, requests, 8, long).await,
                Load::C1 => load::lasting(host, requests, 1_000, long).await,
            }
        };
        let (run, used) = Watched::of(self.service)?.during(sending).await?;
        until_searchable(&mut self.connection).await?;
        let run = run.without_failures()?;
        let records = if arguments.load == Load::W4 { 100.0 } else { 1.0 };
        let rate = run.rate() * records;
        Ok(Turn {
            rate,
            p50: run.latencies.p50(),
            p99: run.latencies.per_mille(990),
            processor: used.cores / rate * 1e6,
        })
    }
}

/// Brings a database to the schema of the program.
async fn migrate(program: &Path, url: &str) -> Result<()> {
    let mut command = Command::new(program);
    let output = command.args(["schema", "bootstrap", "--database-url", url]).output().await;
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the earlier version cannot make its schema: {said}");
    Ok(())
}
