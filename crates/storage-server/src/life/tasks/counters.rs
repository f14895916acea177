//! Folds what writes have appended to the counters behind exact totals.

use std::time::Duration;

use diesel_async::AsyncPgConnection;
use storage_dualwrite::Connector;
use storage_dualwrite::counters::{FOLD_LIMIT, MAX_KINDS, fold, tidy};

use crate::telemetry::chain;

/// The pause between folds. Every total reads what has been appended since the last one.
const PAUSE: Duration = Duration::from_secs(1);

/// Folds between two looks at the counters as a whole.
const FOLDS_PER_TIDY: u32 = 60;

/// Folds in one round; what is left waits for the next.
const MAX_FOLDS: u32 = 50;

/// When to try again after a failure.
const RETRY: Duration = Duration::from_secs(5);

/// Runs until dropped, on a connection of its own.
pub(in crate::life) async fn keep(connector: Connector) {
    loop {
        let Err(error) = serve(&connector).await;
        tracing::warn!(error, "counters could not be folded; totals stay exact and become slower");
        tokio::time::sleep(RETRY).await;
    }
}

/// Ends with the first failure, which is what it returns.
async fn serve(connector: &Connector) -> Result<std::convert::Infallible, String> {
    let mut connection = connector.connect().await.map_err(|error| chain(&error))?;
    loop {
        for _ in 0..FOLDS_PER_TIDY {
            fold_all(&mut connection).await?;
            tokio::time::sleep(PAUSE).await;
        }
        let given_up = tidy(&mut connection, MAX_KINDS).await.map_err(|error| chain(&error))?;
        if given_up > 0 {
            tracing::warn!(
                months = given_up,
                max_kinds = MAX_KINDS,
                "months have too many kinds of remediations for counters; their totals are counted in the table"
            );
        }
    }
}

async fn fold_all(connection: &mut AsyncPgConnection) -> Result<(), String> {
    let limit = usize::try_from(FOLD_LIMIT).unwrap_or(usize::MAX);
    for _ in 0..MAX_FOLDS {
        let folded = fold(connection, FOLD_LIMIT).await.map_err(|error| chain(&error))?;
        if folded < limit {
            break;
        }
    }
    Ok(())
}
