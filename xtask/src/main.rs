//! Development tasks of the workspace: `cargo xtask --help` lists them.
//!
//! This program knows none of the service's crates, so that it is built in seconds: what needs them it has the built
//! service do, or a program of `tools/`.

mod cargo;
mod clusters;
mod contract;
mod explorer;
mod files;
mod progress;
mod requirements;
mod schema;
mod service;
mod signals;
mod stand;
mod test;
mod tidy;
mod tools;
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
    /// Bring a database to the current schema, or compare them.
    Schema(schema::Arguments),
    /// Write the page that maps requirements to tests.
    Requirements(requirements::Arguments),
    /// Measure, side by side, what decisions rest on.
    Bench(tools::Arguments),
    /// Write at random under random faults, and compare what is stored with what was promised.
    Soak(tools::Arguments),
    /// Hold the description of the API against a running service.
    Contract(contract::Arguments),
    /// Have a client that is generated from the description of the API write, be refused and read on.
    Client,
    /// Refuse a change of the description of the API that breaks clients without a new version.
    Openapi(contract::OpenapiArguments),
    /// Copy the libraries of the explorer into it, or check the copies and the types of the page.
    VendorUi(explorer::Arguments),
    /// Check the arrows between crates, their features, and how files begin.
    Tidy,
    /// Set up what the tests need, and run them.
    Test(test::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            // The chain of causes in words; a backtrace through this program would help nobody.
            progress::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Up(arguments) => up::up(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Down(arguments) => up::down(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Schema(arguments) => schema::run(&arguments),
        Task::Requirements(arguments) => requirements::run(&arguments),
        Task::Bench(arguments) => tools::bench(&arguments),
        Task::Soak(arguments) => tools::soak(&arguments),
        Task::Contract(arguments) => contract::run(&arguments),
        Task::Client => contract::client(),
        Task::Openapi(arguments) => contract::openapi(&arguments),
        Task::VendorUi(arguments) => explorer::run(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Tidy => tidy::run(),
        Task::Test(arguments) => test::run(&arguments),
    }
}
