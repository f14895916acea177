//! The limits at the door, and what browsers are told.

use std::sync::Arc;

use actix_web::http::header::AUTHORIZATION;
use actix_web::test::TestRequest;
use tokio::sync::Semaphore;

use super::access::{ByName, guarded};
use super::{Got, Store, call, state};
use crate::auth::{AccessGuard, Rates};
use crate::http::state::AppState;

fn limited(guard: AccessGuard) -> AppState {
    AppState { guard: Arc::new(guard), ..guarded() }
}

fn guard() -> AccessGuard {
    AccessGuard { verifier: Some(Arc::new(ByName::default())), ..AccessGuard::default() }
}

fn problem(got: &Got) -> (u16, &str) {
    (got.status, got.body["type"].as_str().unwrap_or_default())
}

fn asking(token: &str) -> TestRequest {
    TestRequest::get().uri("/api/v1/nonsense").insert_header((AUTHORIZATION, format!("Bearer {token}")))
}

fn from(address: &str) -> TestRequest {
    asking("unknown").peer_addr(format!("{address}:1").parse().unwrap())
}

/// A caller beyond the rate waits; others, and health, do not.
#[actix_web::test]
async fn a_caller_beyond_the_rate_is_told_when_to_come_again() {
    let state = limited(AccessGuard { callers: Rates::new(1, 2), ..guard() });
    for _ in 0..2 {
        assert_eq!(call(&state, asking("nothing")).await.status, 404);
    }
    let got = call(&state, asking("nothing")).await;
    assert_eq!((problem(&got), got.header("retry-after")), ((429, "/problems/rate-limited"), "1"));
    assert_eq!(call(&state, asking("admin")).await.status, 404);
    assert_eq!(call(&state, TestRequest::get().uri("/health")).await.status, 200);
}

/// An address that sends unknown tokens is not listened to for a while; the others are.
#[actix_web::test]
async fn an_address_that_guesses_is_limited() {
    let state = limited(AccessGuard { strangers: Rates::new(1, 3), ..guard() });
    for _ in 0..3 {
        assert_eq!(call(&state, from("203.0.113.9")).await.status, 401);
    }
    let got = call(&state, from("203.0.113.9")).await;
    assert_eq!((problem(&got), got.header("retry-after")), ((429, "/problems/rate-limited"), "1"));
    assert_eq!(call(&state, from("203.0.113.8")).await.status, 401);
    // Without a trusted proxy in between, an address in a header counts for nothing.
    let disguised = from("203.0.113.9").insert_header(("x-forwarded-for", "203.0.113.7"));
    assert_eq!(call(&state, disguised).await.status, 429);
    assert_eq!(call(&state, TestRequest::get().uri("/ready")).await.status, 200);
}

/// F46: guesses from behind the same proxy do not keep out a token that was good lately.
#[actix_web::test]
async fn a_token_that_was_good_is_looked_at_where_strangers_are_not() {
    let state = limited(AccessGuard { strangers: Rates::new(1, 2), ..guard() });
    let known = || asking("nothing").peer_addr("203.0.113.9:1".parse().unwrap());
    for _ in 0..2 {
        assert_eq!(call(&state, from("203.0.113.9")).await.status, 401);
    }
    assert_eq!(call(&state, from("203.0.113.9")).await.status, 429);
    for _ in 0..10 {
        assert_eq!(call(&state, known()).await.status, 404);
    }
}

/// F48: the open pages count for the address that asks for them; health does not.
#[actix_web::test]
async fn the_open_pages_are_under_the_allowance_of_strangers() {
    let state = limited(AccessGuard { strangers: Rates::new(1, 3), ..AccessGuard::default() });
    let ask = async |path: &str, address: &str| {
        let request = TestRequest::get().uri(path).peer_addr(format!("{address}:1").parse().unwrap());
        call(&state, request).await
    };
    assert_eq!(ask("/problems/conflict", "203.0.113.9").await.status, 200);
    for path in ["/openapi.json", "/docs", "/docs/index.html", "/problems/conflict"] {
        let mut refused = None;
        for _ in 0..100 {
            refused = Some(ask(path, "203.0.113.9").await).filter(|got| got.status == 429).or(refused);
        }
        let got = refused.unwrap_or_else(|| panic!("{path}: a hundred at once were answered"));
        assert_eq!(
            (problem(&got), got.header("retry-after")),
            ((429, "/problems/rate-limited"), "1"),
            "{path}"
        );
    }
    assert_eq!(ask("/openapi.json", "203.0.113.8").await.status, 200);
    for path in ["/health", "/livez", "/ready", "/readyz", "/version"] {
        assert_eq!(ask(path, "203.0.113.9").await.status, 200, "{path}");
    }
}

