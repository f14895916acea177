//! Who the caller is to this service.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use storage_models::Timestamp;
use utoipa::ToSchema;

use super::answer::{HandlerResult, Json, Sent};
use super::operation::{Operation, Request};
use super::requires::Requires;
use crate::auth::{Caller, Permission};
use crate::http::state::AppState;
use crate::openapi::JsonBody;
use crate::routes::parameters::Parameters;

/// The operation.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/whoami";
    Operation::get(path, Requires::ToBeKnown, whoami, "The caller.")
        .named("service", "whoami", "Who the caller is, and what it may do")
        .shown_by(Request::new(200, path))
        .shown_by(Request::new(400, format!("{path}?full=true")))
}

/// A caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Whoami)]
struct WhoamiAnswer {
    /// Its name, which stands as `recorded_by` in what it stores.
    #[schema(examples("controller"))]
    caller: String,
    /// What it may do.
    #[schema(examples("audit:read"))]
    permissions: Vec<&'static str>,
    /// Until when its token says to be good; null for one that does not say so, and without authentication.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl JsonBody for WhoamiAnswer {}

/// `GET /api/v1/whoami`
async fn whoami(request: HttpRequest, state: web::Data<AppState>) -> HandlerResult<Json<WhoamiAnswer>> {
    Parameters::parse(request.query_string()).finish()?;
    let known = state.guard.known(&request).await?;
    Ok(Sent::json(&WhoamiAnswer {
        caller: Caller::of(&request).name().to_owned(),
        permissions: known.permissions.into_iter().map(Permission::name).collect(),
        expires_at: known.expires_at,
    }))
}
