//! The connections that requests read through.
//!
//! A future that is dropped while its statement runs leaves that statement running (measured: the next user of the
//! connection waited for it). So the statement of a read that is dropped or out of time is cancelled, and its connection
//! is closed. Only then is its place free: a client that hangs up again and again opens no more connections than there
//! are places.

mod inner;
mod lease;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use lease::Lease;

use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use storage_dualwrite::{ConnectError, Connector};
use storage_query::QueryError;
use tokio::time::Instant;

use crate::store::edge::ReadError;
use crate::store::fair_semaphore::{FairPermit, Limits};
use crate::store::requester::Requester;
use crate::telemetry::metrics as names;
use inner::Inner;

/// A pool of connections for reads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ReadPool {
    inner: Arc<Inner>,
}

/// How many connections the pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolUse {
    /// Those being opened, cancelled and closed included.
    pub(crate) in_use: usize,
    pub(crate) idle: usize,
}

impl ReadPool {
    /// A pool that opens at most as many connections as there are places, on the runtime this is called in.
    pub(crate) fn new(connector: Connector, limits: Limits) -> Self {
        Self { inner: Arc::new(Inner::new(connector, limits)) }
    }

    /// The connections that it holds now.
    pub(crate) fn usage(&self) -> PoolUse {
        PoolUse { in_use: self.inner.permits.held(), idle: self.inner.idle().as_ref().map_or(0, Vec::len) }
    }

    /// Replaces every connection before its next use, because another server may take the writes now.
    pub(crate) fn renew(&self) {
        self.inner.renew();
    }

    /// Closes idle connections at once and the others as they come back.
    pub(crate) fn close(&self) {
        drop(self.inner.idle().take());
    }

    /// Runs one read on a connection. A connection that was lost while idle is replaced once.
    async fn read<T>(
        &self,
        operation: &'static str,
        deadline: Instant,
        query: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, QueryError>,
    ) -> Result<T, ReadError> {
        self.read_part(operation, deadline, query, |_whole| false).await
    }

    /// The same for a read that may be cut. The statement of a cut read is cancelled, because PostgreSQL would go on
    /// making rows that are not needed.
    async fn read_part<T>(
        &self,
        operation: &'static str,
        deadline: Instant,
        query: impl AsyncFn(&mut AsyncPgConnection) -> Result<T, QueryError>,
        is_cut: fn(&T) -> bool,
    ) -> Result<T, ReadError> {
        let started = Instant::now();
        let work = async {
            match self.attempt(&query, is_cut).await {
                Err(ReadError::Query(error)) if is_lost_connection(&error) => {
                    self.attempt(&query, is_cut).await
                }
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
        is_cut: fn(&T) -> bool,
    ) -> Result<T, ReadError> {
        let mut lease = self.lease(&Requester::current()).await?;
        let outcome = match lease.connection() {
            Some(connection) => query(connection).await,
            None => return Err(ReadError::Busy),
        };
        match &outcome {
            Err(error) if is_lost_connection(error) => lease.give_up(),
            // Dropping it before it is returned cancels its statement.
            Ok(part) if is_cut(part) => drop(lease),
            _ => lease.give_back(),
        }
        outcome.map_err(ReadError::Query)
    }

    /// A connection, as soon as one is free for this requester.
    pub(crate) async fn lease(&self, requester: &Requester) -> Result<Lease, ReadError> {
        let is_closed = self.inner.idle().is_none();
        if is_closed {
            return Err(ReadError::Stopping);
        }
        let place = self.inner.permits.acquire(requester).await.map_err(|_none| ReadError::Busy)?;
        let renewals = self.inner.renewals();
        match self.inner.take_idle()? {
            Some(connection) => Ok(Lease::new(Arc::clone(&self.inner), place, connection, renewals)),
            None => self.open(place).await,
        }
    }

    /// In a task of its own, which continues without its request, because a connection that is being opened holds a
    /// place too.
    async fn open(&self, place: FairPermit<Requester>) -> Result<Lease, ReadError> {
        let inner = Arc::clone(&self.inner);
        let opening = self.inner.runtime.spawn(async move {
            let renewals = inner.renewals();
            let connection = inner.connector.connect().await?;
            Ok(Lease::new(inner, place, connection, renewals))
        });
        let limit = self.inner.connector.session().connect_timeout;
        // The task ends early only when the runtime does.
        opening.await.unwrap_or(Err(ConnectError::TimedOut(limit))).map_err(ReadError::Connect)
    }
}

/// Whether the connection failed rather than the statement.
pub(crate) const fn is_lost_connection(error: &QueryError) -> bool {
    matches!(error, QueryError::Database { fault, .. } if fault.ends_connection())
}
