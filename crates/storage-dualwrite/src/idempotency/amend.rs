//! Making the kept answer the one that was given, where that became known after the commit.

use diesel_async::AsyncPgConnection;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{IdempotencyKey, statements};
use crate::Connector;

/// Replaces bodies of kept answers, on one connection that is opened when it is needed.
pub struct KeptAnswers {
    connector: Connector,
    connection: Mutex<Option<AsyncPgConnection>>,
}

impl std::fmt::Debug for KeptAnswers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAnswers").finish_non_exhaustive()
    }
}

impl KeptAnswers {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(connector: Connector) -> Self {
        Self { connector, connection: Mutex::default() }
    }

    /// Replaces the body of the answer that is kept for this request. Returns whether the replacement is confirmed by
    /// `until`; if not, give the answer that was kept before.
    pub async fn amend(&self, key: &IdempotencyKey, body: &[u8], until: Instant) -> bool {
        tokio::time::timeout_at(until, self.try_amend(key, body)).await.unwrap_or_default()
    }

    async fn try_amend(&self, key: &IdempotencyKey, body: &[u8]) -> bool {
        let mut slot = self.connection.lock().await;
        // Taken out: one that is given up in the midst of a statement is not used again.
        let connection = match slot.take() {
            Some(connection) => Some(connection),
            None => self.connector.connect().await.ok(),
        };
        let Some(mut connection) = connection else { return false };
        match statements::amend(&mut connection, key, body).await {
            Ok(amended) => {
                *slot = Some(connection);
                amended == 1
            }
            Err(error) => {
                tracing::debug!(
                    %error,
                    "the answer that is kept for a repeated request could not be updated; a repetition gets the \
                     answer as it was at the commit"
                );
                false
            }
        }
    }
}
