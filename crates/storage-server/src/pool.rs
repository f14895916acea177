//! The connections that requests read through.
//!
//! A future dropped while its statement runs leaves that statement running (measured: the next user of the
//! connection waited for it). So whoever is dropped or runs out of time takes the connection out of the pool, has
//! the statement cancelled, and the connection is closed.

mod reader;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult, TimeoutType,
};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection as _;
use storage_dualwrite::{ConnectError, Connector, DatabaseTls};
use storage_query::QueryError;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::edge::ReadError;
use crate::telemetry::metrics as names;

/// How long a cancel request may take; it is worth no more.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A pool of connections for reads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReadPool {
    pool: Pool<ReadManager>,
}

/// How many connections the pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolUse {
    pub(crate) in_use: usize,
    pub(crate) idle: usize,
}

#[derive(Debug)]
struct ReadManager {
    connector: Connector,
    /// Connections that were made before may be to a server that serves no more.
    renewed: Mutex<Option<std::time::Instant>>,
    /// Connections live on the main runtime: those of the HTTP threads end before the last request has.
    runtime: Handle,
}

impl Manager for ReadManager {
    type Type = AsyncPgConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<AsyncPgConnection, ConnectError> {
        let connector = self.connector.clone();
        let limit = connector.session().connect_timeout;
        let opening = self.runtime.spawn(async move { connector.connect().await });
        // The task ends early only when the runtime does.
        opening.await.unwrap_or(Err(ConnectError::TimedOut(limit)))
    }

    async fn recycle(
        &self,
        connection: &mut AsyncPgConnection,
        made: &Metrics,
    ) -> RecycleResult<ConnectError> {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        if renewed.is_some_and(|renewed| made.created < renewed) {
            return Err(RecycleError::message("another server may serve now"));
        }
        if connection.is_broken() { Err(RecycleError::message("the connection is broken")) } else { Ok(()) }
    }
}

impl ReadPool {
    /// A pool that opens at most `size` connections, on the runtime this is called in.
    ///
    /// # Errors
    /// When there is no timer to bound the waiting with.
    pub(crate) fn new(
        connector: Connector,
        size: usize,
        acquire_timeout: Duration,
    ) -> Result<Self, deadpool::managed::BuildError> {
        let manager = ReadManager { connector, renewed: Mutex::default(), runtime: Handle::current() };
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(acquire_timeout))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { pool })
    }

    /// What it holds now.
    pub(crate) fn usage(&self) -> PoolUse {
        let status = self.pool.status();
        PoolUse { in_use: status.size.saturating_sub(status.available), idle: status.available }
    }

    /// Makes every connection anew before it is used again: another server may take the writes now.
    pub(crate) fn renew(&self) {
        let now = std::time::Instant::now();
        *self.pool.manager().renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        self.pool.retain(|_idle, made| made.created >= now);
    }

    /// Closes idle connections at once and the others as they come back.
    pub(crate) fn close(&self) {
        self.pool.close();
    }

    /// Runs one read on a connection. A connection that was lost while idle is replaced once.
    async fn read<T>(
        &self,
        operation: &'static str,
        deadline: Instant,
        query: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, QueryError>,
    ) -> Result<T, ReadError> {
        let started = Instant::now();
        let work = async {
            match self.attempt(&query).await {
                Err(ReadError::Query(error)) if is_lost_connection(&error) => self.attempt(&query).await,
                outcome => outcome,
            }
        };
        let outcome = tokio::time::timeout_at(deadline, work).await.unwrap_or(Err(ReadError::DeadlinePassed));
        metrics::histogram!(names::QUERY_DURATION, "operation" => operation).record(started.elapsed());
        outcome
    }

    async fn attempt<T>(
        &self,
        query: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<T, QueryError>,
    ) -> Result<T, ReadError> {
        let mut lease = self.lease().await?;
        let outcome = match lease.connection() {
            Some(connection) => query(connection).await.map_err(ReadError::Query),
            None => Err(ReadError::Busy),
        };
        match &outcome {
            Err(ReadError::Query(error)) if is_lost_connection(error) => lease.discard(),
            _ => lease.give_back(),
        }
        outcome
    }

    /// A connection, once one is free.
    pub(crate) async fn lease(&self) -> Result<Lease, ReadError> {
        let object = self.pool.get().await.map_err(unavailable)?;
        let ReadManager { connector, runtime, .. } = self.pool.manager();
        Ok(Lease { object: Some(object), tls: connector.tls().clone(), runtime: runtime.clone() })
    }
}

fn unavailable(error: PoolError<ConnectError>) -> ReadError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => ReadError::Busy,
        PoolError::Backend(error) => ReadError::Connect(error),
        PoolError::Closed => ReadError::Stopping,
        other => ReadError::Pool(other.to_string()),
    }
}

/// Whether the connection failed rather than the statement.
pub(crate) const fn is_lost_connection(error: &QueryError) -> bool {
    matches!(error, QueryError::Database { fault, .. } if fault.ends_connection())
}

/// A connection in use. Dropped before it is given back, its statement is cancelled and it is closed.
pub(crate) struct Lease {
    object: Option<Object<ReadManager>>,
    tls: DatabaseTls,
    runtime: Handle,
}

impl Lease {
    /// `None` never: it is there until it is given back.
    pub(crate) fn connection(&mut self) -> Option<&mut AsyncPgConnection> {
        self.object.as_deref_mut()
    }

    /// For the next one to use.
    pub(crate) fn give_back(mut self) {
        self.object.take();
    }

    /// For nobody: it is of no further use.
    fn discard(mut self) {
        drop(self.object.take().map(Object::take));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let connection = Object::take(object);
        let (token, tls) = (connection.cancel_token(), self.tls.clone());
        self.runtime.spawn(async move {
            // Only this statement can be hit, however late: the connection is nobody else's any more.
            let cancelled = tokio::time::timeout(CANCEL_TIMEOUT, tls.cancel(&token)).await;
            tracing::debug!(in_time = cancelled.is_ok(), "an abandoned read was cancelled");
            drop(connection);
        });
    }
}
