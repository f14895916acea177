//! Every rule of every field of all four types, from tables written out here a second time.

use serde_json::{Value, json};
use storage_models::RecordType::{self, AiAnalysis, Execution, Remediation, Workflow};
use storage_models::{Alteration, Alterations, Altered, NewRecord, Severity};

use super::{full, minimal, only_error, run, run_text, with};
use crate::ValidRecord;

const IDENTIFIERS: [(RecordType, &str, usize); 16] = [
    (Remediation, "name", 255),
    (Remediation, "namespace", 255),
    (Remediation, "action_type", 100),
    (Remediation, "target_name", 255),
    (Remediation, "environment", 50),
    (Remediation, "cluster", 255),
    (Remediation, "remediation_request_id", 255),
    (Remediation, "alert_name", 255),
    (Remediation, "alert_fingerprint", 255),
    (AiAnalysis, "analysis_type", 100),
    (AiAnalysis, "model", 255),
    (Workflow, "workflow_name", 255),
    (Execution, "action_type", 100),
    (Execution, "target_kind", 100),
    (Execution, "target_name", 255),
    (Execution, "namespace", 255),
];

const FREE_TEXTS: [(RecordType, &str); 4] = [
    (Remediation, "error_message"),
    (AiAnalysis, "recommendation"),
    (AiAnalysis, "reasoning"),
    (Execution, "error_message"),
];

const WORDS: [(RecordType, &str, &[&str]); 6] = [
    (Remediation, "phase", &["pending", "processing", "completed", "failed"]),
    (Remediation, "status", &["pending", "running", "success", "failed", "unknown"]),
    (Remediation, "severity", &["critical", "high", "medium", "low", "warning", "info"]),
    (Workflow, "phase", &["planning", "executing", "completed", "failed"]),
    (Workflow, "status", &["pending", "running", "success", "failed", "unknown"]),
    (Execution, "status", &["pending", "running", "success", "failed", "unknown"]),
];

const TIMES: [(RecordType, &str); 7] = [
    (Remediation, "start_time"),
    (Remediation, "end_time"),
    (AiAnalysis, "timestamp"),
    (Workflow, "start_time"),
    (Workflow, "end_time"),
    (Execution, "start_time"),
    (Execution, "end_time"),
];

const INTEGERS: [(RecordType, &str, i64, i64); 6] = [
    (AiAnalysis, "remediation_id", 1, i64::MAX),
    (Workflow, "remediation_id", 1, i64::MAX),
    (Execution, "remediation_id", 1, i64::MAX),
    (AiAnalysis, "tokens_used", 0, 2_147_483_647),
    (AiAnalysis, "latency_ms", 0, 2_147_483_647),
    (Workflow, "step_count", 0, 2_147_483_647),
];

/// A record in which the field may take any value of its own, the fields joined with it being out of its way.
fn around(record_type: RecordType, field: &str) -> Value {
    let mut sent = full(record_type);
    if field.ends_with("_time") || field == "timestamp" {
        sent["start_time"] = Value::Null;
        sent["end_time"] = Value::Null;
    }
    if field == "status" && record_type == Remediation {
        sent["phase"] = json!("processing");
    }
    if field == "phase" {
        sent["status"] = json!("unknown");
    }
    if field == "step_count" {
        sent["current_step"] = json!(0);
    }
    for name in ["start_time", "end_time", "timestamp"] {
        if sent[name].is_null() {
            sent.as_object_mut().unwrap().remove(name);
        }
    }
    sent
}

#[track_caller]
fn accepts(record_type: RecordType, field: &str, value: impl Into<Value>) {
    let mut sent = around(record_type, field);
    sent[field] = value.into();
    let result = run(record_type, &sent);
    assert!(result.is_ok(), "{record_type} {field}: {:?}", result.unwrap_err());
}

#[track_caller]
fn refuses(record_type: RecordType, field: &str, value: impl Into<Value>, code: &str, message: &str) {
    let mut sent = around(record_type, field);
    sent[field] = value.into();
    let error = only_error(run(record_type, &sent));
    assert_eq!((error.pointer, error.code), (format!("/{field}"), code), "{record_type} {field}");
    assert_eq!(error.message, message);
}

/// BR-STORAGE-010
#[test]
fn required_fields_are_exactly_these() {
    for (record_type, required) in [
        (Remediation, &["name", "namespace", "phase", "action_type"][..]),
        (AiAnalysis, &["remediation_id", "analysis_type", "confidence", "recommendation", "model"]),
        (Workflow, &["remediation_id", "workflow_name", "phase", "step_count"]),
        (Execution, &["remediation_id", "action_type", "target_kind", "target_name"]),
    ] {
        assert!(run(record_type, &minimal(record_type)).is_ok(), "{record_type}");
        for field in full(record_type).as_object().unwrap().keys() {
            let mut absent = around(record_type, field);
            absent.as_object_mut().unwrap().remove(field);
            let mut null = absent.clone();
            null[field] = Value::Null;
            if required.contains(&field.as_str()) {
                for sent in [absent, null] {
                    let error = only_error(run(record_type, &sent));
                    assert_eq!((error.pointer, error.code), (format!("/{field}"), "required"));
                    assert_eq!(error.message, format!("{field} is required"));
                }
            } else {
                assert_eq!(run(record_type, &absent).unwrap(), run(record_type, &null).unwrap(), "{field}");
            }
        }
    }
}

