//! `cargo xtask bench`: measurements behind the decisions. They print tables and change nothing.

mod corpus;
mod hnsw;

use anyhow::Result;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Scenario {
    /// Compare HNSW indexes on real embeddings: what filling them costs and what they find.
    Hnsw(hnsw::Arguments),
}

pub(crate) async fn run(scenario: &Scenario) -> Result<()> {
    match scenario {
        Scenario::Hnsw(arguments) => hnsw::run(arguments).await,
    }
}
