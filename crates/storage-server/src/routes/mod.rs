//! The routes of both ports.

pub(crate) mod access;
mod admin;
mod aggregates;
mod export;
mod get;
mod health;
mod id;
mod incidents;
mod list;
mod openapi;
mod problems;
mod search;
mod timeline;
mod write;

#[cfg(test)]
mod tests;

use std::future::{Ready, ready};

use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use storage_models::{AiAnalysis, Execution, Remediation, Workflow};
use storage_query::{AuditRecord, Incident, ListQuery};

use crate::edge::AnyList;
use crate::problem::{Problem, ProblemKind};

/// What a handler gives.
type Answer = Result<HttpResponse, Problem>;

/// The routes of the API.
pub(crate) fn api(config: &mut ServiceConfig) {
    config.service(read_only("/api/v1/audit/search", search::search));
    // Before the route of one record, whose id it would be.
    config.service(read_only("/api/v1/audit/remediation/export", export::export));
    audit::<Remediation>(config, changeable::<Remediation>);
    audit::<AiAnalysis>(config, read_only_record::<AiAnalysis>);
    audit::<Workflow>(config, changeable::<Workflow>);
    audit::<Execution>(config, read_only_record::<Execution>);
    config.service(read_only("/api/v1/audit/remediation/{id}/timeline", timeline::timeline));
    config.service(read_only("/api/v1/incidents", list::list::<Incident>));
    config.service(read_only("/api/v1/incidents/{id}", incidents::get));
    aggregates::configure(config);
    admin::configure(config);
    config.service(read_only("/problems/{slug}", problems::page));
    config.service(read_only("/openapi.json", openapi::document));
    config.service(read_only("/docs", openapi::docs));
    config.service(read_only("/docs/{file}", openapi::file));
    common(config);
}

/// The routes of the admin port.
pub(crate) fn admin(config: &mut ServiceConfig) {
    config.service(read_only("/metrics", health::metrics));
    common(config);
}

/// What both ports have.
fn common(config: &mut ServiceConfig) {
    config
        .service(read_only("/health", health::alive))
        .service(read_only("/livez", health::alive))
        .service(read_only("/ready", health::ready))
        .service(read_only("/readyz", health::ready))
        .service(read_only("/version", health::version))
        .default_service(web::to(no_route));
}

/// The routes of one record type.
fn audit<R: AuditRecord>(config: &mut ServiceConfig, one: fn(&str) -> Resource)
where
    AnyList: From<ListQuery<R>>,
{
    let path = format!("/api/v1/audit/{}", R::TYPE.path());
    let collection = web::resource(path.as_str())
        .route(web::get().to(list::list::<R>))
        .route(web::head().to(list::list::<R>))
        .route(web::post().to(write::write::<R>))
        .default_service(web::to(|| not_allowed("GET, HEAD, POST")));
    config.service(collection);
    let batch = web::resource(format!("{path}/batch"))
        .route(web::post().to(write::write_batch::<R>))
        .default_service(web::to(|| not_allowed("POST")));
    config.service(batch);
    config.service(one(&format!("{path}/{{id}}")));
}

/// One record of a type that is never changed.
fn read_only_record<R: AuditRecord>(path: &str) -> Resource {
    read_only(path, get::get::<R>)
}

/// One record of a type that goes through phases.
fn changeable<R: AuditRecord>(path: &str) -> Resource {
    web::resource(path)
        .route(web::get().to(get::get::<R>))
        .route(web::head().to(get::get::<R>))
        .route(web::patch().to(write::update::<R>))
        .default_service(web::to(|| not_allowed("GET, HEAD, PATCH")))
}

/// A resource that can only be read.
fn read_only<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(|| not_allowed("GET, HEAD")))
}

fn not_allowed(methods: &'static str) -> Ready<Answer> {
    ready(Err(Problem::method_not_allowed(methods)))
}

async fn no_route(_: HttpRequest) -> Answer {
    Err(Problem::new(ProblemKind::RouteNotFound))
}
