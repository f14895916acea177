//! The questions to the API server: whose token is it, and may they?

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config};

use crate::auth::{Permission, Refusal};
use crate::telemetry::chain;

/// The API group that roles in the cluster name.
const GROUP: &str = "datastorage.kubernaut.ai";

/// The resource that roles in the cluster name.
const RESOURCE: &str = "audits";

/// Why the API server cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The kubeconfig cannot be used.
    #[error("kubernetes.kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// This is not a pod.
    #[error("kubernetes.kubeconfig is not set, and the service does not run in a pod with a service account")]
    InCluster(#[source] kube::config::InClusterError),
    /// The client cannot be made of it.
    #[error("the client of the Kubernetes API cannot be created")]
    Client(#[source] Box<kube::Error>),
}

/// A client, and the namespace that the service is in as far as that is known.
pub(crate) async fn connect(
    kubeconfig: Option<&Path>,
    timeout: Duration,
) -> Result<(Client, String), ClientError> {
    let mut config = match kubeconfig {
        Some(path) => {
            let unusable = |error| ClientError::Kubeconfig(Box::new(error));
            let file = Kubeconfig::read_from(path).map_err(unusable)?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.map_err(unusable)?
        }
        None => Config::incluster().map_err(ClientError::InCluster)?,
    };
    config.connect_timeout = Some(timeout);
    // The caller may ask again; a look-up has one deadline, which repetitions would use up.
    config.default_retry = false;
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config).map_err(|error| ClientError::Client(Box::new(error)))?;
    Ok((client, namespace))
}

/// A user as Kubernetes knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Vec<String>>>,
}

/// Asks.
pub(super) struct Reviewer {
    tokens: Api<TokenReview>,
    accesses: Api<SubjectAccessReview>,
    audience: String,
}

impl Reviewer {
    pub(super) fn new(client: Client, audience: String) -> Self {
        Self { tokens: Api::all(client.clone()), accesses: Api::all(client), audience }
    }

    /// The owner of the token.
    pub(super) async fn user(&self, token: &str) -> Result<User, Refusal> {
        let spec =
            TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![self.audience.clone()]) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let review = self.tokens.create(&PostParams::default(), &review).await.map_err(unavailable)?;
        let status = review.status.unwrap_or_default();
        // An API server that does not know audiences accepts the token and names none, so any token would pass.
        let is_for_us = status.audiences.unwrap_or_default().contains(&self.audience);
        let user = status.user.filter(|_| status.authenticated == Some(true) && is_for_us);
        let user = user.ok_or(Refusal::Rejected)?;
        let name = user.username.filter(|name| !name.is_empty()).ok_or(Refusal::Rejected)?;
        Ok(User { name, uid: user.uid, groups: user.groups, extra: user.extra })
    }

    /// Whether the user may do all that the permission is about.
    pub(super) async fn permits(
        &self,
        user: &User,
        namespace: &str,
        wanted: Permission,
    ) -> Result<bool, Refusal> {
        let asked = verbs(wanted).iter().map(|verb| self.may(user, namespace, verb));
        Ok(try_join_all(asked).await?.into_iter().all(|allowed| allowed))
    }

    async fn may(&self, user: &User, namespace: &str, verb: &str) -> Result<bool, Refusal> {
        let resource = ResourceAttributes {
            namespace: Some(namespace.to_owned()),
            group: Some(GROUP.to_owned()),
            resource: Some(RESOURCE.to_owned()),
            verb: Some(verb.to_owned()),
            ..ResourceAttributes::default()
        };
        let User { name, uid, groups, extra } = user.clone();
        let spec = SubjectAccessReviewSpec {
            user: Some(name),
            uid,
            groups,
            extra,
            resource_attributes: Some(resource),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let review = self.accesses.create(&PostParams::default(), &review).await.map_err(unavailable)?;
        Ok(review.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }
}

/// The verbs that a role must allow, all of them.
const fn verbs(permission: Permission) -> &'static [&'static str] {
    match permission {
        Permission::Read => &["get", "list"],
        Permission::Write => &["create", "update"],
        Permission::Admin => &["administer"],
    }
}

fn unavailable(error: kube::Error) -> Refusal {
    Refusal::Unavailable(chain(&error))
}
