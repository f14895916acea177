//! PostgreSQL is killed, frozen, and cut off at chosen steps of a transaction.

use anyhow::Result;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use storage_testkit::{Cluster, FaultProxy};

use super::network;
use super::sequence::Sequence;

const NETWORK: [&str; 4] = ["postgres refuses", "postgres hangs", "postgres is slow", "postgres is cut off"];
/// The steps of a write that are cut, by a word of their statements.
const STEPS: &[&str] = &[
    "BEGIN",
    "pg_try_advisory_xact_lock",
    "INSERT INTO",
    "UPDATE remediation_audit",
    "vector_outbox",
    "COMMIT",
];

pub(super) async fn run(
    cluster: &mut Cluster,
    proxies: &[&FaultProxy],
    mut sequence: Sequence<'_>,
) -> Result<()> {
    while sequence.rest(800, 3_500).await {
        match sequence.rng.random_range(0..10_u8) {
            0..2 => {
                sequence.faults.count("postgres killed");
                cluster.kill9().await?;
                sequence.wait(50, 1_500).await;
                cluster.restart().await?;
            }
            2 => {
                sequence.faults.count("postgres frozen");
                cluster.pause()?;
                sequence.wait(200, 4_000).await;
                cluster.resume()?;
            }
            3..7 => cut_at_a_step(proxies, &mut sequence).await,
            7 => network::disturb(proxies, &NETWORK, &mut sequence).await,
            _ => {
                // One replica alone, while the others continue.
                let one: Vec<&FaultProxy> = proxies.choose(&mut sequence.rng).copied().into_iter().collect();
                network::disturb(&one, &NETWORK, &mut sequence).await;
            }
        }
    }
    Ok(())
}

/// Arms a replica's proxy: its next statement of a chosen kind is lost, or the answer to it.
async fn cut_at_a_step(proxies: &[&FaultProxy], sequence: &mut Sequence<'_>) {
    let Some(proxy) = proxies.choose(&mut sequence.rng) else { return };
    let Some(step) = STEPS.choose(&mut sequence.rng) else { return };
    match sequence.rng.random_range(0..3_u8) {
        0 => {
            sequence.faults.count("postgres cut after a request");
            proxy.cut_after_request(*step);
        }
        1 => {
            sequence.faults.count("postgres cut before an answer");
            proxy.cut_before_answer(*step);
        }
        _ => {
            sequence.faults.count("postgres silent instead of an answer");
            proxy.hang_before_answer(*step);
            sequence.wait(500, 3_000).await;
            proxy.cut_all();
        }
    }
}

pub(super) async fn heal(cluster: &mut Cluster) -> Result<()> {
    match cluster.process() {
        Some(_) => cluster.resume()?,
        None => cluster.restart().await?,
    }
    Ok(())
}
