//! The answers of an operation by their status.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder,
};

use super::answers::Body;
use super::kinds::{Kind, named};
use super::parameters::{ETAG, EXAMPLE_ETAG};
use crate::problem::ProblemKind;

/// Every operation may be answered so.
const ALWAYS: [ProblemKind; 3] =
    [ProblemKind::NotAcceptable, ProblemKind::Misdirected, ProblemKind::Internal];

/// What an operation that asks who its caller is may come to.
pub(super) const GUARDED: &[ProblemKind] = &[
    ProblemKind::Unauthorized,
    ProblemKind::Forbidden,
    ProblemKind::RateLimited,
    ProblemKind::AuthUnavailable,
];

/// What an operation that reads from the store may come to.
pub(super) const READ: &[ProblemKind] = &[
    ProblemKind::InvalidParameters,
    ProblemKind::Overloaded,
    ProblemKind::DeadlinePassed,
    ProblemKind::DatabaseUnavailable,
    ProblemKind::Stopping,
];

/// What one that stores a record may come to.
pub(super) const WRITE: &[ProblemKind] = &[
    ProblemKind::BadRequest,
    ProblemKind::MalformedJson,
    ProblemKind::ValidationFailed,
    ProblemKind::InvalidParameters,
    ProblemKind::RequestTimeout,
    ProblemKind::KeyInFlight,
    ProblemKind::BodyTooLarge,
    ProblemKind::UnsupportedMediaType,
    ProblemKind::KeyReused,
    ProblemKind::Overloaded,
    ProblemKind::DeadlinePassed,
    ProblemKind::DatabaseUnavailable,
    ProblemKind::Stopping,
    ProblemKind::OutcomeUnknown,
];

/// The answers that tell of problems, one for each status.
pub(super) fn problems(kinds: &[ProblemKind]) -> ResponsesBuilder {
    let kinds = ProblemKind::ALL.iter().filter(|kind| kinds.contains(kind) || ALWAYS.contains(kind));
    let mut by_status: Vec<(u16, Vec<ProblemKind>)> = Vec::new();
    for kind in kinds {
        match by_status.iter_mut().find(|(status, _)| *status == kind.status()) {
            Some((_, same)) => same.push(*kind),
            None => by_status.push((kind.status(), vec![*kind])),
        }
    }
    by_status.into_iter().fold(ResponsesBuilder::new(), |responses, (status, kinds)| {
        responses.response(status.to_string(), problem(&kinds))
    })
}

fn problem(kinds: &[ProblemKind]) -> Response {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
    let examples = kinds.iter().map(|kind| {
        let example = Ref::new(format!("#/components/examples/{}", kind.slug()));
        (kind.slug(), RefOr::Ref(example))
    });
    let content = ContentBuilder::new().schema(Some(named("Problem"))).examples_from_iter(examples);
    let response =
        common(&format!("{}.", titles.join(", or "))).content("application/problem+json", content.build());
    let response = if kinds.iter().any(|kind| kind.retry_after().is_some()) {
        let schema = Kind::Integer(1, i64::from(u16::MAX)).schema(false);
        let seconds = HeaderBuilder::new().schema(Some(schema)).description(Some("Seconds to wait."));
        response.header("Retry-After", seconds.build())
    } else {
        response
    };
    response.build()
}

/// An example of each kind of problem.
pub(super) fn problem_examples(components: ComponentsBuilder) -> ComponentsBuilder {
    ProblemKind::ALL.iter().fold(components, |components, kind| {
        let example = ExampleBuilder::new().summary(kind.title()).value(Some(problem_example(*kind)));
        components.example(kind.slug(), example)
    })
}

fn problem_example(kind: ProblemKind) -> Value {
    let mut document = json!({
        "type": kind.path(), "title": kind.title(), "status": kind.status(), "detail": kind.detail(),
        "instance": CORRELATION_ID,
    });
    let error = match kind {
        ProblemKind::ValidationFailed => {
            json!({ "pointer": "/name", "code": "required", "message": "name is required" })
        }
        ProblemKind::InvalidParameters => json!({
            "parameter": "limit", "code": "out_of_range", "message": "limit must be a whole number from 1 to 1000"
        }),
        _ => return document,
    };
    if let Some(members) = document.as_object_mut() {
        members.insert("errors".to_owned(), json!([error]));
    }
    document
}

/// The correlation id of the examples.
const CORRELATION_ID: &str = "019b7c2e-0f4b-7cc1-9d6a-3b1c52f0a7e4";

/// An answer with a JSON body.
pub(super) fn json_body(about: &str, body: &Body) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(named(&body.schema))).example(Some(body.example.clone()));
    common(about).content("application/json", content.build())
}

/// An answer of text.
pub(super) fn text_body(about: &str, media_type: &str, example: &str) -> ResponseBuilder {
    let mut content = Content::new(Some(Kind::Text.schema(false)));
    content.example = Some(json!(example));
    common(about).content(media_type, content)
}

/// An answer without a body.
pub(super) fn common(about: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(about)
        .header_ref("X-Correlation-ID", Ref::new("#/components/headers/X-Correlation-ID"))
}

/// The headers that answers have, by name.
pub(super) fn headers(components: ComponentsBuilder) -> ComponentsBuilder {
    let header = |about: &str, example: &str| {
        let schema = Kind::Text.schema(false);
        HeaderBuilder::new().schema(Some(schema)).description(Some(about)).example(Some(json!(example)))
    };
    let tag = Kind::Text.schema(false).pattern(Some(ETAG));
    let link =
        "</api/v1/audit/remediation?offset=100>; rel=\"next\", </api/v1/audit/remediation>; rel=\"first\"";
    components
        .header("X-Correlation-ID", header("Names the request in the logs.", CORRELATION_ID).build())
        .header("ETag", header("The record's version.", EXAMPLE_ETAG).schema(Some(tag)).build())
        .header("Location", header("Where the record is.", "/api/v1/audit/remediation/1").build())
        .header("Link", header("The pages around this one (RFC 8288).", link).build())
}

/// Adds a header of [`headers`].
pub(super) fn with_header(response: ResponseBuilder, name: &str) -> ResponseBuilder {
    response.header_ref(name, Ref::new(format!("#/components/headers/{name}")))
}
