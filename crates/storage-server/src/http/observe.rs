//! The steps of every request on its way in and out: ids, span, deadline, the line in the log, the metrics, and the
//! problem document of what went wrong.

use std::panic::AssertUnwindSafe;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, VARY};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, web};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::state::AppState;
use crate::auth::{ANONYMOUS, Caller, CallerSlot};
use crate::problem::{Problem, ProblemKind};
use crate::telemetry::correlation::{self, CorrelationId};
use crate::telemetry::log::REQUEST;
use crate::telemetry::{chain, metrics as names, millis, span, trace_context};

/// The status counted for a client that went away before its answer; nginx's number.
const CLIENT_GONE: u16 = 499;

/// The route of what matched none.
const UNMATCHED: &str = "unmatched";

/// The method of all that have no name of their own.
const OTHER_METHOD: &str = "other";

/// The data that a handler has about its request.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    /// When it must be done.
    pub(crate) deadline: Instant,
    /// The id that its lines in the log share.
    pub(crate) correlation_id: CorrelationId,
}

/// The outermost middleware.
pub(crate) async fn observe(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut record = RequestRecord::of(&request, state.is_measured());
    let deadline = record.started + state.limits.request_timeout;
    let context = RequestContext { deadline, correlation_id: record.correlation_id.clone() };
    request.extensions_mut().insert(context);
    request.extensions_mut().insert(record.caller.clone());
    let work = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(record.span.clone());
    let outcome = work.await;
    let span = record.span.clone();
    let _entered = span.enter();
    match outcome {
        Ok(Ok(response)) => Ok(record.finish(response)),
        Ok(Err(error)) => Err(record.finish_lost(&error)),
        Err(_panic) => Err(record.finish_lost(&Problem::new(ProblemKind::Internal).into())),
    }
}

/// One request, from its head to its answer.
struct RequestRecord {
    method: &'static str,
    route: String,
    correlation_id: CorrelationId,
    started: Instant,
    span: Span,
    caller: CallerSlot,
    is_measured: bool,
    is_answered: bool,
}

impl RequestRecord {
    fn of(request: &ServiceRequest, is_measured: bool) -> Self {
        let correlation_id = CorrelationId::of(request.headers().get(correlation::HEADER));
        let trace_id = trace_context::trace_id(request.headers().get(trace_context::HEADER));
        Self {
            method: method_label(request.method()),
            route: request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned()),
            span: span::of_request(correlation_id.as_str(), &trace_id),
            correlation_id,
            started: Instant::now(),
            caller: CallerSlot::default(),
            is_measured,
            is_answered: false,
        }
    }

    /// Completes an answer.
    fn finish(&mut self, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let mut problem = None;
        let rendered = response.response().error().map(|error| {
            let (kind, document) = self.render(error);
            problem = Some(kind);
            document
        });
        let mut response = match rendered {
            Some(mut document) => {
                keep_headers(response.headers(), document.headers_mut());
                response.into_response(document)
            }
            None => response,
        };
        self.stamp(response.response_mut());
        self.note(response.status().as_u16(), problem);
        response
    }

    /// Answers in place of a service that gave none.
    fn finish_lost(&mut self, error: &Error) -> Error {
        let (kind, mut document) = self.render(error);
        self.stamp(&mut document);
        self.note(document.status().as_u16(), Some(kind));
        InternalError::from_response(kind.slug(), document).into()
    }

    /// The document of an error. An error from outside our handlers is recognised by its status.
    fn render(&self, error: &Error) -> (ProblemKind, HttpResponse<BoxBody>) {
        let foreign;
        let problem = match error.as_error::<Problem>() {
            Some(problem) => problem,
            None => {
                foreign = foreign_problem(error);
                &foreign
            }
        };
        if let Some(cause) = problem.source() {
            let cause = chain(cause);
            match problem.kind() {
                ProblemKind::Internal => tracing::error!(target: REQUEST, error = cause, "a request failed"),
                _ => tracing::warn!(target: REQUEST, error = cause, "a request was not answered"),
            }
        }
        (problem.kind(), problem.render(self.correlation_id.as_str()))
    }

    fn stamp(&self, response: &mut HttpResponse<BoxBody>) {
        if let Some(value) = self.correlation_id.header_value() {
            response.headers_mut().insert(correlation::HEADER, value);
        }
    }

    /// Logs and counts the request, once.
    fn note(&mut self, status: u16, problem: Option<ProblemKind>) {
        self.is_answered = true;
        let elapsed = self.started.elapsed();
        let problem = problem.map(ProblemKind::slug);
        let duration_ms = millis(elapsed);
        let Self { method, route, .. } = self;
        let caller = self.caller.get();
        let caller = caller.as_ref().map_or(ANONYMOUS, Caller::name);
        if is_probe(route) {
            tracing::debug!(target: REQUEST, method, route, status, duration_ms, caller, problem, "request");
        } else {
            tracing::info!(target: REQUEST, method, route, status, duration_ms, caller, problem, "request");
        }
        if self.is_measured {
            metrics::counter!(
                names::HTTP_REQUESTS,
                "method" => *method, "path" => route.clone(), "status" => status.to_string()
            )
            .increment(1);
            metrics::histogram!(names::HTTP_DURATION, "method" => *method, "path" => route.clone())
                .record(elapsed);
        }
    }
}

impl Drop for RequestRecord {
    /// The client went away, and the handler with it.
    fn drop(&mut self) {
        if !self.is_answered {
            let span = self.span.clone();
            let _entered = span.enter();
            self.note(CLIENT_GONE, None);
        }
    }
}

/// Logs and counts a request that never became one, since its head could not be read.
pub(crate) fn note_unread(problem: &Problem, id: &CorrelationId, is_measured: bool) {
    let span = span::of_request(id.as_str(), &trace_context::trace_id(None));
    let _entered = span.enter();
    let (status, slug) = (problem.kind().status(), problem.kind().slug());
    let (method, route, caller) = (OTHER_METHOD, UNMATCHED, ANONYMOUS);
    tracing::info!(target: REQUEST, method, route, status, caller, problem = slug, detail = %problem, "request");
    if is_measured {
        metrics::counter!(
            names::HTTP_REQUESTS,
            "method" => method, "path" => route, "status" => status.to_string()
        )
        .increment(1);
    }
}

/// Headers that were added later, for example for browsers, stay beside those of the document.
fn keep_headers(said: &HeaderMap, document: &mut HeaderMap) {
    for (name, value) in said {
        if name == VARY || !document.contains_key(name) {
            document.append(name.clone(), value.clone());
        }
    }
}

fn foreign_problem(error: &Error) -> Problem {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ProblemKind::BodyTooLarge),
        StatusCode::NOT_FOUND => Problem::new(ProblemKind::RouteNotFound),
        status if status.is_client_error() => Problem::new(ProblemKind::BadRequest),
        _ => Problem::new(ProblemKind::Internal).cause(ForeignError(error.to_string())),
    }
}

/// An error of the framework.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct ForeignError(String);

/// Probes and scrapes come every few seconds from every side; their lines would bury the others.
fn is_probe(route: &str) -> bool {
    matches!(route, "/health" | "/livez" | "/ready" | "/readyz" | "/metrics")
}

/// A label with a bounded set of values, for any input of clients.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER_METHOD,
    }
}
