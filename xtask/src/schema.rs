//! `cargo xtask schema`: has the service bring a database to the current schema, or compare them.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::service::Service;
use crate::signals::exit_code;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    action: Action,
    /// URL of the database, as the role that owns its tables. By default DATABASE_URL, or else the stack of `cargo
    /// xtask up`.
    #[arg(long)]
    database_url: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Action {
    /// Bring the database to the current schema. Run it as often as you like.
    Bootstrap,
    /// Name every difference between the database and the current schema; exit 1 if there is one.
    Verify,
}

/// Runs the action; the exit code says whether the schema is as it should be.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let url = (arguments.database_url.clone())
        .or_else(crate::up::external_database_url)
        .or_else(crate::up::stack_database_url)
        .context("no database: start one with `cargo xtask up --detach`, or give --database-url")?;
    let action = match arguments.action {
        Action::Bootstrap => "bootstrap",
        Action::Verify => "verify",
    };
    Ok(exit_code(Service::build(false)?.schema(action, &url)?))
}
