//! `cargo xtask bench`: measurements behind the decisions. They print tables and change nothing.

mod corpus;
mod hnsw;
mod outbox;
mod quality;
mod writes;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// Compare HNSW indexes on real embeddings: what filling them costs and what they find.
    Hnsw(hnsw::Arguments),
    /// Measure the outbox with a snapshot held elsewhere beside none.
    Outbox(outbox::Arguments),
    /// Measure how good search is with each provider and in each mode, on the labelled set.
    Quality(quality::Arguments),
    /// Compare writes accepted by the service with single INSERTs through pgbench, without and with HNSW inline.
    Writes(writes::Arguments),
}

pub(crate) async fn run(scenario: &Scenario) -> Result<()> {
    match scenario {
        Scenario::Hnsw(arguments) => hnsw::run(arguments).await,
        Scenario::Outbox(arguments) => outbox::run(arguments).await,
        Scenario::Quality(arguments) => quality::run(arguments).await,
        Scenario::Writes(arguments) => writes::run(arguments).await,
    }
}
