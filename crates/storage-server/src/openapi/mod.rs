//! The description of the API (OpenAPI 3.1), made from what the code itself goes by: the filters' fields, the kinds of
//! problem, the words of closed sets, the limits. Served, and kept in `docs/openapi.json`.

mod admin;
mod answers;
mod audit;
mod fields;
mod kinds;
mod operation;
mod page;
mod parameters;
mod reads;
mod responses;
mod system;

#[cfg(test)]
mod tests;

pub(crate) use page::{files, index};

use std::sync::LazyLock;

use storage_models::RecordType;
use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, PathsBuilder, RefOr, Tag,
};

/// The document as it is served.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // What is built from strings and numbers cannot fail to serialize.
    document().to_pretty_json().unwrap_or_default() + "\n"
});

const ABOUT: &str = "The audit store of a platform that repairs Kubernetes clusters by itself: what was done, by what, \
and did it work, by filter and by meaning.\n\n\
Each `GET` also answers `HEAD`. Every answer names its request in `X-Correlation-ID`; `traceparent` (W3C Trace Context) \
is continued. Whatever is refused or fails is answered with a problem document (RFC 9457), and every bad field is \
named at once. `x-requests` lists requests that can be sent as they are, with the status that answers them.\n\n\
Metrics, and health as here, are on a port of their own.";

const TOKEN: &str = "A token of a service account, or one out of the service's file of tokens. None without \
authentication, when only this machine is answered.";

/// The document in JSON.
pub(crate) fn json() -> &'static str {
    &DOCUMENT
}

/// The document.
fn document() -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Data Storage")
        .version(crate::VERSION)
        .description(Some(ABOUT))
        .license(Some(license.build()));
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths())
        .components(Some(components()))
        .tags(Some(tags()))
        .build()
}

fn paths() -> Paths {
    let audit = RecordType::ALL.into_iter().flat_map(audit::of);
    let guarded = audit.chain(reads::all()).chain(admin::all()).map(operation::Operation::guarded);
    let operations = guarded.chain(system::all());
    operations
        .map(operation::Operation::build)
        .fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item))
        .build()
}

/// Schemas, headers and examples, and how callers say who they are.
fn components() -> Components {
    let components =
        ComponentsBuilder::new().parameter("X-Correlation-ID", RefOr::T(parameters::correlation_id()));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(TOKEN));
    let components = components.security_scheme(operation::BEARER, SecurityScheme::Http(bearer.build()));
    responses::problem_examples(responses::headers(answers::components(components))).build()
}

fn tags() -> Vec<Tag> {
    [
        ("remediation", "Actions that were taken on a cluster."),
        ("aianalysis", "Analyses of remediations by models."),
        ("workflow", "Workflow runs for remediations."),
        ("execution", "Single steps that were executed."),
        ("incidents", "Remediations as other services read them, and their counts."),
        ("admin", "This replica, for those who run it. Each replica answers for itself."),
        ("service", "The service itself."),
    ]
    .into_iter()
    .map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build())
    .collect()
}
