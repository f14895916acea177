//! The state that all workers of a projector share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use storage_breaker::{Breaker, BreakerSettings, BreakerState};
use tokio_util::sync::CancellationToken;

use super::batch::{Embedded, Outage};
use super::{ProjectorSettings, RecordEmbedder};
use crate::index::GuardedIndex;
use crate::outbox::{Retry, Wanted};
use crate::{Commits, Connector, ServingSet};

pub(super) struct Shared {
    pub(super) connector: Connector,
    pub(super) embedder: Arc<dyn RecordEmbedder>,
    pub(super) set: ServingSet,
    pub(super) index: Option<Arc<GuardedIndex>>,
    pub(super) settings: ProjectorSettings,
    pub(super) stopping: CancellationToken,
    pub(super) commits: Arc<Commits>,
    /// One worker finds out for all whether the embedder is available again. No metric shows this breaker: a provider
    /// that can fail has a breaker of its own, which searches share.
    pub(super) embedder_breaker: Breaker,
    is_embedder_away: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        connector: Connector,
        embedder: Arc<dyn RecordEmbedder>,
        set: ServingSet,
        index: Option<Arc<GuardedIndex>>,
        settings: ProjectorSettings,
        stopping: CancellationToken,
        commits: Arc<Commits>,
    ) -> Self {
        let (first_pause, longest_pause) = (settings.outage_pause, settings.outage_pause);
        let embedder_breaker = Breaker::new(BreakerSettings { failures: 1, first_pause, longest_pause });
        let is_embedder_away = AtomicBool::new(false);
        Self {
            connector,
            embedder,
            set,
            index,
            settings,
            stopping,
            commits,
            embedder_breaker,
            is_embedder_away,
        }
    }

    /// Which rows can be worked on.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            to_embed: self.embedder_breaker.state(Instant::now()) != BreakerState::Open,
            to_index: self.index.as_ref().is_none_or(|index| index.may_be_asked()),
        }
    }

    pub(super) const fn retry(&self) -> Retry {
        Retry { delay: self.settings.retry_delay, limit: self.settings.attempts }
    }

    /// Logs a change of the embedder's state once.
    pub(super) fn note_embedder(&self, embedded: &Embedded) {
        let is_away = &self.is_embedder_away;
        match &embedded.outage {
            Some(Outage { reason, .. }) if !is_away.swap(true, Ordering::Relaxed) => {
                tracing::warn!(reason, "the embedder is unavailable; records wait in the outbox");
            }
            None if is_away.swap(false, Ordering::Relaxed) => {
                tracing::info!("the embedder is available again")
            }
            _ => {}
        }
    }
}
