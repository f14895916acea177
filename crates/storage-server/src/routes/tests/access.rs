//! Who may use which route: the table of access against the router, and each route against callers of every kind.

use std::sync::{Arc, Mutex};

use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use async_trait::async_trait;
use serde_json::json;

use super::{Got, Store, call, post, state, valid};
use crate::auth::{AccessGuard, Caller, Permission, Refusal, TokenVerifier, Verdict};
use crate::http::state::AppState;
use crate::routes::API;
use crate::routes::requires::Requires;

/// Knows the tokens that are the names of permissions, `nothing`, which permits nothing and was good lately, and `away`.
#[derive(Default)]
pub(super) struct ByName {
    /// The permissions that were asked for, in order.
    pub(super) asked: Mutex<Vec<Option<Permission>>>,
}

#[async_trait]
impl TokenVerifier for ByName {
    async fn recall(&self, _: &str, _: Option<Permission>) -> Option<Verdict> {
        None
    }

    fn was_good(&self, token: &str) -> bool {
        token == "nothing"
    }

    async fn verify(&self, token: &str, wanted: Option<Permission>) -> Result<Verdict, Refusal> {
        self.asked.lock().unwrap().push(wanted);
        let held = token.split('/').filter_map(|name| Permission::named(&name.replace('.', ":")));
        let is_known = token == "nothing" || token.split('/').all(|name| !name.starts_with("un"));
        match token {
            "away" => Err(Refusal::Unavailable("10.0.0.7 does not answer".to_owned())),
            _ if !is_known => Err(Refusal::Rejected),
            _ => {
                let held: Vec<_> = held.collect();
                let is_permitted = wanted.is_none_or(|wanted| held.contains(&wanted));
                Ok(Verdict { caller: Caller::named(token), is_permitted })
            }
        }
    }
}

pub(super) fn guarded() -> AppState {
    let guard = AccessGuard { verifier: Some(Arc::new(ByName::default())), ..AccessGuard::default() };
    AppState { guard: Arc::new(guard), ..state(Store::default()) }
}

/// A path that the template matches.
fn path_of(template: &str) -> String {
    let template = template.replace("/ui/{file}", "/ui/main.js");
    template.replace("{id}", "7").replace("{slug}", "conflict").replace("{file}", "index.html")
}

fn request(method: &Method, path: &str, token: Option<&str>) -> TestRequest {
    let request = TestRequest::with_uri(path).method(method.clone());
    match token {
        Some(token) => request.insert_header((AUTHORIZATION, format!("Bearer {token}"))),
        None => request,
    }
}

fn problem(got: &Got) -> &str {
    got.body["type"].as_str().unwrap_or_default()
}

/// BR-STORAGE-020: each route without a token, with a bad one, and with one that lacks the permission.
#[actix_web::test]
async fn each_route_refuses_whoever_it_must() {
    let state = guarded();
    let operations = API.operations().flat_map(|it| it.methods().into_iter().map(move |method| (it, method)));
    for (operation, method) in operations {
        let path = path_of(&operation.path);
        let name = format!("{method} {path}");
        let got = call(&state, request(&method, &path, None)).await;
        let permission = match operation.requires {
            Requires::For(permission) => Some(permission),
            Requires::ToBeKnown => None,
            Requires::Nothing | Requires::Moderation | Requires::FewFiles => {
                // These pages are a folder's, and sent on to.
                let expected = if ["/docs", "/ui"].contains(&path.as_str()) { 308 } else { 200 };
                assert_eq!(got.status, expected, "{name}");
                continue;
            }
        };
        assert_eq!(
            (got.status, got.header("www-authenticate")),
            (401, "Bearer realm=\"datastorage\""),
            "{name}"
        );
        assert_eq!(
            (problem(&got), got.header("content-type")),
            ("/problems/unauthorized", "application/problem+json")
        );
        assert_eq!(got.body["instance"], got.header("x-correlation-id"));

        let got = call(&state, request(&method, &path, Some("unknown"))).await;
        let challenge = "Bearer realm=\"datastorage\", error=\"invalid_token\"";
        assert_eq!((got.status, got.header("www-authenticate")), (401, challenge), "{name}");

        let Some(permission) = permission else {
            assert_eq!(call(&state, request(&method, &path, Some("nothing"))).await.status, 200, "{name}");
            continue;
        };
        let others = Permission::ALL.into_iter().filter(|other| *other != permission);
        let others: Vec<String> = others.map(|other| other.name().replace(':', ".")).collect();
        for token in ["nothing".to_owned(), others.join("/")] {
            let got = call(&state, request(&method, &path, Some(&token))).await;
            let challenge = "Bearer realm=\"datastorage\", error=\"insufficient_scope\"";
            assert_eq!((got.status, got.header("www-authenticate")), (403, challenge), "{name} {token}");
            assert_eq!(problem(&got), "/problems/forbidden", "{name}");
            let detail = got.body["detail"].as_str().unwrap();
            assert!(method == Method::HEAD || detail.contains(permission.name()), "{name}: {detail}");
        }

        let token = permission.name().replace(':', ".");
        let got = call(&state, request(&method, &path, Some(&token))).await;
        assert!(!matches!(got.status, 401 | 403 | 404 | 405), "{name}: {}", got.status);
    }
}

