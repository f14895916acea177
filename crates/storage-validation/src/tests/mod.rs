//! Whole records, through the public function.

mod batches;
mod combinations;
mod faults;
mod fields;
mod injection;
mod lenient;
mod metadata;
mod plan;
mod properties;
mod round_trip;
mod updates;

use serde_json::{Map, Value, json};
use storage_models::{Json, Receipt, RecordType, Timestamp};

use crate::{FieldError, Handling, Invalid, ValidRecord, record};

/// When every record of the tests is received.
fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// From whom every record of the tests is received.
fn receipt() -> Receipt {
    Receipt { at: now(), recorded_by: "operator".to_owned(), correlation_id: Some("c-1".to_owned()) }
}

/// Validates a JSON text.
fn run_text(record_type: RecordType, text: &str) -> Result<ValidRecord, Invalid> {
    record(record_type, Json::parse(text.as_bytes()).unwrap(), &receipt(), Handling::Strict)
}

/// Validates a JSON value.
fn run(record_type: RecordType, sent: &Value) -> Result<ValidRecord, Invalid> {
    run_text(record_type, &sent.to_string())
}

/// Validates a JSON value in lenient handling.
fn run_lenient(record_type: RecordType, sent: &Value) -> Result<ValidRecord, Invalid> {
    record(record_type, Json::parse(sent.to_string().as_bytes()).unwrap(), &receipt(), Handling::Lenient)
}

/// Every field that a client may send: each with a value of its own, or else its example.
fn full(record_type: RecordType) -> Value {
    let examples = record_type.fields().iter().filter(|field| field.is_sent());
    let mut sent: Map<String, Value> =
        examples.map(|field| (field.name.to_owned(), field.example.to_json())).collect();
    let Value::Object(own) = own(record_type) else { panic!("an object") };
    sent.extend(own);
    Value::Object(sent)
}

fn own(record_type: RecordType) -> Value {
    match record_type {
        RecordType::Remediation => json!({
            "name": "restart-web", "namespace": "shop", "phase": "completed", "action_type": "restart-pod",
            "target_name": "web-7d4b9c6f5-x2x9z", "status": "success",
            "start_time": "2026-02-28T23:59:58.123456789+02:00", "end_time": "2026-02-28T22:00:01Z",
            "environment": "production", "cluster": "eu-1", "remediation_request_id": "req-17",
            "alert_name": "PodCrashLooping", "alert_fingerprint": "a1b2c3", "severity": "high",
            "error_message": "exit code < 0 & more\n\tat line 3",
            "metadata": {"attempt": 3, "tags": ["a", "<none>"], "nested": {"ok": true, "none": null}},
        }),
        RecordType::AiAnalysis => json!({
            "remediation_id": 7, "analysis_type": "root-cause", "confidence": 0.875,
            "recommendation": "raise the limit", "reasoning": "memory > limit",
            "timestamp": "2026-03-01T11:00:00Z", "model": "model-1", "tokens_used": 1200, "latency_ms": 350,
        }),
        RecordType::Workflow => json!({
            "remediation_id": 8, "workflow_name": "drain-and-restart", "phase": "executing", "status": "running",
            "start_time": "2026-03-01T11:00:00Z", "end_time": "2026-03-01T11:30:00Z", "step_count": 5,
            "current_step": 2,
        }),
        RecordType::Execution => json!({
            "remediation_id": 9, "action_type": "scale", "target_kind": "Deployment", "target_name": "web",
            "namespace": "shop", "status": "failed", "start_time": "2026-03-01T11:00:00Z",
            "end_time": "2026-03-01T11:30:00Z", "error_message": "quota exceeded", "dry_run": true,
        }),
    }
}

/// Only what is required.
fn minimal(record_type: RecordType) -> Value {
    match record_type {
        RecordType::Remediation => {
            json!({"name": "n", "namespace": "ns", "phase": "pending", "action_type": "a"})
        }
        RecordType::AiAnalysis => json!({
            "remediation_id": 1, "analysis_type": "t", "confidence": 1, "recommendation": "r", "model": "m",
        }),
        RecordType::Workflow => {
            json!({"remediation_id": 1, "workflow_name": "w", "phase": "planning", "step_count": 0})
        }
        RecordType::Execution => {
            json!({"remediation_id": 1, "action_type": "a", "target_kind": "k", "target_name": "t"})
        }
    }
}

/// The full record with one field changed.
fn with(record_type: RecordType, field: &str, value: impl Into<Value>) -> Value {
    let mut sent = full(record_type);
    sent[field] = value.into();
    sent
}

/// The error of a record that has exactly one.
#[track_caller]
fn only_error(result: Result<ValidRecord, Invalid>) -> FieldError {
    let [error] = <[FieldError; 1]>::try_from(result.unwrap_err().into_errors()).unwrap();
    error
}

/// Pointer, code and message of every error.
#[track_caller]
fn errors(result: Result<ValidRecord, Invalid>) -> Vec<(String, &'static str, String)> {
    let errors = result.unwrap_err().into_errors();
    errors.into_iter().map(|error| (error.pointer, error.code, error.message)).collect()
}