/// BR-STORAGE-010: a required text must not be blank once it is trimmed and sanitized; an optional one may.
#[test]
fn blank_is_absent_for_required_text_only() {
    for (record_type, field, _) in IDENTIFIERS {
        let is_required = minimal(record_type).get(field).is_some();
        for blank in ["", " ", "\t\u{a0}\n", "<>;", " < > "] {
            if is_required {
                refuses(record_type, field, blank, "required", &format!("{field} is required"));
            } else {
                accepts(record_type, field, blank);
            }
        }
    }
    for blank in ["", " \n"] {
        refuses(AiAnalysis, "recommendation", blank, "required", "recommendation is required");
        accepts(AiAnalysis, "reasoning", blank);
    }
}

/// BR-STORAGE-010: lengths count Unicode scalar values, of what will be stored.
#[test]
fn identifiers_have_a_longest_length() {
    for (record_type, field, max) in IDENTIFIERS {
        for unit in ["a", "é", "用", "🚀", "x\u{301}"] {
            let longest: String = unit.chars().cycle().take(max).collect();
            accepts(record_type, field, longest.clone());
            accepts(record_type, field, format!("  {longest};<> "));
            let message = format!("{field} exceeds maximum length of {max}");
            refuses(record_type, field, longest + "a", "too_long", &message);
        }
    }
}

/// BR-STORAGE-011: what could forge a line or turn the text around it is refused, not altered.
#[test]
fn identifiers_hold_no_controls() {
    for (record_type, field, _) in IDENTIFIERS {
        for (c, name) in [
            ('\n', "U+000A"),
            ('\u{1b}', "U+001B"),
            ('\u{7f}', "U+007F"),
            ('\u{85}', "U+0085"),
            ('\u{2028}', "U+2028"),
            ('\u{2029}', "U+2029"),
            ('\u{202e}', "U+202E"),
            ('\u{2066}', "U+2066"),
        ] {
            let message = format!("{field} has the forbidden character {name} at position 4");
            refuses(record_type, field, format!(" <a{c}b"), "forbidden_character", &message);
        }
    }
}

/// F68, BR-STORAGE-010: the limit of free text counts bytes as they are sent; escaping may make five of one.
#[test]
fn free_text_has_a_largest_size() {
    const MAX: usize = 64 * 1024;
    for (record_type, field) in FREE_TEXTS {
        let message = format!("{field} exceeds maximum length of 65536 bytes");
        accepts(record_type, field, "a".repeat(MAX));
        accepts(record_type, field, "é".repeat(MAX / 2));
        accepts(record_type, field, "<script>".to_owned() + &"&".repeat(MAX - 8));
        refuses(record_type, field, "a".repeat(MAX + 1), "too_long", &message);
        refuses(record_type, field, "é".repeat(MAX / 2) + "a", "too_long", &message);
    }
}

/// F68, BR-STORAGE-011: control characters are refused with their position, counted in characters from 1.
#[test]
fn free_text_holds_no_controls_but_white_space() {
    for (record_type, field) in FREE_TEXTS {
        accepts(record_type, field, "a\tb\r\nc \u{2028}\u{202e}\u{ad}");
        accepts(record_type, field, "<div>".repeat(10_000));
        for (text, name, position) in [
            ("a\u{1}b", "U+0001", 2),
            ("\u{1b}[31m", "U+001B", 1),
            ("é\na\u{c}", "U+000C", 4),
            ("<script>\u{7f}", "U+007F", 9),
            ("a\u{85}", "U+0085", 2),
            ("\u{9b}31m", "U+009B", 1),
        ] {
            let message = format!("{field} has the forbidden character {name} at position {position}");
            refuses(record_type, field, text, "forbidden_character", &message);
        }
    }
}

/// BR-STORAGE-010, F70: words are compared exactly, after trimming; a refusal lists them.
#[test]
fn words_are_one_of_their_set() {
    for (record_type, field, words) in WORDS {
        for word in words {
            accepts(record_type, field, *word);
            accepts(record_type, field, format!(" {word}\n"));
        }
        let message = |other: &str| format!("invalid {field}: {other} (allowed: {})", words.join(", "));
        for other in ["x", "Pending", "COMPLETED", "pending;", "failure", "null", "<failed>"] {
            refuses(record_type, field, other, "invalid_value", &message(other));
        }
        if field != "phase" {
            refuses(record_type, field, "", "invalid_value", &message(""));
        }
    }
}

/// F69: a severity is one whatever its case, and the record says that it was sent otherwise.
#[test]
fn severity_is_compared_without_case() {
    for sent in ["Critical", "CRITICAL", " critical\n"] {
        let valid = run(Remediation, &with(Remediation, "severity", sent)).unwrap();
        let NewRecord::Remediation(record) = &valid.record else { panic!("another type") };
        assert_eq!(record.severity, Some(Severity::Critical));
        let mark = Alteration::new("/severity".to_owned(), Altered::Cleaned);
        assert_eq!(record.alterations, Alterations::of(vec![mark]), "{sent:?}");
    }
}

