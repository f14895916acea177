//! Changes of a record, and which final states they allow.

use serde_json::Value;

use super::Difference;
use super::fields::{Fields, fields, version};

/// Fields that are compared apart, or that the server derives from others.
const DERIVED: &[&str] = &["id", "updated_at", "duration_ms"];

/// One change that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The version that it was meant for.
    pub(super) base: i64,
    /// JSON: the members that were sent.
    sent: Box<str>,
    pub(super) result: ChangeResult,
}

/// The outcome of a change.
#[derive(Debug, Clone)]
pub(crate) enum ChangeResult {
    /// Applied once, or not at all.
    Unknown,
    /// Not applied.
    Refused,
    /// Applied; JSON: the record after it.
    Applied(Box<str>),
}

impl Change {
    pub(super) const fn new(base: i64, sent: Box<str>) -> Self {
        Self { base, sent, result: ChangeResult::Unknown }
    }

    const fn body(&self) -> Option<&str> {
        match &self.result {
            ChangeResult::Applied(body) => Some(body),
            ChangeResult::Unknown | ChangeResult::Refused => None,
        }
    }
}

/// Members of `expected` that `found` holds otherwise: name, expected, found.
pub(super) fn contradictions(expected: &Fields, found: &Fields) -> Vec<(String, Value, Value)> {
    let relevant = expected.iter().filter(|(name, _)| !DERIVED.contains(&name.as_str()));
    relevant
        .filter(|(name, value)| found.get(*name).unwrap_or(&Value::Null) != *value)
        .map(|(name, value)| (name.clone(), value.clone(), found.get(name).cloned().unwrap_or(Value::Null)))
        .collect()
}

/// The faults in the stored state of a record that was `known` before these changes.
pub(super) fn check(
    tag: &str,
    known: &Fields,
    is_whole: bool,
    changes: &[Change],
    found: &Fields,
) -> Vec<Difference> {
    let mut differences = twice_changed(tag, changes);
    differences.extend(changes.iter().flat_map(|change| unlike_its_answer(tag, change)));
    let applied = changes.iter().filter_map(Change::body).map(fields).max_by_key(version);
    let is_whole = is_whole || applied.is_some();
    let last = applied.unwrap_or_else(|| known.clone());
    let (known_version, found_version) = (version(&last), version(found));
    if is_whole && found_version < known_version {
        differences.push(Difference::LostChange {
            tag: tag.to_owned(),
            known: known_version,
            found: found_version,
        });
    }
    let possible: Vec<Fields> = changes
        .iter()
        .filter(|it| matches!(it.result, ChangeResult::Unknown) && (!is_whole || it.base >= known_version))
        .map(|it| fields(&it.sent))
        .collect();
    if is_whole && found_version > known_version && possible.is_empty() {
        differences.push(Difference::StrangeChange {
            tag: tag.to_owned(),
            known: known_version,
            found: found_version,
        });
    }
    for (field, expected, found) in contradictions(&last, found) {
        if !possible.iter().any(|change| explains(change, &field, &expected, &found)) {
            differences.push(Difference::Altered { tag: tag.to_owned(), field, expected, found });
        }
    }
    differences
}

/// Whether `change` turns `before` into `after` in this field. A change of metadata is merged, member by member.
fn explains(change: &Fields, field: &str, before: &Value, after: &Value) -> bool {
    match (change.get(field), before, after) {
        (Some(Value::Object(patch)), before, Value::Object(after)) => {
            let mut merged = before.as_object().cloned().unwrap_or_default();
            for (name, value) in patch {
                if value.is_null() {
                    merged.remove(name);
                } else {
                    merged.insert(name.clone(), value.clone());
                }
            }
            merged == *after
        }
        (Some(sent), _, after) => sent == after,
        (None, _, _) => false,
    }
}

/// Where the answer to a change does not show what was asked for.
fn unlike_its_answer(tag: &str, change: &Change) -> Vec<Difference> {
    let (Some(body), sent) = (change.body().map(fields), fields(&change.sent)) else { return Vec::new() };
    let is_shown = |name: &str, value: &Value| match (value, body.get(name)) {
        (Value::Object(members), Some(Value::Object(after))) => {
            members.iter().all(|(member, value)| after.get(member).unwrap_or(&Value::Null) == value)
        }
        (value, found) => found.unwrap_or(&Value::Null) == value,
    };
    let hidden = sent.iter().filter(|(name, value)| !is_shown(name, value));
    hidden
        .map(|(name, value)| Difference::Altered {
            tag: tag.to_owned(),
            field: name.clone(),
            expected: value.clone(),
            found: body.get(name).cloned().unwrap_or(Value::Null),
        })
        .collect()
}

/// Two changes of the same version cannot both have been accepted, unless they changed nothing.
fn twice_changed(tag: &str, changes: &[Change]) -> Vec<Difference> {
    let has_changed = |it: &&Change| it.body().is_some_and(|body| version(&fields(body)) > it.base);
    let mut bases: Vec<i64> = changes.iter().filter(has_changed).map(|it| it.base).collect();
    bases.sort_unstable();
    let twice = bases.windows(2).filter(|pair| pair.first() == pair.last());
    twice
        .filter_map(|pair| pair.first())
        .map(|base| Difference::ChangedTwice { tag: tag.to_owned(), base: *base })
        .collect()
}
