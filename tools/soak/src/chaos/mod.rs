//! Faults on a schedule that follows from the seed: one sequence for each of PostgreSQL, the replicas, and what the
//! service can do without, so that they overlap.

mod network;
mod postgres;
mod replicas;
mod sequence;
mod side;

pub(super) use sequence::Faults;

use anyhow::Result;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use storage_testkit::FaultProxy;
use tokio::time::Instant;

use super::stand::Stand;
use sequence::Sequence;

/// Causes faults until `until`. The last fault may still last when this returns.
pub(super) async fn run(stand: &mut Stand, seed: u64, until: Instant, faults: &Faults) -> Result<()> {
    let sequence =
        |number: u64| Sequence { rng: StdRng::seed_from_u64(seed.rotate_left(17) ^ number), until, faults };
    let Stand { replicas, postgres, redis, redis_proxy, qdrant, qdrant_proxy, .. } = stand;
    // Proxies are switched by shared reference while the replicas' processes are killed and replaced.
    let (mut processes, proxies): (Vec<_>, Vec<&FaultProxy>) =
        replicas.iter_mut().map(super::stand::Replica::parts).unzip();
    tokio::try_join!(
        postgres::run(postgres, &proxies, sequence(1)),
        replicas::run(&mut processes, sequence(2)),
        side::run(redis, redis_proxy, qdrant, qdrant_proxy, sequence(3)),
    )?;
    Ok(())
}

/// Makes everything whole again, and waits until every replica is ready.
pub(super) async fn heal(stand: &mut Stand) -> Result<()> {
    for proxy in stand.replicas.iter().map(|it| &it.postgres).chain([&stand.redis_proxy, &stand.qdrant_proxy])
    {
        network::heal(proxy);
    }
    postgres::heal(&mut stand.postgres).await?;
    side::heal(&mut stand.redis, &stand.qdrant).await?;
    for replica in &mut stand.replicas {
        replicas::heal(replica).await?;
    }
    Ok(())
}
