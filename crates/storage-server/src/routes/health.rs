//! Whether the process lives, whether it can serve, what it is, and what it has measured.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::Answer;
use crate::state::AppState;
use crate::telemetry;

/// The model name of the provider that knows no meaning.
const HASHING: &str = "hashing";

/// A dependency's state. Names no host and no error: anybody may ask.
#[derive(Debug, Serialize)]
struct Dependency {
    state: &'static str,
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// `GET /health`: touches nothing.
pub(super) async fn alive() -> Answer {
    Ok(HttpResponse::Ok().json(json!({ "status": "alive" })))
}

/// `GET /ready`: 503 when PostgreSQL is away or the service is stopping, else 200.
pub(super) async fn ready(state: web::Data<AppState>) -> Answer {
    let database = state.health.database().filter(|_| state.writer.is_up());
    let is_embedder_up = state.embeddings.is_up();
    let is_redis_up = state.redis.as_ref().is_none_or(|redis| redis.is_up());
    let is_index_up = state.index.as_ref().is_none_or(|index| index.is_up());
    let is_projecting = state.health.stalled().is_none();
    let status = match (state.health.is_stopping(), database) {
        (true, _) => "stopping",
        (false, None) => "unavailable",
        (false, Some(_)) if is_embedder_up && is_redis_up && is_index_up && is_projecting => "ready",
        (false, Some(_)) => "degraded",
    };
    let body = json!({ "status": status, "dependencies": dependencies(&state, database) });
    let mut response = if matches!(status, "ready" | "degraded") {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    Ok(response.json(body))
}

/// What the service uses, by name. `database` is how long PostgreSQL took to answer, if it did.
fn dependencies(state: &AppState, database: Option<Duration>) -> BTreeMap<&'static str, Dependency> {
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
            state: "not configured",
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
    Dependency { state: "stalled", latency_ms: None, note: Some(note) }
}

impl Dependency {
    fn new(is_up: bool, latency: Option<Duration>, note: Option<String>) -> Self {
        let state = if is_up { "up" } else { "down" };
        Self { state, latency_ms: latency.map(telemetry::millis), note }
    }
}

fn embedder_note(state: &AppState) -> Option<String> {
    let model = state.embeddings.model();
    let meaning = if model.starts_with(HASHING) { "; compares words, knows no meaning" } else { "" };
    Some(format!("{model}{meaning}"))
}

/// `GET /version`
pub(super) async fn version() -> Answer {
    Ok(HttpResponse::Ok().json(json!({ "name": "datastorage", "version": crate::VERSION })))
}

/// `GET /metrics`
pub(super) async fn metrics(state: web::Data<AppState>) -> Answer {
    let text = telemetry::metrics::render(&state.metrics);
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}
