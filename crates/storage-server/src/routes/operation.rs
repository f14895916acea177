//! One operation of the API: its path, its handler, its permission and its description. The type that the handler
//! returns describes the answer.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Route, web};
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, PathItem};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, Schema};

use super::answer::{Form, HandlerResult};
use super::requires::Requires;
use crate::openapi::responses::{self, Answers};
use crate::openapi::{BEARER, Schemas, schema};
use crate::problem::ProblemKind;
use crate::routes::body::MediaType;

/// The extension of an operation that lists [`Request`]s.
const REQUESTS: &str = "x-requests";

/// The problems of reading a body.
const BODY: &[ProblemKind] = &[
    ProblemKind::BadRequest,
    ProblemKind::MalformedJson,
    ProblemKind::ValidationFailed,
    ProblemKind::RequestTimeout,
    ProblemKind::BodyTooLarge,
    ProblemKind::UnsupportedMediaType,
];

/// The problems of asking the store.
pub(super) const STORE: &[ProblemKind] =
    &[ProblemKind::DeadlinePassed, ProblemKind::DatabaseUnavailable, ProblemKind::Stopping];

/// An operation.
pub(crate) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) requires: Requires,
    route: Box<dyn Fn(Method) -> Route + Send + Sync>,
    id: String,
    tag: &'static str,
    summary: String,
    about: Option<&'static str>,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: Answers,
    problems: Vec<ProblemKind>,
    requests: Vec<Request>,
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
    pub(super) fn body(self, media_type: MediaType, body: Value) -> Self {
        self.body_of(media_type.name(), body)
    }

    /// As [`Self::body`], of a type that no operation takes.
    pub(super) fn body_of(self, media_type: &'static str, body: Value) -> Self {
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
    /// The operation that a handler does. `answered` says what its answer is.
    pub(super) fn new<H, Args, F>(
        method: Method,
        path: impl Into<String>,
        requires: Requires,
        handler: H,
        answered: &str,
    ) -> Self
    where
        H: Handler<Args, Output = HandlerResult<F>> + Send + Sync,
        Args: FromRequest + 'static,
        F: Form,
    {
        Self {
            method,
            path: path.into(),
            requires,
            route: Box::new(move |method| web::method(method).to(handler.clone())),
            id: String::new(),
            tag: "",
            summary: String::new(),
            about: None,
            parameters: Vec::new(),
            body: None,
            answers: F::answers(answered),
            problems: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// As [`Self::new`], for operations that read. It answers `HEAD` too.
    pub(super) fn get<H, Args, F>(
        path: impl Into<String>,
        requires: Requires,
        handler: H,
        answered: &str,
    ) -> Self
    where
        H: Handler<Args, Output = HandlerResult<F>> + Send + Sync,
        Args: FromRequest + 'static,
        F: Form,
    {
        Self::new(Method::GET, path, requires, handler, answered)
    }

    /// The same, asking something else of its caller.
    pub(super) fn asking(self, requires: Requires) -> Self {
        Self { requires, ..self }
    }

    /// Its name for programs, among which it is listed, and what it does in a few words.
    pub(super) fn named(self, tag: &'static str, id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { tag, id: id.into(), summary: summary.into(), ..self }
    }

    pub(super) fn about(self, about: &'static str) -> Self {
        Self { about: Some(about), ..self }
    }

    pub(super) fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// A body must be there, in one of these forms under any of their names, each with an example.
    pub(super) fn takes(self, contents: impl IntoIterator<Item = (MediaType, RefOr<Schema>, Value)>) -> Self {
        let body = RequestBodyBuilder::new().required(Some(Required::True));
        let body = contents.into_iter().fold(body, |body, (media_type, schema, example)| {
            let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
            media_type.names().iter().fold(body, |body, name| body.content(*name, content.clone()))
        });
        Self { body: Some(body.build()), ..self }.may_fail(BODY)
    }

    /// A schema that its body names.
    pub(super) fn schema(mut self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.answers.schemas.push((name.to_owned(), schema.into()));
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

    /// Whether it answers this method. Operations with GET also answer HEAD.
    pub(super) fn answers_to(&self, method: &Method) -> bool {
        *method == self.method || (self.method == Method::GET && *method == Method::HEAD)
    }

    /// The methods it answers.
    pub(super) fn methods(&self) -> Vec<Method> {
        let head = (self.method == Method::GET).then_some(Method::HEAD);
        [self.method.clone()].into_iter().chain(head).collect()
    }

    /// Its routes, one for each method.
    pub(super) fn routes(&self) -> impl Iterator<Item = Route> {
        self.methods().into_iter().map(&self.route)
    }

    /// The schemas of what it answers.
    pub(super) fn schemas(&self) -> Schemas {
        self.answers.schemas.clone()
    }

    /// Its description, in its path.
    pub(super) fn describe(&self) -> (String, PathItem) {
        let problems: Vec<ProblemKind> =
            self.problems.iter().chain(self.requires.problems()).copied().collect();
        let answers = self.answers.responses.iter().cloned();
        let responses = answers.fold(responses::problems(&problems), |responses, (status, response)| {
            responses.response(status.to_string(), response)
        });
        let requests: Vec<Value> = self.requests.iter().map(Request::to_json).collect();
        let operation = OperationBuilder::new()
            .tag(self.tag)
            .operation_id(Some(&self.id))
            .summary(Some(&self.summary))
            .description(self.about)
            .request_body(self.body.clone())
            .parameters(Some(self.parameters.clone()))
            .parameter_ref(Ref::new("#/components/parameters/X-Correlation-ID"))
            .responses(responses.build())
            .extensions(schema::extension(REQUESTS, Value::Array(requests)));
        let operation = match self.requires {
            // Without authentication, every caller on this machine may.
            Requires::For(_) | Requires::ToBeKnown => operation
                .security(SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []))
                .security(SecurityRequirement::default()),
            Requires::Nothing | Requires::Moderation | Requires::FewFiles => operation,
        };
        (self.path.clone(), PathItem::new(http_method(&self.method), operation))
    }
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}
