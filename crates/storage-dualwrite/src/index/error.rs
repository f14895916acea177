//! Why an index did not do what was asked.

use std::time::Duration;

/// A fault of an index. Each variant calls for another reaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It cannot be reached, is overloaded or answered with an error of its own: no record is to blame, try again.
    #[error("the vector index is unavailable: {reason}")]
    Away {
        /// The attempt and its result, for the log.
        reason: String,
        /// The pause that the index asks for.
        retry_after: Option<Duration>,
    },
    /// It did not answer in time; what was asked may have been applied, or may be applied later.
    #[error("the vector index did not answer {operation} within {limit:?}")]
    TimedOut {
        /// The operation.
        operation: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// The collection is not ours to use. Nothing gets better by itself: a human reads the sentence, which says what
    /// is wrong, what was expected, and how to rebuild.
    #[error("{0}")]
    Mismatch(String),
    /// It refused what was asked, and would again: something about these points or this search.
    #[error("the vector index refused {operation}: {reason}")]
    Refused {
        /// The operation.
        operation: &'static str,
        /// The index's message.
        reason: String,
    },
}

impl IndexError {
    /// Whether the same request may succeed later without an operator's help.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::TimedOut { .. })
    }
}
