//! Keeps the statistics of the partitioned tables, by which PostgreSQL plans queries over several months.

use std::time::Duration;

use storage_dualwrite::Connector;
use storage_models::RecordType;
use storage_schema::statistics::refresh;

use super::turns::Turns;
use crate::telemetry::chain;

/// How often the tables' sizes are looked at. A look costs next to nothing; most find that little has changed.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// The pause after a failure: what took too long is not repeated soon.
const RETRY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long one table may take. No partition of it can be made meanwhile.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs until dropped. It connects for its turn only.
pub(in crate::life) async fn keep(connector: Connector, turns: Turns) {
    let connector = connector.with_statement_timeout(LIMIT);
    loop {
        let pause = match turns.take(look(&connector)).await {
            Ok(()) => PAUSE,
            Err(error) => {
                tracing::warn!(
                    error,
                    "statistics could not be collected; queries over several months may be planned badly"
                );
                RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn look(connector: &Connector) -> Result<(), String> {
    let mut connection = connector.connect().await.map_err(|error| chain(&error))?;
    for record_type in RecordType::ALL {
        let refreshing = async { Ok(refresh(&mut connection, record_type).await) };
        let refreshed = connector.answered(refreshing).await.map_err(|error| chain(&error))?;
        if refreshed.map_err(|error| chain(&error))? {
            tracing::info!(table = record_type.table(), "the table's statistics were collected");
        }
    }
    Ok(())
}
