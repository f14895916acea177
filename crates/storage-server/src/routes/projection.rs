//! How far what is derived from records has come.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use serde::Serialize;
use storage_models::Timestamp;
use utoipa::ToSchema;

use super::answer::{HandlerResult, Json, Sent};
use super::health::{self, Dependency};
use super::operation::{Operation, Request};
use super::requires::Requires;
use crate::health::Compared;
use crate::http::state::AppState;
use crate::openapi::JsonBody;
use crate::routes::parameters::Parameters;

/// The operation.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/audit/projection";
    Operation::get(path, Requires::READ, projection, "How far it has come.")
        .named("service", "getProjection", "How far the search has caught up")
        .about("As this replica last found it; asks nothing of the store.")
        .shown_by(Request::new(200, path))
        .shown_by(Request::new(400, format!("{path}?full=true")))
}

/// How far what is derived from records has come.
#[derive(Serialize, ToSchema)]
#[schema(as = Projection)]
struct ProjectionAnswer {
    /// Records that wait for their vector: never fewer than this replica has accepted.
    #[schema(minimum = 0)]
    waiting: i64,
    /// Records of which the projection has given up until an operator tells it to try again.
    #[schema(minimum = 0)]
    parked: i64,
    /// For how long the oldest has waited, in milliseconds; null when none waits.
    #[schema(required, minimum = 0)]
    oldest_age_ms: Option<i64>,
    /// As of when they were counted; null before the first count.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    counted_at: Option<Timestamp>,
    /// Where the stores differed from the records when this replica last compared them; null before it has.
    #[schema(required)]
    drift: Option<DriftAnswer>,
    /// When that was.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_reconcile: Option<Timestamp>,
    /// What the service uses, by name, as `/ready` has it.
    dependencies: BTreeMap<&'static str, Dependency>,
}

impl JsonBody for ProjectionAnswer {}

/// How many records differ, by how.
#[derive(Serialize, ToSchema)]
#[schema(as = Drift)]
struct DriftAnswer {
    /// Those that a store lacks.
    #[schema(minimum = 0)]
    missing: u64,
    /// Those that only a store has.
    #[schema(minimum = 0)]
    phantom: u64,
    /// Those of which a store has another version.
    #[schema(minimum = 0)]
    stale: u64,
}

/// `GET /api/v1/audit/projection`
async fn projection(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> HandlerResult<Json<ProjectionAnswer>> {
    Parameters::parse(request.query_string()).finish()?;
    let (pending, compared) = (state.health.pending(), state.health.compared());
    let drift = |Compared { drift, .. }: &Compared| DriftAnswer {
        missing: drift.missing,
        phantom: drift.phantom,
        stale: drift.stale,
    };
    Ok(Sent::json(&ProjectionAnswer {
        waiting: pending.records,
        parked: pending.parked,
        oldest_age_ms: pending.oldest_age.and_then(|age| i64::try_from(age.as_millis()).ok()),
        counted_at: pending.counted_at,
        drift: compared.as_ref().map(drift),
        last_reconcile: compared.map(|compared| compared.at),
        dependencies: health::dependencies(&state, state.health.database()),
    }))
}
