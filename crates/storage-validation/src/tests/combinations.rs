//! Rules between fields.

use serde_json::json;
use storage_models::NewRecord;
use storage_models::RecordType::{Execution, Remediation, Workflow};

use super::{full, minimal, only_error, run, with};

/// BR-STORAGE-010: a finished record says how it ended, and only a finished one must.
#[test]
fn a_finished_record_needs_a_final_status() {
    for (record_type, phases) in [
        (Remediation, [("pending", false), ("processing", false), ("completed", true), ("failed", true)]),
        (Workflow, [("planning", false), ("executing", false), ("completed", true), ("failed", true)]),
    ] {
        for (phase, is_finished) in phases {
            for status in ["pending", "running", "success", "failed", "unknown"] {
                let mut sent = minimal(record_type);
                sent["phase"] = json!(phase);
                sent["status"] = json!(status);
                let result = run(record_type, &sent);
                if is_finished && matches!(status, "pending" | "running") {
                    let error = only_error(result);
                    assert_eq!((error.pointer.as_str(), error.code), ("/status", "status_required"));
                    let rule = "status must be success, failed or unknown when the record is finished";
                    assert_eq!(error.message, format!("{rule}, not {status}"));
                } else {
                    assert!(result.is_ok(), "{record_type} {phase} {status}");
                }
            }
            let mut sent = minimal(record_type);
            sent["phase"] = json!(phase);
            assert_eq!(run(record_type, &sent).is_err(), is_finished, "{phase} with the default status");
        }
    }
}

/// BR-STORAGE-010, F70: a start that the service filled in is told as that.
#[test]
fn nothing_ends_before_it_starts() {
    for record_type in [Remediation, Workflow, Execution] {
        let mut sent = full(record_type);
        sent["start_time"] = json!("2026-03-01T10:00:00.000001Z");
        sent["end_time"] = json!("2026-03-01T10:00:00.0000019Z");
        assert!(run(record_type, &sent).is_ok(), "the same microsecond");
        sent["end_time"] = json!("2026-03-01T10:00:00.000000999Z");
        let error = only_error(run(record_type, &sent));
        assert_eq!((error.pointer.as_str(), error.code), ("/end_time", "out_of_range"));
        assert_eq!(error.message, "end_time must not be before start_time (2026-03-01T10:00:00.000001Z)");
        // Without a start time, the record starts when it is received.
        sent["start_time"] = json!(null);
        let error = only_error(run(record_type, &sent));
        assert_eq!(
            error.message,
            "end_time must not be before start_time; without start_time in the request, start_time is the time of \
             receipt (2026-03-01T12:00:00.000000Z); send start_time too"
        );
    }
}

/// BR-STORAGE-010
#[test]
fn the_current_step_is_one_of_the_steps() {
    for (count, current, is_valid) in [(5, 0, true), (5, 5, true), (0, 0, true), (5, 6, false), (0, 1, false)]
    {
        let mut sent = with(Workflow, "step_count", count);
        sent["current_step"] = json!(current);
        match run(Workflow, &sent) {
            Ok(valid) => {
                let NewRecord::Workflow(record) = valid.record else { panic!("another type") };
                assert!(is_valid && record.current_step == current);
            }
            result => {
                let error = only_error(result);
                assert!(!is_valid, "{error:?}");
                assert_eq!((error.pointer.as_str(), error.code), ("/current_step", "out_of_range"));
                let message = format!("current_step must be between 0 and step_count ({count})");
                assert_eq!(error.message, message);
            }
        }
    }
}

/// A field that is wrong in itself is not compared with others.
#[test]
fn one_mistake_is_one_error() {
    for (record_type, field, value) in [
        (Workflow, "step_count", json!(-1)),
        (Workflow, "phase", json!("x")),
        (Remediation, "status", json!("x")),
        (Remediation, "start_time", json!("x")),
        (Remediation, "end_time", json!("1999-01-01T00:00:00Z")),
    ] {
        only_error(run(record_type, &with(record_type, field, value)));
    }
}
