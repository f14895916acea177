//! The Data Storage service and its maintenance commands: composes what the library crates provide.

mod command_line;
mod counters;
mod failure;
mod manual;
mod outbox;
mod reconcile;
mod sample;
mod schema;
mod serve;
mod settings;
mod token;

use std::process::ExitCode;

use clap::Parser as _;

use command_line::{Arguments, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything connects: libraries that find no provider choose for themselves, or panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Arguments { command, settings } = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(anyhow::Error::from(error)).tell(),
    };
    let outcome = runtime.block_on(async {
        match command {
            Command::Serve => Box::pin(serve::run(&settings)).await,
            Command::Schema(action) => schema::run(&settings, action).await,
            Command::Outbox(action) => outbox::run(&settings, action).await,
            Command::Reconcile(action) => Box::pin(reconcile::run(&settings, action)).await,
            Command::Counters(action) => counters::run(&settings, action).await,
            Command::Settings { defaults } => settings::run(&settings, defaults),
            Command::Token(action) => token::run(&action),
            Command::Sample { url } => sample::run(&url).await,
            Command::Man { command } => manual::man(&command),
            Command::Completions { shell } => manual::completions(shell),
        }
    });
    // What still runs, such as a batch in the model, must not hold up the end.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|failure| failure.tell())
}
