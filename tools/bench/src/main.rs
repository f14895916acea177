//! Measurements behind the decisions. They print tables and change nothing.
//!
//! `cargo xtask bench` builds and runs them, and passes addresses and paths through the environment.

mod all;
mod answers;
mod attacks;
mod auth;
mod backlog;
mod batches;
mod compare;
mod corpus;
mod crowd;
mod embedding;
mod explorer;
mod freshness;
mod growth;
mod hnsw;
mod latency;
mod lists;
mod load;
mod outbox;
mod pages;
mod progress;
mod quality;
mod reader;
mod reconcile;
mod records;
mod report;
mod search;
mod stand;
mod start;
mod statement;
mod steady;
mod usage;
mod words;
mod writes;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

/// Measurements behind the decisions.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, clap::Subcommand)]
enum Scenario {
    /// Run every scenario with a goal, print the figures, and write docs/performance.md.
    All(all::Arguments),
    /// Measure what operators ask: outcomes, histories, facets, trends, similar incidents and advice.
    Answers(answers::Arguments),
    /// Measure what attacks cost another caller's writes, and the service's memory.
    Attacks(attacks::Arguments),
    /// Measure what authentication adds to a request whose caller is known.
    Auth(auth::Arguments),
    /// Measure memory, throughput and the wait of new records while very many records wait in the outbox.
    Backlog(backlog::Arguments),
    /// Compare batches through the service with COPY of the same rows (W4).
    Batches(batches::Arguments),
    /// Compare this version with an earlier commit, which is built first, in turns.
    ///
    /// `cargo xtask bench compare HEAD~5 --load w1`
    Compare(compare::Arguments),
    /// Compare a thousand connections in a closed loop with the number of W1 (C1).
    Crowd(crowd::Arguments),
    /// Measure texts a second through the local model, and through onnxruntime with the same weights (E1).
    Embedding(embedding::Arguments),
    /// Measure how long views of the explorer take in a browser, over very many records.
    Explorer(explorer::Arguments),
    /// Measure how long a write takes at a steady rate, and how long until it can be found (F1).
    Freshness(freshness::Arguments),
    /// Measure writes while the table grows: their rate and latency at several numbers of rows.
    Growth(growth::Arguments),
    /// Compare HNSW indexes on real embeddings: the time to fill them and the recall.
    Hnsw(hnsw::Arguments),
    /// Compare lists, totals and counts through the query crate with the statements that a person would type.
    Lists(lists::Arguments),
    /// Compare the outbox while another session holds a snapshot with the outbox alone.
    Outbox(outbox::Arguments),
    /// The opponent of W1: a plain service, as a process of its own.
    #[command(hide = true)]
    PlainService(writes::plain::Arguments),
    /// Measure pages of a list over HTTP: with a total against COUNT(*), and far behind the first (R1, R2).
    Pages(pages::Arguments),
    /// Measure the quality of searches with each provider and in each mode, on the labelled set.
    Quality(quality::Arguments),
    /// Measure the time and the memory of a reconciliation of records that are in step (G1).
    Reconcile(reconcile::Arguments),
    /// Compare searches by meaning with an exact scan, and with Qdrant asked directly, at several selectivities (S1, S2).
    Search(search::Arguments),
    /// Measure latency, memory and processors at a steady rate of writes with all dependencies on (W3, M1, M2).
    Steady(steady::Arguments),
    /// Measure the time from the start of the service until it is ready (T1).
    Start(start::Arguments),
    /// Measure the time of lexical and hybrid searches for several kinds of text.
    Words(words::Arguments),
    /// Compare writes accepted by the service with single INSERTs through pgbench, without and with HNSW inline, and with a plain service (W1, W2).
    Writes(writes::Arguments),
}

impl Scenario {
    /// Whether it makes sense in a program that is not optimised.
    fn needs_no_speed(&self) -> bool {
        match self {
            Self::All(arguments) => arguments.short,
            Self::Compare(arguments) => arguments.short,
            Self::Answers(_) | Self::Lists(_) | Self::PlainService(_) => true,
            _ => false,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse().scenario).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(scenario: &Scenario) -> Result<()> {
    ensure!(
        !cfg!(debug_assertions) || scenario.needs_no_speed(),
        "this program is not optimised, so that its figures would mean nothing: use `cargo xtask bench`"
    );
    match scenario {
        Scenario::All(arguments) => Box::pin(all::run(arguments)).await,
        Scenario::Answers(arguments) => answers::run(arguments).await,
        Scenario::Attacks(arguments) => attacks::run(arguments).await,
        Scenario::Auth(arguments) => auth::run(arguments).await,
        Scenario::Backlog(arguments) => backlog::run(arguments).await,
        Scenario::Batches(arguments) => batches::run(arguments).await,
        Scenario::Compare(arguments) => compare::run(arguments).await,
        Scenario::Crowd(arguments) => crowd::run(arguments).await,
        Scenario::Embedding(arguments) => embedding::run(arguments).await,
        Scenario::Explorer(arguments) => explorer::run(arguments).await,
        Scenario::Freshness(arguments) => freshness::run(arguments).await,
        Scenario::Growth(arguments) => growth::run(arguments).await,
        Scenario::Hnsw(arguments) => hnsw::run(arguments).await,
        Scenario::Lists(arguments) => lists::run(arguments).await,
        Scenario::Outbox(arguments) => outbox::run(arguments).await,
        Scenario::PlainService(arguments) => writes::plain::serve(arguments).await,
        Scenario::Pages(arguments) => pages::run(arguments).await,
        Scenario::Quality(arguments) => quality::run(arguments).await,
        Scenario::Reconcile(arguments) => reconcile::run(arguments).await,
        Scenario::Search(arguments) => search::run(arguments).await,
        Scenario::Steady(arguments) => steady::run(arguments).await,
        Scenario::Start(arguments) => start::run(arguments).await,
        Scenario::Words(arguments) => words::run(arguments).await,
        Scenario::Writes(arguments) => writes::run(arguments).await,
    }
}
