//! The one table of what each route asks of its caller. A route that is not in it is answered by nobody.

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

/// What the methods of a route ask.
#[derive(Debug)]
struct Rule {
    /// The methods, as the header Allow lists them.
    allow: &'static str,
    /// What each asks.
    methods: &'static [(Method, Asks)],
}

/// What a method asks of its caller.
#[derive(Debug, Clone, Copy)]
enum Asks {
    Nothing,
    Moderation,
    For(Permission),
}

/// Tells those that watch the service how it is, and never refuses them.
const OPEN: Rule =
    Rule { allow: "GET, HEAD", methods: &[(Method::GET, Asks::Nothing), (Method::HEAD, Asks::Nothing)] };

/// Says nothing that may not be known to everybody.
const PAGE: Rule = Rule {
    allow: "GET, HEAD",
    methods: &[(Method::GET, Asks::Moderation), (Method::HEAD, Asks::Moderation)],
};

/// Shows records.
const READ: Rule = Rule {
    allow: "GET, HEAD",
    methods: &[(Method::GET, Asks::For(Permission::Read)), (Method::HEAD, Asks::For(Permission::Read))],
};

/// Shows records and takes new ones.
const COLLECTION: Rule = Rule {
    allow: "GET, HEAD, POST",
    methods: &[
        (Method::GET, Asks::For(Permission::Read)),
        (Method::HEAD, Asks::For(Permission::Read)),
        (Method::POST, Asks::For(Permission::Write)),
    ],
};

/// Takes new records.
const BATCH: Rule = Rule { allow: "POST", methods: &[(Method::POST, Asks::For(Permission::Write))] };

/// Shows a record and changes it.
const CHANGEABLE: Rule = Rule {
    allow: "GET, HEAD, PATCH",
    methods: &[
        (Method::GET, Asks::For(Permission::Read)),
        (Method::HEAD, Asks::For(Permission::Read)),
        (Method::PATCH, Asks::For(Permission::Write)),
    ],
};

/// Shows the service itself.
const ADMIN: Rule = Rule {
    allow: "GET, HEAD",
    methods: &[(Method::GET, Asks::For(Permission::Admin)), (Method::HEAD, Asks::For(Permission::Admin))],
};

/// Shows something of the service, changes it, and changes it back.
const ADJUSTABLE: Rule = Rule {
    allow: "GET, HEAD, PUT, DELETE",
    methods: &[
        (Method::GET, Asks::For(Permission::Admin)),
        (Method::HEAD, Asks::For(Permission::Admin)),
        (Method::PUT, Asks::For(Permission::Admin)),
        (Method::DELETE, Asks::For(Permission::Admin)),
    ],
};

/// Every route of the API port, by its template.
const RULES: &[(&str, &Rule)] = &[
    ("/api/v1/audit/search", &READ),
    ("/api/v1/audit/remediation", &COLLECTION),
    ("/api/v1/audit/remediation/batch", &BATCH),
    ("/api/v1/audit/remediation/export", &READ),
    ("/api/v1/audit/remediation/{id}", &CHANGEABLE),
    ("/api/v1/audit/remediation/{id}/timeline", &READ),
    ("/api/v1/audit/aianalysis", &COLLECTION),
    ("/api/v1/audit/aianalysis/batch", &BATCH),
    ("/api/v1/audit/aianalysis/{id}", &READ),
    ("/api/v1/audit/workflow", &COLLECTION),
    ("/api/v1/audit/workflow/batch", &BATCH),
    ("/api/v1/audit/workflow/{id}", &CHANGEABLE),
    ("/api/v1/audit/execution", &COLLECTION),
    ("/api/v1/audit/execution/batch", &BATCH),
    ("/api/v1/audit/execution/{id}", &READ),
    ("/api/v1/incidents", &READ),
    ("/api/v1/incidents/{id}", &READ),
    ("/api/v1/incidents/aggregate/success-rate", &READ),
    ("/api/v1/incidents/aggregate/by-namespace", &READ),
    ("/api/v1/incidents/aggregate/by-severity", &READ),
    ("/api/v1/incidents/aggregate/by-action-type", &READ),
    ("/api/v1/incidents/aggregate/trend", &READ),
    ("/api/v1/admin/log-level", &ADJUSTABLE),
    ("/api/v1/admin/settings", &ADMIN),
    ("/problems/{slug}", &PAGE),
    ("/openapi.json", &PAGE),
    ("/docs", &PAGE),
    ("/docs/{file}", &PAGE),
    ("/health", &OPEN),
    ("/livez", &OPEN),
    ("/ready", &OPEN),
    ("/readyz", &OPEN),
    ("/version", &OPEN),
];

/// What a request to the route with this template must have; `None` for a path that no route matches.
pub(crate) fn of(template: Option<&str>, method: &Method) -> Access {
    let rule = template.and_then(|template| RULES.iter().find(|(known, _)| *known == template));
    let Some((_, rule)) = rule else {
        return Access::Refused(Problem::new(ProblemKind::RouteNotFound));
    };
    match rule.methods.iter().find(|(known, _)| known == method) {
        Some((_, Asks::For(permission))) => Access::Needs(*permission),
        Some((_, Asks::Moderation)) => Access::Page,
        Some((_, Asks::Nothing)) => Access::Open,
        None => Access::Refused(Problem::method_not_allowed(rule.allow)),
    }
}

/// Every route with its methods and what they ask, for the test that walks over the router.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str, Method, Option<Permission>)> {
    RULES.iter().flat_map(|(template, rule)| {
        rule.methods.iter().map(|(method, asks)| {
            let permission = match asks {
                Asks::For(permission) => Some(*permission),
                Asks::Nothing | Asks::Moderation => None,
            };
            (*template, rule.allow, method.clone(), permission)
        })
    })
}
