//! The description of the API (OpenAPI 3.1), made from what the code itself goes by: the filters' fields, the kinds of
//! problem, the words of closed sets, the limits. Served, and kept in `docs/openapi.json`.

mod bodies;
mod fields;
mod form_3_0;
mod page;
pub(crate) mod parameters;
mod records;
pub(crate) mod responses;
pub(crate) mod schema;
mod sets;

pub(crate) use bodies::JsonBody;
pub(crate) use fields::{Named, is_changeable, new_example, new_schema, patch_schema, read_fields};
pub(crate) use form_3_0::form_3_0;
pub(crate) use page::{FILES, files, index};
pub(crate) use records::{Shown, example_of, list, reference};
pub(crate) use schema::Schemas;

use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, RefOr, Tag,
};

/// The scheme by which callers say who they are.
pub(crate) const BEARER: &str = "bearer";

const ABOUT: &str = "The audit store of a platform that repairs Kubernetes clusters by itself: what was done, by what, \
and did it work, by filter and by meaning.\n\n\
Each `GET` also answers `HEAD`. Every answer names its request in `X-Correlation-ID`; `traceparent` (W3C Trace Context) \
is continued. Whatever is refused or fails is answered with a problem document (RFC 9457), and every bad field is \
named at once. `x-requests` lists requests that can be sent as they are, with the status that answers them.\n\n\
`/openapi-3.0.json` is this document in the form of OpenAPI 3.0.3, for generators that do not know 3.1.\n\n\
Metrics, and health as here, are on a port of their own.";

const TOKEN: &str = "A token of a service account, or one out of the service's file of tokens. None without \
authentication, when only this machine is answered.";

/// The document of these operations, whose answers have these schemas.
pub(crate) fn document(
    operations: impl Iterator<Item = (String, PathItem)>,
    schemas: impl Iterator<Item = Schemas>,
) -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Data Storage")
        .version(crate::VERSION)
        .description(Some(ABOUT))
        .license(Some(license.build()));
    let paths = operations.fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let mut document = OpenApiBuilder::new()
        .info(info.build())
        .paths(paths.build())
        .components(Some(components(schemas.flatten())))
        .tags(Some(tags()))
        .build();
    sets::name(&mut document);
    document
}

/// Schemas, headers and examples, and how callers say who they are.
fn components(schemas: impl Iterator<Item = (String, RefOr<utoipa::openapi::Schema>)>) -> Components {
    let problem = bodies::schemas::<crate::problem::Document<'_>>();
    let schemas = fields::schemas().into_iter().chain(problem).chain(schemas);
    let components =
        ComponentsBuilder::new().parameter("X-Correlation-ID", RefOr::T(parameters::correlation_id()));
    let components = schemas.fold(components, |all, (name, schema)| all.schema(name, schema));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(TOKEN));
    let components = components.security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    responses::problem_examples(responses::headers(components)).build()
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
