//! A run without faults: what a rolling upgrade does while clients write.

use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::chaos::Faults;
use super::stand::Stand;

/// Between two migrations.
const MIGRATION_PAUSE: Duration = Duration::from_millis(500);
/// Between two restarts.
const RESTART_PAUSE: Duration = Duration::from_secs(5);

/// Migrates the database again and again, and restarts one replica after the other, until `until`.
pub(super) async fn run(stand: &mut Stand, until: Instant, events: &Faults) -> Result<()> {
    let database_url = stand.database_url();
    let migrations = async {
        while Instant::now() < until {
            storage_schema::bootstrap(&database_url).await?;
            events.count("schema bootstrapped");
            tokio::time::sleep(MIGRATION_PAUSE).await;
        }
        anyhow::Ok(())
    };
    let replicas = &mut stand.replicas;
    let restarts = async {
        for turn in 0.. {
            tokio::time::sleep(RESTART_PAUSE).await;
            let chosen = turn % replicas.len().max(1);
            match replicas.get_mut(chosen) {
                Some(replica) if Instant::now() < until => {
                    events.count("replica restarted");
                    replica.process.stop().await?;
                    replica.process.revive().await?;
                    replica.process.wait_ready().await?;
                }
                _ => break,
            }
        }
        Ok(())
    };
    tokio::try_join!(migrations, restarts)?;
    Ok(())
}
