//! A few connections for transactions that are not grouped, so that they never hold up those that are.

use std::sync::{Arc, Mutex, PoisonError};

use diesel_async::AsyncPgConnection;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::WriteError;
use super::transaction::{Failure, Runner, Work};
use crate::Reservation;

/// Transactions that may wait or run; beyond them one is refused at once.
const MAX_WAITING: usize = 1_000;

/// Connections that are opened when they are needed and kept.
#[derive(Debug)]
pub(super) struct ConnectionPool {
    runner: Runner,
    idle: Mutex<Vec<Idle>>,
    places: Semaphore,
    connections: Arc<Semaphore>,
    transactions: TaskTracker,
    /// Transactions outlive the threads that ask for them.
    runtime: Handle,
}

/// An idle connection.
struct Idle(AsyncPgConnection);

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a connection")
    }
}

impl ConnectionPool {
    /// A pool of at most `connections` connections, on the current runtime.
    pub(super) fn new(runner: Runner, connections: usize) -> Self {
        Self {
            runner,
            idle: Mutex::default(),
            places: Semaphore::new(MAX_WAITING),
            connections: Arc::new(Semaphore::new(connections.max(1))),
            transactions: TaskTracker::new(),
            runtime: Handle::current(),
        }
    }

    /// Runs one transaction. Until a connection is free, dropping this future or passing the deadline cancels it; after
    /// that the transaction runs to its end.
    pub(super) async fn run<W: Work + Send + 'static>(
        self: &Arc<Self>,
        work: W,
        size: Reservation,
        deadline: Instant,
    ) -> Result<W::Output, WriteError> {
        let _place = self.places.try_acquire().map_err(|_full| WriteError::QueueFull)?;
        let free = Arc::clone(&self.connections).acquire_owned();
        let permit = tokio::time::timeout_at(deadline, free)
            .await
            .map_err(|_late| WriteError::DeadlinePassed)?
            .map_err(|_closed| WriteError::Stopping)?;
        let pool = Arc::clone(self);
        let transaction = async move {
            let outcome = pool.carry_through(&work).await;
            drop((permit, size));
            outcome
        };
        let task = self.transactions.spawn_on(transaction.in_current_span(), &self.runtime);
        // A transaction that panicked or was aborted has no outcome.
        task.await.unwrap_or(Err(WriteError::OutcomeUnknown))
    }

    async fn carry_through<W: Work>(&self, work: &W) -> Result<W::Output, WriteError> {
        self.runner.committed.found_waiting(work.len(), std::time::Instant::now());
        let mut connection =
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().map(|slot| slot.0);
        let outcome = self.runner.run(&mut connection, work).await;
        if let Some(connection) = connection {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Idle(connection));
        }
        let outcome = outcome.map_err(|failure| match failure {
            Failure::Write(error) => error,
            Failure::NoConnection => WriteError::Unavailable,
            Failure::Refused(message) => {
                tracing::error!(error = message, "the database refused valid records");
                WriteError::Refused(message)
            }
        });
        work.after(&outcome).await;
        outcome
    }

    /// Returns when no transaction is running or waiting any more; none is taken from now on.
    pub(super) async fn drain(&self) {
        self.connections.close();
        self.transactions.close();
        self.transactions.wait().await;
    }
}
