//! All that belongs to a remediation, in the order of time.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use storage_models::fields::EXAMPLE_ID;
use storage_models::{AiAnalysis, Execution, Record, RecordType, Remediation, Workflow};
use storage_query::Timeline;
use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, OneOfBuilder};

use super::answer::{HandlerResult, Json, Sent};
use super::id;
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, parameters, reference, schema};
use crate::problem::{Problem, ProblemKind};
use crate::routes::parameters::Parameters;

/// The operation that reads a timeline.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/audit/remediation";
    let about = "The records, in the order of time.";
    Operation::get(format!("{path}/{{id}}/timeline"), Requires::READ, timeline, about)
        .named(
            "remediation",
            "getTimeline",
            "Read a remediation with its analyses, workflow runs and executions",
        )
        .parameters([parameters::id()])
        .may_fail(STORE)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, format!("{path}/{EXAMPLE_ID}/timeline")))
        .shown_by(Request::new(404, format!("{path}/9223372036854775807/timeline")))
        .shown_by(Request::new(400, format!("{path}/{EXAMPLE_ID}/timeline?limit=1")))
}

/// A remediation with its analyses, workflow runs and executions.
#[derive(Serialize, ToSchema)]
#[schema(as = Timeline)]
pub(super) struct TimelineAnswer {
    #[schema(schema_with = reference::<Remediation>)]
    remediation: Remediation,
    /// In the order of time.
    events: Vec<Event>,
    /// Whether later events were left out.
    truncated: bool,
}

/// A record of the timeline with its type.
#[derive(Serialize, ToSchema)]
#[schema(as = TimelineEvent)]
struct Event {
    #[schema(schema_with = event_type)]
    r#type: &'static str,
    #[schema(schema_with = event_record)]
    record: Record,
}

impl JsonBody for TimelineAnswer {}

/// The records that belong to a remediation.
const EVENTS: [RecordType; 3] = [RecordType::AiAnalysis, RecordType::Workflow, RecordType::Execution];

fn event_type() -> ObjectBuilder {
    schema::set("EventType", EVENTS.map(RecordType::path))
}

fn event_record() -> OneOfBuilder {
    let records = [reference::<AiAnalysis>(), reference::<Workflow>(), reference::<Execution>()];
    records.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item)
}

/// `GET /api/v1/audit/remediation/{id}/timeline`
pub(super) async fn timeline(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<TimelineAnswer>> {
    Parameters::parse(request.query_string()).finish()?;
    let id = id::of(&request)?;
    let timeline = state.reader.timeline(id, context.deadline).await?.ok_or_else(|| {
        Problem::new(ProblemKind::RecordNotFound).detail(format!("There is no remediation with the id {id}."))
    })?;
    let bulk = timeline.remediation.bulk() + timeline.events.iter().map(Record::bulk).sum::<usize>();
    let make = move || TimelineAnswer::of(timeline);
    Ok(Sent::rendered(state.heavy.json(bulk, context.deadline, make).await?))
}

impl TimelineAnswer {
    fn of(timeline: Timeline) -> Self {
        let events = timeline.events.into_iter();
        Self {
            remediation: timeline.remediation,
            events: events.map(|record| Event { r#type: record.record_type().path(), record }).collect(),
            truncated: timeline.is_truncated,
        }
    }
}
