//! `datastorage outbox`: shows the parked records and puts them back to work.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use storage_dualwrite::outbox::{self, Parked};
use storage_server::{Settings, telemetry};

use crate::command_line::{OutboxAction, SettingsArguments};
use crate::failure::Failure;

pub(crate) async fn run(arguments: &SettingsArguments, action: OutboxAction) -> Result<ExitCode, Failure> {
    let settings = Settings::load_for_maintenance(&arguments.sources())?;
    telemetry::log::init(settings.log.format, &settings.log.level).context("cannot start the log")?;
    let connectors = settings.database.connectors().map_err(|error| Failure::unusable(&error))?;
    let mut connection =
        connectors.maintenance.connect().await.map_err(|error| Failure::unreachable(&error))?;
    match action {
        OutboxAction::List { limit, json } => {
            let parked = outbox::list(&mut connection, limit).await.context("cannot read the outbox")?;
            let show = if json { lines } else { table };
            std::io::stdout().lock().write_all(show(&parked)?.as_bytes()).context("cannot write")?;
        }
        OutboxAction::Retry { ids, all: _ } => {
            let revived = outbox::retry(&mut connection, &ids).await.context("cannot change the outbox")?;
            writeln!(std::io::stdout().lock(), "{revived} records put back to work")
                .context("cannot write")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(parked: &[Parked]) -> anyhow::Result<String> {
    let mut text = String::new();
    for row in parked {
        text.push_str(&serde_json::to_string(row)?);
        text.push('\n');
    }
    Ok(text)
}

fn table(parked: &[Parked]) -> anyhow::Result<String> {
    use std::fmt::Write as _;

    let mut text = String::from("RECORD_ID\tATTEMPTS\tPARKED_AT\tLAST_ERROR\n");
    for Parked { record_id, attempts, last_error, parked_at } in parked {
        let parked_at = parked_at.map(|time| time.to_string()).unwrap_or_default();
        // An error may hold anything; the table stays one row a record.
        let error = last_error.as_deref().unwrap_or_default().replace(char::is_control, " ");
        writeln!(text, "{record_id}\t{attempts}\t{parked_at}\t{error}")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use storage_dualwrite::outbox::Parked;

    use super::{lines, table};

    #[test]
    fn every_record_is_one_row_whatever_its_error_holds() {
        let parked = Parked {
            record_id: 7,
            attempts: 5,
            last_error: Some("two\nlines\tand a tab".to_owned()),
            parked_at: "2026-01-02T03:04:05Z".parse().ok(),
        };
        let rows = [parked.clone(), parked];
        assert_eq!(table(&rows).unwrap().lines().count(), 3);
        assert_eq!(lines(&rows).unwrap().lines().count(), 2);
    }
}
