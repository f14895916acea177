//! The tables of the plan, in its own words. Its "minimal valid" records lack the action type, which is
//! required here.

use serde_json::{Value, json};
use storage_models::RecordType::Remediation;

use super::run;

fn remediation(name: &str, namespace: &str, phase: &str, action_type: &str) -> Value {
    json!({"name": name, "namespace": namespace, "phase": phase, "action_type": action_type})
}

/// BR-STORAGE-010: what the plan accepts.
#[test]
fn the_plans_valid_records_pass() {
    let complete = json!({
        "name": "test-remediation-001", "namespace": "default", "phase": "processing",
        "action_type": "restart-pod", "status": "pending",
    });
    let longest = "a".repeat(255);
    for sent in [
        complete,
        remediation("min", "ns", "pending", "restart-pod"),
        remediation(&longest, "default", "processing", "a"),
        remediation("test", &longest, "processing", "a"),
        remediation("test", "default", "processing", &"a".repeat(100)),
    ] {
        assert!(run(Remediation, &sent).is_ok(), "{sent}");
    }
}

/// BR-STORAGE-010: what the plan refuses, with its messages word for word; a word that is unknown is followed by those that
/// are known (F70).
#[test]
fn the_plans_invalid_records_fail_with_its_messages() {
    let long = "a".repeat(256);
    for (sent, message) in [
        (json!({"namespace": "default", "phase": "processing", "action_type": "a"}), "name is required"),
        (json!({"name": "test", "phase": "processing", "action_type": "a"}), "namespace is required"),
        (json!({"name": "test", "namespace": "default", "action_type": "a"}), "phase is required"),
        (json!({"name": "test", "namespace": "default", "phase": "pending"}), "action_type is required"),
        (
            remediation("test", "default", "invalid-phase", "a"),
            "invalid phase: invalid-phase (allowed: pending, processing, completed, failed)",
        ),
        (remediation("test", "default", "processing", ""), "action_type is required"),
        (remediation("   ", "default", "processing", "a"), "name is required"),
        (remediation("test", "default", " ", "a"), "phase is required"),
        (remediation(&long, "default", "processing", "a"), "name exceeds maximum length of 255"),
        (remediation("test", &long, "processing", "a"), "namespace exceeds maximum length of 255"),
        (remediation("a", "b", "failed", &"a".repeat(101)), "action_type exceeds maximum length of 100"),
    ] {
        let message_of = |error: crate::Invalid| error.errors().first().unwrap().message.clone();
        assert_eq!(run(Remediation, &sent).map_err(message_of), Err(message.to_owned()), "{sent}");
    }
}
