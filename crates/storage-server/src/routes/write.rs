//! Storing one record.

use actix_web::http::header::{ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use storage_dualwrite::Reservation;
use storage_models::{Json, NewRecord, Record, RecordType, Timestamp};
use storage_query::AuditRecord;
use storage_validation::{Invalid, Valid};

use super::Answer;
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::telemetry::metrics as names;
use crate::telemetry::request::RequestContext;
use crate::{body, etag};

/// The answer to a write.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    record: &'a Record,
    vector_sync: &'static str,
    sanitized_fields: Vec<String>,
}

/// `POST /api/v1/audit/{type}`
pub(super) async fn write<R: AuditRecord>(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    Parameters::parse(request.query_string()).finish()?;
    refuse_idempotency_key(&request)?;
    let deadline = context.deadline;
    let body = body::read(request.headers(), payload, &state.budget, state.limits.body, deadline).await?;
    let Valid { record, sanitized_fields } = validated(R::TYPE, &body.bytes)?;
    let stored = store(&state, record, body.reservation, deadline).await?;
    for pointer in &sanitized_fields {
        metrics::counter!(names::SANITIZED_FIELDS, "field" => field_label(pointer)).increment(1);
    }
    let answer = Stored { record: &stored, vector_sync: vector_sync(R::TYPE), sanitized_fields };
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/api/v1/audit/{}/{}", R::TYPE.path(), stored.id())))
        .insert_header((ETAG, etag::of(&stored)))
        .json(answer))
}

/// A key that had no effect would let its client believe that repeating the request is safe.
fn refuse_idempotency_key(request: &HttpRequest) -> Result<(), Problem> {
    if request.headers().contains_key("Idempotency-Key") {
        let detail =
            "Idempotency-Key has no effect here yet; nothing was stored. Send the request without it.";
        return Err(Problem::new(ProblemKind::BadRequest).detail(detail));
    }
    Ok(())
}

/// No time-out of our own here: once the record has left the queue only the writer knows what became of it.
async fn store(
    state: &AppState,
    record: NewRecord,
    size: Reservation,
    deadline: tokio::time::Instant,
) -> Result<Record, Problem> {
    Ok(state.writer.write(record, size, deadline).await?)
}

fn validated(record_type: RecordType, body: &[u8]) -> Result<Valid, Problem> {
    let parsed = Json::parse(body)?;
    storage_validation::record(record_type, parsed, Timestamp::now()).map_err(|invalid| {
        count(&invalid);
        invalid.into()
    })
}

fn count(invalid: &Invalid) {
    for error in invalid.errors() {
        let field = field_label(&error.pointer);
        metrics::counter!(names::VALIDATION_FAILURES, "field" => field, "reason" => error.code).increment(1);
    }
}

/// Where a fresh record stands with the vector index.
const fn vector_sync(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => "pending",
        RecordType::AiAnalysis | RecordType::Workflow | RecordType::Execution => "not_indexed",
    }
}

/// Every field that some record type has, as metrics name them: a client's own words must not become labels.
const FIELDS: &[&str] = &[
    "action_type",
    "alert_fingerprint",
    "alert_name",
    "analysis_type",
    "cluster",
    "confidence",
    "created_at",
    "current_step",
    "dry_run",
    "duration_ms",
    "end_time",
    "environment",
    "error_message",
    "id",
    "latency_ms",
    "metadata",
    "model",
    "name",
    "namespace",
    "phase",
    "reasoning",
    "recommendation",
    "remediation_id",
    "remediation_request_id",
    "severity",
    "start_time",
    "status",
    "step_count",
    "target_kind",
    "target_name",
    "timestamp",
    "tokens_used",
    "updated_at",
    "workflow_name",
];

/// The field that a JSON pointer leads into; `record` for the record as a whole.
fn field_label(pointer: &str) -> &'static str {
    let Some(name) = pointer.split('/').nth(1) else { return "record" };
    FIELDS.iter().copied().find(|field| *field == name).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use storage_models::{Json, RecordType, Timestamp};

    use super::{FIELDS, field_label};

    #[test]
    fn labels_are_fields_and_nothing_a_client_made_up() {
        for (pointer, label) in [
            ("/name", "name"),
            ("/metadata/steps/0", "metadata"),
            ("", "record"),
            ("/nmae", "unknown"),
            ("/", "unknown"),
        ] {
            assert_eq!(field_label(pointer), label, "{pointer}");
        }
    }

    /// The fields of all types: what validation asks for or says only the server sets.
    #[test]
    fn the_labels_cover_every_field_that_validation_knows() {
        let everything: Vec<String> = FIELDS.iter().map(|field| format!("\"{field}\": []")).collect();
        let body = format!("{{{}}}", everything.join(","));
        let mut known = BTreeSet::new();
        for record_type in RecordType::ALL {
            let parsed = Json::parse(body.as_bytes()).unwrap();
            let invalid = storage_validation::record(record_type, parsed, Timestamp::now()).unwrap_err();
            for error in invalid.errors() {
                let is_foreign =
                    error.code == "unknown_field" && !error.message.contains("set by the server");
                if !is_foreign {
                    known.insert(error.pointer.trim_start_matches('/').to_owned());
                }
            }
        }
        assert_eq!(known, FIELDS.iter().map(|field| (*field).to_owned()).collect());
    }
}
