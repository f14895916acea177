//! Whether the process lives, whether it can serve, what it is, and what it has measured.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Form, Json, Sent};
use super::asks::Asks;
use super::operation::{Operation, Request};
use crate::http::state::AppState;
use crate::openapi::JsonBody;
use crate::openapi::responses::{Answers, json_body_showing, text_body};
use crate::telemetry;

/// The model name of the provider that knows no meaning.
const HASHING: &str = "hashing";

/// The operations that both ports have.
pub(super) fn operations() -> [Operation; 5] {
    let alive = |path, id| {
        Operation::get(path, Asks::Nothing, alive, "It does.")
            .named("service", id, "Whether the process lives")
            .about("Touches nothing.")
            .shown_by(Request::new(200, path))
    };
    let ready = |path, id| {
        Operation::get(path, Asks::Nothing, ready, "It can.")
            .named("service", id, "Whether it can serve")
            .about("Also ready while it is degraded: then what is lacking catches up by itself.")
            .shown_by(Request::new(200, path))
    };
    let version = Operation::get("/version", Asks::Nothing, version, "Its name and version.")
        .named("service", "version", "Which build it is")
        .shown_by(Request::new(200, "/version"));
    [
        alive("/health", "health"),
        alive("/livez", "livez"),
        ready("/ready", "ready"),
        ready("/readyz", "readyz"),
        version,
    ]
}

/// The operation of the admin port alone.
pub(super) fn metrics_operation() -> Operation {
    Operation::get("/metrics", Asks::Nothing, metrics, "Everything that is measured.")
        .named("service", "metrics", "What was measured")
        .shown_by(Request::new(200, "/metrics"))
}

/// That the process lives.
#[derive(Serialize, ToSchema)]
struct Alive {
    #[schema(inline)]
    status: Life,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Life {
    Alive,
}

impl JsonBody for Alive {}

/// Whether the service can serve, and how what it uses is.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: Condition,
    /// By name.
    dependencies: BTreeMap<&'static str, Dependency>,
}

/// How the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReadinessStatus)]
#[serde(rename_all = "snake_case")]
enum Condition {
    Ready,
    Degraded,
    Unavailable,
    Stopping,
}

impl JsonBody for Readiness {}

/// 200 or 503 with how the service is.
struct Probed;

impl Form for Probed {
    fn answers(about: &str) -> Answers {
        let unavailable = "PostgreSQL is away, or the service is stopping.";
        let body = |about, status, latency| {
            let postgresql = Dependency::new(status == Condition::Ready, latency, None);
            json_body_showing(about, &Readiness { status, dependencies: [("postgresql", postgresql)].into() })
        };
        Answers::new::<Readiness>(200, body(about, Condition::Ready, Some(Duration::from_micros(800))))
            .and(503, body(unavailable, Condition::Unavailable, None))
    }
}

/// A dependency's state. Names no host and no error: anybody may ask.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dependency {
    state: DependencyState,
    /// How long it took to answer when it was last asked; null when it did not, or is never asked.
    #[schema(required, minimum = 0)]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DependencyState {
    Up,
    Down,
    #[serde(rename = "not configured")]
    NotConfigured,
    Stalled,
}

/// Which build answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Build)]
struct Version {
    #[schema(examples("datastorage"))]
    name: &'static str,
    #[schema(examples(json!(crate::VERSION)))]
    version: &'static str,
}

impl JsonBody for Version {}

/// 200 with the metrics in Prometheus' text format.
struct Metrics;

impl Form for Metrics {
    fn answers(about: &str) -> Answers {
        Answers::plain(200, text_body(about, "text/plain", "# TYPE http_requests_total counter"))
    }
}

/// `GET /health`: touches nothing.
async fn alive() -> Answer<Json<Alive>> {
    Ok(Sent::json(&Alive { status: Life::Alive }))
}

