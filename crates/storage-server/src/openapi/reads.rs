//! The operations on all that belongs together: timelines, searches, incidents and their counts.

use serde_json::{Value, json};
use storage_models::RecordType;
use utoipa::openapi::Content;
use utoipa::openapi::path::Parameter;

use super::answers::{Body, incident_example, page_example};
use super::audit::{filter, path};
use super::fields;
use super::kinds::Kind;
use super::operation::{Operation, Request};
use super::parameters;
use super::responses::{READ, json_body, text_body, with_header};
use crate::problem::ProblemKind;

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    let mut operations = vec![timeline(), export(), search(), incidents(), incident()];
    operations.extend(counts());
    operations
}

fn record(record_type: RecordType) -> Value {
    fields::record_example(&fields::of(record_type))
}

fn timeline() -> Operation {
    let path = path(RecordType::Remediation);
    let example = json!({
        "remediation": record(RecordType::Remediation),
        "events": [{ "type": "aianalysis", "record": record(RecordType::AiAnalysis) }],
        "truncated": false
    });
    let body = Body { schema: "Timeline".to_owned(), example };
    let summary = "Read all that belongs to a remediation, in the order of time";
    Operation::get(format!("{path}/{{id}}/timeline"), "getTimeline", summary)
        .tag("remediation")
        .parameters([parameters::id()])
        .answers(200, json_body("The remediation with its analyses, workflow runs and executions.", &body))
        .may_fail(READ)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, format!("{path}/1/timeline")))
        .shown_by(Request::new(404, format!("{path}/9223372036854775807/timeline")))
        .shown_by(Request::new(400, format!("{path}/1/timeline?limit=1")))
}

fn export() -> Operation {
    let path = format!("{}/export", path(RecordType::Remediation));
    let line = format!("{}\n", record(RecordType::Remediation));
    let mut csv = Content::new(Some(Kind::Text.schema(false)));
    csv.example = Some(json!("id,name\r\n1,checkout-restart\r\n"));
    let answer = text_body("One record a line, as they are read.", "application/x-ndjson", &line);
    Operation::get(path.clone(), "exportRemediations", "Export all remediations that match")
        .tag("remediation")
        .parameters(parameters::export())
        .parameters(filter(RecordType::Remediation))
        .answers(200, answer.content("text/csv", csv))
        .may_fail(READ)
        .may_fail(&[ProblemKind::FeedUnavailable])
        .shown_by(Request::new(200, format!("{path}?namespace=payments")))
        .shown_by(Request::new(400, format!("{path}?limit=1")))
}

fn search() -> Operation {
    let path = "/api/v1/audit/search";
    let hit = json!({
        "similarity": 0.62, "rank": 1, "matched": ["semantic", "lexical"], "record": record(RecordType::Remediation)
    });
    let example = json!({ "data": [hit], "engine": "pgvector", "degraded": false, "pending": 0 });
    let body = Body { schema: "SearchAnswer".to_owned(), example };
    Operation::get(path, "search", "Find remediations by meaning, by words, or by both")
        .tag("remediation")
        .about("The filters of lists hold inside the index: what is found is the nearest of what matches.")
        .parameters(parameters::search())
        .parameters(filter(RecordType::Remediation))
        .answers(200, json_body("The nearest first.", &body))
        .may_fail(READ)
        .shown_by(Request::new(200, format!("{path}?q=a+pod+keeps+crashing&limit=3&namespace=payments")))
        .shown_by(Request::new(400, format!("{path}?limit=3")))
}

fn incidents() -> Operation {
    let path = "/api/v1/incidents";
    let body = Body { schema: "IncidentPage".to_owned(), example: page_example(&incident_example()) };
    Operation::get(path, "listIncidents", "List incidents")
        .tag("incidents")
        .about("Remediations with the keys that other services agreed on; filtered and sorted as they are.")
        .parameters(filter(RecordType::Remediation))
        .parameters(parameters::page(RecordType::Remediation))
        .answers(200, with_header(json_body("A page, with the exact total of its snapshot.", &body), "Link"))
        .may_fail(READ)
        .may_fail(&[ProblemKind::FeedUnavailable])
        .shown_by(Request::new(200, format!("{path}?severity=critical&sort=-duration_ms")))
        .shown_by(Request::new(400, format!("{path}?remediation_id=1")))
}

fn incident() -> Operation {
    let path = "/api/v1/incidents";
    let body = Body { schema: "Incident".to_owned(), example: incident_example() };
    Operation::get(format!("{path}/{{id}}"), "getIncident", "Read an incident")
        .tag("incidents")
        .parameters([parameters::id()])
        .answers(200, json_body("The incident.", &body))
        .may_fail(READ)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, format!("{path}/1")))
        .shown_by(Request::new(404, format!("{path}/9223372036854775807")))
        .shown_by(Request::new(400, format!("{path}/1?full=true")))
}

fn counts() -> Vec<Operation> {
    let rate = json!({ "total_count": 8, "success_count": 6, "failure_count": 2, "success_rate": 0.75 });
    let trend = json!({ "data": [{ "bucket": "2026-01-02T00:00:00.000000Z", "total": 8, "success": 6, "failed": 2 }] });
    let group = |column: &str, value: &str| json!({ "data": [{ column: value, "count": 12 }] });
    vec![
        count("success-rate", "SuccessRate", "Count how many of the finished succeeded", rate, None),
        count("by-namespace", "NamespaceCounts", "Count by namespace", group("namespace", "payments"), None),
        count("by-severity", "SeverityCounts", "Count by severity", group("severity", "critical"), None),
        count(
            "by-action-type",
            "ActionTypeCounts",
            "Count by action",
            group("action_type", "restart-pod"),
            None,
        ),
        count("trend", "Trend", "Count by time", trend, Some(parameters::interval())),
    ]
}

fn count(name: &str, schema: &str, summary: &str, example: Value, own: Option<Parameter>) -> Operation {
    let path = format!("/api/v1/incidents/aggregate/{name}");
    let about = if own.is_some() {
        "Buckets in which nothing began are there, with zeros."
    } else {
        "Over all that match."
    };
    Operation::get(path.clone(), format!("count{schema}"), summary)
        .tag("incidents")
        .about(about)
        .parameters(own)
        .parameters(filter(RecordType::Remediation))
        .answers(200, json_body("The counts.", &Body { schema: schema.to_owned(), example }))
        .may_fail(READ)
        .shown_by(Request::new(200, format!("{path}?namespace=payments&since=2026-01-01&until=2026-01-03")))
        .shown_by(Request::new(400, format!("{path}?limit=1")))
}
