//! Whose token it is: what every mode of authentication answers.

use async_trait::async_trait;
use storage_models::Timestamp;

use super::{Caller, Permission};

/// What became of a genuine token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whose it is.
    pub(crate) caller: Caller,
    /// Whether they have the permission that was asked for; true when none was.
    pub(crate) is_permitted: bool,
}

/// Why there is no verdict.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// The token is nobody's, or nobody's any more.
    #[error("the token was rejected")]
    Rejected,
    /// Whoever knows could not be asked. Never remembered.
    #[error("tokens cannot be checked now: {0}")]
    Unavailable(String),
}

/// Tells whose token it is and what it permits.
#[async_trait]
pub(crate) trait TokenVerifier: Send + Sync {
    /// The verdict, if it is known without asking anybody; `None` says nothing about the token.
    async fn recall(&self, token: &str, wanted: Option<Permission>) -> Option<Verdict>;

    /// Whether the token was good not long ago, which says nothing of now.
    fn was_good(&self, _token: &str) -> bool {
        false
    }

    /// Until when the token says itself that it is good; never to be believed.
    fn expires_at(&self, _token: &str) -> Option<Timestamp> {
        None
    }

    /// The verdict.
    async fn verify(&self, token: &str, wanted: Option<Permission>) -> Result<Verdict, Refusal>;
}
