//! The operations on records.

use serde_json::{Value, json};
use storage_models::RecordType;
use storage_query::{AiAnalysisFilter, ExecutionFilter, RemediationFilter, WorkflowFilter};
use storage_validation::MAX_BATCH_RECORDS;
use utoipa::openapi::path::{HttpMethod, Parameter};
use utoipa::openapi::{RefOr, Schema};

use super::answers::{Body, page_example, stored_example};
use super::fields::{self, schema_name};
use super::kinds::{Kind, list_of, named};
use super::operation::{Operation, Request, body_of};
use super::parameters::{self, EXAMPLE_ETAG};
use super::responses::{READ, WRITE, common, json_body, with_header};
use crate::problem::ProblemKind;

const JSON: &str = "application/json";
const JSON_LINES: &str = "application/x-ndjson";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// All operations on records of one type, in the order in which they can be tried.
pub(super) fn of(record_type: RecordType) -> Vec<Operation> {
    let mut operations = vec![write(record_type), batch(record_type), list(record_type), get(record_type)];
    if !fields::changeable(record_type).is_empty() {
        operations.push(update(record_type));
    }
    operations.into_iter().map(|operation| operation.tag(record_type.path())).collect()
}

/// Where records of a type are.
pub(super) fn path(record_type: RecordType) -> String {
    format!("/api/v1/audit/{}", record_type.path())
}

/// What a record of a type is called.
const fn noun(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => "a remediation",
        RecordType::AiAnalysis => "an analysis",
        RecordType::Workflow => "a workflow run",
        RecordType::Execution => "an execution",
    }
}

const fn nouns(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => "remediations",
        RecordType::AiAnalysis => "analyses",
        RecordType::Workflow => "workflow runs",
        RecordType::Execution => "executions",
    }
}

/// Every parameter of a type's filter.
pub(super) fn filter(record_type: RecordType) -> Vec<Parameter> {
    match record_type {
        RecordType::Remediation => {
            let mut parameters = parameters::filter::<RemediationFilter>(record_type);
            parameters.push(parameters::metadata());
            parameters
        }
        RecordType::AiAnalysis => parameters::filter::<AiAnalysisFilter>(record_type),
        RecordType::Workflow => parameters::filter::<WorkflowFilter>(record_type),
        RecordType::Execution => parameters::filter::<ExecutionFilter>(record_type),
    }
}

fn write(record_type: RecordType) -> Operation {
    let (name, path) = (schema_name(record_type), path(record_type));
    let example = fields::new_example(&fields::of(record_type));
    let stored = Body { schema: format!("Stored{name}"), example: stored_example(record_type) };
    let created = json_body("The record as it is stored.", &stored);
    Operation::new(HttpMethod::Post, path.clone(), format!("write{name}"), &format!("Store {}", noun(record_type)))
        .about("201 means committed. Text is trimmed and sanitized; what was altered is named in `sanitized_fields`.")
        .parameters([parameters::consistency(true)])
        .parameters(parameters::write_headers())
        .takes(body_of([(JSON, named(&format!("New{name}")), example.clone())]))
        .answers(201, with_header(with_header(created, "Location"), "ETag"))
        .may_fail(WRITE)
        .may_fail(&[ProblemKind::TooManyMonths, ProblemKind::IndexUnavailable])
        .shown_by(Request::new(201, path.clone()).body(JSON, example.clone()))
        .shown_by(Request::new(201, path.clone()).header("Idempotency-Key", "key-1").body(JSON, example.clone()))
        .shown_by(Request::new(422, path.clone()).header("Idempotency-Key", "key-1").body(JSON, other(&example)))
        .shown_by(Request::new(400, path.clone()).body(JSON, json!({})))
        .shown_by(Request::new(400, path.clone()).body(JSON, json!("{\"name\": ")))
        .shown_by(Request::new(400, format!("{path}?consistency=maybe")).body(JSON, example.clone()))
        .shown_by(Request::new(415, path).body("text/plain", example))
}

/// The same record with another value of one of its fields.
fn other(example: &Value) -> Value {
    let mut other = example.clone();
    if let Some(status) = other.get_mut("status") {
        *status = json!("unknown");
    } else if let Some(confidence) = other.get_mut("confidence") {
        *confidence = json!(0.5);
    }
    other
}

fn batch(record_type: RecordType) -> Operation {
    let (name, path) = (schema_name(record_type), format!("{}/batch", path(record_type)));
    let example = fields::new_example(&fields::of(record_type));
    let records = list_of(named(&format!("New{name}"))).min_items(Some(1)).max_items(Some(MAX_BATCH_RECORDS));
    let line = json!(format!("{example}\n"));
    let lines = Kind::Text.schema(false).description(Some("One record a line."));
    let (sync, indexed) = ("not_indexed", record_type == RecordType::Remediation);
    let stored = json!({
        "ids": [3, 4], "count": 2, "vector_sync": if indexed { "pending" } else { sync }, "sanitized_fields": []
    });
    let body = Body { schema: "StoredBatch".to_owned(), example: stored };
    let summary = format!("Store many {}, all or none", nouns(record_type));
    Operation::new(HttpMethod::Post, path.clone(), format!("write{name}Batch"), &summary)
        .parameters([parameters::consistency(false)])
        .parameters(parameters::write_headers())
        .takes(body_of([
            (JSON, records.into(), json!([example, example])),
            (JSON_LINES, RefOr::T(Schema::Object(lines.build())), line.clone()),
        ]))
        .answers(201, json_body("Where they are.", &body))
        .may_fail(WRITE)
        .may_fail(&[ProblemKind::TooManyMonths])
        .shown_by(Request::new(201, path.clone()).body(JSON, json!([example, example])))
        .shown_by(Request::new(201, path.clone()).body(JSON_LINES, line))
        .shown_by(Request::new(400, path.clone()).body(JSON, json!([])))
        .shown_by(Request::new(415, path).body(MERGE_PATCH, json!([example])))
}

