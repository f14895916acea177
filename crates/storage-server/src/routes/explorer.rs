//! The explorer's page and its files.

use std::sync::Arc;

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::Content;

use super::answer::{HandlerResult, Json, Moved, Sent};
use super::operation::{Operation, Request};
use super::pages::{self, Kept, Page, Pages};
use super::requires::Requires;
use crate::explorer::FILES;
use crate::http::state::AppState;
use crate::openapi::JsonBody;
use crate::openapi::responses::text;
use crate::openapi::{parameters, schema};
use crate::problem::ProblemKind;
use crate::routes::parameters::Parameters;

/// The page loads what this service has and nothing else, runs nothing but its files, and turns no text into markup;
/// no other page can show it. Its only image is its mark, which is written in the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Under the API, since callers alone are told.
const LINKS: &str = "/api/v1/explorer/links";

/// The operations that show the explorer.
pub(super) fn operations() -> [Operation; 4] {
    let names = FILES.iter().map(|file| file.name).filter(|name| !name.is_empty());
    let file = schema::set("ExplorerFile", names);
    let file = parameters::in_path("file", file, "A part of the page.", json!("main.js"));
    [
        Operation::get("/ui", Requires::FewFiles, moved, "Where the page is.")
            .named("service", "explorer", "The explorer")
            .shown_by(Request::new(308, "/ui")),
        pages::operation("/ui/", part, "The page.", "/ui/")
            .asking(Requires::FewFiles)
            .named("service", "explorerPage", "The page on which people read the store")
            .parameters([parameters::if_none_match()]),
        pages::operation("/ui/{file}", part, "The part.", "/ui/main.js")
            .asking(Requires::FewFiles)
            .named("service", "explorerFile", "The parts of the explorer's page")
            .parameters([file, parameters::if_none_match()])
            .may_fail(&[ProblemKind::RouteNotFound])
            .shown_by(Request::new(404, "/ui/none")),
        Operation::get(LINKS, Requires::ToBeKnown, links, "The addresses.")
            .named("service", "explorerLinks", "Where the explorer links to")
            .shown_by(Request::new(200, LINKS))
            .shown_by(Request::new(400, format!("{LINKS}?full=true"))),
    ]
}

/// A part of the page.
struct Part;

impl Page for Part {
    fn contents() -> Vec<(&'static str, Content)> {
        [("text/html", "<!doctype html>"), ("text/css", "…"), ("text/javascript", "…")]
            .map(|(kind, example)| (kind, text(example)))
            .into()
    }
}

/// Where the explorer links to.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplorerLinks)]
struct LinksAnswer {
    /// The page about a record, as the setting `server.grafana_url` has it: names in braces stand for what is the record's.
    /// Null when it is not set.
    #[schema(required, value_type = Option<String>, examples("https://grafana.example.com/d/pods?var-namespace={namespace}&from={from}&to={to}"))]
    grafana_url: Option<Arc<str>>,
}

impl JsonBody for LinksAnswer {}

/// `GET /api/v1/explorer/links`
async fn links(request: HttpRequest, state: web::Data<AppState>) -> HandlerResult<Json<LinksAnswer>> {
    Parameters::parse(request.query_string()).finish()?;
    Ok(Sent::json(&LinksAnswer { grafana_url: state.grafana_url.clone() }))
}

/// `GET /ui`
async fn moved() -> HandlerResult<Moved> {
    Ok(Sent::of(HttpResponse::PermanentRedirect().insert_header((LOCATION, "/ui/")).finish()))
}

/// `GET /ui/`, `GET /ui/{file}`
async fn part(request: HttpRequest, pages: web::Data<Pages>) -> HandlerResult<Kept<Part>> {
    let mut response = pages.answer(&request).await?;
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // The parts import each other by name: after an upgrade none may be older than the others.
        (CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(Sent::of(response))
}
