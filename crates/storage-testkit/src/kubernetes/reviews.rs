//! The answers of the API.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

/// The token of the service itself, without which the API answers nothing.
pub(super) const SERVICE_TOKEN: &str = "the-services-own-token";

/// The API group and resource that roles name.
const RESOURCE: (&str, &str) = ("datastorage.kubernaut.ai", "audits");

/// A way for the API to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiFault {
    /// It does not answer until the fault is taken away.
    Hang,
    /// It answers with this status and an error.
    Status(u16),
    /// It closes the connection instead of answering.
    Cut,
}

/// The owner of a token.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    user: String,
    audiences: Vec<String>,
    is_expired: bool,
    knows_audiences: bool,
}

impl ServiceAccount {
    /// A user such as `system:serviceaccount:namespace:name`, and what its token was made for.
    #[must_use]
    pub fn new(user: &str, audiences: &[&str]) -> Self {
        let audiences = audiences.iter().map(|it| (*it).to_owned()).collect();
        Self { user: user.to_owned(), audiences, is_expired: false, knows_audiences: true }
    }

    /// With a token whose time is over.
    #[must_use]
    pub fn expired(self) -> Self {
        Self { is_expired: true, ..self }
    }

    /// Told by an authenticator that knows nothing of audiences.
    #[must_use]
    pub fn without_audiences(self) -> Self {
        Self { knows_audiences: false, ..self }
    }
}

/// A request, as much of it as counts here.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) path: &'a str,
    pub(super) authorization: &'a str,
    pub(super) body: &'a [u8],
}

/// Requests so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) tokens: usize,
    pub(super) accesses: usize,
}

/// The state of the API.
#[derive(Debug, Default)]
pub(super) struct State {
    accounts: Mutex<HashMap<String, ServiceAccount>>,
    roles: Mutex<HashMap<String, HashSet<String>>>,
    pub(super) fault: watch::Sender<Option<ApiFault>>,
    pub(super) counts: watch::Sender<Counts>,
}

impl State {
    pub(super) fn knows(&self, token: &str, account: ServiceAccount) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(token.to_owned(), account);
    }

    pub(super) fn allows(&self, user: &str, verbs: &[&str]) {
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        roles.insert(user.to_owned(), verbs.iter().map(|verb| (*verb).to_owned()).collect());
    }

    /// Status and body; `None` to close the connection.
    pub(super) async fn answer(&self, request: Question<'_>) -> Option<(u16, String)> {
        let is_token_review = request.path == "/apis/authentication.k8s.io/v1/tokenreviews";
        let is_access_review = request.path == "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        self.counts.send_modify(|counts| {
            counts.tokens += usize::from(is_token_review);
            counts.accesses += usize::from(is_access_review);
        });
        let mut fault = self.fault.subscribe();
        let fault = *fault.wait_for(|fault| *fault != Some(ApiFault::Hang)).await.ok()?;
        let failure = |code: u16, message: &str| {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": "Test", "code": code
            });
            Some((code, status.to_string()))
        };
        match fault {
            Some(ApiFault::Cut) => return None,
            Some(ApiFault::Status(code)) => return failure(code, "as the test wants it"),
            _ => {}
        }
        if request.authorization != format!("Bearer {SERVICE_TOKEN}") {
            return failure(401, "Unauthorized");
        }
        let Ok(review) = serde_json::from_slice::<Value>(request.body) else {
            return failure(400, "the body is not JSON");
        };
        match (is_token_review, is_access_review) {
            (true, _) => Some((201, self.token_review(&review).to_string())),
            (_, true) => Some((201, self.access_review(&review).to_string())),
            _ => failure(404, "the server could not find the requested resource"),
        }
    }

    fn token_review(&self, review: &Value) -> Value {
        let spec = review.get("spec").cloned().unwrap_or_default();
        let text = |key: &str| spec.get(key).and_then(Value::as_str).unwrap_or_default();
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let status = match accounts.get(text("token")) {
            None => json!({ "user": {}, "error": "[invalid bearer token, token lookup failed]" }),
            Some(account) if account.is_expired => {
                json!({ "user": {}, "error": "[invalid bearer token, service account token has expired]" })
            }
            Some(account) => authenticated(account, spec.get("audiences")),
        };
        json!({
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
            "metadata": { "creationTimestamp": null }, "spec": spec, "status": status
        })
    }

    fn access_review(&self, review: &Value) -> Value {
        let spec = review.get("spec").cloned().unwrap_or_default();
        let attribute = |key: &str| {
            spec.pointer(&format!("/resourceAttributes/{key}")).and_then(Value::as_str).unwrap_or_default()
        };
        let user = spec.get("user").and_then(Value::as_str).unwrap_or_default();
        let roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours =
            (attribute("group"), attribute("resource")) == RESOURCE && !attribute("namespace").is_empty();
        let allowed = is_ours && roles.get(user).is_some_and(|verbs| verbs.contains(attribute("verb")));
        let mut status = json!({ "allowed": allowed });
        if allowed && let Some(status) = status.as_object_mut() {
            status.insert("reason".to_owned(), json!("RBAC: allowed by RoleBinding \"audits/test\""));
        }
        json!({
            "kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "metadata": { "creationTimestamp": null }, "spec": spec, "status": status
        })
    }
}

/// A yes for the audiences that were asked for and that the token has; without any of them it is a no.
fn authenticated(account: &ServiceAccount, asked: Option<&Value>) -> Value {
    let user = json!({
        "username": account.user, "uid": "00000000-0000-4000-8000-000000000001",
        "groups": ["system:serviceaccounts", "system:authenticated"],
        "extra": { "authentication.kubernetes.io/pod-name": ["controller-0"] }
    });
    if !account.knows_audiences {
        return json!({ "authenticated": true, "user": user });
    }
    let asked: Vec<&str> = asked
        .and_then(Value::as_array)
        .map(|it| it.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let shared: Vec<&str> =
        asked.iter().copied().filter(|it| account.audiences.iter().any(|had| had == it)).collect();
    if shared.is_empty() {
        let error = format!(
            "[invalid bearer token, token audiences {:?} is invalid for the target audiences {asked:?}]",
            account.audiences
        );
        return json!({ "user": {}, "error": error });
    }
    json!({ "authenticated": true, "user": user, "audiences": shared })
}
