//! A change of a record that exists: a JSON merge patch (RFC 7396), judged by what the record would become.

mod marks;

use std::borrow::Cow;
use std::collections::BTreeMap;

use storage_models::fields::{Change, Field, Kind, Presence, ToValue as _, Value};
use storage_models::json::{Parsed, pointer_to};
use storage_models::{Alterations, Json, JsonText, Record, RecordType, RecordUpdate, Timestamp};

use crate::draft::Draft;
use crate::handling::Rules;
use crate::metadata::Excess;
use crate::problem::Problem;
use crate::record::{adjusted, rank, refuse_unknown, sanitized, sent_fields, sort, unmade};
use crate::report::Report;
use crate::time::Window;
use crate::{Handling, Invalid, checks, field, metadata};
use marks::Marks;

/// An update that may be made.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidUpdate {
    /// The record after the change.
    pub update: RecordUpdate,
    /// Where it differs from what this update sent, as in [`crate::ValidRecord::sanitized_fields`].
    pub sanitized_fields: Vec<String>,
    /// Likewise, as in [`crate::ValidRecord::adjusted_fields`].
    pub adjusted_fields: Vec<String>,
}

/// Why a change is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUpdate {
    /// The patch, or what the record would become, breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Records of this type are never changed.
    #[error("records of the type {0} cannot be changed")]
    Unchangeable(RecordType),
    /// The record is finished.
    #[error("the record is finished (phase {phase}) and cannot be changed")]
    Finished {
        /// The phase it is in.
        phase: String,
    },
    /// A field that only moves forward would move back.
    #[error("{field} cannot go back from {from} to {to}")]
    Backwards {
        /// Which field.
        field: &'static str,
        /// The current value.
        from: String,
        /// The new value.
        to: String,
    },
}

/// Applies a merge patch to a record. `null` removes `end_time`, `error_message`, the metadata or a key of it;
/// limits hold for what the record becomes, and so do the rules between fields. Alterations of what the patch leaves stay
/// named in the record. Nothing that is stored is removed but by the patch: metadata that would become too large is refused
/// in lenient handling too.
///
/// # Errors
/// See [`RefusedUpdate`]; a patch of a finished record is not looked at.
pub fn update(
    current: &Record,
    patch: Parsed,
    received_at: Timestamp,
    handling: Handling,
) -> Result<ValidUpdate, RefusedUpdate> {
    check_changeable(current)?;
    let record_type = current.record_type();
    let mut report = Report::new(patch.faults);
    let mut draft = Draft::default();
    for field in sent_fields(record_type) {
        draft.set(field.name, current.value(field.name));
    }
    let mut marks = Marks::of(current, &patch.value);
    let rules = Rules { window: Window::around(received_at), handling };
    let mut reading = Reading { record_type, rules, marks: &mut marks };
    reading.read(patch.value, &mut draft, &mut report);
    for (pointer, problem) in checks::of(record_type).iter().filter_map(|check| check(&draft)) {
        report.problem(pointer, &problem);
    }
    let altered = report.finish(|pointer| rank(record_type, pointer))?;
    let brought = marks.brought(&altered);
    let (sanitized_fields, adjusted_fields) = (sanitized(&brought), adjusted(&brought));
    let mut alterations = marks.after(altered, draft.get("metadata"));
    alterations.sort_by_key(|alteration| rank(record_type, &alteration.pointer));
    let alterations = Alterations::of(alterations);
    draft.set("alterations", alterations.to_value());
    let update = RecordUpdate::of_values(record_type, |name| draft.take(name));
    let update = update.ok_or_else(|| Invalid::new(vec![unmade()], 0))?;
    for field in record_type.fields().iter().filter(|field| field.change == Change::Forward) {
        check_forward(field, &current.value(field.name), &update.value(field.name))?;
    }
    Ok(ValidUpdate { update, sanitized_fields, adjusted_fields })
}

/// Whether the record may be changed at all.
fn check_changeable(current: &Record) -> Result<(), RefusedUpdate> {
    let record_type = current.record_type();
    if !record_type.fields().iter().any(Field::is_changeable) {
        return Err(RefusedUpdate::Unchangeable(record_type));
    }
    match current {
        Record::Remediation(it) if it.phase.is_finished() => {
            Err(RefusedUpdate::Finished { phase: it.phase.to_string() })
        }
        Record::Workflow(it) if it.phase.is_finished() => {
            Err(RefusedUpdate::Finished { phase: it.phase.to_string() })
        }
        _ => Ok(()),
    }
}

