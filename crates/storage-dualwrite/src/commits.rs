//! Notices from the write path to the projector of the same process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A group of this size means that writes are waiting for one another: otherwise each would have had a group of its
/// own. In a batch of this size each record waits for those before it.
const CROWD: usize = 8;
/// How long after such a group or batch writes count as waiting.
const LINGER: Duration = Duration::from_millis(100);

/// Tells that records were committed, how many, and whether writes are waiting for PostgreSQL.
#[derive(Debug, Default)]
pub struct Commits {
    committed: Notify,
    enqueued: AtomicU64,
    crowded: Mutex<Option<Instant>>,
}

impl Commits {
    /// There is something to project.
    pub fn notify(&self) {
        self.committed.notify_one();
    }

    /// Notes that `versions` versions of remediations were committed and are waiting for the projector. Their clients
    /// have no answer yet.
    pub(crate) fn note_enqueued(&self, versions: usize) {
        if versions > 0 {
            self.enqueued.fetch_add(u64::try_from(versions).unwrap_or(u64::MAX), Ordering::SeqCst);
            self.notify();
        }
    }

    /// How many versions of remediations this process has committed and left to a projector, since it began.
    #[must_use]
    pub fn enqueued(&self) -> u64 {
        self.enqueued.load(Ordering::SeqCst)
    }

    /// Waits for the next [`Self::notify`]. Several notices in between count as one.
    pub(crate) async fn notified(&self) {
        self.committed.notified().await;
    }

    /// Notes that a writer is about to write so many records, each of which has waited for the others.
    pub(crate) fn found_waiting(&self, records: usize, now: Instant) {
        if records >= CROWD {
            *self.crowded.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    }

    /// Whether writes are waiting for PostgreSQL. Background work should then leave PostgreSQL to them.
    pub(crate) fn are_crowded(&self, now: Instant) -> bool {
        let crowded = *self.crowded.lock().unwrap_or_else(PoisonError::into_inner);
        crowded.is_some_and(|at| now.saturating_duration_since(at) < LINGER)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Commits;

    #[test]
    fn writes_are_crowded_for_a_moment_after_a_large_group_and_never_by_single_ones() {
        let (commits, now) = (Commits::default(), Instant::now());
        commits.found_waiting(1, now);
        assert!(!commits.are_crowded(now));
        commits.found_waiting(64, now);
        assert!(commits.are_crowded(now + Duration::from_millis(99)));
        assert!(!commits.are_crowded(now + Duration::from_millis(100)));
    }
}
