//! The answers of handlers, in forms that describe their statuses, headers and bodies.

use std::marker::PhantomData;

use actix_web::body::BoxBody;
use actix_web::http::header::{ContentType, ETAG};
use actix_web::{HttpRequest, HttpResponse, Responder};

use crate::http::heavy::JsonOf;
use crate::openapi::JsonBody;
use crate::openapi::responses::{Answers, empty, json_body, with_header};
use crate::problem::Problem;

/// The result of a handler.
pub(super) type HandlerResult<F> = Result<Sent<F>, Problem>;

/// A form of answers, for the description of the API. `about` describes the answer.
pub(super) trait Form: 'static {
    fn answers(about: &str) -> Answers;
}

/// An answer of the form `F`.
pub(super) struct Sent<F> {
    response: HttpResponse,
    form: PhantomData<fn() -> F>,
}

impl<F> Sent<F> {
    /// A response of the form.
    pub(super) fn of(response: HttpResponse) -> Self {
        Self { response, form: PhantomData }
    }
}

impl<F> Responder for Sent<F> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.response
    }
}

/// 308 to another place.
pub(super) struct Moved;

impl Form for Moved {
    fn answers(about: &str) -> Answers {
        Answers::plain(308, with_header(empty(about), "Location"))
    }
}

/// 200 with a body.
pub(super) struct Json<B>(PhantomData<B>);

impl<B: JsonBody + 'static> Form for Json<B> {
    fn answers(about: &str) -> Answers {
        Answers::new::<B>(200, json_body::<B>(about))
    }
}

impl<B: JsonBody> Sent<Json<B>> {
    pub(super) fn json(body: &B) -> Self {
        Self::of(HttpResponse::Ok().json(body))
    }

    /// A body that was rendered apart.
    pub(super) fn rendered(body: JsonOf<B>) -> Self {
        Self::of(HttpResponse::Ok().content_type(ContentType::json()).body(body.into_bytes()))
    }
}

/// 200 with a body and its version, or 304 when the version is known.
pub(super) struct Versioned<B>(PhantomData<B>);

impl<B: JsonBody + 'static> Form for Versioned<B> {
    fn answers(about: &str) -> Answers {
        Answers::new::<B>(200, with_header(json_body::<B>(about), "ETag"))
            .and(304, with_header(empty("The client has the current version."), "ETag"))
    }
}

impl<B: JsonBody> Sent<Versioned<B>> {
    pub(super) fn current(tag: String, body: &B) -> Self {
        Self::of(HttpResponse::Ok().insert_header((ETAG, tag)).json(body))
    }

    pub(super) fn known(tag: String) -> Self {
        Self::of(HttpResponse::NotModified().insert_header((ETAG, tag)).finish())
    }
}
