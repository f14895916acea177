//! Measures from which similarity on incidents are alike.

use std::time::Duration;

use storage_dualwrite::{Connector, measure_threshold};

use super::turns::Turns;
use crate::telemetry::chain;

/// The pause while there are too few incidents, or after a failure.
const SOON: Duration = Duration::from_secs(60);

/// The pause once there are enough: what incidents say changes slowly.
const LATER: Duration = Duration::from_secs(60 * 60);

/// Runs until dropped. It connects for its turn only.
pub(in crate::life) async fn keep(connector: Connector, turns: Turns) {
    loop {
        let pause = match turns.take(measured(&connector)).await {
            Ok(Some(_)) => LATER,
            Ok(None) => SOON,
            Err(error) => {
                tracing::warn!(
                    error,
                    "how alike incidents are could not be measured; advice goes by the last time"
                );
                SOON
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn measured(connector: &Connector) -> Result<Option<f64>, String> {
    let mut connection = connector.connect().await.map_err(|error| chain(&error))?;
    connector.answered(measure_threshold(&mut connection)).await.map_err(|error| chain(&error))
}
