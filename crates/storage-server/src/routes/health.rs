//! Check that the process runs, whether it can serve, what it is, and what it has measured.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Form, HandlerResult, Json, Sent};
use super::operation::{Operation, Request};
use super::requires::Requires;
use crate::http::state::AppState;
use crate::openapi::JsonBody;
use crate::openapi::responses::{Answers, json_body_showing, text_body};
use crate::telemetry;

/// The model name of the provider that knows no meaning.
const HASHING: &str = "hashing";

/// The operations that both ports have.
pub(super) fn operations() -> [Operation; 5] {
    let alive = |path, id| {
        Operation::get(path, Requires::Nothing, alive, "The process runs.")
            .named("service", id, "Check that the process runs")
            .about("Uses no dependency.")
            .shown_by(Request::new(200, path))
    };
    let ready = |path, id| {
        Operation::get(path, Requires::Nothing, ready, "The service can answer.")
            .named("service", id, "Check that the service can answer")
            .about("A degraded service is ready too. It recovers by itself when the missing dependency is available \
                    again.")
            .shown_by(Request::new(200, path))
    };
    let version =
        Operation::get("/version", Requires::Nothing, version, "The name and the version of the service.")
            .named("service", "version", "Read the version")
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
    Operation::get("/metrics", Requires::Nothing, metrics, "All metrics.")
        .named("service", "metrics", "Read the metrics")
        .shown_by(Request::new(200, "/metrics"))
}

/// The process runs.
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

/// Whether the service can answer, and the state of its dependencies.
#[derive(Serialize, ToSchema)]
struct Readiness {
    status: Condition,
    /// By name.
    dependencies: BTreeMap<&'static str, Dependency>,
}

/// The state of the service.
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
        let unavailable = "PostgreSQL is unavailable, or the service is stopping.";
        let body = |about, status, latency| {
            let postgresql = Dependency::new(status == Condition::Ready, latency, None);
            json_body_showing(about, &Readiness { status, dependencies: [("postgresql", postgresql)].into() })
        };
        Answers::new::<Readiness>(200, body(about, Condition::Ready, Some(Duration::from_micros(800))))
            .and(503, body(unavailable, Condition::Unavailable, None))
    }
}

/// A dependency's state. It names no host and no error, because it needs no permission.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dependency {
    state: DependencyState,
    /// The time that its last answer took; null if it did not answer, or if the service never asks it.
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

/// The build that answers.
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
async fn alive() -> HandlerResult<Json<Alive>> {
    Ok(Sent::json(&Alive { status: Life::Alive }))
}

/// `GET /ready`: 503 when PostgreSQL is unavailable or the service is stopping, else 200.
async fn ready(state: web::Data<AppState>) -> HandlerResult<Probed> {
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

/// The dependencies of the service, by name. `database` is the time that PostgreSQL took to answer, if it did.
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
        let shared = note("shares vectors between replicas; without Redis each replica keeps its own");
        dependencies.insert("redis", Dependency::new(redis.is_up(), redis.latency(), shared));
    }
    dependencies
}

/// The outside index. The note about a collection that is not ours is the index's own sentence, which names no host.
fn qdrant(state: &AppState) -> Dependency {
    let Some(index) = &state.index else {
        return Dependency {
            state: DependencyState::NotConfigured,
            latency_ms: None,
            note: Some("pgvector answers searches by meaning".to_owned()),
        };
    };
    let away = || "pgvector answers searches by meaning; records wait in the outbox".to_owned();
    let note = index.mismatch().or_else(|| (!index.is_up()).then(away));
    Dependency::new(index.is_up(), index.latency(), note)
}

/// The projection of records into the vector index. The log says why it is stalled.
fn projection(state: &AppState) -> Dependency {
    let Some(waited) = state.health.stalled() else { return Dependency::new(true, None, None) };
    let note = format!("a record has waited for {} s for the vector index; see the log", waited.as_secs());
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
    let meaning = if model.starts_with(HASHING) { "; compares words and not their meaning" } else { "" };
    Some(format!("{model}{meaning}"))
}

/// `GET /version`
async fn version() -> HandlerResult<Json<Version>> {
    Ok(Sent::json(&Version { name: "datastorage", version: crate::VERSION }))
}

/// `GET /metrics`
async fn metrics(state: web::Data<AppState>) -> HandlerResult<Metrics> {
    let text = telemetry::metrics::render(&state.metrics);
    let mut response = HttpResponse::Ok();
    Ok(Sent::of(response.content_type("text/plain; version=0.0.4; charset=utf-8").body(text)))
}
