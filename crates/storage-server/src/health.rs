//! What is known of the service's own state and of its dependencies, as a task beside the requests finds out.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use storage_dualwrite::Commits;
use storage_dualwrite::outbox::Depth;
use storage_dualwrite::reconcile::Drift;
use storage_models::Timestamp;

/// The last findings. Readiness reads them and asks nobody, so that probes cost nothing and cannot be starved.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_stopping: AtomicBool,
    is_database_up: AtomicBool,
    database_micros: AtomicU64,
    committed: Arc<Commits>,
    counted: Mutex<Option<Counted>>,
    compared: Mutex<Option<Compared>>,
    untried_micros: AtomicI64,
}

/// The outbox, counted.
#[derive(Debug, Clone, Copy)]
struct Counted {
    depth: Depth,
    begin: CountBegin,
}

/// How the stores compared with the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) drift: Drift,
    pub(crate) at: Timestamp,
}

/// When a count of the outbox began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CountBegin {
    time: Timestamp,
    /// What this replica had committed by then: what it commits later may not have been counted.
    enqueued: u64,
}

/// How many records wait for their vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// As counted, and what this replica has committed since that count began: never fewer than wait of its own.
    pub(crate) records: i64,
    /// When that count began, which is how old the news of other replicas is; `None` before the first count.
    pub(crate) counted_at: Option<Timestamp>,
    /// How many the projection has given up.
    pub(crate) parked: i64,
    /// How long the oldest had waited when they were counted.
    pub(crate) oldest_age: Option<Duration>,
}

/// How long a record may wait for its first attempt before the projection counts as stalled.
const STALLED_AFTER: Duration = Duration::from_secs(5 * 60);

impl Health {
    /// Of a replica whose writers tell `committed`.
    pub(crate) fn of(committed: Arc<Commits>) -> Self {
        Self { committed, ..Self::default() }
    }

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

    /// A count of the outbox begins.
    pub(crate) fn begin_count(&self) -> CountBegin {
        CountBegin { time: Timestamp::now(), enqueued: self.committed.enqueued() }
    }

    /// Notes a count that began then.
    pub(crate) fn note_depth(&self, depth: Depth, begin: CountBegin) {
        *self.counted() = Some(Counted { depth, begin });
        self.untried_micros.store(depth.untried_micros, Ordering::Relaxed);
    }

    /// For how long the projection has done nothing about its oldest record, if that is too long.
    pub(crate) fn stalled(&self) -> Option<Duration> {
        let micros = u64::try_from(self.untried_micros.load(Ordering::Relaxed)).unwrap_or_default();
        Some(Duration::from_micros(micros)).filter(|waited| *waited > STALLED_AFTER)
    }

    /// How many records wait for their vector.
    pub(crate) fn pending(&self) -> Pending {
        let counted = *self.counted();
        let depth = counted.map(|it| it.depth).unwrap_or_default();
        let before = counted.map_or(0, |it| it.begin.enqueued);
        let since = self.committed.enqueued().saturating_sub(before);
        let records = depth.waiting.saturating_add(i64::try_from(since).unwrap_or(i64::MAX));
        let oldest = u64::try_from(depth.oldest_micros).unwrap_or_default();
        Pending {
            records,
            counted_at: counted.map(|it| it.begin.time),
            parked: depth.parked,
            oldest_age: (depth.waiting > 0).then(|| Duration::from_micros(oldest)),
        }
    }

    /// Notes that the stores were compared with the records.
    pub(crate) fn note_compared(&self, compared: Compared) {
        *self.compared.lock().unwrap_or_else(PoisonError::into_inner) = Some(compared);
    }

    /// How the stores compared with the records when this replica last did that.
    pub(crate) fn compared(&self) -> Option<Compared> {
        *self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Option<Counted>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
