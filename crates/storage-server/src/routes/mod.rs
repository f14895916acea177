//! The routes of both ports.

pub(crate) mod access;
mod admin;
mod advice;
mod aggregates;
mod answer;
mod audit;
mod body;
mod etag;
mod explorer;
mod export;
mod facets;
mod get;
mod health;
mod id;
mod incidents;
mod links;
mod list;
mod narrow;
mod notes;
mod openapi;
mod operation;
mod outcomes;
mod pages;
mod parameters;
mod problems;
mod projection;
mod requires;
mod search;
mod similar;
mod table;
mod timeline;
mod whoami;
mod write;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::web::{Data, ServiceConfig};
use storage_models::{AiAnalysis, Execution, Remediation, Workflow};

use pages::Pages;
use table::Table;

/// The operations of the API.
static API: LazyLock<Table> = LazyLock::new(|| {
    let audit = [
        audit::operations::<Remediation>(),
        audit::operations::<AiAnalysis>(),
        audit::operations::<Workflow>(),
        audit::operations::<Execution>(),
    ];
    let audit = audit.into_iter().flatten();
    let reads = [timeline::operation(), search::operation(), projection::operation()];
    let incidents = incidents::operations()
        .into_iter()
        .chain(outcomes::operations())
        .chain([facets::operation()])
        .chain([similar::operation()])
        .chain(advice::operations());
    let operations = audit.chain(reads).chain(incidents).chain(aggregates::operations());
    let operations =
        operations.chain([whoami::operation()]).chain(admin::operations()).chain(health::operations());
    let pages =
        [problems::operation()].into_iter().chain(openapi::operations()).chain(explorer::operations());
    Table::of(operations.chain(pages))
});

/// The operations of the admin port.
static ADMIN: LazyLock<Table> =
    LazyLock::new(|| Table::of([health::metrics_operation()].into_iter().chain(health::operations())));

/// The description of the API.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| API.describe());

/// The pages of the API.
static PAGES: LazyLock<Data<Pages>> = LazyLock::new(|| Data::new(Pages::new(document)));

/// The routes of the API.
pub(crate) fn api(config: &mut ServiceConfig) {
    config.app_data(Data::clone(&PAGES));
    API.serve(config);
}

/// The routes of the admin port.
pub(crate) fn admin(config: &mut ServiceConfig) {
    ADMIN.serve(config);
}

/// The description of the API (OpenAPI 3.1), as JSON.
pub(crate) fn document() -> &'static str {
    &DOCUMENT
}
