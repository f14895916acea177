//! Mode `kubernetes`: service account tokens, checked by the API server and remembered for a while.

mod cache;
mod jwt;
mod review;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use storage_models::Timestamp;
use tokio::sync::Semaphore;

use self::cache::{Digests, Known, TokenDigest};
use self::review::Reviewer;
pub(crate) use self::review::connect;
use super::{Caller, Permission, Permissions, Refusal, TokenVerifier, Verdict};

/// Look-ups under way at once: random tokens must not be turned against the API server.
const MAX_LOOKUPS: usize = 16;

/// What tells who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// The API server, asked whether the user may use the resource `audits` in this namespace.
    Review { namespace: String },
    /// A list, by the name of the user.
    List(HashMap<String, Permissions>),
}

/// How tokens are checked.
#[derive(Debug, Clone)]
pub(crate) struct KubernetesSettings {
    /// What tokens must be made for.
    pub(crate) audience: String,
    pub(crate) authorization: Authorization,
    /// How long an answer of the API server is waited for.
    pub(crate) timeout: Duration,
    /// How long a yes is remembered at most.
    pub(crate) ttl: Duration,
}

/// Asks the API server, once for each token at a time, and remembers what it said.
pub(crate) struct KubernetesVerifier {
    reviewer: Reviewer,
    authorization: Authorization,
    timeout: Duration,
    lookups: Semaphore,
    digests: Digests,
    known: Known,
}

impl KubernetesVerifier {
    pub(crate) fn new(client: kube::Client, settings: KubernetesSettings) -> Self {
        let KubernetesSettings { audience, authorization, timeout, ttl } = settings;
        Self {
            reviewer: Reviewer::new(client, audience),
            authorization,
            timeout,
            lookups: Semaphore::new(MAX_LOOKUPS),
            digests: Digests::new(),
            known: Known::new(ttl),
        }
    }

    /// A look-up within the bounds of number and time. What goes wrong is not remembered (F25).
    async fn bounded<T>(&self, lookup: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let unavailable = |reason: &str| Refusal::Unavailable(reason.to_owned());
        let _place =
            self.lookups.try_acquire().map_err(|_full| unavailable("too many look-ups are under way"))?;
        tokio::time::timeout(self.timeout, lookup)
            .await
            .unwrap_or_else(|_late| Err(unavailable("the Kubernetes API did not answer in time")))
    }

    async fn user(&self, token: &str, digest: TokenDigest) -> Result<Arc<review::User>, Refusal> {
        if self.known.is_rejected(&digest) {
            return Err(Refusal::Rejected);
        }
        // What is no token of a service account, or one that says itself that its time is over, is not worth a look-up.
        let claims = jwt::read(token).ok_or(Refusal::Rejected)?;
        let good_for = claims.left(SystemTime::now()).ok_or(Refusal::Rejected)?;
        // Boxed: the client's future is large, and rarely needed.
        let lookup = Box::pin(self.bounded(self.reviewer.user(token)));
        let outcome = self.known.user(digest, good_for, lookup).await;
        if matches!(outcome, Err(Refusal::Rejected)) {
            self.known.reject(digest);
        }
        outcome
    }

    async fn permits(
        &self,
        user: &review::User,
        digest: TokenDigest,
        wanted: Permission,
    ) -> Result<bool, Refusal> {
        match &self.authorization {
            Authorization::List(listed) => {
                Ok(listed.get(&user.name).is_some_and(|permissions| permissions.holds(wanted)))
            }
            Authorization::Review { namespace } => {
                let lookup = Box::pin(self.bounded(self.reviewer.permits(user, namespace, wanted)));
                self.known.permits(digest, wanted, lookup).await
            }
        }
    }
}

#[async_trait]
impl TokenVerifier for KubernetesVerifier {
    async fn recall(&self, token: &str, wanted: Option<Permission>) -> Option<Verdict> {
        let digest = self.digests.of(token);
        let user = self.known.remembered_user(&digest).await?;
        let is_permitted = match (wanted, &self.authorization) {
            (None, _) => true,
            (Some(wanted), Authorization::Review { .. }) => {
                self.known.remembered_permission(digest, wanted).await?
            }
            (Some(wanted), Authorization::List(_)) => self.permits(&user, digest, wanted).await.ok()?,
        };
        Some(Verdict { caller: Caller::named(&user.name), is_permitted })
    }

    fn was_good(&self, token: &str) -> bool {
        self.known.is_familiar(&self.digests.of(token))
    }

    fn expires_at(&self, token: &str) -> Option<Timestamp> {
        jwt::read(token)?.expires_at()
    }

    async fn verify(&self, token: &str, wanted: Option<Permission>) -> Result<Verdict, Refusal> {
        let digest = self.digests.of(token);
        let user = self.user(token, digest).await?;
        let is_permitted = match wanted {
            Some(wanted) => self.permits(&user, digest, wanted).await?,
            None => true,
        };
        Ok(Verdict { caller: Caller::named(&user.name), is_permitted })
    }
}
