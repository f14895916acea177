//! Keeps the partitions of the months around the present.

use std::time::Duration;

use storage_dualwrite::Connector;
use storage_models::Timestamp;

use super::turns::Turns;
use crate::telemetry::chain;

/// How often partitions are looked after. They reach three months ahead, so a day more or less is nothing.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When to try again after a failure.
const RETRY: Duration = Duration::from_secs(10 * 60);

/// Runs until dropped. It connects for its turn only.
pub(in crate::life) async fn keep(connector: Connector, turns: Turns) {
    loop {
        let pause = match turns.take(ensure(&connector)).await {
            Ok(0) => DAY,
            Ok(made) => {
                tracing::info!(made, "partitions were made");
                DAY
            }
            Err(error) => {
                tracing::warn!(
                    error,
                    "partitions could not be made ahead; those needed are made with their records"
                );
                RETRY
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn ensure(connector: &Connector) -> Result<usize, String> {
    let mut connection = connector.connect().await.map_err(|error| chain(&error))?;
    let making =
        async { Ok(storage_schema::partitions::ensure_window(&mut connection, Timestamp::now()).await) };
    let made = connector.answered(making).await.map_err(|error| chain(&error))?;
    made.map_err(|error| chain(&error))
}
