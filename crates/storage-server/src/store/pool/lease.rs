//! A connection in use, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::pooled_connection::PoolableConnection as _;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

use super::inner::Inner;
use crate::store::fair_semaphore::FairPermit;
use crate::store::requester::Requester;

/// How long a cancel request may take; it is worth no more.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection in use. Dropping it before it is returned cancels its statement and closes it.
pub(crate) struct Lease {
    inner: Arc<Inner>,
    held: Option<Used>,
}

/// A connection and the place that it takes.
struct Used {
    connection: AsyncPgConnection,
    place: FairPermit<Requester>,
    /// Whether a statement may be running on it.
    is_busy: bool,
    /// How often the pool had been renewed when the connection was made.
    renewals: u64,
}

impl Lease {
    pub(super) fn new(
        inner: Arc<Inner>,
        place: FairPermit<Requester>,
        connection: AsyncPgConnection,
        renewals: u64,
    ) -> Self {
        Self { inner, held: Some(Used { connection, place, is_busy: false, renewals }) }
    }

    /// Always `Some` until the connection is returned.
    pub(crate) fn connection(&mut self) -> Option<&mut AsyncPgConnection> {
        self.parts().map(|(connection, _)| connection)
    }

    /// The connection, and its place, which may be recalled while the connection is used. Always `Some`, likewise.
    pub(crate) fn parts(&mut self) -> Option<(&mut AsyncPgConnection, &FairPermit<Requester>)> {
        let used = self.held.as_mut()?;
        used.is_busy = true;
        Some((&mut used.connection, &used.place))
    }

    /// For the next one to use.
    pub(crate) fn give_back(mut self) {
        if let Some(used) = &mut self.held {
            used.is_busy = false;
        }
    }

    /// Of no further use: the connection is lost.
    pub(super) fn give_up(mut self) {
        self.held.take();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut used) = self.held.take() else { return };
        if used.is_busy {
            let inner = Arc::clone(&self.inner);
            self.inner.runtime.spawn(async move { used.end(&inner).await });
        } else if !used.connection.is_broken() {
            // Before the place is free, so that the next one finds it.
            self.inner.keep(used.connection, used.renewals);
        }
    }
}

impl Used {
    /// Ends the statement, and gives the place to the next one when the server works on nothing more for this one.
    async fn end(mut self, inner: &Inner) {
        let token = self.connection.cancel_token();
        // However late it comes, the request can hit only this statement: the connection is not used again.
        let cancelling = inner.connector.tls().cancel(&token);
        let cancelled = tokio::time::timeout(CANCEL_TIMEOUT, cancelling).await;
        // Answered behind whatever ran. Where the cancelling failed, PostgreSQL itself ends the statement in its time.
        let ended = inner.connector.answered(self.connection.batch_execute("SELECT 1")).await;
        tracing::debug!(
            is_cancelled = cancelled.is_ok(),
            has_ended = ended.is_ok(),
            "a read whose client is gone was cancelled"
        );
    }
}
