//! The description of the API, for programs and for people.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use utoipa::openapi::{Content, ContentBuilder};

use super::answer::{HandlerResult, Moved, Sent};
use super::operation::{Operation, Request};
use super::pages::{self, Kept, Page, Pages};
use super::requires::Requires;
use crate::openapi;
use crate::openapi::responses::text;
use crate::openapi::{parameters, schema};
use crate::problem::ProblemKind;

/// The page loads what this service has and nothing else, and no other page can show it. Swagger UI styles its
/// elements one by one, hence `unsafe-inline`; it draws its marks from `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The operations that describe the API.
pub(super) fn operations() -> [Operation; 4] {
    let files = schema::set("DocsFile", openapi::FILES);
    let file = parameters::in_path("file", files, "A file of the page.", json!("index.html"));
    [
        pages::operation("/openapi.json", document, "This document.", "/openapi.json")
            .named("service", "openapi", "This document")
            .parameters([parameters::if_none_match()]),
        pages::operation("/openapi-3.0.json", document, "The document.", "/openapi-3.0.json")
            .named("service", "openapi30", "This document as OpenAPI 3.0.3")
            .parameters([parameters::if_none_match()]),
        Operation::get("/docs", Requires::Moderation, docs, "The address of the page.")
            .named("service", "docs", "This document as a page")
            .shown_by(Request::new(308, "/docs")),
        pages::operation("/docs/{file}", self::file, "The file.", openapi::index())
            .named("service", "docsFile", "The files of the page")
            .parameters([file, parameters::if_none_match()])
            .may_fail(&[ProblemKind::RouteNotFound])
            .shown_by(Request::new(404, "/docs/none")),
    ]
}

/// The document.
struct Document;

impl Page for Document {
    fn contents() -> Vec<(&'static str, Content)> {
        let (schema, example) = (schema::free(), json!({ "openapi": "3.1.0" }));
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example));
        vec![("application/json", content.build())]
    }
}

/// A file of the page.
struct File;

impl Page for File {
    fn contents() -> Vec<(&'static str, Content)> {
        let rest = ["text/css", "text/javascript"].map(|kind| (kind, text("…")));
        [("text/html", text("<!doctype html>"))].into_iter().chain(rest).collect()
    }
}

/// `GET /openapi.json`, `GET /openapi-3.0.json`
async fn document(request: HttpRequest, pages: web::Data<Pages>) -> HandlerResult<Kept<Document>> {
    pages.answer(&request).await.map(Sent::of)
}

/// `GET /docs`
async fn docs() -> HandlerResult<Moved> {
    let mut response = HttpResponse::PermanentRedirect();
    Ok(Sent::of(response.insert_header((LOCATION, openapi::index())).finish()))
}

/// `GET /docs/{file}`
async fn file(request: HttpRequest, pages: web::Data<Pages>) -> HandlerResult<Kept<File>> {
    let mut response = pages.answer(&request).await?;
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "max-age=3600"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(Sent::of(response))
}
