//! `cargo xtask bench`: measurements behind the decisions. They print tables and change nothing.

mod corpus;
mod hnsw;
mod outbox;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// Compare HNSW indexes on real embeddings: what filling them costs and what they find.
    Hnsw(hnsw::Arguments),
    /// Measure the outbox with a snapshot held elsewhere beside none.
    Outbox(outbox::Arguments),
}

pub(crate) async fn run(scenario: &Scenario) -> Result<()> {
    match scenario {
        Scenario::Hnsw(arguments) => hnsw::run(arguments).await,
        Scenario::Outbox(arguments) => outbox::run(arguments).await,
    }
}
