//! What a run is asked for.

use clap::Parser;

/// Most clients; more would measure the machine.
const CLIENTS_MAX: u64 = 256;

/// Write at random under random faults, and compare what is stored with what was promised.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask soak", bin_name = "cargo xtask soak")]
pub(crate) struct Arguments {
    /// How long clients write; healing and checking come on top, at most five minutes.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) minutes: f64,
    /// What choices follow from; a random one when there is none.
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
    /// No faults: migrations run and replicas are restarted while clients write.
    #[arg(long)]
    pub(crate) calm: bool,
    /// Without Qdrant: searches are pgvector's alone, and nobody writes `strict`.
    #[arg(long)]
    pub(crate) without_qdrant: bool,
}
