//! The projector: gives every remediation its words and its vector, in PostgreSQL and in the outside index when there is
//! one, off the request's path. Words need no embedder, and are stored while it is unavailable too.
//!
//! ```text
//! claim (a lease) ─▶ read ─▶ words ─▶ embed ─▶ upsert points ─▶ settle: vector, outbox row removed
//!                                       │            │ index away: the vector is stored and noted, the row stays
//!                                       ▼            ▼
//!                       embedder away: noted; when it is back, claim and so on
//!                                            when it is back: claim ─▶ upsert points ─▶ settle: outbox row removed
//! ```

mod batch;
mod counts;
mod embedder;
mod held;
mod indexing;
mod pace;
mod settings;
mod settling;
mod shared;
mod wake;
mod worker;

pub use embedder::{EmbedFault, IncidentKeys, RecordEmbedder};
pub use settings::ProjectorSettings;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::index::GuardedIndex;
use crate::{Commits, Connector, ServingSet, supervised};
use shared::Shared;
use wake::{Role, Wake};
use worker::Worker;

/// Running projector tasks. They end with [`Projector::stop`].
#[derive(Debug)]
pub struct Projector {
    stopping: CancellationToken,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Projector {
    /// Starts the tasks. `set` is the embedder's set as [`crate::embedding_set::activate`] returned it;
    /// `index` is the outside index, when there is one; `committed` is what the writer notifies. Must be called inside
    /// a tokio runtime.
    #[must_use]
    pub fn start(
        connector: &Connector,
        embedder: &Arc<dyn RecordEmbedder>,
        set: ServingSet,
        index: Option<&Arc<GuardedIndex>>,
        settings: &ProjectorSettings,
        committed: &Arc<Commits>,
    ) -> Self {
        let stopping = CancellationToken::new();
        let wake = Wake::new(connector.clone(), settings.outage_pause);
        let shared = Arc::new(Shared::new(
            connector.clone(),
            Arc::clone(embedder),
            set,
            index.cloned(),
            settings.clone(),
            stopping.clone(),
            Arc::clone(committed),
        ));
        // A restarted worker does not know the leases of its predecessor. If it claimed the record that caused the
        // panic again at once, it would do nothing else.
        let worker = |role| {
            let (shared, wake) = (Arc::clone(&shared), Arc::clone(&wake));
            let begin = move || Worker::new(role, Arc::clone(&shared), Arc::clone(&wake)).run();
            tokio::spawn(supervised("projector", stopping.clone(), begin))
        };
        let helping = std::iter::repeat_n(Role::Helping, settings.workers.saturating_sub(1));
        let workers = Mutex::new(std::iter::once(Role::Leading).chain(helping).map(worker).collect());
        start_waking(wake, Arc::clone(committed), &stopping);
        Self { stopping, workers }
    }

    /// Finishes the current batch and ends the tasks, within `limit`. Returns whether they ended in time. Unfinished
    /// records wait in the outbox.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stopping.cancel();
        let mut workers = self.workers.lock().await;
        let all = futures_util::future::join_all(workers.iter_mut());
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        for worker in workers.drain(..) {
            worker.abort();
        }
        in_time
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// The tasks that wake the workers hold nothing, so they end at once.
fn start_waking(wake: Arc<Wake>, committed: Arc<Commits>, stopping: &CancellationToken) {
    let (relay, announcer) = (Arc::clone(&wake), Arc::clone(&wake));
    keep("wake_relay", stopping, move || {
        let (relay, committed) = (Arc::clone(&relay), Arc::clone(&committed));
        async move { relay.relay(&committed).await }
    });
    keep("wake_announce", stopping, move || {
        let announcer = Arc::clone(&announcer);
        async move { announcer.announce().await }
    });
    keep("wake_listen", stopping, move || {
        let listener = Arc::clone(&wake);
        async move { listener.listen().await }
    });
}

fn keep<T>(task: &'static str, stopping: &CancellationToken, begin: impl FnMut() -> T + Send + 'static)
where
    T: Future<Output = ()> + Send + 'static,
{
    let task = supervised(task, stopping.clone(), begin);
    tokio::spawn(stopping.clone().run_until_cancelled_owned(task));
}
