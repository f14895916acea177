//! Many records at once, all of them valid or none.

use storage_models::json::{Items, Parsed};
use storage_models::{JsonError, NewRecord, Receipt, RecordType};

use crate::problem::Problem;
use crate::report::error;
use crate::{FieldError, Handling, Invalid, MAX_BATCH_RECORDS, ValidRecord, record};

/// Errors of a batch that are listed one by one; more are only counted.
const MAX_ERRORS: usize = 1_000;

/// Altered places that are named one by one; beyond, the records they are in are named.
const MAX_ALTERED: usize = 1_000;

/// A batch that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidBatch {
    /// The records, in the order they were sent.
    pub records: Vec<NewRecord>,
    /// Where they differ from what was sent, as [`ValidRecord::sanitized_fields`] says it, each pointer with the record's
    /// place before it: `/17/name`. When more than 1,000 places were altered, the records are named: `/17`.
    pub sanitized_fields: Vec<String>,
    /// Where lenient handling has changed what was sent, likewise.
    pub adjusted_fields: Vec<String>,
}

/// Why a batch is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedBatch {
    /// It could not be read to its end.
    #[error(transparent)]
    Unreadable(#[from] JsonError),
    /// Something in it breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Validates 1 to [`MAX_BATCH_RECORDS`] records of the type, each as soon as it is read. `items` is what was sent, or the
/// kind of value that was sent instead of an array. `seen` is shown each record as it was read.
///
/// # Errors
/// When it cannot be read, or anything in any record breaks a rule: everything that does, at once, each pointer with the
/// record's place before it. At most 1,000 errors are listed. Reading ends at the first record too many, and where the
/// records' texts take more than `most` bytes as they are stored, which escaped text may.
pub fn batch(
    record_type: RecordType,
    items: Result<Items<'_>, &'static str>,
    receipt: &Receipt,
    handling: Handling,
    most: usize,
    mut seen: impl FnMut(&Parsed),
) -> Result<ValidBatch, RefusedBatch> {
    let items = items.map_err(|found| {
        Invalid::new(vec![error("", &Problem::WrongType { expected: "an array of records", found })], 0)
    })?;
    let mut judged = Judged::default();
    for (place, item) in items.enumerate() {
        let item = item?;
        if place == MAX_BATCH_RECORDS {
            return Err(wrong_size(&format!("/{place}")).into());
        }
        seen(&item);
        judged.add(place, record(record_type, item, receipt, handling));
        if judged.bytes > most {
            return Err(Invalid::new(vec![error("", &Problem::BatchTooLarge { max: most })], 0).into());
        }
    }
    judged.finish()
}

fn wrong_size(pointer: &str) -> Invalid {
    Invalid::new(vec![error(pointer, &Problem::BatchSize { max: MAX_BATCH_RECORDS })], 0)
}

/// The results of the records so far.
#[derive(Default)]
struct Judged {
    records: Vec<NewRecord>,
    /// The bytes of the records' texts.
    bytes: usize,
    sanitized: Vec<(usize, String)>,
    adjusted: Vec<(usize, String)>,
    refused: Refused,
}

impl Judged {
    fn add(&mut self, place: usize, outcome: Result<ValidRecord, Invalid>) {
        match outcome {
            Err(invalid) => self.refused.add(place, invalid),
            // Nothing of it is stored any more.
            Ok(_) if self.refused.is_any() => self.records = Vec::new(),
            Ok(ValidRecord { record, sanitized_fields, adjusted_fields }) => {
                self.bytes += record.bulk();
                self.records.push(record);
                self.sanitized.extend(sanitized_fields.into_iter().map(|pointer| (place, pointer)));
                self.adjusted.extend(adjusted_fields.into_iter().map(|pointer| (place, pointer)));
            }
        }
    }

    fn finish(self) -> Result<ValidBatch, RefusedBatch> {
        self.refused.finish()?;
        if self.records.is_empty() {
            return Err(wrong_size("").into());
        }
        let (sanitized_fields, adjusted_fields) = (named(&self.sanitized), named(&self.adjusted));
        Ok(ValidBatch { records: self.records, sanitized_fields, adjusted_fields })
    }
}

fn named(altered: &[(usize, String)]) -> Vec<String> {
    if altered.len() <= MAX_ALTERED {
        return altered.iter().map(|(place, pointer)| format!("/{place}{pointer}")).collect();
    }
    let mut places: Vec<usize> = altered.iter().map(|(place, _)| *place).collect();
    places.dedup();
    places.into_iter().map(|place| format!("/{place}")).collect()
}

/// The faults of the batch so far.
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

    const fn is_any(&self) -> bool {
        !self.errors.is_empty()
    }

    fn finish(self) -> Result<(), Invalid> {
        if self.errors.is_empty() { Ok(()) } else { Err(Invalid::new(self.errors, self.omitted)) }
    }
}
