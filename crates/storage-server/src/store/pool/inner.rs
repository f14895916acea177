//! The state that a pool and its leases share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection as _;
use storage_dualwrite::Connector;
use tokio::runtime::Handle;

use crate::store::edge::ReadError;
use crate::store::fair_semaphore::{FairSemaphore, Limits};
use crate::store::requester::Requester;

pub(super) struct Inner {
    pub(super) connector: Connector,
    /// Connections live on the main runtime, because the runtimes of the HTTP threads end before the last request.
    pub(super) runtime: Handle,
    pub(super) permits: FairSemaphore<Requester>,
    /// The last used is last; `None` once the pool is closed.
    idle: Mutex<Option<Vec<AsyncPgConnection>>>,
    /// The number of times that all connections had to be replaced. A connection from before the last time is not used
    /// again.
    renewals: AtomicU64,
}

impl Inner {
    pub(super) fn new(connector: Connector, limits: Limits) -> Self {
        Self {
            connector,
            runtime: Handle::current(),
            permits: FairSemaphore::new(limits),
            idle: Mutex::new(Some(Vec::new())),
            renewals: AtomicU64::new(0),
        }
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Option<Vec<AsyncPgConnection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last. Those that were lost meanwhile are dropped.
    pub(super) fn take_idle(&self) -> Result<Option<AsyncPgConnection>, ReadError> {
        let mut idle = self.idle();
        let Some(idle) = idle.as_mut() else { return Err(ReadError::Stopping) };
        while let Some(mut connection) = idle.pop() {
            if !connection.is_broken() {
                return Ok(Some(connection));
            }
        }
        Ok(None)
    }

    /// For the next one to use, unless the pool is closed or was renewed since `renewals`.
    pub(super) fn keep(&self, connection: AsyncPgConnection, renewals: u64) {
        if let Some(idle) = self.idle().as_mut().filter(|_| renewals == self.renewals()) {
            idle.push(connection);
        }
    }

    pub(super) fn renew(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
        self.idle().iter_mut().for_each(Vec::clear);
    }

    pub(super) fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Relaxed)
    }
}
