//! Which web pages of other origins may use the API from a browser. None are, unless the settings list them (F30).

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use crate::http::state::{AppState, Port};

/// The methods that some route has.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// The headers that a request may need.
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, \
                               X-Correlation-ID, traceparent";

/// The headers of an answer that a page may read.
const ANSWER_HEADERS: &str = "ETag, Idempotent-Replayed, Link, Location, Preference-Applied, Retry-After, \
                              WWW-Authenticate, X-Correlation-ID";

/// Seconds that a browser may remember the answer to its preliminary question.
const MAX_AGE: u32 = 600;

/// The middleware that tells browsers which pages may read the answers.
pub(crate) async fn answer(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if state.port != Port::Api || state.cors_origins.is_empty() {
        return next.call(request).await;
    }
    let origin = allowed_origin(&request, &state.cors_origins);
    let is_preliminary =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &origin {
        // It carries no token: browsers ask it by themselves.
        Some(_) if is_preliminary => {
            let permission = HttpResponse::NoContent()
                .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
                .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
                .insert_header((ACCESS_CONTROL_MAX_AGE, MAX_AGE))
                .finish();
            request.into_response(permission)
        }
        _ => next.call(request).await?,
    };
    mark(response.headers_mut(), origin);
    Ok(response)
}

/// The origin of the page that asks, if it is a listed one.
fn allowed_origin(request: &ServiceRequest, allowed: &[String]) -> Option<HeaderValue> {
    let origin = request.headers().get(ORIGIN)?;
    let is_listed = allowed.iter().any(|it| it.as_bytes() == origin.as_bytes());
    is_listed.then(|| origin.clone())
}

fn mark(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    // Even an answer without the header depends on who asked: a cache must not give it to another page.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(ANSWER_HEADERS));
    }
}
