//! Many records at once, all of them valid or none.

use storage_models::json::{JsonFault, Parsed};
use storage_models::{Json, NewRecord, RecordType, Timestamp};

use crate::problem::Problem;
use crate::report::error;
use crate::{FieldError, Invalid, MAX_BATCH_RECORDS, Valid, record};

/// Errors of a batch that are listed one by one; more are only counted.
const MAX_ERRORS: usize = 1_000;

/// Altered places that are named one by one; beyond, the records they are in are named.
const MAX_ALTERED: usize = 1_000;

/// A batch that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidBatch {
    /// The records, in the order they were sent.
    pub records: Vec<NewRecord>,
    /// Where they differ from what was sent, as [`Valid::sanitized_fields`] says it, each pointer with the record's
    /// place before it: `/17/name`. When more than 1,000 places were altered, the records are named: `/17`.
    pub sanitized_fields: Vec<String>,
}

/// Validates an array of 1 to [`MAX_BATCH_RECORDS`] records of the type.
///
/// # Errors
/// When it is no such array, or anything in any record breaks a rule: everything that does, at once, each pointer
/// with the record's place before it. At most 1,000 errors are listed.
pub fn batch(record_type: RecordType, input: Parsed, received_at: Timestamp) -> Result<ValidBatch, Invalid> {
    let items = items(input.value)?;
    let mut faults = by_item(input.faults, items.len());
    let mut records = Vec::with_capacity(items.len());
    let mut altered = Vec::new();
    let mut refused = Refused::default();
    for (place, value) in items.into_iter().enumerate() {
        let faults = faults.get_mut(place).map(std::mem::take).unwrap_or_default();
        match record(record_type, Parsed { value, faults }, received_at) {
            Ok(Valid { record, sanitized_fields }) => {
                records.push(record);
                altered.extend(sanitized_fields.into_iter().map(|pointer| (place, pointer)));
            }
            Err(invalid) => refused.add(place, invalid),
        }
    }
    refused.finish()?;
    Ok(ValidBatch { records, sanitized_fields: named(&altered) })
}

fn items(value: Json) -> Result<Vec<Json>, Invalid> {
    let problem = match value {
        Json::Array(items) if (1..=MAX_BATCH_RECORDS).contains(&items.len()) => return Ok(items),
        Json::Array(items) => Problem::BatchSize { found: items.len(), max: MAX_BATCH_RECORDS },
        other => Problem::WrongType { expected: "an array of records", found: other.kind() },
    };
    Err(Invalid::new(vec![error("", &problem)], 0))
}

/// The parser's faults by the record they are in, each pointer as within that record.
fn by_item(faults: Vec<JsonFault>, items: usize) -> Vec<Vec<JsonFault>> {
    let mut sorted = vec![Vec::new(); items];
    for JsonFault { pointer, kind } in faults {
        let within = pointer.strip_prefix('/').unwrap_or_default();
        let (place, rest) = within.find('/').map_or((within, ""), |slash| within.split_at(slash));
        let slot = place.parse::<usize>().ok().and_then(|place| sorted.get_mut(place));
        if let Some(slot) = slot {
            slot.push(JsonFault { pointer: rest.to_owned(), kind });
        }
    }
    sorted
}

fn named(altered: &[(usize, String)]) -> Vec<String> {
    if altered.len() <= MAX_ALTERED {
        return altered.iter().map(|(place, pointer)| format!("/{place}{pointer}")).collect();
    }
    let mut places: Vec<usize> = altered.iter().map(|(place, _)| *place).collect();
    places.dedup();
    places.into_iter().map(|place| format!("/{place}")).collect()
}

/// What is wrong with the batch so far.
#[derive(Default)]
struct Refused {
    errors: Vec<FieldError>,
    omitted: usize,
}

impl Refused {
    fn add(&mut self, place: usize, invalid: Invalid) {
        self.omitted += invalid.omitted();
        for FieldError { pointer, code, message } in invalid.into_errors() {
            if self.errors.len() < MAX_ERRORS {
                self.errors.push(FieldError { pointer: format!("/{place}{pointer}"), code, message });
            } else {
                self.omitted += 1;
            }
        }
    }

    fn finish(self) -> Result<(), Invalid> {
        if self.errors.is_empty() { Ok(()) } else { Err(Invalid::new(self.errors, self.omitted)) }
    }
}
