//! Bodies: JSON, records and batches of them.

use storage_models::json::Parsed;
use storage_models::{Json, RecordType};

use crate::now;

/// Reads a body as JSON and as JSON lines, and validates it as a record and as a batch of every type. What is refused
/// is refused with reasons; what is accepted as a batch has as many records as were sent.
pub fn body(bytes: &[u8]) {
    for parsed in [Json::parse(bytes), Json::parse_lines(bytes)].into_iter().flatten() {
        for record_type in RecordType::ALL {
            let copy = || Parsed { value: parsed.value.clone(), faults: parsed.faults.clone() };
            if let Err(invalid) = storage_validation::record(record_type, copy(), now()) {
                assert!(!invalid.errors().is_empty(), "refused without a reason");
                let is_pointer = |text: &str| text.is_empty() || text.starts_with('/');
                assert!(invalid.errors().iter().all(|error| is_pointer(&error.pointer)), "{invalid:?}");
            }
            if let Ok(valid) = storage_validation::batch(record_type, copy(), now()) {
                let sent = match &parsed.value {
                    Json::Array(items) => items.len(),
                    _ => 0,
                };
                assert_eq!(valid.records.len(), sent, "a batch lost records or made some");
            }
        }
    }
}

/// The text by which repeated requests are told apart: equal bodies have equal texts, and the text is a body itself,
/// which means the same.
pub fn idempotency(bytes: &[u8]) {
    let Ok(Parsed { value, faults }) = Json::parse(bytes) else { return };
    if !faults.is_empty() {
        return;
    }
    let canonical = value.to_canonical();
    let again = Json::parse(canonical.as_bytes()).expect("the canonical text is JSON");
    assert!(again.faults.is_empty(), "{:?}", again.faults);
    assert_eq!(again.value.to_canonical(), canonical, "another text for the same body");
}
