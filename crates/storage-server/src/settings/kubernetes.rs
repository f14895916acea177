//! The cluster that callers are in.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Faults;
use super::lists::Accounts;
use super::section::section;
use super::value::Setting;
use crate::auth::Permission;
use crate::auth::kubernetes::{Authorization, KubernetesSettings};

section! {
    /// The cluster whose service accounts are callers, for `auth.mode = "kubernetes"`.
    KubernetesSection = "kubernetes" {
        /// A kubeconfig file that leads to the API server. Without one it is that of the pod the service runs in, which
        /// the service account's own token, as it stands in the file at the time, opens.
        kubeconfig: Option<PathBuf> = "",
        /// What tokens must be made for. A token for other things, the API server's own among them, is refused.
        audience: String = "datastorage",
        /// What tells who may do what: `review` asks the API server whether the account may use the resource `audits` of
        /// the group `datastorage.kubernaut.ai` (read: get and list; write: create and update; admin: administer); `list`
        /// goes by the three lists below.
        authorization: AuthorizationBy = "review",
        /// The namespace in which roles are looked for; the service's own when empty.
        namespace: Option<String> = "",
        /// For `list`: accounts that may read, as `namespace/name`.
        readers: Accounts = "",
        /// For `list`: accounts that may write.
        writers: Accounts = "",
        /// For `list`: accounts that may administer the service.
        admins: Accounts = "",
        /// How long the API server may take to answer. Then the request is answered 503; callers who are remembered are
        /// served meanwhile.
        timeout: Duration = "3s",
        /// How long a caller is remembered, at most 60s, and no longer than its token says to be good. An account that is
        /// deleted, or whose roles change, may be served for so long still.
        cache_ttl: Duration = "60s",
    }
}

/// The longest that a caller may be remembered.
const MAX_CACHE_TTL: Duration = Duration::from_secs(60);

/// What tells who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationBy {
    /// The API server.
    Review,
    /// The settings.
    List,
}

impl Setting for AuthorizationBy {
    const FORM: &'static str = "review or list";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "review" => Some(Self::Review),
            "list" => Some(Self::List),
            _ => None,
        }
    }
}

impl KubernetesSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.above_zero("kubernetes.timeout", self.timeout);
        if self.cache_ttl > MAX_CACHE_TTL {
            faults.push("kubernetes.cache_ttl", "must be at most 60s");
        }
        if let Some(path) = &self.kubeconfig
            && let Err(error) = kube::config::Kubeconfig::read_from(path)
        {
            faults.push("kubernetes.kubeconfig", format!("cannot be used: {error}"));
        }
        let lists = [&self.readers, &self.writers, &self.admins];
        let is_listed = lists.iter().any(|list| !list.0.is_empty());
        match self.authorization {
            AuthorizationBy::List if !is_listed => faults.push(
                "kubernetes.authorization",
                "is list: then kubernetes.readers, kubernetes.writers or kubernetes.admins must name somebody",
            ),
            AuthorizationBy::Review if is_listed => faults.push(
                "kubernetes.authorization",
                "must be list for kubernetes.readers, kubernetes.writers and kubernetes.admins to count",
            ),
            _ => {}
        }
    }

    /// As the verifier takes them. `own` is the namespace that the service is in.
    pub(crate) fn to_verifier(&self, own: String) -> KubernetesSettings {
        let authorization = match self.authorization {
            AuthorizationBy::Review => {
                Authorization::Review { namespace: self.namespace.clone().unwrap_or(own) }
            }
            AuthorizationBy::List => Authorization::List(self.listed()),
        };
        KubernetesSettings {
            audience: self.audience.clone(),
            authorization,
            timeout: self.timeout,
            ttl: self.cache_ttl,
        }
    }

    fn listed(&self) -> HashMap<String, crate::auth::Permissions> {
        let lists = [
            (&self.readers, Permission::Read),
            (&self.writers, Permission::Write),
            (&self.admins, Permission::Admin),
        ];
        let mut held: HashMap<String, Vec<Permission>> = HashMap::new();
        for (accounts, permission) in lists {
            for user in &accounts.0 {
                held.entry(user.clone()).or_default().push(permission);
            }
        }
        held.into_iter().map(|(user, permissions)| (user, permissions.into_iter().collect())).collect()
    }
}
