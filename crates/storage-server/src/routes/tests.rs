//! The routes with faults in the store's place.

mod access;
mod edges;
mod openapi;
mod store;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HOST};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::web::Data;
use actix_web::{App, HttpResponse};
use async_trait::async_trait;
use serde_json::{Value, json};
use storage_dualwrite::{ConnectError, Connector, DatabaseTls, SessionSettings, WriteError};
use storage_embedding::{
    DEFAULT_TTL, EmbedError, Embedder, EmbeddingService, HashingEmbedder, MemoryCache, ModelIdentity,
};
use storage_models::fields::Value as Held;
use storage_models::{Embedding, Record, RecordType, Timestamp};
use storage_query::{DatabaseFault, FeedFault, QueryError};
use storage_validation::Handling;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::store::Store;
use crate::embedder::Embeddings;
use crate::export::{ExportTimes, Exports};
use crate::health::Health;
use crate::http::heavy::HeavyWork;
use crate::http::observe::observe;
use crate::http::state::{AppState, Limits, Port};
use crate::http::{admit, cors, host};
use crate::settings::Consistency;
use crate::store::budget::SharedBudget;
use crate::store::edge::ReadError;
use crate::store::fair_semaphore;
use crate::store::pool::ReadPool;
use crate::telemetry;

/// An embedder that is away.
struct Away(ModelIdentity);

#[async_trait]
impl Embedder for Away {
    fn model(&self) -> &ModelIdentity {
        &self.0
    }

    async fn embed(&self, _: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        let (model, reason) = (self.0.name().to_owned(), "connection refused by 10.0.0.7".to_owned());
        Err(EmbedError::Provider { model, reason, retry_after: None, source: None })
    }
}

/// Exports go past the store, and have no faults in its place: theirs are real ones.
fn no_exports() -> Exports {
    let url = "postgres://nobody@127.0.0.1:1/nowhere".to_owned().into();
    let connector = Connector::new(url, DatabaseTls::off(), SessionSettings::new("nobody")).unwrap();
    let second = Duration::from_secs(1);
    let pool = ReadPool::new(
        connector,
        fair_semaphore::Limits { places: 1, waiting: 1, patience: second, more_patience: second },
    );
    Exports::new(pool, ExportTimes { whole: second, stall: second }, TaskTracker::new())
}

fn state_with(store: Store, embedder: Arc<dyn Embedder>) -> AppState {
    let store = Arc::new(store);
    let service = EmbeddingService::new(embedder, Arc::new(MemoryCache::new(1 << 20, DEFAULT_TTL)));
    let health = Health::default();
    health.note_database(Some(Duration::from_millis(1)));
    AppState {
        writer: store.clone(),
        reader: store,
        exports: no_exports(),
        embeddings: Arc::new(Embeddings::new(Arc::new(service))),
        redis: None,
        index: None,
        budget: SharedBudget::new(1 << 20),
        answers: SharedBudget::new(1 << 20),
        heavy: HeavyWork::new(),
        guard: Arc::default(),
        access: super::access::of,
        months: Arc::default(),
        cors_origins: Arc::default(),
        grafana_url: None,
        health: Arc::new(health),
        metrics: telemetry::metrics::detached().unwrap(),
        log: telemetry::log::detached(),
        settings: Arc::default(),
        limits: Limits {
            request_timeout: Duration::from_secs(15),
            body: 1 << 16,
            batch_body: 1 << 20,
            consistency: Consistency::Deferred,
            handling: Handling::Strict,
        },
        port: Port::Api,
    }
}

fn state(store: Store) -> AppState {
    state_with(store, Arc::new(HashingEmbedder::new()))
}

