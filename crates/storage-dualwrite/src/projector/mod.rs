//! The projector: gives every remediation its vector, off the request's path.

mod batch;
mod embedder;
mod worker;

pub use embedder::{EmbedFault, RecordEmbedder};

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Connector;
use crate::index::GuardedIndex;
use worker::Worker;

/// How the projector works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectorSettings {
    /// Tasks, each with a connection of its own.
    pub workers: usize,
    /// Rows claimed at once, which is also how many texts go to the embedder together.
    pub batch: i64,
    /// How long a claim lasts: longer than a batch takes, since a claim that ends early is done twice. Rows that a
    /// killed process held wait this long.
    pub lease: Duration,
    /// How often to look for work when nothing wakes the projector. The guarantee; being woken is the fast path.
    pub poll: Duration,
    /// How often a record may fail for its own reasons before it is parked.
    pub attempts: i32,
    /// The wait after a record's first failure; doubles with each.
    pub retry_delay: Duration,
    /// The pause after a dependency failed, unless it named one.
    pub outage_pause: Duration,
    /// How long one step in the database may take before its connection is given up.
    pub step_timeout: Duration,
}

impl Default for ProjectorSettings {
    fn default() -> Self {
        Self {
            workers: 1,
            batch: 32,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            attempts: 5,
            retry_delay: Duration::from_secs(1),
            outage_pause: Duration::from_secs(2),
            step_timeout: Duration::from_secs(7),
        }
    }
}

/// Running projector tasks. They end with [`Projector::stop`].
#[derive(Debug)]
pub struct Projector {
    stopping: CancellationToken,
    embedder_away: Arc<AtomicBool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Projector {
    /// Starts the tasks. `set` is the id of the embedder's set as [`crate::embedding_set::activate`] returned it;
    /// `index` is the outside index, when there is one; `committed` is what the writer notifies. Must be called inside
    /// a tokio runtime.
    #[must_use]
    pub fn start(
        connector: &Connector,
        embedder: &Arc<dyn RecordEmbedder>,
        set: i64,
        index: Option<&Arc<GuardedIndex>>,
        settings: &ProjectorSettings,
        committed: &Arc<Notify>,
    ) -> Self {
        let stopping = CancellationToken::new();
        let embedder_away = Arc::new(AtomicBool::new(false));
        let tasks = (0..settings.workers.max(1)).map(|_| {
            let worker = Worker {
                owner: Uuid::new_v4(),
                connector: connector.clone(),
                embedder: Arc::clone(embedder),
                set,
                index: index.cloned(),
                settings: settings.clone(),
                committed: Arc::clone(committed),
                stopping: stopping.clone(),
                embedder_away: Arc::clone(&embedder_away),
            };
            tokio::spawn(worker.run())
        });
        let tasks = Mutex::new(tasks.collect());
        Self { stopping, embedder_away, tasks }
    }

    /// Whether the embedder answered when it was last asked.
    #[must_use]
    pub fn is_embedder_up(&self) -> bool {
        !self.embedder_away.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Finishes the batch at hand and ends the tasks; at the latest after `limit`. Returns whether that was in
    /// time. What is left waits in the outbox.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stopping.cancel();
        let mut tasks = self.tasks.lock().await;
        let all = futures_util::future::join_all(tasks.iter_mut());
        let in_time = tokio::time::timeout(limit, all).await.is_ok();
        for task in tasks.drain(..) {
            task.abort();
        }
        in_time
    }
}
