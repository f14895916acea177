//! The permission that each request needs, by its route. A path without an operation is refused.

use actix_web::http::Method;

use super::requires::Requires;
use crate::auth::Access;
use crate::problem::{Problem, ProblemKind};

/// The permission that a request to the route with this template needs; `None` for a path that no route matches.
pub(crate) fn of(template: Option<&str>, method: &Method) -> Access {
    let Some(path) = template.and_then(|template| super::API.path(template)) else {
        return Access::Refused(Problem::new(ProblemKind::RouteNotFound));
    };
    match path.operations().find(|operation| operation.answers_to(method)).map(|it| it.requires) {
        Some(Requires::For(permission)) => Access::Needs(permission),
        Some(Requires::ToBeKnown) => Access::Known,
        Some(Requires::Moderation) => Access::Page,
        Some(Requires::FewFiles) => Access::File,
        Some(Requires::Nothing) => Access::Open,
        None => Access::Refused(Problem::method_not_allowed(&path.allow)),
    }
}
