//! `cargo xtask schema`: brings a database to the current schema, or compares it with it.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use diesel_async::{AsyncConnection, AsyncPgConnection};

use crate::progress::answer;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Bring the database to the current schema; may be run any number of times.
    Bootstrap(Target),
    /// Name every difference between the database and the current schema; exit 1 when there is one.
    Verify(Target),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The database; DATABASE_URL, else the stack that `cargo xtask up` has started, when not given.
    #[arg(long)]
    database_url: Option<String>,
}

impl Target {
    fn url(&self) -> Result<String> {
        self.database_url
            .clone()
            .or_else(crate::up::external_database_url)
            .or_else(crate::up::stack_database_url)
            .context("no database: start one with `cargo xtask up --detach`, or give --database-url")
    }
}

/// Runs the action; the exit code says whether the schema is as it should be.
pub(crate) async fn run(action: &Action) -> Result<ExitCode> {
    match action {
        Action::Bootstrap(target) => bootstrap(&target.url()?).await,
        Action::Verify(target) => verify(&target.url()?).await,
    }
}

async fn bootstrap(url: &str) -> Result<ExitCode> {
    let report = storage_schema::bootstrap(url).await.context("cannot bootstrap the schema")?;
    answer(&format!("{} migrations applied", report.applied.len()));
    Ok(ExitCode::SUCCESS)
}

async fn verify(url: &str) -> Result<ExitCode> {
    let mut connection = AsyncPgConnection::establish(url).await.context("cannot connect to the database")?;
    let report = storage_schema::verify(&mut connection).await.context("cannot verify the schema")?;
    answer(&report.to_string());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
