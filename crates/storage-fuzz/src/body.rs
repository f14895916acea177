//! Bodies: JSON, records and batches of them.

use storage_models::json::{ItemLimits, Items, Parsed};
use storage_models::{Json, RecordType};
use storage_validation::{Handling, Invalid, RefusedBatch};

use crate::receipt::receipt;

/// What a batch may hold.
const LIMITS: ItemLimits = ItemLimits::of_bytes(1 << 20, 1 << 16);

/// Reads a body as JSON, as an array and as lines, and validates it as a record and as a batch of every type. What is
/// refused is refused with reasons; what is accepted as a batch has as many records as were sent.
pub fn body(bytes: &[u8]) {
    for record_type in RecordType::ALL {
        for handling in [Handling::Strict, Handling::Lenient] {
            if let Ok(parsed) = Json::parse_within(bytes, LIMITS.values_each)
                && let Err(invalid) = storage_validation::record(record_type, parsed, &receipt(), handling)
            {
                explained(&invalid);
            }
        }
        batch(record_type, Items::of_array(bytes, LIMITS));
        batch(record_type, Ok(Items::of_lines(bytes, LIMITS)));
    }
}

fn batch(record_type: RecordType, items: Result<Items<'_>, &'static str>) {
    let mut sent = 0;
    match storage_validation::batch(record_type, items, &receipt(), Handling::Strict, usize::MAX, |_| {
        sent += 1
    }) {
        Ok(valid) => assert_eq!(valid.records.len(), sent, "a batch lost records or made some"),
        Err(RefusedBatch::Invalid(invalid)) => explained(&invalid),
        Err(RefusedBatch::Unreadable(_)) => {}
    }
}

fn explained(invalid: &Invalid) {
    assert!(!invalid.errors().is_empty(), "refused without a reason");
    let is_pointer = |text: &str| text.is_empty() || text.starts_with('/');
    assert!(invalid.errors().iter().all(|error| is_pointer(&error.pointer)), "{invalid:?}");
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