/// BR-STORAGE-010: both ends of the window are included; ten years are years of the calendar.
#[test]
fn times_lie_in_a_window() {
    for (record_type, field) in TIMES {
        let mut sent = around(record_type, field);
        for time in ["2016-03-01T12:00:00Z", "2026-03-02T12:00:00Z", "2026-03-01T23:30:00.5+12:00"] {
            sent["start_time"] =
                if field == "end_time" { json!("2016-03-01T12:00:00Z") } else { json!(null) };
            if record_type == AiAnalysis {
                sent.as_object_mut().unwrap().remove("start_time");
            }
            sent[field] = json!(time);
            assert!(run(record_type, &sent).is_ok(), "{record_type} {field} {time}");
        }
        let window = "must be between 2016-03-01T12:00:00.000000Z and 2026-03-02T12:00:00.000000Z";
        for time in ["2016-03-01T11:59:59.999999Z", "2026-03-02T12:00:00.000001Z", "0001-01-01T00:00:00Z"] {
            refuses(record_type, field, time, "out_of_range", &format!("{field} {window}"));
        }
        for text in
            ["2026-03-01", "2026-03-01T12:00:00", "yesterday", "", "1772366400", "2026-02-30T00:00:00Z"]
        {
            let form = "must be an RFC 3339 time such as 2026-01-02T03:04:05Z, not";
            refuses(record_type, field, text, "invalid_value", &format!("{field} {form} {text}"));
        }
    }
}

/// BR-STORAGE-010
#[test]
fn integers_have_ranges() {
    for (record_type, field, low, high) in INTEGERS {
        accepts(record_type, field, low);
        accepts(record_type, field, high);
        let message = format!("{field} must be between {low} and {high}");
        for literal in
            [(low - 1).to_string(), (i128::from(high) + 1).to_string(), "1e300".into(), "-1e300".into()]
        {
            let text = with(record_type, field, "#").to_string().replace("\"#\"", &literal);
            let error = only_error(run_text(record_type, &text));
            assert_eq!((error.code, error.message.as_str()), ("out_of_range", message.as_str()), "{literal}");
        }
    }
    refuses(Workflow, "current_step", -1, "out_of_range", "current_step must be between 0 and 2147483647");
}

/// BR-STORAGE-010: an integer is one however it is spelled, and nothing else is.
#[test]
fn integers_may_be_spelled_with_a_point_or_an_exponent() {
    for (record_type, field, ..) in INTEGERS {
        let spelled = |literal: &str| {
            let text = with(record_type, field, "#").to_string().replace("\"#\"", literal);
            run_text(record_type, &text)
        };
        for literal in ["100.0", "1e2", "1E+2", "1000e-1"] {
            assert_eq!(spelled(literal).unwrap(), spelled("100").unwrap(), "{field} {literal}");
        }
        for literal in ["1.5", "1e-1", "0.1"] {
            let error = only_error(spelled(literal));
            let message = format!("{field} must be an integer, not a fraction");
            assert_eq!((error.code, error.message), ("wrong_type", message), "{literal}");
        }
    }
}

/// BR-STORAGE-010
#[test]
fn confidence_is_between_0_and_1() {
    for value in [json!(0), json!(1), json!(0.5), json!(1.0), json!(0.000_001), json!(-0.0)] {
        accepts(AiAnalysis, "confidence", value);
    }
    let Ok(ValidRecord { record: NewRecord::AiAnalysis(record), .. }) =
        run(AiAnalysis, &with(AiAnalysis, "confidence", -0.0))
    else {
        panic!("no negative zero is below zero");
    };
    assert!(record.confidence.is_sign_positive());
    for value in [json!(-0.1), json!(1.1), json!(2), json!(-1), json!(1e300), json!(1.000_000_000_000_000_2)]
    {
        refuses(AiAnalysis, "confidence", value, "out_of_range", "confidence must be between 0 and 1");
    }
}

/// BR-STORAGE-010: each field refuses every JSON type but its own.
#[test]
fn every_field_has_one_type() {
    let values = [json!(true), json!(1), json!("2026-03-01T11:00:00Z"), json!([1]), json!({"a": 1})];
    for record_type in RecordType::ALL {
        for (field, good) in full(record_type).as_object().unwrap() {
            let (own, expected) = match (field.as_str(), good) {
                ("dry_run", _) => ("boolean", "a boolean"),
                ("metadata", _) => ("object", "an object"),
                ("confidence", _) => ("number", "a number"),
                (_, Value::Number(_)) => ("number", "an integer"),
                _ => ("string", "a string"),
            };
            for (value, found) in values.iter().zip(["boolean", "number", "string", "array", "object"]) {
                if found != own {
                    let sent = with(record_type, field, value.clone());
                    let error = only_error(run(record_type, &sent));
                    assert_eq!((error.pointer, error.code), (format!("/{field}"), "wrong_type"));
                    assert_eq!(error.message, format!("{field} must be {expected}, not {found}"));
                }
            }
        }
    }
}
