//! `cargo xtask schema`: brings a database to the current schema, makes the service's role in it, or compares them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Subcommand;
use diesel_async::{AsyncConnection, AsyncPgConnection};

use crate::progress::answer;

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Bring the database to the current schema; may be run any number of times.
    Bootstrap(Target),
    /// Make a role for the service in it, with the rights it needs and no others; may be run any number of times.
    Roles(RolesArguments),
    /// Name every difference between the database and the current schema; exit 1 when there is one.
    Verify(Target),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RolesArguments {
    #[command(flatten)]
    target: Target,
    /// The role.
    #[arg(long, default_value = "datastorage")]
    role: String,
    /// A file with the role's password; it gets none, or keeps the one it has, when not given.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Target {
    /// The database, as the role that owns its tables; DATABASE_URL, else the stack that `cargo xtask up` has started, when not given.
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
        Action::Roles(arguments) => roles(arguments).await,
        Action::Verify(target) => verify(&target.url()?).await,
    }
}

async fn bootstrap(url: &str) -> Result<ExitCode> {
    let report = storage_schema::bootstrap(url).await.context("cannot bootstrap the schema")?;
    answer(&format!("{} migrations applied", report.applied.len()));
    Ok(ExitCode::SUCCESS)
}

async fn roles(RolesArguments { target, role, password_file }: &RolesArguments) -> Result<ExitCode> {
    let password = password_file
        .as_ref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())));
    let password = password.transpose()?;
    let password = password.as_deref().map(|text| text.trim_end_matches(['\r', '\n']));
    let report = storage_schema::make_role(connect(&target.url()?).await?, role, password).await?;
    answer(&format!("role {role} {}", if report.created { "made" } else { "is there" }));
    report.mended.iter().for_each(|it| answer(&format!("mended: {it}")));
    report.left.iter().for_each(|it| answer(&format!("left, for a database administrator to change: {it}")));
    Ok(if report.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn connect(url: &str) -> Result<AsyncPgConnection> {
    AsyncPgConnection::establish(url).await.context("cannot connect to the database")
}

async fn verify(url: &str) -> Result<ExitCode> {
    let mut connection = connect(url).await?;
    let report = storage_schema::verify(&mut connection).await.context("cannot verify the schema")?;
    answer(&report.to_string());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
