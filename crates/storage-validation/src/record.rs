//! One record, from what was sent to what is stored.

use std::collections::HashMap;

use storage_models::json::{Parsed, pointer_to};
use storage_models::{Json, NewRecord, RecordType, Timestamp};

use crate::assemble::assemble;
use crate::draft::Draft;
use crate::problem::Problem;
use crate::report::Report;
use crate::tables::Table;
use crate::time::Window;
use crate::{FieldError, Invalid};

/// A record that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Valid {
    /// The record, with defaults for what was not sent.
    pub record: NewRecord,
    /// Where it differs from what was sent, as JSON pointers (RFC 6901): `/name`, `/metadata/steps/0`. Trimming
    /// counts; defaults and the cutting of times to microseconds do not. When more than 100 strings of the
    /// metadata were altered, they are named together as `/metadata`.
    pub sanitized_fields: Vec<String>,
}

/// Validates one record of the type. `received_at` gives the defaults and the accepted window of times.
///
/// # Errors
/// When anything in it breaks a rule: everything that does, at once.
pub fn record(record_type: RecordType, input: Parsed, received_at: Timestamp) -> Result<Valid, Invalid> {
    let table = Table::of(record_type);
    let mut report = Report::new(input.faults);
    let draft = read(table, input.value, received_at, &mut report);
    for (pointer, problem) in table.checks.iter().filter_map(|check| check(&draft)) {
        report.problem(pointer, &problem);
    }
    let sanitized_fields = report.finish(|pointer| rank(table, pointer))?;
    match assemble(record_type, draft) {
        Some(record) => Ok(Valid { record, sanitized_fields }),
        None => Err(Invalid::new(vec![unmade()], 0)),
    }
}

fn read(table: &'static Table, sent: Json, received_at: Timestamp, report: &mut Report) -> Draft {
    let mut draft = Draft::default();
    let members = match sent {
        Json::Object(members) => members,
        other => {
            report.problem("", &Problem::WrongType { expected: "an object", found: other.kind() });
            return draft;
        }
    };
    let (mut known, unknown): (HashMap<_, _>, Vec<_>) = sort(table, members);
    let window = Window::around(received_at);
    for field in table.fields {
        let sent = known.remove(field.name).unwrap_or(Json::Null);
        if let Some(value) = field.read(sent, &window, report) {
            draft.set(field.name, value);
        }
    }
    for name in unknown {
        let is_ours = table.set_by_server.contains(&name.as_str());
        let problem = if is_ours { Problem::SetByServer } else { Problem::UnknownField };
        report.listed_problem(|| pointer_to("", &name), &problem);
    }
    draft
}

/// The members that are fields of the type, by name, and the names of the others in their order.
pub(crate) fn sort(table: &Table, members: Vec<(String, Json)>) -> (HashMap<String, Json>, Vec<String>) {
    let (known, unknown): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(name, _)| table.position(name).is_some());
    (known.into_iter().collect(), unknown.into_iter().map(|(name, _)| name).collect())
}

/// Where an error about a place belongs: with the place's field, else behind all fields.
pub(crate) fn rank(table: &Table, pointer: &str) -> usize {
    let name = pointer.split('/').nth(1).unwrap_or_default();
    table.position(name).unwrap_or(table.fields.len())
}

/// A table that lacks a field of its record; a test of every type keeps this from happening.
pub(crate) fn unmade() -> FieldError {
    let message = "the record could not be made from its fields".to_owned();
    FieldError { pointer: String::new(), code: Problem::Required.code(), message }
}
