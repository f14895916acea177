//! Refusals and failures as problem documents (RFC 9457).

mod convert;
mod docs;
mod kind;

#[cfg(test)]
mod tests;

pub use docs::reference;
pub(crate) use docs::{example, page};
pub(crate) use kind::ProblemKind;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem document.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not done. The correlation id is added, and the cause logged, where every answer passes
/// (`http::observe`); the cause itself is in no answer.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: Option<String>,
    errors: Vec<Violation>,
    allow: Option<&'static str>,
    challenge: Option<Challenge>,
    retry_after: Option<u16>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The value of WWW-Authenticate (RFC 6750, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A token is needed.
    Token,
    /// Another token is needed.
    BadToken,
    /// A token that permits more is needed.
    Scope,
}

impl Challenge {
    const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Token => "Bearer realm=\"datastorage\"",
            Self::BadToken => "Bearer realm=\"datastorage\", error=\"invalid_token\"",
            Self::Scope => "Bearer realm=\"datastorage\", error=\"insufficient_scope\"",
        })
    }
}

/// A bad field or parameter of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Violation {
    #[serde(flatten)]
    #[schema(inline)]
    pub(crate) location: Location,
    /// The fault, for programs.
    pub(crate) code: &'static str,
    /// The fault, for people.
    pub(crate) message: String,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Location {
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// The name of a parameter of the query string.
    Parameter(String),
}

/// The description of a refusal or a failure (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// The path of a page that explains this kind of problem.
    r#type: String,
    title: &'static str,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    detail: &'a str,
    /// The correlation id.
    instance: &'a str,
    /// Every bad field or parameter.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
}

impl<'a> Document<'a> {
    /// With the kind's own sentence.
    fn of(kind: ProblemKind, instance: &'a str, errors: &'a [Violation]) -> Self {
        let (title, status, detail) = (kind.title(), kind.status(), kind.detail());
        Self { r#type: kind.path(), title, status, detail, instance, errors }
    }
}

impl Problem {
    pub(crate) const fn new(kind: ProblemKind) -> Self {
        Self {
            kind,
            detail: None,
            errors: Vec::new(),
            allow: None,
            challenge: None,
            retry_after: None,
            cause: None,
        }
    }

    /// Says more than the kind's own sentence. Not for 5xx, whose sentences are fixed (F18).
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        debug_assert!(self.kind.status() < 500, "the sentence of a 5xx is fixed");
        self.detail = Some(detail.into());
        self
    }

    /// Says what would take less time. Made of the caller's own filter and of names that are documented, since no answer of
    /// this kind tells what happened within (F18).
    pub(crate) fn advice(mut self, advice: &str) -> Self {
        self.detail = Some(format!("{} {advice}", self.kind.detail()));
        self
    }

    pub(crate) fn errors(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
        self
    }

    /// Keeps what happened, for the log.
    pub(crate) fn cause(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Says what the caller must bring.
    pub(crate) const fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// Says when to come again, instead of what the kind says.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        self.retry_after = Some(u16::try_from(seconds).unwrap_or(u16::MAX));
        self
    }

    /// The route exists, and these are its methods.
    pub(crate) const fn method_not_allowed(allow: &'static str) -> Self {
        let mut problem = Self::new(ProblemKind::MethodNotAllowed);
        problem.allow = Some(allow);
        problem
    }

    pub(crate) const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// Every bad place.
    #[cfg(test)]
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.errors
    }

    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
        Some(cause)
    }

    /// The answer.
    pub(crate) fn render(&self, correlation_id: &str) -> HttpResponse<BoxBody> {
        let detail = self.detail.as_deref().unwrap_or(self.kind.detail());
        let document = Document { detail, ..Document::of(self.kind, correlation_id, &self.errors) };
        // A document of strings and numbers cannot fail to serialize; without its body the status still stands.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = HttpResponse::with_body(self.status_code(), BoxBody::new(body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, MEDIA_TYPE);
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.header());
        }
        if let Some(seconds) = self.retry_after.or(self.kind.retry_after()) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(self.kind.detail()))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Replaced where the correlation id is known.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status_code())
    }
}
