//! What is known of the service's own state and of its dependencies, as a task beside the requests finds out.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use storage_dualwrite::outbox::Depth;

/// The last findings. Readiness reads them and asks nobody, so that probes cost nothing and cannot be starved.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_stopping: AtomicBool,
    is_database_up: AtomicBool,
    database_micros: AtomicU64,
    waiting: AtomicI64,
    untried_micros: AtomicI64,
}

/// How long a record may wait for its first attempt before the projection counts as stalled.
const STALLED_AFTER: Duration = Duration::from_secs(5 * 60);

impl Health {
    /// From here on the service is not ready.
    pub(crate) fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Notes an answer of PostgreSQL, or that none came. Returns whether this is news.
    pub(crate) fn note_database(&self, latency: Option<Duration>) -> bool {
        if let Some(latency) = latency {
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            self.database_micros.store(micros, Ordering::Relaxed);
        }
        self.is_database_up.swap(latency.is_some(), Ordering::Relaxed) != latency.is_some()
    }

    /// How long PostgreSQL took to answer when it was last asked; `None` when it did not.
    pub(crate) fn database(&self) -> Option<Duration> {
        let is_up = self.is_database_up.load(Ordering::Relaxed);
        is_up.then(|| Duration::from_micros(self.database_micros.load(Ordering::Relaxed)))
    }

    pub(crate) fn note_depth(&self, depth: Depth) {
        self.waiting.store(depth.waiting, Ordering::Relaxed);
        self.untried_micros.store(depth.untried_micros, Ordering::Relaxed);
    }

    /// For how long the projection has done nothing about its oldest record, if that is too long.
    pub(crate) fn stalled(&self) -> Option<Duration> {
        let micros = u64::try_from(self.untried_micros.load(Ordering::Relaxed)).unwrap_or_default();
        Some(Duration::from_micros(micros)).filter(|waited| *waited > STALLED_AFTER)
    }

    /// How many records wait for their vector.
    pub(crate) fn waiting(&self) -> i64 {
        self.waiting.load(Ordering::Relaxed)
    }
}
