//! The recent answers of the API server. Accepted and rejected tokens are kept in separate caches, so that invented
//! tokens cannot evict genuine ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::{Expiry, future, sync};
use sha2::{Digest as _, Sha256};

use super::review::User;
use crate::auth::{Permission, Refusal};

/// Answers of each kind that are kept.
const CAPACITY: u64 = 10_000;

/// How long a no is kept.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// How long a token that was valid is not treated as a stranger's.
const FAMILIAR_FOR: Duration = Duration::from_secs(60 * 60);

/// A token as it is remembered.
pub(super) type TokenDigest = [u8; 32];

/// Makes digests that mean nothing outside this process: memory holds no token and nothing to try tokens on.
pub(super) struct Digests {
    key: [u8; 32],
}

impl Digests {
    pub(super) fn new() -> Self {
        Self { key: rand::random() }
    }

    /// The digest itself is never shown, so the key before it is enough.
    pub(super) fn of(&self, token: &str) -> TokenDigest {
        Sha256::new().chain_update(self.key).chain_update(token).finalize().into()
    }
}

/// An answer, and how long it may be used.
#[derive(Debug, Clone)]
struct Kept<T> {
    answer: T,
    good_for: Duration,
}

/// Lets each answer live as long as it says.
struct AsItSays;

impl<K, T> Expiry<K, Kept<T>> for AsItSays {
    fn expire_after_create(&self, _: &K, kept: &Kept<T>, _: Instant) -> Option<Duration> {
        Some(kept.good_for)
    }
}

/// The answers.
pub(super) struct Known {
    ttl: Duration,
    users: future::Cache<TokenDigest, Kept<Arc<User>>>,
    rejected: sync::Cache<TokenDigest, ()>,
    /// Tokens that were good when they were last looked up. Only genuine ones get here, so that strangers push out none.
    familiar: sync::Cache<TokenDigest, ()>,
    permissions: future::Cache<(TokenDigest, &'static str), Kept<bool>>,
}

impl Known {
    /// A yes is kept for `ttl` at most.
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            users: future::Cache::builder().max_capacity(CAPACITY).expire_after(AsItSays).build(),
            rejected: sync::Cache::builder().max_capacity(CAPACITY).time_to_live(REFUSED_FOR).build(),
            familiar: sync::Cache::builder().max_capacity(CAPACITY).time_to_live(FAMILIAR_FOR).build(),
            permissions: future::Cache::builder().max_capacity(CAPACITY).expire_after(AsItSays).build(),
        }
    }

    pub(super) fn is_rejected(&self, token: &TokenDigest) -> bool {
        self.rejected.contains_key(token)
    }

    pub(super) fn reject(&self, token: TokenDigest) {
        self.familiar.invalidate(&token);
        self.rejected.insert(token, ());
    }

    pub(super) fn is_familiar(&self, token: &TokenDigest) -> bool {
        self.familiar.contains_key(token)
    }

    pub(super) async fn remembered_user(&self, token: &TokenDigest) -> Option<Arc<User>> {
        self.users.get(token).await.map(|kept| kept.answer)
    }

    pub(super) async fn remembered_permission(&self, token: TokenDigest, wanted: Permission) -> Option<bool> {
        self.permissions.get(&(token, wanted.name())).await.map(|kept| kept.answer)
    }

    /// The token's user. Of several concurrent requests with the same token, one looks it up. An error is the answer to
    /// this request only.
    pub(super) async fn user(
        &self,
        token: TokenDigest,
        good_for: Duration,
        lookup: impl Future<Output = Result<User, Refusal>>,
    ) -> Result<Arc<User>, Refusal> {
        let good_for = good_for.min(self.ttl);
        let kept = async {
            let user = lookup.await?;
            self.familiar.insert(token, ());
            Ok(Kept { answer: Arc::new(user), good_for })
        };
        let kept = self.users.try_get_with(token, kept).await;
        kept.map(|kept| kept.answer).map_err(|refusal: Arc<Refusal>| (*refusal).clone())
    }

    /// Whether the token's user has the permission; a no is looked up again sooner.
    pub(super) async fn permits(
        &self,
        token: TokenDigest,
        wanted: Permission,
        lookup: impl Future<Output = Result<bool, Refusal>>,
    ) -> Result<bool, Refusal> {
        let ttl = self.ttl;
        let kept = async {
            let answer = lookup.await?;
            Ok(Kept { answer, good_for: if answer { ttl } else { ttl.min(REFUSED_FOR) } })
        };
        let kept = self.permissions.try_get_with((token, wanted.name()), kept).await;
        kept.map(|kept| kept.answer).map_err(|refusal: Arc<Refusal>| (*refusal).clone())
    }
}
