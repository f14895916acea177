//! Incidents: remediations with the keys that other services agreed on.

use actix_web::{HttpRequest, HttpResponse, web};

use super::{Answer, id};
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// `GET /api/v1/incidents/{id}`
pub(super) async fn get(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    let id = id::of(&request)?;
    let incident = state.reader.incident(id, context.deadline).await?;
    let incident = incident.ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail(format!("There is no incident with the id {id}."))
    })?;
    Ok(HttpResponse::Ok().json(incident))
}
