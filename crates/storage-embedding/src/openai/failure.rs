//! Why a call failed.

use crate::error::{Cause, EmbedError};
use std::time::Duration;

/// A call without vectors.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The API does not take what was sent: a text, or a parameter.
    #[error("it refuses the request: {reason}")]
    Refused { reason: String },
    /// The API cannot at present.
    #[error("{reason}")]
    Passing {
        reason: String,
        retry_after: Option<Duration>,
        #[source]
        source: Option<Cause>,
    },
    /// The answer of the API cannot be used, or the API refuses us. This does not change until an operator changes
    /// something.
    #[error("{reason}")]
    Lasting { reason: String },
}

impl Failure {
    pub(super) fn unusable(reason: String) -> Self {
        Self::Lasting { reason }
    }

    /// Whether the same call may succeed in a moment.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }

    /// The pause that the API asked for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Passing { retry_after, .. } => *retry_after,
            Self::Refused { .. } | Self::Lasting { .. } => None,
        }
    }

    /// As an outage of the provider, because no text is at fault.
    pub(super) fn into_outage(self, model: &str) -> EmbedError {
        let (reason, retry_after) = (self.to_string(), self.retry_after());
        let source = match self {
            Self::Passing { source, .. } => source,
            Self::Refused { .. } | Self::Lasting { .. } => None,
        };
        EmbedError::Provider { model: model.to_owned(), reason, retry_after, source }
    }
}
