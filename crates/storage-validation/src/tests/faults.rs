//! Unknown fields, what the parser found, and how errors are listed.

use serde_json::{Value, json};
use storage_models::RecordType::{self, AiAnalysis, Execution, Remediation, Workflow};

use super::{errors, full, minimal, only_error, run, run_text, with};

/// F20: a mistyped field is refused by its name.
#[test]
fn unknown_fields_are_named() {
    for record_type in RecordType::ALL {
        for field in ["nmae", "Name", "", "a/b", "a~b", "vector_sync", "sanitized_fields"] {
            let error = only_error(run(record_type, &with(record_type, field, 1)));
            let path = field.replace('~', "~0").replace('/', "~1");
            assert_eq!((error.pointer, error.code), (format!("/{path}"), "unknown_field"));
            assert_eq!(error.message, format!("unknown field: {path}"));
        }
    }
}

/// F20: what the server sets cannot be sent, and the message says so.
#[test]
fn fields_of_the_server_are_refused() {
    for (record_type, fields) in [
        (Remediation, &["id", "created_at", "updated_at", "duration_ms", "embedding"][..]),
        (AiAnalysis, &["id", "created_at"]),
        (Workflow, &["id", "created_at", "updated_at"]),
        (Execution, &["id", "created_at"]),
    ] {
        for field in fields {
            for value in [json!(1), Value::Null] {
                let error = only_error(run(record_type, &with(record_type, field, value)));
                assert_eq!((error.pointer, error.code), (format!("/{field}"), "unknown_field"));
                let message = format!("unknown field: {field} is set by the server and cannot be sent");
                assert_eq!(error.message, message);
            }
        }
    }
}

#[test]
fn a_record_is_an_object() {
    for record_type in RecordType::ALL {
        for (text, found) in [("1", "number"), ("[]", "array"), ("null", "null"), ("\"x\"", "string")] {
            let error = only_error(run_text(record_type, text));
            assert_eq!((error.pointer.as_str(), error.code), ("", "wrong_type"));
            assert_eq!(error.message, format!("the record must be an object, not {found}"));
        }
    }
}

/// F29: what the parser could not keep is an error of its place, and the only one there.
#[test]
fn faults_of_the_parser_are_errors_of_their_places() {
    let rest = r#""namespace": "ns", "phase": "pending", "action_type": "a""#;
    for (fields, pointer, code, message) in [
        (r#""name": "a", "name": "b""#, "/name", "duplicate_key", "name: the key occurs twice in its object"),
        (
            r#""name": "a", "name": 7, "name": "b""#,
            "/name",
            "duplicate_key",
            "name: the key occurs twice in its object",
        ),
        (r#""name": "\u0000""#, "/name", "nul_character", "name: the NUL character cannot be stored"),
        (
            r#""name": "\ud800""#,
            "/name",
            "invalid_string",
            "name: the string holds an escape that is not a character",
        ),
        (
            r#""name": "a", "metadata": {"a": {"b": 1e400}}"#,
            "/metadata/a/b",
            "number_out_of_range",
            "metadata/a/b: the number is outside the range of a 64-bit floating point number",
        ),
        (
            r#""name": "a", "metadata": {"a": 1, "a": 2}"#,
            "/metadata/a",
            "duplicate_key",
            "metadata/a: the key occurs twice in its object",
        ),
    ] {
        let error = only_error(run_text(Remediation, &format!("{{{fields}, {rest}}}")));
        assert_eq!((error.pointer.as_str(), error.code, error.message.as_str()), (pointer, code, message));
    }
    assert_eq!(only_error(run_text(Remediation, r#"{"\ud800": 1}"#)).pointer, "");
}

/// BR-STORAGE-010: every bad field at once, in the order of the fields, then the others as they came.
#[test]
fn all_errors_come_at_once_and_in_order() {
    let text = r#"{
        "zzz": 1, "metadata": {"k\u0001": "\u0001", "n": 1e400}, "severity": "x", "id": 1, "status": 5,
        "end_time": "2026-03-01T00:00:00Z", "start_time": "2026-03-01T01:00:00Z", "name": 3, "phase": null,
        "namespace": "a\u0000", "aaa": {"b": 1e400}
    }"#;
    let found = errors(run_text(Remediation, text));
    let places: Vec<_> = found.iter().map(|(pointer, code, _)| (pointer.as_str(), *code)).collect();
    assert_eq!(
        places,
        [
            ("/name", "wrong_type"),
            ("/namespace", "nul_character"),
            ("/phase", "required"),
            ("/action_type", "required"),
            ("/status", "wrong_type"),
            ("/end_time", "out_of_range"),
            ("/severity", "invalid_value"),
            ("/metadata/k\u{1}", "forbidden_character"),
            ("/metadata/n", "number_out_of_range"),
            ("/zzz", "unknown_field"),
            ("/id", "unknown_field"),
            ("/aaa", "unknown_field"),
            ("/aaa/b", "number_out_of_range"),
        ]
    );
}

#[test]
fn a_refusal_reads_as_its_messages() {
    let invalid = run(Remediation, &json!({"name": "n", "phase": "x"})).unwrap_err();
    assert_eq!(
        invalid.to_string(),
        "namespace is required; invalid phase: x (allowed: pending, processing, completed, failed); \
         action_type is required"
    );
    assert_eq!(invalid.code(), storage_models::ErrorCode::Invalid);
    assert_eq!(invalid.omitted(), 0);
}

/// However much is wrong, the answer stays small, and the fields of the type are all in it.
#[test]
fn errors_beyond_a_bound_are_counted() {
    let mut sent = minimal(Workflow);
    sent["status"] = json!("x");
    sent["phase"] = json!("completed");
    sent["current_step"] = json!(1);
    for number in 0..1_000 {
        sent[format!("f{number}")] = json!(1);
    }
    let invalid = run(Workflow, &sent).unwrap_err();
    assert_eq!(invalid.errors().len() + invalid.omitted(), 1_002);
    assert!(invalid.errors().len() <= 202);
    let places: Vec<_> = invalid.errors().iter().take(2).map(|error| error.pointer.as_str()).collect();
    assert_eq!(places, ["/status", "/current_step"]);
    assert!(invalid.to_string().ends_with(&format!("; and {} more", invalid.omitted())));
}

/// Messages repeat little of what was sent, and nothing that could forge a line of a log.
#[test]
fn messages_are_short_and_inert() {
    let long = "x".repeat(100_000);
    for (field, value) in
        [("phase", long.clone()), ("start_time", long.clone()), (long.as_str(), String::new())]
    {
        let mut sent = full(Remediation);
        sent.as_object_mut().unwrap().remove("end_time");
        sent[field] = json!(value);
        let error = only_error(run(Remediation, &sent));
        assert!(error.message.len() < 200, "{}", error.message.len());
        assert!(error.message.contains(&format!("{}…", "x".repeat(100))));
        assert!(error.pointer.chars().count() <= 501);
    }
    let forged = "x\r\n2026-03-01 level=info \u{202e}\u{1b}[2K";
    for (field, value) in [("phase", forged), (forged, "x")] {
        let error = only_error(run(Remediation, &with(Remediation, field, value)));
        assert!(!error.message.chars().any(storage_models::identifier::is_forbidden), "{}", error.message);
        assert!(
            error.message.contains(r"x\u{d}\u{a}2026-03-01 level=info \u{202e}\u{1b}[2K"),
            "{}",
            error.message
        );
    }
}
