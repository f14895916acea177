//! The pages that problem documents point to.

use actix_web::{HttpRequest, HttpResponse};

use super::Answer;
use crate::problem::{self, Problem, ProblemKind};

/// `GET /problems/{slug}`
pub(super) async fn page(request: HttpRequest) -> Answer {
    let kind = request.match_info().get("slug").and_then(ProblemKind::with_slug);
    let kind = kind.ok_or_else(|| Problem::new(ProblemKind::RouteNotFound))?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(problem::page(kind)))
}