/// Strangers do not learn which routes there are, and percent-encoding leads nowhere else than plain letters.
#[actix_web::test]
async fn what_no_route_matches_is_told_to_callers_only() {
    let state = guarded();
    let get = |path: &str, token: Option<&str>| request(&Method::GET, path, token);
    for path in ["/api/v1/nonsense", "/nonsense", "/metrics", "/api/v1/audit/remediation/"] {
        assert_eq!(call(&state, get(path, None)).await.status, 401, "{path}");
        assert_eq!(call(&state, get(path, Some("unknown"))).await.status, 401, "{path}");
        assert_eq!(call(&state, get(path, Some("nothing"))).await.status, 404, "{path}");
    }
    for (method, path) in
        [(Method::DELETE, "/api/v1/audit/remediation/7"), (Method::OPTIONS, "/api/v1/audit/remediation")]
    {
        assert_eq!(call(&state, request(&method, path, None)).await.status, 401, "{path}");
        let got = call(&state, request(&method, path, Some("nothing"))).await;
        assert_eq!((got.status, problem(&got)), (405, "/problems/method-not-allowed"), "{path}");
    }
    for path in
        ["/api/v1/audit/%72emediation", "/api/v1/%61udit/remediation/batch", "/%61pi/v1/audit/remediation/7"]
    {
        let method = if path.ends_with('7') { Method::PATCH } else { Method::POST };
        let got = call(&state, request(&method, path, Some("audit.read/admin"))).await;
        assert_eq!((got.status, problem(&got)), (403, "/problems/forbidden"), "{path}");
    }
}

/// A verifier that is unavailable is neither a yes nor a no, and its address stays inside.
#[actix_web::test]
async fn a_token_that_cannot_be_checked_is_a_503() {
    let got = call(&guarded(), request(&Method::GET, "/api/v1/incidents", Some("away"))).await;
    assert_eq!((got.status, problem(&got)), (503, "/problems/authentication-unavailable"));
    assert_eq!(got.header("retry-after"), "2");
    assert!(!got.body.to_string().contains("10.0.0.7"), "{}", got.body);
}

/// BR-STORAGE-004: an idempotency key is its caller's own.
#[actix_web::test]
async fn the_same_key_of_two_callers_is_two_keys() {
    let key_of = async |token: &str| {
        let write = Mutex::new(vec![Err(storage_dualwrite::WriteError::QueueFull)]);
        let store = Arc::new(Store { write, ..Store::default() });
        let state = AppState { writer: store.clone(), ..guarded() };
        let request = post(&valid())
            .insert_header((AUTHORIZATION, format!("Bearer {token}")))
            .insert_header(("Idempotency-Key", "k"));
        assert_eq!(call(&state, request).await.status, 503);
        let key = store.key.lock().unwrap().take();
        key.unwrap()
    };
    let (first, again) = (key_of("audit.write").await, key_of("audit.write").await);
    assert_eq!(first, again);
    assert_ne!(first, key_of("audit.write/audit.read").await);
}

/// In mode `none` every caller may do everything that the table has.
#[actix_web::test]
async fn without_authentication_a_token_is_not_looked_at() {
    let state = state(Store::default());
    let got = call(&state, post(&json!({})).insert_header((AUTHORIZATION, "Basic nonsense"))).await;
    assert_eq!(got.status, 400);
}

/// The caller is told its name and what it may do, and nothing while that cannot be found out.
#[actix_web::test]
async fn a_caller_is_told_who_it_is() {
    let state = guarded();
    let who = |token: &'static str| request(&Method::GET, "/api/v1/whoami", Some(token));
    for (token, permissions) in [("nothing", json!([])), ("audit.read/admin", json!(["audit:read", "admin"]))]
    {
        let got = call(&state, who(token)).await;
        let expected = json!({ "caller": token, "permissions": permissions, "expires_at": null });
        assert_eq!((got.status, got.body), (200, expected));
    }
    let got = call(&state, who("away")).await;
    assert_eq!((got.status, problem(&got)), (503, "/problems/authentication-unavailable"));

    let open = super::state(Store::default());
    let got = call(&open, request(&Method::GET, "/api/v1/whoami", None)).await;
    let all = Permission::ALL.map(Permission::name);
    assert_eq!(got.body, json!({ "caller": "anonymous", "permissions": all, "expires_at": null }));
}
