//! The description of the API, for programs and for people.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use crate::{openapi, pages};

/// The page loads what this service has and nothing else, and no other page can show it. Swagger UI styles its
/// elements one by one, hence `unsafe-inline`; it draws its marks from `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`
pub(super) async fn document(request: HttpRequest) -> Answer {
    pages::answer(&request).await
}

/// `GET /docs`
pub(super) async fn docs() -> Answer {
    Ok(HttpResponse::PermanentRedirect().insert_header((LOCATION, openapi::index())).finish())
}

/// `GET /docs/{file}`
pub(super) async fn file(request: HttpRequest) -> Answer {
    let mut response = pages::answer(&request).await?;
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "max-age=3600"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
