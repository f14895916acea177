//! `datastorage counters`: compares the counters behind exact totals with the table, and makes them right.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use storage_dualwrite::counters::{self, Drift};
use storage_server::{Settings, telemetry};

use crate::command_line::{CountersAction, SettingsArguments};
use crate::failure::Failure;

/// One line a month, so that progress shows.
pub(crate) async fn run(arguments: &SettingsArguments, action: CountersAction) -> Result<ExitCode, Failure> {
    let settings = Settings::load_for_maintenance(&arguments.sources())?;
    telemetry::log::init(settings.log.format, &settings.log.level).context("cannot start the log")?;
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let mut connection =
        connectors.maintenance.connect().await.map_err(|error| Failure::unreachable(&error))?;
    counters::allow_long_statements(&mut connection).await.context("cannot prepare the session")?;
    let months = counters::months(&mut connection).await.context("cannot list the months")?;
    let mut wrong = 0;
    for (place, month) in (1..).zip(&months) {
        let drift = match action {
            CountersAction::Verify => counters::drift(&mut connection, *month).await,
            CountersAction::Recompute => counters::correct(&mut connection, *month).await,
        };
        let drift = drift.context("cannot compare the counters with the table")?;
        wrong += usize::from(!drift.is_none());
        let name = month.as_datetime().format("%Y-%m");
        let line = describe(drift, action);
        writeln!(std::io::stdout().lock(), "{place}/{} {name}: {line}", months.len())
            .context("cannot write")?;
    }
    let is_left_wrong = wrong > 0 && matches!(action, CountersAction::Verify);
    Ok(if is_left_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn describe(Drift { kinds, records }: Drift, action: CountersAction) -> String {
    match action {
        _ if kinds == 0 => "as in the table".to_owned(),
        CountersAction::Verify => format!("{kinds} counters are wrong, by {records} records in all"),
        CountersAction::Recompute => format!("{kinds} counters corrected, by {records} records in all"),
    }
}
