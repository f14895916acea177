//! What operators see of this replica and change in it, under the permission `admin`.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;
use storage_models::Json;
use storage_models::json::{MAX_FAULTS, MAX_TOKEN_LENGTH, pointer_to};

use super::{Answer, not_allowed, read_only};
use crate::auth::Caller;
use crate::body::{self, MediaType};
use crate::parameters::Parameters;
use crate::problem::{Place, Problem, ProblemKind, Violation};
use crate::state::AppState;
use crate::telemetry::LogLevel;
use crate::telemetry::log::{LogControl, LogIsGone};
use crate::telemetry::request::RequestContext;

/// The one member of a body that changes the level.
const LEVEL: &str = "level";

pub(super) fn configure(config: &mut ServiceConfig) {
    let level = web::resource("/api/v1/admin/log-level")
        .route(web::get().to(level))
        .route(web::head().to(level))
        .route(web::put().to(set_level))
        .route(web::delete().to(reset_level))
        .default_service(web::to(|| not_allowed("GET, HEAD, PUT, DELETE")));
    config.service(level);
    config.service(read_only("/api/v1/admin/settings", settings));
}

/// What is logged, and what the settings say.
#[derive(Debug, Serialize)]
struct Level {
    level: String,
    configured: String,
}

impl Level {
    fn of(log: &LogControl) -> Self {
        Self { level: log.current().to_string(), configured: log.configured().to_string() }
    }
}

/// `GET /api/v1/admin/log-level`
async fn level(request: HttpRequest, state: web::Data<AppState>) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    Ok(HttpResponse::Ok().json(Level::of(&state.log)))
}

/// `PUT /api/v1/admin/log-level`
async fn set_level(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    let (deadline, limit) = (context.deadline, state.limits.body);
    let accepted = &[MediaType::Json];
    let body =
        body::read(request.headers(), payload, &state.budget.of_asker(), limit, deadline, accepted).await?;
    change(&request, &state, wanted(&body.bytes)?)
}

/// `DELETE /api/v1/admin/log-level`
async fn reset_level(request: HttpRequest, state: web::Data<AppState>) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    change(&request, &state, state.log.configured().clone())
}

fn change(request: &HttpRequest, state: &AppState, level: LogLevel) -> Answer {
    let (caller, before) = (Caller::of(request), state.log.current());
    let failed = |error: LogIsGone| Problem::new(ProblemKind::Internal).cause(error);
    // Before and after: whatever is logged less or more from now on, one of the two is seen.
    let (caller, before, now) = (caller.name(), before.as_str(), level.as_str());
    tracing::warn!(caller, before, now, "the log level will be changed");
    state.log.set(level.clone()).map_err(failed)?;
    tracing::warn!(caller, before, now, "the log level was changed");
    Ok(HttpResponse::Ok().json(Level::of(&state.log)))
}

/// The level that a body names: `{"level": "info,storage_dualwrite=debug"}`.
fn wanted(bytes: &[u8]) -> Result<LogLevel, Problem> {
    let parsed = Json::parse(bytes)?;
    let faults = parsed.faults.into_iter();
    let mut errors: Vec<Violation> =
        faults.map(|fault| violation(fault.pointer, fault.kind.code(), fault.kind.to_string())).collect();
    let Json::Object(members) = parsed.value else {
        return Err(invalid(vec![violation(String::new(), "invalid_type", "the body must be an object")]));
    };
    let (level, unknown): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| name == LEVEL);
    let level = match level.into_iter().next() {
        Some((_, Json::String(text))) => {
            LogLevel::parse(&text).map_err(|fault| ("invalid_value", format!("level {fault}")))
        }
        Some(_) => Err(("invalid_type", "level must be a string".to_owned())),
        None => Err(("required", "level is required".to_owned())),
    };
    let unknown = unknown.iter().take(MAX_FAULTS).map(|(name, _)| {
        let name: String = name.chars().take(MAX_TOKEN_LENGTH).collect();
        violation(pointer(&name), "unknown_field", "the only field is level")
    });
    errors.extend(unknown);
    match level {
        Ok(level) if errors.is_empty() => Ok(level),
        Ok(_) => Err(invalid(errors)),
        Err((code, message)) => {
            errors.insert(0, violation(pointer(LEVEL), code, message));
            Err(invalid(errors))
        }
    }
}

fn pointer(name: &str) -> String {
    pointer_to("", name)
}

fn violation(pointer: String, code: &'static str, message: impl Into<String>) -> Violation {
    Violation { place: Place::Pointer(pointer), code, message: message.into() }
}

fn invalid(errors: Vec<Violation>) -> Problem {
    Problem::new(ProblemKind::ValidationFailed)
        .detail("The body names no level that can be set; nothing was changed.")
        .errors(errors)
}

/// `GET /api/v1/admin/settings`
async fn settings(request: HttpRequest, state: web::Data<AppState>) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    Ok(HttpResponse::Ok().json(json!({ "data": state.settings.as_ref() })))
}
