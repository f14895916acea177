//! The operations on the service itself.

use serde_json::json;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::header::HeaderBuilder;

use super::answers::Body;
use super::kinds::Kind;
use super::operation::{Operation, Request};
use super::parameters;
use super::responses::{common, json_body, text_body, with_header};
use crate::problem::{self, ProblemKind};

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    let alive = || Body { schema: "Alive".to_owned(), example: json!({ "status": "alive" }) };
    let operations = [
        is_alive("/health", "health", &alive()),
        is_alive("/livez", "livez", &alive()),
        is_ready("/ready", "ready"),
        is_ready("/readyz", "readyz"),
        version(),
        page_of_problem(),
        document(),
        docs(),
        docs_file(),
    ];
    operations.into_iter().map(|operation| operation.tag("service")).collect()
}

/// What a page that is open to everybody may come to.
const PAGE: &[ProblemKind] = &[ProblemKind::RateLimited, ProblemKind::Overloaded];

impl Operation {
    /// A page that never changes while the service runs.
    fn kept(self, path: impl Into<String>) -> Self {
        self.answers(304, tagged(common("What is known already.")))
            .may_fail(PAGE)
            .shown_by(Request::new(304, path).header("If-None-Match", "*"))
    }
}

/// With the tag of a page, which is not of the form that records' have.
fn tagged(response: ResponseBuilder) -> ResponseBuilder {
    let text = Kind::Text.schema(false);
    let header = HeaderBuilder::new().schema(Some(text)).description(Some("Known again by clients."));
    response.header("ETag", header.build())
}

fn is_alive(path: &str, id: &str, body: &Body) -> Operation {
    Operation::get(path, id, "Whether the process lives")
        .about("Touches nothing.")
        .answers(200, json_body("It does.", body))
        .shown_by(Request::new(200, path))
}

fn is_ready(path: &str, id: &str) -> Operation {
    let dependency = json!({ "state": "up", "latency_ms": 0.8 });
    let body = |status: &str| Body {
        schema: "Readiness".to_owned(),
        example: json!({ "status": status, "dependencies": { "postgresql": dependency } }),
    };
    Operation::get(path, id, "Whether it can serve")
        .about("Also ready while it is degraded: then what is lacking catches up by itself.")
        .answers(200, json_body("It can.", &body("ready")))
        .answers(503, json_body("PostgreSQL is away, or the service is stopping.", &body("unavailable")))
        .shown_by(Request::new(200, path))
}

fn version() -> Operation {
    let example = json!({ "name": "datastorage", "version": crate::VERSION });
    let body = Body { schema: "Version".to_owned(), example };
    Operation::get("/version", "version", "Which build it is")
        .answers(200, json_body("Its name and version.", &body))
        .shown_by(Request::new(200, "/version"))
}

fn page_of_problem() -> Operation {
    let kind = ProblemKind::ValidationFailed;
    let slugs = ProblemKind::ALL.iter().map(|kind| kind.slug()).collect();
    let slug = parameters::in_path(
        "slug",
        Kind::Word(slugs).schema(true),
        "The kind of problem.",
        json!(kind.slug()),
    );
    Operation::get("/problems/{slug}", "explainProblem", "What a kind of problem means")
        .about("The `type` of a problem document is one of these paths.")
        .parameters([slug, parameters::if_none_match()])
        .answers(200, tagged(text_body("What happened and what to do.", "text/plain", &problem::page(kind))))
        .kept(kind.path())
        .may_fail(&[ProblemKind::RouteNotFound])
        .shown_by(Request::new(200, kind.path()))
        .shown_by(Request::new(404, "/problems/none"))
}

fn document() -> Operation {
    let body = common("This document.").content(
        "application/json",
        utoipa::openapi::ContentBuilder::new()
            .schema(Some(Kind::Free.schema(false)))
            .example(Some(json!({ "openapi": "3.1.0" })))
            .build(),
    );
    Operation::get("/openapi.json", "openapi", "This document")
        .parameters([parameters::if_none_match()])
        .answers(200, tagged(body))
        .kept("/openapi.json")
        .shown_by(Request::new(200, "/openapi.json"))
}

fn docs() -> Operation {
    Operation::get("/docs", "docs", "This document as a page")
        .answers(308, with_header(common("Where the page is."), "Location"))
        .may_fail(PAGE)
        .shown_by(Request::new(308, "/docs"))
}

fn docs_file() -> Operation {
    let files = super::page::FILES.to_vec();
    let file = parameters::in_path(
        "file",
        Kind::Word(files).schema(true),
        "A part of the page.",
        json!("index.html"),
    );
    let html = text_body("The part.", "text/html", "<!doctype html>");
    let mut rest = utoipa::openapi::Content::new(Some(Kind::Text.schema(false)));
    rest.example = Some(json!("…"));
    let parts =
        ["text/css", "text/javascript"].into_iter().fold(html, |html, kind| html.content(kind, rest.clone()));
    Operation::get("/docs/{file}", "docsFile", "The page and its parts")
        .parameters([file, parameters::if_none_match()])
        .answers(200, tagged(parts))
        .kept("/docs/index.html")
        .may_fail(&[ProblemKind::RouteNotFound])
        .shown_by(Request::new(200, "/docs/index.html"))
        .shown_by(Request::new(404, "/docs/none"))
}
