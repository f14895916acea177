//! The arguments of a run.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Most clients; more would measure the machine.
const CLIENTS_MAX: u64 = 256;

/// Write at random under random faults, and compare the stored records with the answers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak", args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) run: Option<Run>,
    /// Minutes during which clients write. Recovery and checks take at most five minutes more.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) minutes: f64,
    /// The seed of the random choices; random by default.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Replicas of the service.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub(crate) replicas: u8,
    /// Clients.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=CLIENTS_MAX))]
    pub(crate) clients: u64,
    /// The longest pause of a client between two requests, in milliseconds.
    #[arg(long, default_value_t = 200)]
    pub(crate) pause: u64,
    /// Make no faults; run migrations and restart replicas while clients write.
    #[arg(long)]
    pub(crate) calm: bool,
    /// Use no Qdrant: pgvector alone answers searches, and no client writes `strict`.
    #[arg(long)]
    pub(crate) without_qdrant: bool,
}

/// A run of another kind.
#[derive(Debug, Subcommand)]
pub(crate) enum Run {
    /// Restart three replicas one by one under a steady load, then kill one; count failed requests and lost records.
    Rollout(RolloutArguments),
}

/// The arguments of a rollout.
#[derive(Debug, Args)]
pub(crate) struct RolloutArguments {
    /// Writes a second.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub(crate) writes: u32,
    /// Reads a second: lists, records by id, searches.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    pub(crate) reads: u32,
    /// The program of an earlier version. The replicas begin with it, are upgraded one by one, and go back one by one.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) previous: Option<PathBuf>,
}
