//! The operators' view of this replica and their changes, under the permission `admin`.

use actix_web::http::Method;
use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::json;
use storage_models::Json;
use storage_models::json::{MAX_FAULTS, MAX_TOKEN_LENGTH, pointer_to};

use utoipa::ToSchema;
use utoipa::openapi::ObjectBuilder;

use super::answer::{HandlerResult, Json as JsonAnswer, Sent};
use super::operation::{Operation, Request};
use super::requires::Requires;
use crate::auth::Caller;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, schema};
use crate::problem::{Location, Problem, ProblemKind, Violation};
use crate::routes::body::{self, MediaType};
use crate::routes::parameters::Parameters;
use crate::settings::EffectiveSetting;
use crate::telemetry::LogLevel;
use crate::telemetry::log::{LogControl, LogIsGone};

/// The one member of a body that changes the level.
const LEVEL: &str = "level";

/// Where the level is.
const PATH: &str = "/api/v1/admin/log-level";

/// The operations of operators.
pub(super) fn operations() -> [Operation; 4] {
    let settings_path = "/api/v1/admin/settings";
    let wanted = |level: &str| json!({ "level": level });
    let example = wanted("info,storage_dualwrite=debug");
    [
        Operation::get(PATH, Requires::ADMIN, level, "The log levels.")
            .named("admin", "logLevel", "Read the log levels")
            .shown_by(Request::new(200, PATH))
            .shown_by(Request::new(400, format!("{PATH}?verbose=true"))),
        Operation::new(Method::PUT, PATH, Requires::ADMIN, set_level, "The log levels after the change.")
            .named("admin", "setLogLevel", "Change the log levels")
            .about("The change holds until the process ends. The log names the caller and the old and new levels.")
            .takes([(MediaType::Json, schema::named(NEW_LEVEL), example.clone())])
            .schema(NEW_LEVEL, new_level())
            .shown_by(Request::new(200, PATH).body(MediaType::Json, example))
            .shown_by(Request::new(400, PATH).body(MediaType::Json, wanted("loud")))
            .shown_by(Request::new(400, PATH).body(MediaType::Json, wanted("hyper=trace"))),
        Operation::new(Method::DELETE, PATH, Requires::ADMIN, reset_level, "The log levels after the change.")
            .named("admin", "resetLogLevel", "Reset the log levels to the settings")
            .shown_by(Request::new(200, PATH))
            .shown_by(Request::new(400, format!("{PATH}?verbose=true"))),
        Operation::get(settings_path, Requires::ADMIN, settings, "The settings.")
            .named("admin", "settings", "Read the settings in force")
            .about("Each setting with its source. A secret shows only whether it is set.")
            .shown_by(Request::new(200, settings_path))
            .shown_by(Request::new(400, format!("{settings_path}?all=true"))),
    ]
}

/// The name of the schema of a body that changes the level.
const NEW_LEVEL: &str = "NewLogLevel";

/// One level, alone or for a target.
macro_rules! directive {
    () => {
        "(((storage_|datastorage)[A-Za-z0-9_]*=)?(off|error|warn|info|debug|trace)|[A-Za-z0-9_]+=(off|error|warn|info))"
    };
}

/// The accepted levels, without paths inside crates and without spaces.
const LEVELS: &str = concat!("^", directive!(), "(,", directive!(), ")*$");

fn new_level() -> ObjectBuilder {
    let about = "`off`, `error`, `warn`, `info`, `debug` or `trace`, alone or as `target=level`, with commas between \
                 them. Below info only targets that begin with `storage_` or `datastorage` are logged.";
    let level = schema::text().pattern(Some(LEVELS)).description(Some(about));
    schema::closed().property(LEVEL, level).required(LEVEL)
}

/// The log levels, and those of the settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogLevel)]
struct Level {
    /// The levels in force.
    #[schema(examples("info"))]
    level: String,
    /// The levels of the settings.
    #[schema(examples("info"))]
    configured: String,
}

impl JsonBody for Level {}

/// The settings in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
struct SettingsAnswer {
    /// In the order of docs/settings.md.
    data: Vec<EffectiveSetting>,
}

impl JsonBody for SettingsAnswer {}

impl Level {
    fn of(log: &LogControl) -> Self {
        Self { level: log.current().to_string(), configured: log.configured().to_string() }
    }
}

/// `GET /api/v1/admin/log-level`
async fn level(request: HttpRequest, state: web::Data<AppState>) -> HandlerResult<JsonAnswer<Level>> {
    Parameters::parse(request.query_string()).finish()?;
    Ok(Sent::json(&Level::of(&state.log)))
}

/// `PUT /api/v1/admin/log-level`
async fn set_level(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<JsonAnswer<Level>> {
    Parameters::parse(request.query_string()).finish()?;
    let (deadline, limit) = (context.deadline, state.limits.body);
    let accepted = &[MediaType::Json];
    let body =
        body::read(request.headers(), payload, &state.budget.of_requester(), limit, deadline, accepted)
            .await?;
    change(&request, &state, wanted(&body.bytes)?)
}

/// `DELETE /api/v1/admin/log-level`
async fn reset_level(request: HttpRequest, state: web::Data<AppState>) -> HandlerResult<JsonAnswer<Level>> {
    Parameters::parse(request.query_string()).finish()?;
    change(&request, &state, state.log.configured().clone())
}

fn change(request: &HttpRequest, state: &AppState, level: LogLevel) -> HandlerResult<JsonAnswer<Level>> {
    let (caller, before) = (Caller::of(request), state.log.current());
    let failed = |error: LogIsGone| Problem::new(ProblemKind::Internal).cause(error);
    // Logged before and after the change, because either level may hide one of the two lines.
    let (caller, before, now) = (caller.name(), before.as_str(), level.as_str());
    tracing::warn!(caller, before, now, "the log level will be changed");
    state.log.set(level.clone()).map_err(failed)?;
    tracing::warn!(caller, before, now, "the log level was changed");
    Ok(Sent::json(&Level::of(&state.log)))
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
        violation(pointer(&name), "unknown_field", "unknown field; the only field is level")
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
    Violation { location: Location::Pointer(pointer), code, message: message.into() }
}

fn invalid(errors: Vec<Violation>) -> Problem {
    Problem::new(ProblemKind::ValidationFailed)
        .detail("The body does not name a valid level; nothing was changed.")
        .errors(errors)
}

/// `GET /api/v1/admin/settings`
async fn settings(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> HandlerResult<JsonAnswer<SettingsAnswer>> {
    Parameters::parse(request.query_string()).finish()?;
    Ok(Sent::json(&SettingsAnswer { data: state.settings.to_vec() }))
}
