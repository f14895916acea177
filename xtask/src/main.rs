//! Development tasks of the workspace: `cargo xtask --help` lists them.

mod bench;
mod clusters;
mod contract;
mod files;
mod progress;
mod requirements;
mod schema;
mod soak;
mod test;
mod tidy;
mod up;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Development tasks: a stack to try, the tests, the checks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Bring up the service on a private PostgreSQL, with a sample of records to look at.
    Up(up::UpArguments),
    /// Stop what `up` has started.
    Down(up::DownArguments),
    /// Bring a database to the current schema, make the service's role in it, or compare them.
    #[command(subcommand)]
    Schema(schema::Action),
    /// Write the page that maps requirements to tests.
    Requirements(requirements::Arguments),
    /// Measure, side by side, what decisions rest on.
    #[command(subcommand)]
    Bench(bench::Scenario),
    /// Write at random under random faults, and compare what is stored with what was promised.
    Soak(soak::Arguments),
    /// Hold the description of the API against a running service.
    Contract(contract::Arguments),
    /// Check the arrows between crates, and how files begin.
    Tidy,
    /// Set up what the tests need, and run them.
    Test(test::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().task).await {
        Ok(code) => code,
        Err(error) => {
            // The chain of causes in words; a backtrace through this program would help nobody.
            progress::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Up(arguments) => up::up(&arguments).await.map(|()| ExitCode::SUCCESS),
        Task::Down(arguments) => up::down(&arguments).await.map(|()| ExitCode::SUCCESS),
        Task::Bench(scenario) => bench::run(&scenario).await.map(|()| ExitCode::SUCCESS),
        Task::Schema(action) => schema::run(&action).await,
        Task::Requirements(arguments) => requirements::run(&arguments),
        Task::Soak(arguments) => Box::pin(soak::run(&arguments)).await,
        Task::Contract(arguments) => Box::pin(contract::run(&arguments)).await,
        Task::Tidy => tidy::run(),
        Task::Test(arguments) => test::run(&arguments).await,
    }
}
