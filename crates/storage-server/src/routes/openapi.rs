//! The description of the API, for programs and for people.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use crate::openapi;
use crate::problem::{Problem, ProblemKind};

/// The page loads what this service has and nothing else, and no other page can show it. Swagger UI styles its
/// elements one by one, hence `unsafe-inline`; it draws its marks from `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`
pub(super) async fn document() -> Answer {
    Ok(HttpResponse::Ok().content_type("application/json").body(openapi::json()))
}

/// `GET /docs`
pub(super) async fn docs() -> Answer {
    Ok(HttpResponse::PermanentRedirect().insert_header((LOCATION, openapi::index())).finish())
}

/// `GET /docs/{file}`
pub(super) async fn file(request: HttpRequest) -> Answer {
    let found = request.match_info().get("file").and_then(openapi::file);
    let (media_type, bytes) = found.ok_or_else(|| Problem::new(ProblemKind::RouteNotFound))?;
    let response = HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .body(bytes.into_owned());
    Ok(response)
}
