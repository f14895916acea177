//! Redis and Qdrant, which the service must be able to do without for a while.

use std::time::Duration;

use anyhow::Result;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use storage_testkit::{
    Fault, FaultProxy, GrpcCode, QdrantFault, QdrantOperation, QdrantServer, RedisServer, TestQdrant,
};

use super::network;
use super::sequence::Sequence;

const REDIS: [&str; 4] = ["redis refuses", "redis hangs", "redis is slow", "redis is cut off"];
const QDRANT: [&str; 4] = ["qdrant refuses", "qdrant hangs", "qdrant is slow", "qdrant is cut off"];

pub(super) async fn run(
    redis: &mut RedisServer,
    redis_proxy: &FaultProxy,
    qdrant: &TestQdrant,
    qdrant_proxy: &FaultProxy,
    mut sequence: Sequence<'_>,
) -> Result<()> {
    while sequence.rest(200, 1_500).await {
        match (sequence.rng.random_range(0..10_u8), qdrant.server()) {
            (0, _) => {
                sequence.faults.count("redis killed");
                redis.kill9().await?;
                sequence.wait(50, 1_500).await;
                redis.restart().await?;
            }
            (1, _) => {
                if let Some(process) = redis.process() {
                    sequence.faults.count("redis frozen");
                    process.pause()?;
                    sequence.wait(100, 2_000).await;
                    process.resume()?;
                }
            }
            (2, _) => network::disturb(&[redis_proxy], &REDIS, &mut sequence).await,
            (3, _) => {
                sequence.faults.count("redis garbled");
                redis_proxy.set(Fault::Garble);
                sequence.wait(100, 1_000).await;
                network::heal(redis_proxy);
            }
            (4, Some(server)) => {
                sequence.faults.count("qdrant killed");
                server.stop();
                sequence.wait(50, 2_000).await;
                server.start_again()?;
            }
            (5..9, Some(server)) => fault(server, &mut sequence).await,
            _ => network::disturb(&[qdrant_proxy], &QDRANT, &mut sequence).await,
        }
    }
    Ok(())
}

/// Storing and removing points goes wrong, for a few requests.
async fn fault(server: &QdrantServer, sequence: &mut Sequence<'_>) {
    let delay = Duration::from_millis(sequence.rng.random_range(50..3_000));
    let faults = [
        ("qdrant fails", QdrantFault::Fail(GrpcCode::Unavailable)),
        ("qdrant is overloaded", QdrantFault::Overloaded { retry_after_seconds: 1 }),
        ("qdrant does not answer", QdrantFault::Hang),
        ("qdrant takes its time", QdrantFault::Delay(delay)),
        ("qdrant applies and fails", QdrantFault::ApplyThenFail(GrpcCode::Internal)),
        ("qdrant applies and is silent", QdrantFault::ApplyThenHang),
        ("qdrant applies late", QdrantFault::ApplyLate),
        ("qdrant applies half", QdrantFault::ApplyHalf(GrpcCode::Unavailable)),
    ];
    let Some((name, fault)) = faults.choose(&mut sequence.rng) else { return };
    sequence.faults.count(name);
    let times = sequence.rng.random_range(1..4);
    for operation in [QdrantOperation::Upsert, QdrantOperation::Delete] {
        server.next(operation, times, *fault);
    }
    sequence.wait(200, 2_500).await;
    for operation in [QdrantOperation::Upsert, QdrantOperation::Delete] {
        server.clear(operation);
    }
    // Much later than its client has given up, sometimes after a newer version was stored.
    server.apply_late();
}

pub(super) async fn heal(redis: &mut RedisServer, qdrant: &TestQdrant) -> Result<()> {
    match redis.process() {
        Some(process) => process.resume()?,
        None => redis.restart().await?,
    }
    if let Some(server) = qdrant.server() {
        server.clear_all();
        server.start_again()?;
        server.apply_late();
    }
    Ok(())
}
