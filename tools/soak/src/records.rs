//! Random records of each type, valid ones and others.

use chrono::{TimeDelta, Utc};
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use storage_models::{RecordType, Timestamp};

use super::model::{Fields, tag_field};

/// Names as people give them, among them some that a careless store would alter.
const NAMES: &[&str] = &[
    "checkout-restart",
    "my-app-delete-jobs",
    "scale up the payment workers",
    "O'Brien's rollback",
    "перезапуск",
    "再起動-checkout",
    "select-insert-update",
    "drain node 17",
];
const ACTIONS: &[&str] = &["restart-pod", "scale-deployment", "rollback-release", "drain-node"];
const NAMESPACES: &[&str] = &["payments", "search", "billing", "kube-system"];
const SEVERITIES: &[&str] = &["critical", "high", "medium", "low", "warning", "info"];
const MESSAGES: &[&str] = &[
    "Back-off restarting failed container",
    "a < b && c > d; \"quoted\" \\ and\nanother line",
    "readiness probe failed: HTTP 503",
    "",
];
/// How far back records begin: several monthly partitions.
const DAYS_BACK: i64 = 70;

fn pick(rng: &mut StdRng, words: &[&str]) -> Value {
    words.choose(rng).copied().map_or(Value::Null, Value::from)
}

/// A valid record that carries `tag`. Every type but remediation belongs to the remediation `parent`.
pub(super) fn valid(rng: &mut StdRng, kind: RecordType, tag: &str, parent: i64) -> Fields {
    let started =
        Timestamp::new(Utc::now() - TimeDelta::milliseconds(rng.random_range(0..DAYS_BACK * 86_400_000)));
    let record = match kind {
        RecordType::Remediation => remediation(rng, started),
        RecordType::AiAnalysis => json!({
            "remediation_id": parent, "analysis_type": "root-cause", "timestamp": started,
            "confidence": f64::from(rng.random_range(0..=100_u8)) / 100.0,
            "recommendation": pick(rng, NAMES), "reasoning": pick(rng, MESSAGES),
            "tokens_used": rng.random_range(0..100_000_u32), "latency_ms": null,
        }),
        RecordType::Workflow => json!({
            "remediation_id": parent, "phase": "planning", "status": "pending", "start_time": started,
            "end_time": null, "step_count": 10, "current_step": 0,
        }),
        RecordType::Execution => json!({
            "remediation_id": parent, "action_type": pick(rng, ACTIONS), "target_kind": "Pod",
            "namespace": pick(rng, NAMESPACES), "status": "success", "start_time": started, "end_time": started,
            "error_message": pick(rng, MESSAGES), "dry_run": rng.random_bool(0.5),
        }),
    };
    let mut fields = object(record);
    fields.insert(tag_field(kind).to_owned(), tag.into());
    fields
}

fn remediation(rng: &mut StdRng, started: Timestamp) -> Value {
    let is_finished = rng.random_bool(0.3);
    let (phase, status) = if is_finished { ("completed", "success") } else { ("pending", "pending") };
    json!({
        "name": pick(rng, NAMES), "namespace": pick(rng, NAMESPACES), "phase": phase, "status": status,
        "action_type": pick(rng, ACTIONS), "target_name": pick(rng, &["web", "db", "queue"]),
        "start_time": started, "end_time": is_finished.then_some(started),
        "environment": null, "cluster": pick(rng, &["east", "west"]), "alert_name": "KubePodCrashLooping",
        "severity": pick(rng, SEVERITIES), "error_message": pick(rng, MESSAGES),
        "metadata": { "n": rng.random_range(0..i64::MAX), "note": pick(rng, MESSAGES), "list": [1, "two", null] },
    })
}

/// The same record with something wrong about it.
pub(super) fn spoilt(rng: &mut StdRng, kind: RecordType, mut record: Fields) -> Fields {
    match (rng.random_range(0..3_u8), kind) {
        (0, RecordType::AiAnalysis) => record.insert("confidence".to_owned(), 2.into()),
        (0, RecordType::Execution) => record.insert("status".to_owned(), "done".into()),
        (0, _) => record.insert("phase".to_owned(), "done".into()),
        (1, RecordType::AiAnalysis | RecordType::Workflow | RecordType::Execution) => {
            // No remediation has such an id.
            record.insert("remediation_id".to_owned(), i64::MAX.into())
        }
        _ => record.insert("no_such_field".to_owned(), 1.into()),
    };
    record
}

/// A change of an unfinished record: its next step, and for remediations a member of metadata.
pub(super) fn change(rng: &mut StdRng, kind: RecordType, record: &Fields) -> Fields {
    let now = Timestamp::now();
    let change = match (kind, rng.random_range(0..10_u8)) {
        (RecordType::Workflow, 0) => json!({ "phase": "completed", "status": "success", "end_time": now }),
        (RecordType::Workflow, _) => {
            let step = record.get("current_step").and_then(Value::as_i64).unwrap_or_default();
            json!({ "phase": "executing", "status": "running", "current_step": (step + 1).min(10) })
        }
        (_, 0) => {
            json!({ "phase": "failed", "status": "failed", "end_time": now, "error_message": "gave up" })
        }
        (_, 1) => json!({ "error_message": null, "metadata": { "note": null } }),
        _ => json!({
            "phase": "processing", "status": "running",
            "metadata": { format!("step-{}", rng.random_range(0..20_u8)): rng.random_range(0..1_000_000_u32) },
        }),
    };
    object(change)
}

fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
