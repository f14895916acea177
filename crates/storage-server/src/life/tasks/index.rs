//! Asks the outside index for a sign of life, so that readiness is true without searches and writes too.

use std::sync::Arc;
use std::time::Duration;

use storage_dualwrite::index::{GuardedIndex, VectorIndex as _};
use tokio::time::MissedTickBehavior;

/// How often it is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs until dropped. While the index is left alone, it is left alone by this too.
pub(in crate::life) async fn watch(index: Arc<GuardedIndex>) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // The finding is the guard's to keep and to tell.
        let _ = index.versions(&[]).await;
    }
}