/// How the fields of a patch are read.
struct Reading<'a> {
    record_type: RecordType,
    rules: Rules,
    marks: &'a mut Marks,
}

impl Reading<'_> {
    fn read(&mut self, patch: Json, draft: &mut Draft<'_>, report: &mut Report) {
        let members = match patch {
            Json::Object(members) => members,
            other => {
                report.problem("", &Problem::WrongType { expected: "an object", found: other.kind() });
                return;
            }
        };
        let (mut known, unknown) = sort(self.record_type, members);
        for field in sent_fields(self.record_type) {
            let Some(sent) = known.remove(field.name) else {
                if field.kind == Kind::Metadata && report.has_lost() {
                    self.keep_lost(field, draft, report);
                }
                continue;
            };
            if field.is_changeable() {
                let value = self.read_field(field, sent, draft, report);
                draft.set(field.name, value);
            } else {
                report.problem(&pointer_to("", field.name), &Problem::CannotChange);
            }
        }
        refuse_unknown(self.record_type, unknown, report);
    }

    /// Keeps what the other fields have lost in metadata that the patch leaves.
    fn keep_lost(&mut self, field: &Field, draft: &mut Draft<'_>, report: &mut Report) {
        let stored = draft.get::<JsonText>(field.name).map(|text| self.marks.sent(text.to_json()));
        let value = self.store(field, stored.unwrap_or(Json::Null), report);
        if value != Value::Null {
            draft.set(field.name, value);
        }
    }

    fn store(&mut self, field: &Field, metadata: Json, report: &mut Report) -> Value<'static> {
        self.marks.judge_metadata();
        let pointer = pointer_to("", field.name);
        let read = metadata::read(metadata, &pointer, self.rules.handling, Excess::Refused, report);
        read.map_or(Value::Null, |json| Value::Json(Cow::Owned(json)))
    }

    fn read_field(
        &mut self,
        field: &Field,
        sent: Json,
        draft: &Draft<'_>,
        report: &mut Report,
    ) -> Value<'static> {
        let pointer = pointer_to("", field.name);
        match (field.kind, sent) {
            // A faulty value is null here, and its error is reported as such.
            (_, Json::Null) if report.is_faulty(&pointer) => Value::Null,
            (Kind::Metadata, Json::Null) if report.has_lost() => self.store(field, Json::Null, report),
            (_, Json::Null) => {
                if !matches!(field.presence, Presence::Optional) {
                    report.problem(&pointer, &Problem::Required);
                }
                Value::Null
            }
            (Kind::Metadata, patch @ Json::Object(_)) => {
                let stored = draft.get::<JsonText>(field.name).map(|text| self.marks.sent(text.to_json()));
                self.store(field, merged(stored, patch), report)
            }
            (_, sent) => field::read(field, sent, &self.rules, report),
        }
    }
}

/// RFC 7396, section 2. Each key is looked up; the order of members, which PostgreSQL does not keep, is lost.
fn merged(target: Option<Json>, patch: Json) -> Json {
    let Json::Object(changes) = patch else { return patch };
    let mut members: BTreeMap<String, Json> = match target {
        Some(Json::Object(members)) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    };
    for (key, change) in changes {
        let before = members.remove(&key);
        if change != Json::Null {
            members.insert(key, merged(before, change));
        }
    }
    Json::Object(members.into_iter().collect())
}

/// Words are in the order of a record's life.
fn check_forward(field: &Field, from: &Value<'_>, to: &Value<'_>) -> Result<(), RefusedUpdate> {
    let place = |value: &Value<'_>| match (field.kind, value) {
        (Kind::Word(words), Value::Text(text)) => {
            words.iter().position(|word| *word == text).and_then(|place| i64::try_from(place).ok())
        }
        (_, Value::Integer(number)) => Some(*number),
        _ => None,
    };
    if place(to) >= place(from) {
        return Ok(());
    }
    let written = |value: &Value<'_>| match value {
        Value::Integer(number) => number.to_string(),
        value => value.as_text().unwrap_or_default().to_owned(),
    };
    Err(RefusedUpdate::Backwards { field: field.name, from: written(from), to: written(to) })
}
