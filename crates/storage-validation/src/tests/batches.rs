//! Batches: all valid or none, every fault with its record's place.

use serde_json::{Value, json};
use storage_models::json::{ItemLimits, Items};
use storage_models::{JsonError, RecordType};

use super::{receipt, run};
use crate::{Handling, Invalid, MAX_BATCH_RECORDS, RefusedBatch, ValidBatch, batch};

/// Bytes that the texts of a batch may take here.
const MOST: usize = 1 << 20;

fn run_text(sent: &str) -> Result<ValidBatch, RefusedBatch> {
    let items = Items::of_array(sent.as_bytes(), ItemLimits::of_bytes(1 << 20, 1 << 16));
    batch(RecordType::Remediation, items, &receipt(), Handling::Strict, MOST, |_| {})
}

fn run_batch(sent: &Value) -> Result<ValidBatch, Invalid> {
    run_text(&sent.to_string()).map_err(|refused| match refused {
        RefusedBatch::Invalid(invalid) => invalid,
        RefusedBatch::Unreadable(error) => panic!("{error}"),
    })
}

fn good(name: &str) -> Value {
    json!({ "name": name, "namespace": "default", "phase": "pending", "action_type": "restart-pod" })
}

fn errors(invalid: &Invalid) -> Vec<(&str, &str)> {
    invalid.errors().iter().map(|error| (error.pointer.as_str(), error.code)).collect()
}

/// A record of a batch is what it would be alone.
#[test]
fn a_batch_holds_what_its_records_would_be_alone() {
    let sent = [good("a"), good("  b<"), good("c")];
    let valid = run_batch(&json!(sent)).unwrap();
    let alone: Vec<_> =
        sent.iter().map(|record| run(RecordType::Remediation, record).unwrap().record).collect();
    assert_eq!(valid.records, alone);
    assert_eq!(valid.sanitized_fields, ["/1/name"]);
}

/// F07, BR-STORAGE-010: every bad field of every bad record is named with the record's place.
#[test]
fn every_fault_of_every_record_is_named_with_its_place() {
    let mut nested = good("d");
    nested["metadata"] = json!({ "n": "<b>\u{0}</b>" });
    let sent = json!([good("a"), { "phase": "x", "nmae": 1 }, 7, nested]);
    let invalid = run_batch(&sent).unwrap_err();
    assert_eq!(
        errors(&invalid),
        [
            ("/1/name", "required"),
            ("/1/namespace", "required"),
            ("/1/phase", "invalid_value"),
            ("/1/action_type", "required"),
            ("/1/nmae", "unknown_field"),
            ("/2", "wrong_type"),
            ("/3/metadata/n", "nul_character"),
        ]
    );
    assert_eq!(invalid.errors()[0].message, "name is required");
}

#[test]
fn a_batch_is_an_array_of_one_to_a_thousand_records() {
    let of = |count: usize| json!(vec![good("a"); count]);
    assert_eq!(run_batch(&of(MAX_BATCH_RECORDS)).unwrap().records.len(), MAX_BATCH_RECORDS);
    for (sent, pointer, code) in [
        (of(0), "", "batch_size"),
        (of(MAX_BATCH_RECORDS + 1), "/1000", "batch_size"),
        (good("a"), "", "wrong_type"),
        (Value::Null, "", "wrong_type"),
    ] {
        assert_eq!(errors(&run_batch(&sent).unwrap_err()), [(pointer, code)]);
    }
}

/// F42: a batch ends at its first record too many; what follows is not even read.
#[test]
fn reading_ends_at_the_first_record_too_many() {
    let zeros = vec!["0"; MAX_BATCH_RECORDS + 1].join(",");
    let refused = run_text(&format!("[{zeros} this is no JSON")).unwrap_err();
    let RefusedBatch::Invalid(invalid) = refused else { panic!("{refused}") };
    assert_eq!(errors(&invalid), [("/1000", "batch_size")]);
    let refused = run_text("[0,0 this is no JSON").unwrap_err();
    assert!(
        matches!(refused, RefusedBatch::Unreadable(JsonError::Malformed { column: 6, .. })),
        "{refused:?}"
    );
}

/// F42: a batch ends where its texts, five times as long once they are escaped, take more than they may.
#[test]
fn a_batch_that_grows_too_large_is_refused() {
    let mut growing = good("a");
    growing["error_message"] = json!(format!("<script>{}", "&".repeat(1_000)));
    let of = |count: usize| run_batch(&json!(vec![growing.clone(); count]));
    let each =
        5 * 1_000 + "&lt;script&gt;".len() + r#"[{"pointer":"/error_message","what":"escaped"}]"#.len();
    assert_eq!(of(MOST / each).unwrap().records.len(), MOST / each);
    assert_eq!(errors(&of(MOST / each + 1).unwrap_err()), [("", "too_large")]);
}

/// A hostile batch does not make an answer larger than itself many times over.
#[test]
fn what_is_told_of_a_batch_is_bounded_and_what_is_left_out_is_counted() {
    let invalid = run_batch(&json!(vec![json!({}); MAX_BATCH_RECORDS])).unwrap_err();
    assert_eq!((invalid.errors().len(), invalid.omitted()), (1_000, 4 * MAX_BATCH_RECORDS - 1_000));

    let mut padded = good(" a ");
    padded["namespace"] = json!(" b ");
    let valid = run_batch(&json!(vec![padded; MAX_BATCH_RECORDS])).unwrap();
    assert_eq!(valid.sanitized_fields.len(), MAX_BATCH_RECORDS);
    assert_eq!(valid.sanitized_fields[17], "/17");
}
