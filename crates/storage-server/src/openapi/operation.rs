//! One operation, and the requests that show it.

use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder, Schema};

use super::kinds::extension;
use super::responses;
use crate::problem::ProblemKind;

/// The extension of an operation that lists [`Request`]s.
const REQUESTS: &str = "x-requests";

/// The scheme by which callers say who they are.
pub(super) const BEARER: &str = "bearer";

/// An operation as it is being described.
pub(super) struct Operation {
    method: HttpMethod,
    path: String,
    parameters: Vec<Parameter>,
    problems: Vec<ProblemKind>,
    answers: Vec<(u16, ResponseBuilder)>,
    requests: Vec<Request>,
    builder: OperationBuilder,
}

/// A request that can be sent as it is, to a service that holds the examples' records, and the status it gets.
/// An `If-Match` or `If-None-Match` of the example stands for the version that the record has at that time.
pub(super) struct Request {
    status: u16,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Option<Value>,
}

impl Request {
    /// A request to a path that is answered with `status`.
    pub(super) fn new(status: u16, path: impl Into<String>) -> Self {
        Self { status, path: path.into(), headers: Vec::new(), body: None }
    }

    pub(super) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A body of this type: JSON, or text when it is a string.
    pub(super) fn body(self, media_type: &'static str, body: Value) -> Self {
        Self { body: Some(body), ..self.header("Content-Type", media_type) }
    }

    fn to_json(&self) -> Value {
        let headers: serde_json::Map<_, _> =
            self.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut request = json!({ "path": self.path, "headers": headers, "status": self.status });
        if let (Some(members), Some(body)) = (request.as_object_mut(), &self.body) {
            members.insert("body".to_owned(), body.clone());
        }
        request
    }
}

impl Operation {
    /// An operation, its name for programs and what it does in a few words.
    pub(super) fn new(
        method: HttpMethod,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: &str,
    ) -> Self {
        Self {
            method,
            path: path.into(),
            parameters: Vec::new(),
            problems: Vec::new(),
            answers: Vec::new(),
            requests: Vec::new(),
            builder: OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)),
        }
    }

    pub(super) fn get(path: impl Into<String>, id: impl Into<String>, summary: &str) -> Self {
        Self::new(HttpMethod::Get, path, id, summary)
    }

    pub(super) fn about(mut self, about: &str) -> Self {
        self.builder = self.builder.description(Some(about));
        self
    }

    pub(super) fn tag(mut self, tag: &str) -> Self {
        self.builder = self.builder.tag(tag);
        self
    }

    pub(super) fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    pub(super) fn takes(mut self, body: RequestBody) -> Self {
        self.builder = self.builder.request_body(Some(body));
        self
    }

    pub(super) fn answers(mut self, status: u16, response: ResponseBuilder) -> Self {
        self.answers.push((status, response));
        self
    }

    pub(super) fn may_fail(mut self, kinds: &[ProblemKind]) -> Self {
        self.problems.extend(kinds);
        self
    }

    pub(super) fn shown_by(mut self, request: Request) -> Self {
        self.requests.push(request);
        self
    }

    /// Only callers who may; without authentication, everybody on this machine may.
    pub(super) fn guarded(mut self) -> Self {
        self.problems.extend(responses::GUARDED);
        let bearer = SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []);
        self.builder = self.builder.security(bearer).security(SecurityRequirement::default());
        self
    }

    /// The operation in its path.
    pub(super) fn build(self) -> (String, PathItem) {
        let correlation = Ref::new("#/components/parameters/X-Correlation-ID");
        let responses = responses::problems(&self.problems);
        let responses = self.answers.into_iter().fold(responses, |responses, (status, response)| {
            responses.response(status.to_string(), response.build())
        });
        let requests: Vec<Value> = self.requests.iter().map(Request::to_json).collect();
        let operation = self
            .builder
            .parameters(Some(self.parameters))
            .parameter_ref(correlation)
            .responses(responses.build())
            .extensions(extension(REQUESTS, Value::Array(requests)));
        (self.path, PathItem::new(self.method, operation))
    }
}

/// A body that must be there, of each of these types.
pub(super) fn body_of(
    contents: impl IntoIterator<Item = (&'static str, RefOr<Schema>, Value)>,
) -> RequestBody {
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    let body = contents.into_iter().fold(body, |body, (media_type, schema, example)| {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example));
        body.content(media_type, content.build())
    });
    body.build()
}
