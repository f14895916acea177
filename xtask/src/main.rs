//! Development tasks of the workspace: `cargo xtask --help` lists them.
//!
//! This program knows none of the service's crates, so that it is built in seconds: what needs them it has the built
//! service do, or a program of `tools/`.

mod cargo;
mod clusters;
mod contract;
mod deploy;
mod explorer;
mod files;
mod previous;
mod progress;
mod python;
mod requirements;
mod schema;
mod service;
mod signals;
mod stand;
mod standing;
mod test;
mod tidy;
mod tools;
mod up;
mod upgrade;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Development tasks: run a stack, the tests and the checks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start the service on a private PostgreSQL, with sample records.
    Up(up::UpArguments),
    /// Stop the stack that `up` has started.
    Down(up::DownArguments),
    /// Bring a database to the current schema, or compare it with that schema.
    Schema(schema::Arguments),
    /// Write the page that maps requirements to tests.
    Requirements(requirements::Arguments),
    /// Measure everything that has a goal (`all`), or what a decision rests on.
    Bench(tools::Arguments),
    /// Write at random under random faults, and compare the stored records with the answers.
    Soak(tools::Arguments),
    /// Upgrade three replicas from an earlier commit under load, and roll them back.
    Upgrade(upgrade::Arguments),
    /// Put the embedding model's files into a directory, fetching them once.
    Model {
        /// The directory.
        target: PathBuf,
    },
    /// Test a running service against the description of the API.
    Contract(contract::Arguments),
    /// Generate a client from the description of the API, and write and read with it.
    Client,
    /// Check that a change of the description of the API that breaks clients has a new version.
    Openapi(contract::OpenapiArguments),
    /// Render the manifests, and check them, the rules and the dashboards against the service and each other.
    Deploy,
    /// Copy the libraries of the explorer into it, or check the copies and the types of the page.
    VendorUi(explorer::Arguments),
    /// Check the dependencies between crates and files, the crates' features, and how files begin.
    Tidy,
    /// Set up the databases of the tests, and run the tests.
    Test(test::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            // The chain of causes in words, because a backtrace through this program does not help.
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
        Task::Upgrade(arguments) => upgrade::run(&arguments),
        Task::Model { target } => stand::copy_model(&target).map(|()| ExitCode::SUCCESS),
        Task::Contract(arguments) => contract::run(&arguments),
        Task::Client => contract::client(),
        Task::Openapi(arguments) => contract::openapi(&arguments),
        Task::Deploy => deploy::run(),
        Task::VendorUi(arguments) => explorer::run(&arguments).map(|()| ExitCode::SUCCESS),
        Task::Tidy => tidy::run(),
        Task::Test(arguments) => test::run(&arguments),
    }
}
