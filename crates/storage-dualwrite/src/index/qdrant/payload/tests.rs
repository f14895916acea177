//! Tests for the payload's bounds.

use qdrant_client::qdrant::value::Kind;
use storage_models::JsonText;

use super::{METADATA, METADATA_KEY_CHARS_MAX, METADATA_KEYS_MAX, METADATA_VALUE_CHARS_MAX, of_record};
use crate::tests::index_support::{INCIDENT, record};

fn flattened(metadata: &str) -> Vec<(String, String)> {
    let mut record = record(1);
    record.metadata = Some(JsonText::new(metadata.to_owned()).unwrap());
    let payload = of_record(&record, INCIDENT, 1);
    let Some(Kind::StructValue(fields)) = &payload[METADATA].kind else { panic!("{payload:?}") };
    let mut found: Vec<_> = fields
        .fields
        .iter()
        .map(|(key, value)| match &value.kind {
            Some(Kind::StringValue(text)) => (key.clone(), text.clone()),
            other => panic!("{key} is {other:?}"),
        })
        .collect();
    found.sort();
    found
}

#[test]
fn metadata_is_flattened_to_strings() {
    let metadata = r#"{"a": {"b": [1.50, true, null, "x"]}, "n": 12345678901234567890123, "e": {}, "": "y"}"#;
    let expected =
        [("", "y"), ("a.b.0", "1.50"), ("a.b.1", "true"), ("a.b.3", "x"), ("n", "12345678901234567890123")];
    let found = flattened(metadata);
    let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn metadata_is_bounded_in_keys_and_lengths() {
    let many: Vec<_> = (0..200).map(|n| format!("\"k{n}\": {n}")).collect();
    assert_eq!(flattened(&format!("{{{}}}", many.join(","))).len(), METADATA_KEYS_MAX);
    let long = "ü".repeat(1_000);
    let found = flattened(&format!("{{\"{long}\": 1, \"k\": \"{long}\"}}"));
    assert_eq!(found.len(), 1, "a key beyond {METADATA_KEY_CHARS_MAX} is left out");
    assert_eq!(found[0].1.chars().count(), METADATA_VALUE_CHARS_MAX);
}