fn list(record_type: RecordType) -> Operation {
    let (name, path) = (schema_name(record_type), path(record_type));
    let example = page_example(&fields::record_example(&fields::of(record_type)));
    let body = Body { schema: format!("{name}Page"), example };
    let filtered = match record_type {
        RecordType::Remediation => {
            "namespace=payments,checkout&severity=critical&metadata.reason=CrashLoopBackOff"
        }
        RecordType::AiAnalysis => "remediation_id=1&since=2026-01-01",
        RecordType::Workflow => "remediation_id=1&phase=planning&phase=executing",
        RecordType::Execution => "dry_run=false&target_kind=Pod",
    };
    Operation::get(path.clone(), format!("list{name}"), &format!("List {}", nouns(record_type)))
        .about("All filters must hold; within one, any of its values.")
        .parameters(filter(record_type))
        .parameters(parameters::page(record_type))
        .answers(200, with_header(json_body("A page, with the exact total of its snapshot.", &body), "Link"))
        .may_fail(READ)
        .may_fail(&[ProblemKind::FeedUnavailable])
        .shown_by(Request::new(200, path.clone()))
        .shown_by(Request::new(200, format!("{path}?{filtered}&limit=2&sort=-created_at")))
        .shown_by(Request::new(200, format!("{path}?total=none&offset=1")))
        .shown_by(Request::new(400, format!("{path}?limit=0&nmae=x&cursor=1")))
}

fn get(record_type: RecordType) -> Operation {
    let (name, path) = (schema_name(record_type), path(record_type));
    let body = Body { schema: name.to_owned(), example: fields::record_example(&fields::of(record_type)) };
    let one = format!("{path}/1");
    Operation::get(format!("{path}/{{id}}"), format!("get{name}"), &format!("Read {}", noun(record_type)))
        .parameters([parameters::id(), parameters::if_none_match()])
        .answers(200, with_header(json_body("The record.", &body), "ETag"))
        .answers(304, with_header(common("The version that is known."), "ETag"))
        .may_fail(READ)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, one.clone()))
        .shown_by(Request::new(304, one.clone()).header("If-None-Match", EXAMPLE_ETAG))
        .shown_by(Request::new(404, format!("{path}/9223372036854775807")))
        .shown_by(Request::new(404, format!("{path}/none")))
        .shown_by(Request::new(400, format!("{one}?full=true")))
}

fn update(record_type: RecordType) -> Operation {
    let (name, path) = (schema_name(record_type), path(record_type));
    let one = format!("{path}/1");
    let patch = match record_type {
        RecordType::Remediation => json!({ "metadata": { "restarts": 18, "reviewed": true } }),
        RecordType::Workflow | RecordType::AiAnalysis | RecordType::Execution => json!({ "current_step": 2 }),
    };
    let end = json!({ "phase": "completed", "status": "success" });
    let stored = Body { schema: format!("Stored{name}"), example: stored_example(record_type) };
    let schema = format!("{name}Patch");
    let of = |status| Request::new(status, one.clone()).header("If-Match", EXAMPLE_ETAG);
    Operation::new(
        HttpMethod::Patch,
        format!("{path}/{{id}}"),
        format!("update{name}"),
        &format!("Change {}", noun(record_type)),
    )
    .about(
        "A merge patch (RFC 7396). Phases and steps never go back, and a finished record is never changed.",
    )
    .parameters([parameters::id(), parameters::if_match(), parameters::consistency(false)])
    .parameters(parameters::write_headers())
    .takes(body_of([(MERGE_PATCH, named(&schema), patch.clone()), (JSON, named(&schema), patch.clone())]))
    .answers(200, with_header(json_body("The record as it is now.", &stored), "ETag"))
    .may_fail(WRITE)
    .may_fail(&[
        ProblemKind::RecordNotFound,
        ProblemKind::Conflict,
        ProblemKind::PreconditionFailed,
        ProblemKind::PreconditionRequired,
    ])
    .shown_by(of(200).body(MERGE_PATCH, patch.clone()))
    .shown_by(Request::new(412, one.clone()).header("If-Match", "\"1-1\"").body(MERGE_PATCH, patch.clone()))
    .shown_by(Request::new(428, one.clone()).body(MERGE_PATCH, patch.clone()))
    .shown_by(of(400).body(MERGE_PATCH, json!({ "id": 2 })))
    .shown_by(of(200).body(JSON, end.clone()))
    .shown_by(of(409).body(JSON, json!({ "phase": "failed", "status": "failed" })))
    .shown_by(
        Request::new(404, format!("{path}/9223372036854775807"))
            .header("If-Match", "\"1-1\"")
            .body(MERGE_PATCH, patch),
    )
}
