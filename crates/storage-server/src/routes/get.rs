//! One record by its id.

use actix_web::http::header::IF_NONE_MATCH;
use actix_web::{HttpRequest, web};
use storage_models::Record;
use storage_query::AuditRecord;
use tokio::time::Instant;

use super::answer::{HandlerResult, Sent, Versioned};
use super::id;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{Named, Shown};
use crate::problem::{Problem, ProblemKind};
use crate::routes::etag;
use crate::routes::parameters::Parameters;
use crate::store::edge::Item;

/// `GET /api/v1/audit/{type}/{id}`
pub(super) async fn get<R: AuditRecord + Named>(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Versioned<Shown<R>>> {
    Parameters::parse(request.query_string()).finish()?;
    let id = id::of(&request)?;
    let record = record::<R>(&state, id, context.deadline).await?;
    let tag = etag::of(&record);
    let mut known = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    if known.any(|header| etag::matches(header, &tag)) {
        return Ok(Sent::known(tag));
    }
    Ok(Sent::current(tag, &Shown::of(Item::Record(record))))
}

/// The record with this id, or the problem that there is none.
pub(super) async fn record<R: AuditRecord>(
    state: &AppState,
    id: i64,
    deadline: Instant,
) -> Result<Record, Problem> {
    state.reader.get(R::TYPE, id, deadline).await?.ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail(format!("There is no {} with the id {id}.", R::TYPE))
    })
}
