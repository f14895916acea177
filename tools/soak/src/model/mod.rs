//! The reference model: the records that must be stored, as far as the answers show. It uses no network and no clock.
//!
//! Each record carries a tag of its own in one of its fields ([`tag_field`]), so that stored records can be matched
//! with requests. A request's records are *acknowledged* (stored, once, as the answer says), *refused* (not stored), or
//! *unknown* (stored once or not at all, all of a batch or none of it).

mod attempts;
mod change;
mod comparison;
mod difference;
mod fields;
mod index;

use std::collections::BTreeMap;

use storage_models::RecordType;

pub(super) use attempts::{Attempts, Outcome, Standing, Verdict};
pub(super) use change::{Change, ChangeResult};
pub(super) use difference::Difference;
pub(super) use fields::{Fields, version};
pub(super) use index::compare_index;

use fields::{fields, id, text};

/// The field that holds a record's tag: one that takes any text, and that no change touches.
pub(super) const fn tag_field(kind: RecordType) -> &'static str {
    match kind {
        RecordType::Remediation => "remediation_request_id",
        RecordType::AiAnalysis => "model",
        RecordType::Workflow => "workflow_name",
        RecordType::Execution => "target_name",
    }
}

/// The outcome of the request to store a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteResult {
    /// Stored once, or not at all.
    Unknown,
    /// Not stored.
    Refused,
    /// Stored, with this id.
    Stored(i64),
}

/// The knowledge about one record.
#[derive(Debug)]
struct Expected {
    kind: RecordType,
    /// The request that carried it.
    request: u64,
    result: WriteResult,
    /// JSON: the record as sent, or as the answer says it is stored.
    known: Box<str>,
    /// Whether `known` is the whole record, from an answer.
    is_whole: bool,
    changes: Vec<Change>,
}

/// Everything that was sent and what was answered.
#[derive(Debug, Default)]
pub(super) struct Model {
    records: BTreeMap<String, Expected>,
    requests: u64,
    /// The faults in answers.
    differences: Vec<Difference>,
}

impl Model {
    /// A request is about to be sent that stores these records, all or none.
    pub(super) fn sends(&mut self, kind: RecordType, records: &[(String, Fields)]) {
        self.requests += 1;
        for (tag, sent) in records {
            let expected = Expected {
                kind,
                request: self.requests,
                result: WriteResult::Unknown,
                known: text(sent),
                is_whole: false,
                changes: Vec::new(),
            };
            self.records.insert(tag.clone(), expected);
        }
    }

    /// The request with these records was refused: nothing of it may be stored.
    pub(super) fn refused(&mut self, tags: &[String]) {
        for tag in tags {
            if let Some(expected) = self.records.get_mut(tag) {
                expected.result = WriteResult::Refused;
            }
        }
    }

    /// The record is stored, and looks like this.
    pub(super) fn stored(&mut self, tag: &str, record: &Fields) {
        let Some(expected) = self.records.get_mut(tag) else {
            return self.differences.push(Difference::Stranger { record: text(record).into() });
        };
        let found = change::contradictions(&fields(&expected.known), record);
        self.differences.extend(found.into_iter().map(|(field, sent, found)| Difference::Altered {
            tag: tag.to_owned(),
            field,
            expected: sent,
            found,
        }));
        expected.result = WriteResult::Stored(id(record));
        expected.known = text(record);
        expected.is_whole = true;
    }

    /// The record is stored under this id; the answer showed no more of it.
    pub(super) fn stored_as(&mut self, tag: &str, id: i64) {
        if let Some(expected) = self.records.get_mut(tag) {
            expected.result = WriteResult::Stored(id);
        }
    }

    /// A change of a record is about to be sent; its number among the record's changes.
    pub(super) fn changes(&mut self, tag: &str, base: i64, sent: &Fields) -> usize {
        let Some(expected) = self.records.get_mut(tag) else { return 0 };
        expected.changes.push(Change::new(base, text(sent)));
        expected.changes.len() - 1
    }

    /// The outcome of a change.
    pub(super) fn changed(&mut self, tag: &str, number: usize, result: ChangeResult) {
        if let Some(change) = self.records.get_mut(tag).and_then(|it| it.changes.get_mut(number)) {
            change.result = result;
        }
    }

    /// An answer was wrong by itself.
    pub(super) fn wrong(&mut self, difference: Difference) {
        self.differences.push(difference);
    }

    /// How many records were acknowledged, refused, and left unknown.
    pub(super) fn counts(&self) -> [(&'static str, usize); 3] {
        let count =
            |wanted: fn(&WriteResult) -> bool| self.records.values().filter(|it| wanted(&it.result)).count();
        [
            ("acknowledged", count(|result| matches!(result, WriteResult::Stored(_)))),
            ("refused", count(|result| *result == WriteResult::Refused)),
            ("unknown", count(|result| *result == WriteResult::Unknown)),
        ]
    }

    /// How many records were sent.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }
}

#[cfg(test)]
mod tests;
