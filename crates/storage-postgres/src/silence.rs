//! The one place that bounds a connection on which nothing comes back any more.
//!
//! PostgreSQL ends what takes too long (`statement_timeout`), but cannot say so from a machine that is gone, or behind a
//! network that drops every packet. Two bounds find that out: the kernel's, for a peer that acknowledges nothing, and one on
//! the wait for an answer, for a peer whose kernel still acknowledges or whose proxy does.

use std::time::Duration;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use tokio_postgres::Config;

/// How long the other side's machine may acknowledge nothing, neither what was sent nor that it is there, before a
/// connection is taken for lost (RFC 5482).
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How much later than PostgreSQL ends a statement the answer that says so may come.
const GRACE: Duration = Duration::from_secs(2);

/// Has the kernel end connections whose other side acknowledges nothing.
pub fn bound_socket(server: &mut Config) {
    server.keepalives_idle(UNACKNOWLEDGED).tcp_user_timeout(UNACKNOWLEDGED);
}

/// How long the answer to a statement can take on a session with this `statement_timeout`; `None` when the session has
/// none.
#[must_use]
pub fn limit_of_answer(statement_timeout: Duration) -> Option<Duration> {
    (!statement_timeout.is_zero()).then(|| statement_timeout.saturating_add(GRACE))
}

/// Awaits an answer for at most `limit`.
///
/// # Errors
/// Those of the statement; [`DatabaseErrorKind::ClosedConnection`] when no answer came in time. The connection is then of no
/// further use.
pub async fn answered<T>(limit: Duration, answer: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_elapsed| Err(silent(limit)))
}

/// The error of a connection that was silent for `limit`.
pub(crate) fn silent(limit: Duration) -> Error {
    let words = format!("PostgreSQL was silent for {} s", limit.as_secs_f64());
    Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(words))
}
