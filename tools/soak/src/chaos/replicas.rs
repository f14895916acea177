//! Replicas are killed, frozen, and stopped as an upgrade would.

use anyhow::Result;
use rand::RngExt as _;

use super::sequence::Sequence;
use crate::stand::{Process, Replica};

pub(super) async fn run(replicas: &mut [&mut Process], mut sequence: Sequence<'_>) -> Result<()> {
    while sequence.rest(800, 4_000).await {
        let chosen = sequence.rng.random_range(0..replicas.len().max(1));
        let Some(replica) = replicas.get_mut(chosen) else { return Ok(()) };
        // One that could not start while PostgreSQL was away has ended.
        replica.revive().await?;
        match sequence.rng.random_range(0..10_u8) {
            0..5 => {
                sequence.faults.count("replica killed");
                replica.kill9().await?;
                sequence.wait(10, 800).await;
            }
            5..9 => {
                sequence.faults.count("replica frozen");
                replica.pause()?;
                sequence.wait(200, 5_000).await;
                replica.resume()?;
            }
            _ => {
                sequence.faults.count("replica stopped");
                replica.stop().await?;
            }
        }
        replica.revive().await?;
    }
    Ok(())
}

pub(super) async fn heal(replica: &mut Replica) -> Result<()> {
    replica.process.resume()?;
    replica.process.revive().await?;
    if replica.process.wait_ready().await.is_err() {
        // It may have ended while PostgreSQL was away for longer than a start waits.
        replica.process.revive().await?;
        replica.process.wait_ready().await?;
    }
    Ok(())
}
