//! Reading one field: what it must be is in the table of its record type.

use std::borrow::Cow;

use storage_models::fields::{Field, Kind, Presence, Value};
use storage_models::{Altered, Json};
use validator::ValidateRange as _;

use crate::handling::Rules;
use crate::metadata::Excess;
use crate::problem::Problem;
use crate::report::Report;
use crate::{metadata, number, text};

/// The value to store for the input; null if the input is empty, or wrong, which the report then says.
pub(crate) fn read(field: &Field, sent: Json, rules: &Rules, report: &mut Report) -> Value<'static> {
    let pointer = format!("/{}", field.name);
    if report.is_faulty(&pointer) {
        return Value::Null;
    }
    let read = match sent {
        Json::Object(_) | Json::Null if matches!(field.kind, Kind::Metadata) => {
            let excess = if rules.handling.is_lenient() { Excess::Replaced } else { Excess::Refused };
            return metadata::read(sent, &pointer, rules.handling, excess, report)
                .map_or(Value::Null, |json| Value::Json(Cow::Owned(json)));
        }
        Json::Null => read_nothing(field, rules),
        Json::String(sent) => read_text(field, sent, rules, &pointer, report),
        sent => read_plain(field.kind, &sent),
    };
    read.unwrap_or_else(|problem| {
        report.problem(&pointer, &problem);
        Value::Null
    })
}

fn read_nothing(field: &Field, rules: &Rules) -> Result<Value<'static>, Problem> {
    match field.presence {
        Presence::Required => Err(Problem::Required),
        Presence::Optional => Ok(Value::Null),
        Presence::Default(constant) => Ok(constant.into()),
        Presence::ReceivedAt => Ok(Value::Time(rules.window.received_at)),
    }
}

fn read_text(
    field: &Field,
    sent: String,
    rules: &Rules,
    pointer: &str,
    report: &mut Report,
) -> Result<Value<'static>, Problem> {
    let stored = match field.kind {
        Kind::Identifier(max) => text::identifier(sent, max, rules.handling)?,
        Kind::Word(_) if lacks(field, &sent) => return Err(Problem::Required),
        Kind::Word(words) => match text::word(&sent, field.kind, words) {
            Err(_) if rules.handling.is_lenient() && field.is_nullable() => {
                return Ok(without_word(field, &sent, pointer, report));
            }
            word => word?,
        },
        Kind::FreeText => text::free(sent, rules.handling)?,
        Kind::Time => return rules.window.read(&sent).map(Value::Time),
        kind => return Err(wrong_type(kind, "string")),
    };
    if lacks(field, &stored.text) {
        return Err(Problem::Required);
    }
    stored.altered.into_iter().for_each(|what| report.altered(pointer.to_owned(), what));
    stored.whole.into_iter().for_each(|whole| report.lost(field.name, whole));
    Ok(Value::Text(Cow::Owned(stored.text)))
}

/// Null for a word that is not of its set, where null can be: of all fields, severity.
fn without_word(field: &Field, sent: &str, pointer: &str, report: &mut Report) -> Value<'static> {
    report.altered(pointer.to_owned(), Altered::UnknownSeverity);
    report.lost(field.name, text::without_controls(sent).unwrap_or_else(|| sent.to_owned()));
    Value::Null
}

/// Whether the field is required and the text is none.
fn lacks(field: &Field, text: &str) -> bool {
    matches!(field.presence, Presence::Required) && text::is_blank(text)
}

/// Reads values other than text, metadata and null.
fn read_plain(kind: Kind, sent: &Json) -> Result<Value<'static>, Problem> {
    match (kind, sent) {
        (Kind::Boolean, Json::Bool(flag)) => Ok(Value::Boolean(*flag)),
        (Kind::Id | Kind::RemediationId, Json::Number(literal)) => integer(literal, 1, i64::MAX),
        (Kind::Count, Json::Number(literal)) => integer(literal, 0, i32::MAX.into()),
        (Kind::Milliseconds, Json::Number(literal)) => integer(literal, 0, i64::MAX),
        (Kind::Fraction, Json::Number(literal)) => fraction(literal),
        _ => Err(wrong_type(kind, sent.kind())),
    }
}

const fn wrong_type(kind: Kind, found: &'static str) -> Problem {
    let expected = match kind {
        Kind::Identifier(_) | Kind::Word(_) | Kind::FreeText | Kind::Time => "a string",
        Kind::Id | Kind::RemediationId | Kind::Count | Kind::Milliseconds => "an integer",
        Kind::Fraction => "a number",
        Kind::Boolean => "a boolean",
        Kind::Metadata => "an object",
        Kind::Alterations => "a list",
    };
    Problem::WrongType { expected, found }
}

fn integer(literal: &str, low: i64, high: i64) -> Result<Value<'static>, Problem> {
    let value = number::whole(literal).ok_or(Problem::NotAnInteger)?;
    i64::try_from(value)
        .ok()
        .filter(|value| value.validate_range(Some(low), Some(high), None, None))
        .map(Value::Integer)
        .ok_or_else(|| Problem::OutOfRange { low: low.to_string(), high: high.to_string() })
}

/// The nearest 64-bit floating point number, which is what the database keeps.
fn fraction(literal: &str) -> Result<Value<'static>, Problem> {
    let (low, high) = (0.0, 1.0);
    literal
        .parse::<f64>()
        .ok()
        .filter(|value| value.validate_range(Some(low), Some(high), None, None))
        .map(|value| Value::Real(value.abs()))
        .ok_or_else(|| Problem::OutOfRange { low: low.to_string(), high: high.to_string() })
}
