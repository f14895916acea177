//! Incidents: remediations with the keys that other services agreed on.

use actix_web::{HttpRequest, web};
use storage_models::fields::EXAMPLE_ID;
use storage_query::Incident;

use super::answer::{HandlerResult, Json, Sent};
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use super::{id, list};
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{Shown, parameters};
use crate::problem::{Problem, ProblemKind};
use crate::routes::parameters::Parameters;

/// The operations on incidents.
pub(super) fn operations() -> [Operation; 2] {
    let path = "/api/v1/incidents";
    let about = "An incident is a remediation with the field names that other services use. Filters and sorts are \
                 those of remediations.";
    let list = list::operation::<Incident>(path)
        .named("incidents", "listIncidents", "List incidents")
        .about(about)
        .parameters(parameters::filter::<Incident>())
        .parameters(parameters::page::<Incident>())
        .shown_by(Request::new(200, format!("{path}?severity=critical&sort=-duration_ms")))
        .shown_by(Request::new(400, format!("{path}?remediation_id=1")));
    let one = Operation::get(format!("{path}/{{id}}"), Requires::READ, get, "The incident.")
        .named("incidents", "getIncident", "Read an incident")
        .parameters([parameters::id()])
        .may_fail(STORE)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, format!("{path}/{EXAMPLE_ID}")))
        .shown_by(Request::new(404, format!("{path}/9223372036854775807")))
        .shown_by(Request::new(400, format!("{path}/1?full=true")));
    [list, one]
}

/// `GET /api/v1/incidents/{id}`
async fn get(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<Shown<Incident>>> {
    Parameters::parse(request.query_string()).finish()?;
    let id = id::of(&request)?;
    let incident = state.reader.incident(id, context.deadline).await?;
    let incident = incident.ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail(format!("There is no incident with the id {id}."))
    })?;
    Ok(Sent::json(&Shown::of(incident.into())))
}
