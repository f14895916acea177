//! Measures the tables: the room that they take, and whether the next month can be written to.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use storage_dualwrite::Connector;
use storage_models::{RecordType, Timestamp};
use storage_schema::sizes::{TableSize, of_database, of_tables};
use storage_schema::{SchemaError, partitions};

use super::turns::Turns;
use crate::telemetry::{chain, metrics as names};

/// How often the tables are measured. PostgreSQL looks at every file of the database for it.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// The month of a table that is not partitioned by month.
const ALL_MONTHS: &str = "all";

/// What was measured.
struct Measured {
    database: i64,
    tables: Vec<TableSize>,
    missing: Vec<RecordType>,
}

/// Runs until dropped. It connects for its turn only.
pub(in crate::life) async fn keep(connector: Connector, turns: Turns) {
    let mut shown = BTreeSet::new();
    loop {
        match turns.take(measured(&connector)).await {
            Ok(measured) => note(measured, &mut shown),
            Err(error) => {
                tracing::warn!(error, "the tables could not be measured; trying again in five minutes")
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn measured(connector: &Connector) -> Result<Measured, String> {
    let mut connection = connector.connect().await.map_err(|error| chain(&error))?;
    let measuring = async { Ok(measure(&mut connection).await) };
    let measured = connector.answered(measuring).await.map_err(|error| chain(&error))?;
    measured.map_err(|error| chain(&error))
}

async fn measure(connection: &mut AsyncPgConnection) -> Result<Measured, SchemaError> {
    let missing = partitions::missing_next(connection, Timestamp::now()).await?;
    let (database, tables) = (of_database(connection).await?, of_tables(connection).await?);
    Ok(Measured { database, tables, missing })
}

/// Shows what was measured. A month that was `shown` and is not there any more has no bytes.
fn note(measured: Measured, shown: &mut BTreeSet<(String, String)>) {
    metrics::gauge!(names::DATABASE_BYTES).set(bytes(measured.database));
    for record_type in RecordType::ALL {
        let is_missing = measured.missing.contains(&record_type);
        let value = if is_missing { 1.0 } else { 0.0 };
        metrics::gauge!(names::PARTITION_MISSING, "table" => record_type.table()).set(value);
    }
    let mut gone = std::mem::take(shown);
    for TableSize { table, month, bytes: size } in measured.tables {
        let series = (table, month.unwrap_or_else(|| ALL_MONTHS.to_owned()));
        table_bytes(&series).set(bytes(size));
        gone.remove(&series);
        shown.insert(series);
    }
    for series in &gone {
        table_bytes(series).set(0.0);
    }
}

fn table_bytes((table, month): &(String, String)) -> metrics::Gauge {
    metrics::gauge!(names::TABLE_BYTES, "table" => table.clone(), "month" => month.clone())
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a size on disk, far below 2^53")]
const fn bytes(size: i64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn of(month: Option<&str>, bytes: i64) -> TableSize {
        TableSize { table: "remediation_audit".to_owned(), month: month.map(str::to_owned), bytes }
    }

    /// A series whose month was taken away does not go on saying what the month took.
    #[test]
    fn a_month_that_is_gone_has_no_bytes() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let mut shown = BTreeSet::new();
            for tables in [vec![of(Some("2026-10"), 7), of(None, 8)], vec![of(None, 9)]] {
                note(Measured { database: 16, tables, missing: vec![RecordType::Workflow] }, &mut shown);
            }
        });
        let text = recorder.handle().render();
        for line in [
            "datastorage_table_bytes{table=\"remediation_audit\",month=\"2026-10\"} 0",
            "datastorage_table_bytes{table=\"remediation_audit\",month=\"all\"} 9",
            "datastorage_database_bytes 16",
            "datastorage_partition_missing{table=\"workflow_audit\"} 1",
            "datastorage_partition_missing{table=\"remediation_audit\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