/// The files of the explorer have an allowance of their own: opening it takes nothing of what its address may ask besides.
#[actix_web::test]
async fn the_files_of_the_explorer_are_counted_apart() {
    let state = limited(AccessGuard {
        strangers: Rates::new(1, 1),
        files: Rates::new(1, 3),
        ..AccessGuard::default()
    });
    let ask = async |path: &str| {
        call(&state, TestRequest::get().uri(path).peer_addr("203.0.113.9:1".parse().unwrap())).await
    };
    for path in ["/ui/", "/ui/main.js", "/ui"] {
        assert_ne!(ask(path).await.status, 429, "{path}");
    }
    let mut refused = 0;
    for _ in 0..100 {
        refused += usize::from(ask("/ui/main.js").await.status == 429);
    }
    assert!(refused > 0, "a hundred at once were answered");
    assert_eq!(ask("/problems/conflict").await.status, 200);
}

/// Beyond the places there are, a request is put off before anything is asked for it.
#[actix_web::test]
async fn requests_beyond_the_places_are_shed() {
    let places = Arc::new(Semaphore::new(1));
    let verifier = Arc::new(ByName::default());
    let state = limited(AccessGuard {
        places: places.clone(),
        verifier: Some(verifier.clone()),
        ..AccessGuard::default()
    });
    let held = places.try_acquire().unwrap();
    let got = call(&state, asking("nothing")).await;
    assert_eq!((problem(&got), got.header("retry-after")), ((503, "/problems/overloaded"), "1"));
    assert!(verifier.asked.lock().unwrap().is_empty());
    assert_eq!(call(&state, TestRequest::get().uri("/health")).await.status, 200);
    drop(held);
    assert_eq!(call(&state, asking("nothing")).await.status, 404);
    assert_eq!(call(&state, asking("nothing")).await.status, 404, "a place is given back");
}

const PAGE: &str = "https://console.example";

fn browser(request: TestRequest, origin: &str) -> TestRequest {
    request.insert_header(("origin", origin))
}

fn preliminary(origin: &str) -> TestRequest {
    browser(TestRequest::with_uri("/api/v1/audit/remediation"), origin)
        .method(actix_web::http::Method::OPTIONS)
        .insert_header(("access-control-request-method", "POST"))
}

/// F30: with an empty list no page is told anything.
#[actix_web::test]
async fn without_a_list_no_page_is_allowed_anything() {
    for state in [state(Store::default()), guarded()] {
        for request in [preliminary(PAGE), browser(TestRequest::get().uri("/health"), PAGE)] {
            let got = call(&state, request).await;
            assert_eq!(got.header("access-control-allow-origin"), "");
            assert!(!got.header("vary").contains("Origin"));
            assert_ne!(got.status, 204);
        }
    }
}

/// F30: the pages of the list may read answers, refusals included; no other may.
#[actix_web::test]
async fn listed_pages_are_allowed_and_no_others() {
    let state = AppState { cors_origins: Arc::new([PAGE.to_owned()]), ..guarded() };
    let got = call(&state, preliminary(PAGE)).await;
    assert_eq!((got.status, got.header("access-control-allow-origin")), (204, PAGE));
    assert!(got.header("access-control-allow-headers").contains("Authorization"));
    assert_eq!(got.header("access-control-allow-credentials"), "");

    let got = call(&state, browser(TestRequest::get().uri("/api/v1/incidents"), PAGE)).await;
    assert_eq!((got.status, got.header("access-control-allow-origin")), (401, PAGE));
    assert_eq!((got.header("vary"), got.header("content-type")), ("Origin", "application/problem+json"));

    for origin in
        ["https://console.example.evil", "http://console.example", "https://CONSOLE.example", "null"]
    {
        let got = call(&state, preliminary(origin)).await;
        assert_eq!((got.status, got.header("access-control-allow-origin")), (401, ""), "{origin}");
        let got = call(&state, browser(TestRequest::get().uri("/health"), origin)).await;
        assert_eq!(
            (got.header("access-control-allow-origin"), got.header("vary")),
            ("", "Origin"),
            "{origin}"
        );
    }
}
