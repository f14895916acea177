//! What each operation asks of its caller. A path without an operation is refused.

use actix_web::http::Method;

use crate::auth::Permission;
use crate::problem::{Problem, ProblemKind};

/// What a request must have.
#[derive(Debug)]
pub(crate) enum Access {
    /// Nothing; limits do not count it either.
    Open,
    /// Nothing but that its address has not asked for too much.
    Page,
    /// A caller with this permission.
    Needs(Permission),
    /// Nobody gets more than this, and strangers not even that.
    Refused(Problem),
}

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asks {
    /// Nothing: it tells those that watch the service how it is, and never refuses them.
    Nothing,
    /// Not too much at once: it says nothing that anyone may not know.
    Moderation,
    /// A permission.
    For(Permission),
}

impl Asks {
    /// What shows records.
    pub(super) const READ: Self = Self::For(Permission::Read);
    /// What stores or changes records.
    pub(super) const WRITE: Self = Self::For(Permission::Write);
    /// What shows or changes the service itself.
    pub(super) const ADMIN: Self = Self::For(Permission::Admin);

    /// What a caller may be told before the handler does its work. All that asks for a permission takes its parameters
    /// strictly.
    pub(super) const fn problems(self) -> &'static [ProblemKind] {
        match self {
            Self::Nothing => &[],
            Self::Moderation => &[ProblemKind::RateLimited, ProblemKind::Overloaded],
            Self::For(_) => &[
                ProblemKind::Unauthorized,
                ProblemKind::Forbidden,
                ProblemKind::RateLimited,
                ProblemKind::AuthUnavailable,
                ProblemKind::Overloaded,
                ProblemKind::InvalidParameters,
            ],
        }
    }
}

/// What a request to the route with this template must have; `None` for a path that no route matches.
pub(crate) fn of(template: Option<&str>, method: &Method) -> Access {
    let Some(path) = template.and_then(|template| super::API.path(template)) else {
        return Access::Refused(Problem::new(ProblemKind::RouteNotFound));
    };
    match path.operations().find(|operation| operation.answers_to(method)).map(|it| it.asks) {
        Some(Asks::For(permission)) => Access::Needs(permission),
        Some(Asks::Moderation) => Access::Page,
        Some(Asks::Nothing) => Access::Open,
        None => Access::Refused(Problem::method_not_allowed(&path.allow)),
    }
}
