//! Errors, with fault and retry as data.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The cause beneath an [`EmbedError`], shared by all who waited for the same text.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Texts that got no vector.
///
/// Cheap to clone: everyone who waited for the same text gets the same error.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbedError {
    /// A text that this model will never take. Its neighbours in the batch may be fine.
    #[error("the model {model} cannot embed the text: {reason}")]
    Text {
        /// [`crate::ModelIdentity::name`].
        model: String,
        /// The fault of the text.
        reason: String,
    },
    /// The provider is unavailable, overloaded or broken; no text is to blame.
    #[error("the embedding provider of {model} failed: {reason}")]
    Provider {
        /// [`crate::ModelIdentity::name`].
        model: String,
        /// The failure.
        reason: String,
        /// How long it asked us to stay away, if it did.
        retry_after: Option<Duration>,
        /// The error beneath.
        #[source]
        source: Option<Cause>,
    },
}

/// The party at fault for an [`EmbedError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Of the text: another try gives the same answer.
    Text,
    /// Of the provider: an outage, which ends.
    Provider,
}

/// What to do after an [`EmbedError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never try this text again with this model.
    Never,
    /// Try again by the caller's own schedule.
    Later,
    /// Try again, but not before this time has passed.
    After(Duration),
}

impl EmbedError {
    /// The party at fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Text { .. } => Fault::Text,
            Self::Provider { .. } => Fault::Provider,
        }
    }

    /// Whether and when to try again.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Text { .. } => Retry::Never,
            Self::Provider { retry_after: None, .. } => Retry::Later,
            Self::Provider { retry_after: Some(delay), .. } => Retry::After(*delay),
        }
    }

    /// An outage without a wish for when to come back.
    pub(crate) fn provider(model: &str, reason: impl Into<String>) -> Self {
        Self::Provider { model: model.to_owned(), reason: reason.into(), retry_after: None, source: None }
    }
}

/// Model files that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is absent or unreadable.
    #[error("cannot read the model file {}; put model.safetensors and tokenizer.json of all-MiniLM-L6-v2 there", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A file is not the one this build was tested with.
    #[error(
        "the model file {} has SHA-256 {found}, expected {expected}; replace it with the pinned release of all-MiniLM-L6-v2",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The pinned sum, in hexadecimal.
        expected: &'static str,
        /// The file's sum, in hexadecimal.
        found: String,
    },
    /// `model.safetensors` is not the model that the encoder is written for.
    #[error("the weights in {} are not those of all-MiniLM-L6-v2: {reason}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Which tensor, and what about it.
        reason: String,
    },
    /// `tokenizer.json` is not understood.
    #[error("the tokenizer in {} cannot be used", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The tokenizer library's answer.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
