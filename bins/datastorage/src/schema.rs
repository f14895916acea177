//! `datastorage schema`: makes the database's schema and the service's role, or compares them.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use diesel_async::AsyncPgConnection;
use secrecy::ExposeSecret as _;
use storage_schema::{BootstrapOptions, Difference, RolesReport, SchemaError};
use storage_server::{Settings, telemetry};

use crate::command_line::{SchemaAction, SettingsArguments};
use crate::failure::Failure;

pub(crate) async fn run(arguments: &SettingsArguments, action: SchemaAction) -> Result<ExitCode, Failure> {
    let settings = Settings::load_for_maintenance(&arguments.sources())?;
    telemetry::log::init(settings.log.format, &settings.log.level).context("cannot start the log")?;
    match action {
        SchemaAction::Bootstrap => bootstrap(&settings).await,
        SchemaAction::Roles => roles(&settings).await,
        SchemaAction::Verify => verify(&settings).await,
    }
}

async fn bootstrap(settings: &Settings) -> Result<ExitCode, Failure> {
    let owner = owner(settings).await?;
    let options = BootstrapOptions { server_role: settings.server_role(), ..BootstrapOptions::default() };
    let report = storage_schema::bootstrap_with(owner, &options).await.map_err(failure)?;
    for version in &report.applied {
        say(&format!("applied migration {version}"))?;
    }
    say(&format!("{} migrations applied, {} partitions made", report.applied.len(), report.partitions))?;
    if let Some(role) = &report.role {
        tell_rights(role)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn roles(settings: &Settings) -> Result<ExitCode, Failure> {
    let owner_url = settings.schema.owner_url.as_ref().context(
        "schema.owner_url is not set: give the address of the database as the role that owns the tables, which creates the \
         service's role",
    );
    owner_url.map_err(|error| Failure::unusable(error.as_ref()))?;
    let (role, password) = settings.database.role().map_err(|error| Failure::unusable(&error))?;
    let role =
        role.context("the service's role has no name: set database.user, or name a user in database.url");
    let role = role.map_err(|error| Failure::unusable(error.as_ref()))?;
    let password = password.as_ref().map(|it| it.expose_secret());
    let report = storage_schema::make_role(owner(settings).await?, &role, password).await.map_err(failure)?;
    say(&format!("role {role} {}", if report.created { "made" } else { "exists" }))?;
    tell_rights(&report)?;
    Ok(if report.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A connection as the role that owns the tables.
async fn owner(settings: &Settings) -> Result<AsyncPgConnection, Failure> {
    let owner = settings.database.owner(settings.schema.owner_url.as_ref());
    let owner = owner.map_err(|error| Failure::unusable(&error))?;
    owner.connect().await.map_err(|error| Failure::unreachable(&error))
}

/// What was done about the rights of the service's role, and what a database administrator is needed for.
fn tell_rights(report: &RolesReport) -> anyhow::Result<()> {
    for difference in &report.mended {
        say(&format!("mended: {difference}"))?;
    }
    for difference in &report.left {
        say(&format!("left, for a database administrator to change: {difference}"))?;
    }
    say(&format!("{} rights changed", report.mended.len()))
}

async fn verify(settings: &Settings) -> Result<ExitCode, Failure> {
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let mut connection =
        connectors.maintenance.connect().await.map_err(|error| Failure::unreachable(&error))?;
    let mut report = storage_schema::verify(&mut connection).await.map_err(failure)?;
    let role = storage_schema::verify_role(&mut connection, None).await.map_err(failure)?;
    match role.unrestricted {
        // An operator who keeps two roles wants the service's role to be restricted.
        Some(why) if settings.schema.owner_url.is_some() => {
            let what = format!("rights of role {}, which {why}", role.role);
            report.differences.push(Difference::Extra { what });
        }
        Some(why) => tracing::warn!(
            role = role.role,
            "the role {why}, so its rights are not compared; `datastorage schema roles` makes one for the service"
        ),
        None => report.differences.extend(role.differences),
    }
    say(&report.to_string())?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write")
}

fn failure(error: SchemaError) -> Failure {
    match error {
        SchemaError::Unrestricted { .. } => Failure::unusable(&error),
        error => anyhow::Error::from(error).into(),
    }
}
