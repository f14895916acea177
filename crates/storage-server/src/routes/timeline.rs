//! All that belongs to a remediation, in the order of time.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use storage_models::{Record, Remediation};
use storage_query::Timeline;

use super::{Answer, id};
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// A timeline as it is sent.
#[derive(Serialize)]
struct TimelineAnswer<'a> {
    remediation: &'a Remediation,
    events: Vec<Event<'a>>,
    /// Whether later events were left out.
    truncated: bool,
}

/// Something that belongs to the remediation; without its type its keys alone would have to tell.
#[derive(Serialize)]
struct Event<'a> {
    r#type: &'static str,
    record: &'a Record,
}

/// `GET /api/v1/audit/remediation/{id}/timeline`
pub(super) async fn timeline(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    let id = id::of(&request)?;
    let timeline = state.reader.timeline(id, context.deadline).await?.ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail(format!("There is no remediation with the id {id}."))
    })?;
    let bulk = timeline.remediation.bulk() + timeline.events.iter().map(Record::bulk).sum::<usize>();
    let render = move || serde_json::to_vec(&TimelineAnswer::of(&timeline));
    let body = state.heavy.json(bulk, context.deadline, render).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

impl<'a> TimelineAnswer<'a> {
    fn of(timeline: &'a Timeline) -> Self {
        let events = timeline.events.iter();
        Self {
            remediation: &timeline.remediation,
            events: events.map(|record| Event { r#type: record.record_type().path(), record }).collect(),
            truncated: timeline.is_truncated,
        }
    }
}
