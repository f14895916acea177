//! Waiting until records have reached every configured store (`Prefer: wait`).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connector::ensure_writable;
use crate::embedding_set::active_set;
use crate::fixed_statement::fixed_statement;
use crate::{Connector, supervised};

/// The pause between two queries of the outbox while a request waits.
const POLL: Duration = Duration::from_millis(20);

/// The most records that requests may wait for at a time. Further requests do not wait.
const MAX_RECORDS: usize = 100_000;

/// The pause after the database did not answer.
const AWAY_PAUSE: Duration = Duration::from_millis(250);

fixed_statement! {
    /// Which of these versions, or a newer one of the record, still waits for the set that serves, and whether they will for ever
    /// because the server takes no writes.
    Waiting -> (BigInt, Timestamptz, Bool) {
        "SELECT w.id, w.version, current_setting('transaction_read_only')::boolean FROM UNNEST(", ids: Vec<i64> => Array<BigInt>;
        ", ", versions: Vec<Timestamp> => Array<Timestamptz>;
        concat!(") AS w (id, version) WHERE EXISTS \
            (SELECT FROM vector_outbox o \
             WHERE o.set_id = ", active_set!(), " AND o.record_id = w.id AND o.version >= w.version)");
    }
}

/// One version of a record.
type Version = (i64, Timestamp);

/// One task that asks for all waiting requests in one statement. A waiting request holds no connection.
#[derive(Debug)]
pub struct ProjectionWaits {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Vec<Wait>>,
    come: Notify,
    stopping: CancellationToken,
    connector: Connector,
}

/// A waiting request.
#[derive(Debug)]
struct Wait {
    versions: HashSet<Version>,
    done: oneshot::Sender<()>,
}

impl ProjectionWaits {
    /// Starts the task, which connects when a request waits. Needs a tokio runtime.
    #[must_use]
    pub fn start(connector: Connector) -> Self {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            come: Notify::new(),
            stopping: CancellationToken::new(),
            connector,
        });
        let (stopping, asking) = (shared.stopping.clone(), Arc::clone(&shared));
        let asks = supervised("waits", stopping.clone(), move || Arc::clone(&asking).run());
        tokio::spawn(stopping.run_until_cancelled_owned(asks));
        Self { shared }
    }

    /// Waits until the outbox has no row of these versions or of newer versions of the same records, so that every
    /// configured store holds them. Returns whether this happened by `until`; returns false at once during a stop or if
    /// too many requests are waiting.
    pub async fn wait(&self, versions: impl IntoIterator<Item = (i64, Timestamp)>, until: Instant) -> bool {
        let (done, is_done) = oneshot::channel();
        let wait = Wait { versions: versions.into_iter().collect(), done };
        if wait.versions.is_empty() {
            return true;
        }
        if !self.shared.enter(wait) {
            return false;
        }
        let waited = self.shared.stopping.run_until_cancelled(tokio::time::timeout_at(until, is_done)).await;
        matches!(waited, Some(Ok(Ok(()))))
    }

    /// Ends every wait at once. Later requests do not wait.
    pub fn stop(&self) {
        self.shared.stopping.cancel();
    }
}

impl Drop for ProjectionWaits {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn enter(&self, wait: Wait) -> bool {
        if self.stopping.is_cancelled() {
            return false;
        }
        let mut waiting = self.waiting();
        let records: usize = waiting.iter().map(|wait| wait.versions.len()).sum();
        if records + wait.versions.len() > MAX_RECORDS {
            return false;
        }
        waiting.push(wait);
        drop(waiting);
        self.come.notify_one();
        true
    }

    /// Runs until dropped.
    async fn run(self: Arc<Self>) {
        let mut connection = None;
        loop {
            let versions = self.wanted();
            if versions.is_empty() {
                self.come.notified().await;
                continue;
            }
            if connection.is_none() {
                connection = self.connector.connect().await.ok();
            }
            let answer = match connection.as_mut() {
                Some(connection) => self.ask(connection, &versions).await.ok(),
                None => None,
            };
            match answer {
                Some(still) => {
                    self.settle(&versions, &still);
                    tokio::time::sleep(POLL).await;
                }
                // No request gets a wrong answer: each waits until its own time limit.
                None => {
                    connection = None;
                    tokio::time::sleep(AWAY_PAUSE).await;
                }
            }
        }
    }

    /// Which of these versions still have an outbox row.
    async fn ask(
        &self,
        connection: &mut AsyncPgConnection,
        versions: &HashSet<Version>,
    ) -> QueryResult<HashSet<Version>> {
        let (ids, versions) = versions.iter().copied().unzip();
        let rows: Vec<(i64, Timestamp, bool)> =
            self.connector.answered(Waiting { ids, versions }.load(connection)).await?;
        ensure_writable(rows.iter().any(|(.., read_only)| *read_only))?;
        Ok(rows.into_iter().map(|(id, version, _)| (id, version)).collect())
    }

    /// Every version that a request still waits for.
    fn wanted(&self) -> HashSet<Version> {
        let mut waiting = self.waiting();
        waiting.retain(|wait| !wait.done.is_closed());
        waiting.iter().flat_map(|wait| wait.versions.iter().copied()).collect()
    }

    /// Of the versions that were asked for, only these still wait.
    fn settle(&self, asked: &HashSet<Version>, still: &HashSet<Version>) {
        let mut waiting = self.waiting();
        for wait in waiting.iter_mut() {
            wait.versions.retain(|version| still.contains(version) || !asked.contains(version));
        }
        for wait in waiting.extract_if(.., |wait| wait.versions.is_empty()) {
            // Gone, when its time was up just now.
            let _ = wait.done.send(());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Wait>> {
        // Every change is complete before anything can panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
