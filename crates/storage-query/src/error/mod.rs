//! Errors of queries.

mod feed_fault;
mod parameter;
#[cfg(test)]
mod tests;

pub use feed_fault::FeedFault;
pub use parameter::{InvalidParameter, InvalidParameters, InvalidReason};

pub use storage_models::DatabaseFault;

use storage_models::ErrorCode;

/// A query that could not be built or answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Parameters break a rule; the same query cannot succeed.
    #[error(transparent)]
    Invalid(#[from] InvalidParameters),
    /// The database did not answer, or its answer could not be read.
    #[error("cannot {operation}: {fault}")]
    Database {
        /// The attempt, as a verb and its object.
        operation: &'static str,
        /// The kind of failure.
        fault: DatabaseFault,
        /// The driver's own error; its text is for the log, never for a client.
        #[source]
        source: diesel::result::Error,
    },
    /// The end of a feed cannot be found on this connection.
    #[error("cannot list by created_at without missing records: {0}")]
    Feed(FeedFault),
}

impl QueryError {
    /// For `map_err`: a failed statement.
    pub(crate) fn database(operation: &'static str) -> impl FnOnce(diesel::result::Error) -> Self {
        move |source| Self::Database { operation, fault: DatabaseFault::of(&source), source }
    }

    /// The code of the cause.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Invalid,
            Self::Database { fault, .. } => fault.code(),
            Self::Feed(FeedFault::FixedSnapshot) => ErrorCode::Internal,
            Self::Feed(_) => ErrorCode::Unavailable,
        }
    }
}

impl From<InvalidParameter> for QueryError {
    fn from(parameter: InvalidParameter) -> Self {
        Self::Invalid(parameter.into())
    }
}

/// For diesel's `transaction`, which must be able to report that BEGIN or COMMIT failed.
impl From<diesel::result::Error> for QueryError {
    fn from(source: diesel::result::Error) -> Self {
        Self::database("run a transaction")(source)
    }
}
