//! The answers of an operation by their status.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder,
};

use super::bodies::{self, JsonBody};
use super::parameters::{ETAG, EXAMPLE_ETAG};
use super::schema::Schemas;
use super::schema::{self, named};
use crate::problem::{self, Document, ProblemKind};

impl JsonBody for Document<'_> {}

/// The answers of an operation that are no problems, and the schemas of their bodies.
pub(crate) struct Answers {
    pub(crate) responses: Vec<(u16, Response)>,
    pub(crate) schemas: Schemas,
}

impl Answers {
    /// Answers, of which one has a body of the type `B`.
    pub(crate) fn new<B: JsonBody>(status: u16, response: ResponseBuilder) -> Self {
        Self { responses: vec![(status, response.build())], schemas: bodies::schemas::<B>() }
    }

    /// Answers whose bodies are no objects of the API.
    pub(crate) fn plain(status: u16, response: ResponseBuilder) -> Self {
        Self { responses: vec![(status, response.build())], schemas: Schemas::new() }
    }

    /// Adds the answer of another status.
    pub(crate) fn and(mut self, status: u16, response: ResponseBuilder) -> Self {
        self.responses.push((status, response.build()));
        self
    }
}

/// Every operation may be answered so.
const ALWAYS: [ProblemKind; 3] =
    [ProblemKind::NotAcceptable, ProblemKind::Misdirected, ProblemKind::Internal];

/// The answers with problems, one for each status.
pub(crate) fn problems(kinds: &[ProblemKind]) -> ResponsesBuilder {
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
        empty(&format!("{}.", titles.join(", or "))).content("application/problem+json", content.build());
    let response = if kinds.iter().any(|kind| kind.retry_after().is_some()) {
        let seconds = schema::integer(1, i64::from(u16::MAX));
        let seconds = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait."));
        response.header("Retry-After", seconds.build())
    } else {
        response
    };
    response.build()
}

/// An example of each kind of problem.
pub(super) fn problem_examples(components: ComponentsBuilder) -> ComponentsBuilder {
    ProblemKind::ALL.iter().fold(components, |components, kind| {
        let example =
            ExampleBuilder::new().summary(kind.title()).value(Some(problem::example(*kind, CORRELATION_ID)));
        components.example(kind.slug(), example)
    })
}

/// The correlation id of the examples.
const CORRELATION_ID: &str = "019b7c2e-0f4b-7cc1-9d6a-3b1c52f0a7e4";

/// An answer with a JSON body.
pub(crate) fn json_body<B: JsonBody>(about: &str) -> ResponseBuilder {
    json_content::<B>(about, bodies::example_of::<B>())
}

/// As [`json_body`], with this body as its example.
pub(crate) fn json_body_showing<B: JsonBody>(about: &str, example: &B) -> ResponseBuilder {
    json_content::<B>(about, json!(example))
}

fn json_content<B: JsonBody>(about: &str, example: Value) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(named(&B::schema_name()))).example(Some(example));
    empty(about).content("application/json", content.build())
}

/// An answer of text.
pub(crate) fn text_body(about: &str, media_type: &str, example: &str) -> ResponseBuilder {
    empty(about).content(media_type, text(example))
}

/// A body of text.
pub(crate) fn text(example: &str) -> Content {
    let mut content = Content::new(Some(schema::text()));
    content.example = Some(json!(example));
    content
}

/// An answer without a body.
pub(crate) fn empty(about: &str) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(about)
        .header_ref("X-Correlation-ID", Ref::new("#/components/headers/X-Correlation-ID"))
}

/// The headers that answers have, by name.
pub(super) fn headers(components: ComponentsBuilder) -> ComponentsBuilder {
    let header = |about: &str, example: &str| {
        let text = schema::text();
        HeaderBuilder::new().schema(Some(text)).description(Some(about)).example(Some(json!(example)))
    };
    let tag = schema::text().pattern(Some(ETAG));
    let link =
        "</api/v1/audit/remediation?cursor=AQEB>; rel=\"next\", </api/v1/audit/remediation>; rel=\"first\"";
    components
        .header("X-Correlation-ID", header("Names the request in the logs.", CORRELATION_ID).build())
        .header("ETag", header("The record's version.", EXAMPLE_ETAG).schema(Some(tag)).build())
        .header("Location", header("The path of the record.", "/api/v1/audit/remediation/8864").build())
        .header(
            "X-Filter-Notes",
            header(
                "The parameters whose values the service compares in another form than the \
                                          given one; absent if there are none.",
                "namespace",
            )
            .build(),
        )
        .header("Link", header("The next, the previous and the first page (RFC 8288).", link).build())
}

/// Adds a header of [`headers`].
pub(crate) fn with_header(response: ResponseBuilder, name: &str) -> ResponseBuilder {
    response.header_ref(name, Ref::new(format!("#/components/headers/{name}")))
}