/// `GET /ready`: 503 when PostgreSQL is away or the service is stopping, else 200.
async fn ready(state: web::Data<AppState>) -> Answer<Probed> {
    let database = state.health.database().filter(|_| state.writer.is_up());
    let is_embedder_up = state.embeddings.is_up();
    let is_redis_up = state.redis.as_ref().is_none_or(|redis| redis.is_up());
    let is_index_up = state.index.as_ref().is_none_or(|index| index.is_up());
    let is_projecting = state.health.stalled().is_none();
    let status = match (state.health.is_stopping(), database) {
        (true, _) => Condition::Stopping,
        (false, None) => Condition::Unavailable,
        (false, Some(_)) if is_embedder_up && is_redis_up && is_index_up && is_projecting => Condition::Ready,
        (false, Some(_)) => Condition::Degraded,
    };
    let body = Readiness { status, dependencies: dependencies(&state, database) };
    let mut response = if matches!(status, Condition::Ready | Condition::Degraded) {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    Ok(Sent::of(response.json(body)))
}

/// What the service uses, by name. `database` is how long PostgreSQL took to answer, if it did.
pub(super) fn dependencies(
    state: &AppState,
    database: Option<Duration>,
) -> BTreeMap<&'static str, Dependency> {
    let note = |text: &str| Some(text.to_owned());
    let embeddings = &state.embeddings;
    let mut dependencies = BTreeMap::from([
        ("postgresql", Dependency::new(database.is_some(), database, None)),
        ("embedder", Dependency::new(embeddings.is_up(), embeddings.latency(), embedder_note(state))),
        ("pgvector", Dependency::new(database.is_some(), database, None)),
        ("qdrant", qdrant(state)),
        ("cache", Dependency::new(true, None, note("memory of this process"))),
        ("projection", projection(state)),
    ]);
    if let Some(redis) = &state.redis {
        let shared = note("shares vectors between replicas; without it each remembers its own");
        dependencies.insert("redis", Dependency::new(redis.is_up(), redis.latency(), shared));
    }
    dependencies
}

/// The outside index. What a collection that is not ours must be told of is its own sentence, which names no host.
fn qdrant(state: &AppState) -> Dependency {
    let Some(index) = &state.index else {
        return Dependency {
            state: DependencyState::NotConfigured,
            latency_ms: None,
            note: Some("pgvector serves".to_owned()),
        };
    };
    let away = || "searches by meaning are pgvector's; records wait in the outbox".to_owned();
    let note = index.mismatch().or_else(|| (!index.is_up()).then(away));
    Dependency::new(index.is_up(), index.latency(), note)
}

/// What brings records into the vector index. The log says what keeps it.
fn projection(state: &AppState) -> Dependency {
    let Some(waited) = state.health.stalled() else { return Dependency::new(true, None, None) };
    let note = format!("a record has waited for {} s to be found by meaning; see the log", waited.as_secs());
    Dependency { state: DependencyState::Stalled, latency_ms: None, note: Some(note) }
}

impl Dependency {
    fn new(is_up: bool, latency: Option<Duration>, note: Option<String>) -> Self {
        let state = if is_up { DependencyState::Up } else { DependencyState::Down };
        Self { state, latency_ms: latency.map(telemetry::millis), note }
    }
}

fn embedder_note(state: &AppState) -> Option<String> {
    let model = state.embeddings.model();
    let meaning = if model.starts_with(HASHING) { "; compares words, knows no meaning" } else { "" };
    Some(format!("{model}{meaning}"))
}

/// `GET /version`
async fn version() -> Answer<Json<Version>> {
    Ok(Sent::json(&Version { name: "datastorage", version: crate::VERSION }))
}

/// `GET /metrics`
async fn metrics(state: web::Data<AppState>) -> Answer<Metrics> {
    let text = telemetry::metrics::render(&state.metrics);
    let mut response = HttpResponse::Ok();
    Ok(Sent::of(response.content_type("text/plain; version=0.0.4; charset=utf-8").body(text)))
}
