//! Comparison of the stored records with the expected ones.

use std::collections::BTreeMap;

use serde_json::Value;
use storage_models::RecordType;

use super::fields::{Fields, fields, id, text};
use super::{Difference, Model, WriteResult, change, tag_field};

/// A comparison under way: it is shown every stored record, and then says what differs.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    model: &'a Model,
    /// The ids under which each tag was found.
    found: BTreeMap<&'a str, Vec<i64>>,
    differences: Vec<Difference>,
}

impl Model {
    /// Begins a comparison with the store.
    pub(crate) fn compare(&self) -> Comparison<'_> {
        Comparison { model: self, found: BTreeMap::new(), differences: self.differences.clone() }
    }
}

impl Comparison<'_> {
    /// Takes in one stored record.
    pub(crate) fn see(&mut self, kind: RecordType, record: &Fields) {
        let tag = record.get(tag_field(kind)).and_then(Value::as_str).unwrap_or_default();
        let known = self.model.records.get_key_value(tag).filter(|(_, expected)| expected.kind == kind);
        let Some((tag, expected)) = known else {
            return self.differences.push(Difference::Stranger { record: text(record).into() });
        };
        self.found.entry(tag).or_default().push(id(record));
        if expected.result != WriteResult::Refused {
            let known = fields(&expected.known);
            let found = change::check(tag, &known, expected.is_whole, &expected.changes, record);
            self.differences.extend(found);
        }
    }

    /// What differs, all stored records having been seen.
    pub(crate) fn finish(mut self) -> Vec<Difference> {
        let mut undecided: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for (tag, expected) in &self.model.records {
            let ids = self.found.get(tag.as_str()).cloned().unwrap_or_default();
            let (kind, tag) = (expected.kind, tag.clone());
            if expected.result == WriteResult::Unknown {
                let (stored, of) = undecided.entry(expected.request).or_default();
                *stored += ids.len().min(1);
                *of += 1;
            }
            match (expected.result, ids.as_slice()) {
                (WriteResult::Stored(id), []) => self.differences.push(Difference::Lost { kind, tag, id }),
                (WriteResult::Stored(expected), [found]) if *found != expected => {
                    self.differences.push(Difference::Moved { tag, expected, found: *found });
                }
                (WriteResult::Refused, [id, ..]) => {
                    self.differences.push(Difference::Phantom { kind, tag, id: *id })
                }
                (_, [] | [_]) => {}
                (_, ids) => self.differences.push(Difference::Doubled { kind, tag, ids: ids.to_vec() }),
            }
        }
        let half = undecided.into_iter().filter(|(_, (stored, of))| *stored != 0 && stored != of);
        self.differences.extend(half.map(|(request, (stored, of))| Difference::Half { request, stored, of }));
        self.differences
    }
}
