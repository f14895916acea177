//! Validation of one record.

use std::collections::HashMap;

use storage_models::fields::{Field, Kind, ToValue as _};
use storage_models::json::{Parsed, pointer_to};
use storage_models::{Alteration, Alterations, Json, NewRecord, Receipt, RecordType};

use crate::draft::Draft;
use crate::handling::Rules;
use crate::problem::Problem;
use crate::report::Report;
use crate::time::Window;
use crate::{FieldError, Handling, Invalid, checks, field};

/// The field name that the server reserves for the embedding.
const EMBEDDING: &str = "embedding";

/// A record that may be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidRecord {
    /// The record, with defaults for what was not sent, and with what the receipt says of its origin.
    pub record: NewRecord,
    /// Where text was cleaned or escaped, as JSON pointers (RFC 6901): `/name`, `/metadata/steps/0`. Trimming
    /// counts; defaults and the cutting of times to microseconds do not. When more than 100 strings of the
    /// metadata were altered, or one whose place takes more than 500 characters to name, they are named together as
    /// `/metadata`.
    pub sanitized_fields: Vec<String>,
    /// The places that lenient handling changed, likewise.
    pub adjusted_fields: Vec<String>,
}

/// Validates one record of the type.
///
/// # Errors
/// When anything in it breaks a rule: everything that does, at once.
pub fn record(
    record_type: RecordType,
    input: Parsed,
    receipt: &Receipt,
    handling: Handling,
) -> Result<ValidRecord, Invalid> {
    let mut report = Report::new(input.faults);
    let rules = Rules { window: Window::around(receipt.at), handling };
    let mut draft = read(record_type, input.value, &rules, &mut report);
    for (pointer, problem) in checks::of(record_type).iter().filter_map(|check| check(&draft)) {
        report.problem(pointer, &problem);
    }
    let altered = report.finish(|pointer| rank(record_type, pointer))?;
    let (sanitized_fields, adjusted_fields) = (sanitized(&altered), adjusted(&altered));
    let alterations = Alterations::of(altered);
    draft.set("recorded_by", receipt.recorded_by.to_value());
    draft.set("correlation_id", receipt.correlation_id.to_value());
    draft.set("alterations", alterations.to_value());
    match NewRecord::of_values(record_type, |name| draft.take(name)) {
        Some(record) => Ok(ValidRecord { record, sanitized_fields, adjusted_fields }),
        None => Err(Invalid::new(vec![unmade()], 0)),
    }
}

/// The places that both kinds of handling alter.
pub(crate) fn sanitized(altered: &[Alteration]) -> Vec<String> {
    places(altered.iter().filter(|alteration| !alteration.what.is_adjustment()))
}

/// Where lenient handling alone does.
pub(crate) fn adjusted(altered: &[Alteration]) -> Vec<String> {
    places(altered.iter().filter(|alteration| alteration.what.is_adjustment()))
}

/// Each place once.
fn places<'a>(altered: impl Iterator<Item = &'a Alteration>) -> Vec<String> {
    let mut places: Vec<String> = altered.map(|alteration| alteration.pointer.clone()).collect();
    places.dedup();
    places
}

fn read(record_type: RecordType, sent: Json, rules: &Rules, report: &mut Report) -> Draft<'static> {
    let mut draft = Draft::default();
    let members = match sent {
        Json::Object(members) => members,
        other => {
            report.problem("", &Problem::WrongType { expected: "an object", found: other.kind() });
            return draft;
        }
    };
    let (mut known, unknown): (HashMap<_, _>, Vec<_>) = sort(record_type, members);
    // Metadata comes last: what the other fields lose is kept in it.
    let is_metadata = |field: &&Field| field.kind == Kind::Metadata;
    let (metadata, others): (Vec<&Field>, Vec<&Field>) = sent_fields(record_type).partition(is_metadata);
    for field in others.into_iter().chain(metadata) {
        let sent = known.remove(field.name).unwrap_or(Json::Null);
        let is_sent = sent != Json::Null;
        let value = field::read(field, sent, rules, report);
        if is_sent { draft.set(field.name, value) } else { draft.fill(field.name, value) }
    }
    refuse_unknown(record_type, unknown, report);
    draft
}

/// The fields that a client may send, in the order of the columns.
pub(crate) fn sent_fields(record_type: RecordType) -> impl Iterator<Item = &'static Field> {
    record_type.fields().iter().filter(|field| field.is_sent())
}

/// The members that are fields of the type, by name, and the names of the others in their order.
pub(crate) fn sort(
    record_type: RecordType,
    members: Vec<(String, Json)>,
) -> (HashMap<String, Json>, Vec<String>) {
    let is_known = |name: &str| sent_fields(record_type).any(|field| field.name == name);
    let (known, unknown): (Vec<_>, Vec<_>) = members.into_iter().partition(|(name, _)| is_known(name));
    (known.into_iter().collect(), unknown.into_iter().map(|(name, _)| name).collect())
}

/// Says of each of these names that no client may send it.
pub(crate) fn refuse_unknown(record_type: RecordType, names: Vec<String>, report: &mut Report) {
    for name in names {
        let is_derived = record_type == RecordType::Remediation && name == EMBEDDING;
        let is_ours = is_derived || record_type.field(&name).is_some();
        let problem = if is_ours { Problem::SetByServer } else { Problem::UnknownField };
        report.listed_problem(|| pointer_to("", &name), &problem);
    }
}

/// Where an error about a place belongs: with the place's field, else behind all fields.
pub(crate) fn rank(record_type: RecordType, pointer: &str) -> usize {
    let name = pointer.split('/').nth(1).unwrap_or_default();
    let place = sent_fields(record_type).position(|field| field.name == name);
    place.unwrap_or(record_type.fields().len())
}

/// A draft that lacks a field of its record; the test of the tables of fields keeps this from happening.
pub(crate) fn unmade() -> FieldError {
    let message = "the record could not be made from its fields".to_owned();
    FieldError { pointer: String::new(), code: Problem::Required.code(), message }
}
