//! Asks Redis for a sign of life, so that readiness is true without searches and writes too.

use std::sync::Arc;
use std::time::Duration;

use storage_embedding::RedisCache;
use tokio::time::MissedTickBehavior;

/// How often it is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs until dropped.
pub(in crate::life) async fn watch(redis: Arc<RedisCache>) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        redis.ping().await;
    }
}