/// Status, headers by name, and body of an answer.
struct Got {
    status: u16,
    response: HttpResponse,
    body: Value,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn call(state: &AppState, request: TestRequest) -> Got {
    let app = App::new()
        .app_data(Data::new(state.clone()))
        .configure(match state.port {
            Port::Api => super::api,
            Port::Admin { .. } => super::admin,
        })
        .wrap(from_fn(admit::admit))
        .wrap(from_fn(cors::answer))
        .wrap(from_fn(host::check))
        .wrap(from_fn(observe));
    let app = init_service(app).await;
    let request = request.insert_header((HOST, "localhost:8080")).to_request();
    let response = match try_call_service(&app, request).await {
        Ok(response) => response.into_parts().1,
        Err(error) => error.error_response(),
    };
    let (response, body) = response.into_parts();
    let body = actix_web::body::to_bytes(body).await.unwrap_or_default();
    Got {
        status: response.status().as_u16(),
        response: response.map_into_boxed_body(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

fn analysis() -> Record {
    let time: Timestamp = "2026-01-02T03:04:05.000006Z".parse().unwrap();
    let made = Record::of_values(RecordType::AiAnalysis, |name| match name {
        "id" => Held::Integer(7),
        "remediation_id" => Held::Integer(1),
        "analysis_type" => Held::Text("root-cause".into()),
        "confidence" => Held::Real(0.5),
        "recommendation" => Held::Text("restart".into()),
        "timestamp" | "created_at" => Held::Time(time),
        "model" => Held::Text("m".into()),
        "recorded_by" => Held::Text("operator".into()),
        _ => Held::Null,
    });
    made.unwrap()
}

fn post(body: &Value) -> TestRequest {
    TestRequest::post()
        .uri("/api/v1/audit/aianalysis")
        .insert_header((CONTENT_TYPE, "application/json"))
        .set_payload(body.to_string())
}

fn valid() -> Value {
    json!({
        "remediation_id": 1, "analysis_type": "root-cause", "confidence": 0.5, "recommendation": "restart",
        "model": " m "
    })
}

const TAG: &str = "\"7-1767323045000006\"";

/// BR-STORAGE-001, BR-STORAGE-011
#[actix_web::test]
async fn a_write_answers_with_the_stored_record_and_where_it_is() {
    let state = state(Store { write: Mutex::new(vec![Ok(analysis())]), ..Store::default() });
    let got = call(&state, post(&valid())).await;
    assert_eq!(got.status, 201);
    assert_eq!(got.header("location"), "/api/v1/audit/aianalysis/7");
    assert_eq!(got.header("etag"), TAG);
    assert_eq!(got.body["id"], 7);
    assert_eq!(got.body["reasoning"], Value::Null);
    assert_eq!(got.body["created_at"], "2026-01-02T03:04:05.000006Z");
    assert_eq!(got.body["vector_sync"], "not_indexed");
    assert_eq!(got.body["sanitized_fields"], json!(["/model"]));
    assert_eq!(state.budget.free(), 1 << 20);
}

/// BR-STORAGE-010: a bad record is refused with all its faults and reaches no store.
#[actix_web::test]
async fn an_invalid_record_is_refused_before_the_store() {
    let state = state(Store::default());
    for (body, expected) in [
        (json!({}), vec!["/remediation_id", "/analysis_type", "/confidence", "/recommendation", "/model"]),
        (json!([]), vec![""]),
    ] {
        let got = call(&state, post(&body)).await;
        assert_eq!((got.status, got.header("content-type")), (400, "application/problem+json"));
        assert_eq!(got.body["type"], "/problems/validation-failed");
        let errors = got.body["errors"].as_array().unwrap();
        let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(&pointers[..expected.len()], expected);
    }
    let unknown = call(&state, post(&valid()).uri("/api/v1/audit/aianalysis?consistent=strict")).await;
    assert_eq!((unknown.status, unknown.body["type"].as_str()), (400, Some("/problems/invalid-parameters")));
}

fn database_fault(fault: DatabaseFault) -> ReadError {
    let source = diesel::result::Error::QueryBuilderError("relation secret_table on 10.0.0.7".into());
    ReadError::Query(QueryError::Database { operation: "list records", fault, source })
}

/// F18: whatever the store meets, the answer is a fixed sentence with the correlation id.
#[actix_web::test]
async fn faults_of_a_write_are_told_apart_and_leak_nothing() {
    for (fault, status, slug, retry) in [
        (WriteError::QueueFull, 503, "overloaded", true),
        (WriteError::DeadlinePassed, 503, "deadline-passed", true),
        (WriteError::Unavailable, 503, "database-unavailable", true),
        (WriteError::Stopping, 503, "stopping", true),
        (WriteError::OutcomeUnknown, 503, "outcome-unknown", true),
        (WriteError::Refused("secret_table at 10.0.0.7".to_owned()), 500, "internal", false),
        (WriteError::ParentNotFound(1), 400, "validation-failed", false),
    ] {
        let store = Store { write: Mutex::new(vec![Err(fault)]), ..Store::default() };
        let got = call(&state(store), post(&valid()).insert_header(("x-correlation-id", "id-1"))).await;
        assert_eq!((got.status, got.body["status"].as_u64()), (status, Some(u64::from(status))), "{slug}");
        assert_eq!(got.body["type"], format!("/problems/{slug}"));
        assert_eq!((got.body["instance"].as_str(), got.header("x-correlation-id")), (Some("id-1"), "id-1"));
        assert_eq!(got.header("retry-after").is_empty(), !retry, "{slug}");
        assert!(!got.body.to_string().contains("10.0.0.7"), "{}", got.body);
    }
}

const READS: &[&str] = &[
    "/api/v1/audit/aianalysis",
    "/api/v1/audit/aianalysis/7",
    "/api/v1/audit/search?q=x&mode=semantic",
    "/api/v1/audit/search?q=x&mode=lexical",
    "/api/v1/incidents",
    "/api/v1/incidents/7",
    "/api/v1/incidents/aggregate/success-rate",
    "/api/v1/incidents/aggregate/by-severity",
    "/api/v1/incidents/aggregate/trend",
    "/api/v1/audit/remediation/7/timeline",
];

/// F18, F17: a read that fails is an error and never an empty list.
#[actix_web::test]
async fn faults_of_a_read_are_told_apart_and_leak_nothing() {
    type Case = (fn() -> ReadError, u16, &'static str);
    let faults: [Case; 10] = [
        (|| ReadError::Busy, 503, "overloaded"),
        (|| ReadError::Connect(ConnectError::TimedOut(Duration::ZERO)), 503, "database-unavailable"),
        (|| ReadError::DeadlinePassed, 503, "deadline-passed"),
        (|| ReadError::Stopping, 503, "stopping"),
        (|| ReadError::Encoding(serde_json::Error::io(std::io::Error::other("10.0.0.7"))), 500, "internal"),
        (|| database_fault(DatabaseFault::StatementTimeout), 503, "deadline-passed"),
        (|| database_fault(DatabaseFault::ConnectionLost), 503, "database-unavailable"),
        (|| database_fault(DatabaseFault::Unreadable), 500, "internal"),
        (|| ReadError::Query(QueryError::Feed(FeedFault::Standby)), 503, "feed-unavailable"),
        (|| ReadError::Query(QueryError::Feed(FeedFault::FixedSnapshot)), 500, "internal"),
    ];
    for (fault, status, slug) in faults {
        for uri in READS {
            let store = Store { read: Mutex::new(vec![Err(fault())]), ..Store::default() };
            let got = call(&state(store), TestRequest::get().uri(uri)).await;
            assert_eq!(
                (got.status, got.body["type"].as_str()),
                (status, Some(&*format!("/problems/{slug}"))),
                "{uri}"
            );
            assert_eq!(got.body["instance"], got.header("x-correlation-id"));
            assert!(!got.body.to_string().contains("10.0.0.7"), "{}", got.body);
        }
    }
}

#[actix_web::test]
async fn a_panic_costs_its_own_request_an_answer_of_500_and_nothing_else() {
    let state = state(Store::default());
    let got = call(&state, TestRequest::get().uri("/api/v1/audit/aianalysis/7")).await;
    assert_eq!((got.status, got.body["type"].as_str()), (500, Some("/problems/internal")));
    assert_eq!(got.body["instance"], got.header("x-correlation-id"));
    assert_eq!(call(&state, TestRequest::get().uri("/health")).await.status, 200);
}

#[actix_web::test]
async fn a_record_that_is_known_already_is_not_sent_again() {
    for (known, status) in [(TAG, 304), ("\"7-1\", *", 200), ("*", 304), ("\"7-1\"", 200)] {
        let state = state(Store { read: Mutex::new(vec![Ok(Some(analysis()))]), ..Store::default() });
        let request =
            TestRequest::get().uri("/api/v1/audit/aianalysis/7").insert_header(("if-none-match", known));
        let got = call(&state, request).await;
        assert_eq!((got.status, got.header("etag")), (status, TAG), "{known}");
        assert_eq!(got.body.is_null(), status == 304);
    }
}

#[actix_web::test]
async fn what_is_not_there_is_a_problem_with_the_right_status() {
    let state = state(Store { read: Mutex::new(vec![Ok(None)]), ..Store::default() });
    let get = |uri: &str| TestRequest::get().uri(uri);
    for (request, status, slug, allow) in [
        (get("/api/v1/audit/aianalysis/8"), 404, "record-not-found", ""),
        (get("/api/v1/audit/aianalysis/x"), 404, "record-not-found", ""),
        (get("/api/v1/incidents/0"), 404, "record-not-found", ""),
        (get("/api/v1/incidents?remediation_id=1"), 400, "invalid-parameters", ""),
        (get("/api/v1/incidents/7?limit=1"), 400, "invalid-parameters", ""),
        (TestRequest::post().uri("/api/v1/incidents"), 405, "method-not-allowed", "GET, HEAD"),
        (get("/api/v1/incidents/aggregate/by-phase"), 404, "route-not-found", ""),
        (get("/api/v1/incidents/aggregate/trend?interval=month"), 400, "invalid-parameters", ""),
        (
            TestRequest::post().uri("/api/v1/incidents/aggregate/trend"),
            405,
            "method-not-allowed",
            "GET, HEAD",
        ),
        (get("/api/v1/audit/remediation/x/timeline"), 404, "record-not-found", ""),
        (get("/api/v1/audit/remediation/7/timeline?since=1d"), 400, "invalid-parameters", ""),
        (get("/api/v1/audit/workflow/7/timeline"), 404, "route-not-found", ""),
        (get("/api/v1/audit/incident"), 404, "route-not-found", ""),
        (get("/api/v1/audit/aianalysis/"), 404, "route-not-found", ""),
        (get("/problems/none"), 404, "route-not-found", ""),
        (get("/metrics"), 404, "route-not-found", ""),
        (TestRequest::delete().uri("/api/v1/audit/aianalysis/7"), 405, "method-not-allowed", "GET, HEAD"),
        (TestRequest::delete().uri("/api/v1/audit/aianalysis"), 405, "method-not-allowed", "GET, HEAD, POST"),
        (TestRequest::post().uri("/ready"), 405, "method-not-allowed", "GET, HEAD"),
        (get("/health").uri("http://evil.example/health"), 421, "misdirected", ""),
        (get("/api/v1/audit/aianalysis?nmae=x"), 400, "invalid-parameters", ""),
        (get("/api/v1/audit/aianalysis/7?x"), 400, "invalid-parameters", ""),
        (post(&valid()).insert_header((CONTENT_TYPE, "text/plain")), 415, "unsupported-media-type", ""),
        (post(&json!("x".repeat(70_000))), 413, "body-too-large", ""),
    ] {
        let got = call(&state, request).await;
        let expected = (status, Some(format!("/problems/{slug}")));
        assert_eq!((got.status, got.body["type"].as_str().map(ToOwned::to_owned)), expected);
        assert_eq!(got.header("allow"), allow);
        assert_eq!(got.header("x-correlation-id").len(), 36);
    }
}

/// The admin port answers reads only.
#[actix_web::test]
async fn the_admin_port_has_metrics_and_health_and_nothing_to_change() {
    let state = AppState { port: Port::Admin { is_loopback: false }, ..state(Store::default()) };
    for path in ["/metrics", "/health", "/livez", "/ready", "/readyz", "/version"] {
        assert_eq!(call(&state, TestRequest::get().uri(path)).await.status, 200, "{path}");
        assert_eq!(call(&state, TestRequest::post().uri(path)).await.status, 405, "{path}");
    }
    assert_eq!(call(&state, TestRequest::get().uri("/api/v1/audit/aianalysis")).await.status, 404);
}

#[actix_web::test]
async fn readiness_follows_postgresql_and_the_stop_but_not_the_embedder() {
    let store = Store { read: Mutex::new(vec![Ok(None), Ok(None)]), ..Store::default() };
    let state = state_with(store, Arc::new(Away(ModelIdentity::new("away"))));
    let ready = async || {
        let got = call(&state, TestRequest::get().uri("/ready")).await;
        (got.status, got.body["status"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ready().await, (200, "ready".to_owned()));

    for mode in ["hybrid", "semantic"] {
        let uri = format!("/api/v1/audit/search?q=x&mode={mode}");
        let search = call(&state, TestRequest::get().uri(&uri)).await;
        let expected = json!({
            "data": [], "engine": null, "degraded": true, "pending": 0, "pending_counted_at": null,
        });
        assert_eq!((search.status, search.body), (200, expected), "{mode}");
    }
    assert_eq!(ready().await, (200, "degraded".to_owned()));

    state.health.note_database(None);
    assert_eq!(ready().await, (503, "unavailable".to_owned()));
    state.health.note_database(Some(Duration::ZERO));
    state.health.begin_stop();
    assert_eq!(ready().await, (503, "stopping".to_owned()));
    assert_eq!(call(&state, TestRequest::get().uri("/livez")).await.status, StatusCode::OK.as_u16());
}

#[actix_web::test]
async fn the_store_is_told_when_the_request_must_be_done() {
    let requests = READS.iter().map(|uri| TestRequest::get().uri(uri)).chain([post(&valid())]);
    for request in requests {
        let (write, read) = (Mutex::new(vec![Ok(analysis())]), Mutex::new(vec![Err(ReadError::Busy)]));
        let store = Arc::new(Store { write, read, ..Store::default() });
        let state = AppState { writer: store.clone(), reader: store.clone(), ..state(Store::default()) };
        let before = Instant::now();
        call(&state, request).await;
        let deadline = store.deadline.lock().unwrap().unwrap();
        // A search keeps a tenth for what comes of both its sides.
        assert!(deadline >= before + state.limits.request_timeout * 8 / 10);
        assert!(deadline <= Instant::now() + state.limits.request_timeout);
    }
}
