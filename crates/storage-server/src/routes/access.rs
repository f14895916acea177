//! What each request must have, by its route. A path without an operation is refused.

use actix_web::http::Method;

use super::asks::Asks;
use crate::auth::Access;
use crate::problem::{Problem, ProblemKind};

/// What a request to the route with this template must have; `None` for a path that no route matches.
pub(crate) fn of(template: Option<&str>, method: &Method) -> Access {
    let Some(path) = template.and_then(|template| super::API.path(template)) else {
        return Access::Refused(Problem::new(ProblemKind::RouteNotFound));
    };
    match path.operations().find(|operation| operation.answers_to(method)).map(|it| it.asks) {
        Some(Asks::For(permission)) => Access::Needs(permission),
        Some(Asks::ToBeKnown) => Access::Known,
        Some(Asks::Moderation) => Access::Page,
        Some(Asks::FewFiles) => Access::File,
        Some(Asks::Nothing) => Access::Open,
        None => Access::Refused(Problem::method_not_allowed(&path.allow)),
    }
}
