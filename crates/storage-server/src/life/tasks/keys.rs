//! Removes the answers of idempotency keys that are past their time.

use storage_dualwrite::{Connector, idempotency};

use super::turns::Turns;
use crate::settings::IdempotencySettings;
use crate::telemetry::chain;

/// Keys removed by one statement.
const CHUNK: i64 = 1_000;

/// Statements in one round; what is left waits for the next.
const MAX_CHUNKS: usize = 1_000;

/// Runs until dropped. It connects for its turn only.
pub(in crate::life) async fn keep(connector: Connector, turns: Turns, settings: IdempotencySettings) {
    loop {
        match turns.take(sweep(&connector, &settings)).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "idempotency keys past their time were removed"),
            Err(error) => {
                tracing::warn!(error, "old idempotency keys could not be removed; they stay for now")
            }
        }
        tokio::time::sleep(settings.sweep_interval).await;
    }
}

async fn sweep(connector: &Connector, settings: &IdempotencySettings) -> Result<usize, String> {
    let mut connection = connector.connect().await.map_err(|error| chain(&error))?;
    let mut removed = 0;
    for _ in 0..MAX_CHUNKS {
        let removing = idempotency::remove_older(&mut connection, settings.retention, CHUNK);
        let chunk = connector.answered(removing).await.map_err(|error| chain(&error))?;
        removed += chunk;
        if chunk == 0 {
            break;
        }
    }
    Ok(removed)
}
