//! The owner of a token, which every mode of authentication must find.

use async_trait::async_trait;
use storage_models::Timestamp;

use super::{Caller, Permission};

/// The result for a genuine token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The owner.
    pub(crate) caller: Caller,
    /// Whether they have the permission that was asked for; true when none was.
    pub(crate) is_permitted: bool,
}

/// Why there is no verdict.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// The token is unknown or no longer valid.
    #[error("the token was rejected")]
    Rejected,
    /// The source of the answer could not be asked. Never remembered.
    #[error("the token cannot be checked now: {0}")]
    Unavailable(String),
}

/// Tells whose token it is and what it permits.
#[async_trait]
pub(crate) trait TokenVerifier: Send + Sync {
    /// The verdict, if it is known without a look-up. `None` says nothing about the token.
    async fn recall(&self, token: &str, wanted: Option<Permission>) -> Option<Verdict>;

    /// Whether the token was valid recently. It may be invalid now.
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
