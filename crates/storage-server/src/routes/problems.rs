//! The pages that problem documents point to.

use actix_web::{HttpRequest, web};
use serde_json::json;
use utoipa::openapi::Content;

use super::answer::{HandlerResult, Sent};
use super::operation::{Operation, Request};
use super::pages::{self, Kept, Page, Pages};
use crate::openapi::responses::text;
use crate::openapi::{parameters, schema};
use crate::problem::{self, ProblemKind};

/// The kind that is the example.
const EXAMPLE: ProblemKind = ProblemKind::ValidationFailed;

/// The operation that explains a kind of problem.
pub(super) fn operation() -> Operation {
    let slugs = schema::set("ProblemSlug", ProblemKind::ALL.iter().map(|kind| kind.slug()));
    let slug = parameters::in_path("slug", slugs, "The kind of problem.", json!(EXAMPLE.slug()));
    pages::operation("/problems/{slug}", page, "What happened and what to do.", &EXAMPLE.path())
        .named("service", "explainProblem", "Read about a kind of problem")
        .about("The `type` of a problem document is one of these paths.")
        .parameters([slug, parameters::if_none_match()])
        .may_fail(&[ProblemKind::RouteNotFound])
        .shown_by(Request::new(404, "/problems/none"))
}

/// The explanation of a problem.
pub(super) struct Explanation;

impl Page for Explanation {
    fn contents() -> Vec<(&'static str, Content)> {
        vec![("text/plain", text(&problem::page(EXAMPLE)))]
    }
}

/// `GET /problems/{slug}`
async fn page(request: HttpRequest, pages: web::Data<Pages>) -> HandlerResult<Kept<Explanation>> {
    pages.answer(&request).await.map(Sent::of)
}
