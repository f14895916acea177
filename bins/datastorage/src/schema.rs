//! `datastorage schema`: makes the database's schema, or compares it.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use storage_schema::SchemaError;
use storage_server::{Settings, telemetry};

use crate::command_line::{SchemaAction, SettingsArguments};
use crate::failure::Failure;

pub(crate) async fn run(arguments: &SettingsArguments, action: SchemaAction) -> Result<ExitCode, Failure> {
    let settings = Settings::load_for_maintenance(&arguments.sources())?;
    telemetry::log::init(&settings.log).context("cannot start the log")?;
    match action {
        SchemaAction::Bootstrap => bootstrap(&settings).await,
        SchemaAction::Verify => verify(&settings).await,
    }
}

async fn bootstrap(settings: &Settings) -> Result<ExitCode, Failure> {
    let owner = match &settings.schema.owner_url {
        Some(url) => url.clone(),
        None => settings.database.address().context("the password's file cannot be read")?,
    };
    let report = storage_schema::bootstrap(owner.expose_secret()).await.map_err(failure)?;
    let mut out = std::io::stdout().lock();
    for version in &report.applied {
        writeln!(out, "applied migration {version}").context("cannot write")?;
    }
    writeln!(out, "{} migrations applied, {} partitions made", report.applied.len(), report.partitions)
        .context("cannot write")?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(settings: &Settings) -> Result<ExitCode, Failure> {
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let mut connection =
        connectors.maintenance.connect().await.map_err(|error| Failure::unreachable(&error))?;
    let report = storage_schema::verify(&mut connection).await.map_err(failure)?;
    writeln!(std::io::stdout().lock(), "{report}").context("cannot write")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn failure(error: SchemaError) -> Failure {
    match error {
        SchemaError::Connect(_) => Failure::unreachable(&error),
        error => anyhow::Error::from(error).into(),
    }
}
