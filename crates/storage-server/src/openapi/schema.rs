//! Pieces of JSON Schema, and what the kinds of fields are in it.

use serde_json::Value;
use storage_models::fields::{Kind, MAX_FREE_TEXT_BYTES, MAX_STORED_TEXT_BYTES};
use storage_models::{Altered, Phase, Severity, Status, WorkflowPhase};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{
    ArrayBuilder, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type,
};

/// No control characters, and none that separate lines or turn the direction of text.
const IDENTIFIER: &str = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";
/// As [`IDENTIFIER`], with something in it that is neither white space nor removed.
const NAME: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*",
    r"[^\s<>;()\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]",
    r"[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
);
/// Control characters but tab, newline and carriage return are refused.
const FREE_TEXT: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$";
/// As [`FREE_TEXT`], with more than white space in it.
const STATEMENT: &str = concat!(
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*",
    r"[^\s\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]",
    r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
);

/// The closed sets of the fields, by the names of their schemas.
const SETS: [(&str, &[&str]); 4] = [
    ("Phase", Phase::WORDS),
    ("WorkflowPhase", WorkflowPhase::WORDS),
    ("Status", Status::WORDS),
    ("Severity", Severity::WORDS),
];

/// Schemas by their names.
pub(crate) type Schemas = Vec<(String, RefOr<Schema>)>;

/// What a field of this kind holds. One that is `required` in a request must say something.
pub(super) fn of_field(kind: Kind, required: bool) -> ObjectBuilder {
    match kind {
        Kind::Id | Kind::RemediationId => id(),
        Kind::Identifier(max) => {
            let form = if required { NAME } else { IDENTIFIER };
            pattern(form).max_length(Some(usize::from(max)))
        }
        Kind::Word(all) => {
            let named = SETS.iter().find(|(_, set)| *set == all);
            words(all.iter().copied()).title(named.map(|(name, _)| *name))
        }
        Kind::FreeText => {
            let form = if required { STATEMENT } else { FREE_TEXT };
            pattern(form).max_length(usize::try_from(MAX_FREE_TEXT_BYTES).ok())
        }
        Kind::Metadata | Kind::Alterations => free(),
        Kind::Time => time(),
        Kind::Count => integer(0, i64::from(i32::MAX)),
        Kind::Milliseconds => whole().minimum(Some(0)),
        Kind::Fraction => fraction(),
        Kind::Boolean => of(Type::Boolean),
    }
}

/// What a field of this kind holds as it is stored.
pub(super) fn of_stored(kind: Kind) -> ObjectBuilder {
    match kind {
        Kind::FreeText => pattern(FREE_TEXT).max_length(usize::try_from(MAX_STORED_TEXT_BYTES).ok()),
        kind => of_field(kind, false),
    }
}

fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(kind))
}

fn whole() -> ObjectBuilder {
    of(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

/// The number of a record.
pub(crate) fn id() -> ObjectBuilder {
    whole().minimum(Some(1))
}

/// A whole number between two, both included.
pub(crate) fn integer(low: i64, high: i64) -> ObjectBuilder {
    whole().minimum(Some(low)).maximum(Some(high))
}

/// A number from 0 to 1.
pub(crate) fn fraction() -> ObjectBuilder {
    of(Type::Number).minimum(Some(0)).maximum(Some(1))
}

/// An instant.
pub(crate) fn time() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

/// Any text.
pub(crate) fn text() -> ObjectBuilder {
    of(Type::String)
}

/// Text of this form.
pub(crate) fn pattern(pattern: &str) -> ObjectBuilder {
    text().pattern(Some(pattern))
}

/// A JSON object with anything in it.
pub(crate) fn free() -> ObjectBuilder {
    of(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// One of some words.
pub(crate) fn words(all: impl IntoIterator<Item = impl Into<String>>) -> ObjectBuilder {
    text().enum_values(Some(all.into_iter().map(|word| Value::String(word.into()))))
}

/// One of some words, which have a schema of this name.
pub(crate) fn set(name: &str, all: impl IntoIterator<Item = impl Into<String>>) -> ObjectBuilder {
    words(all).title(Some(name))
}

/// The same, or null.
pub(crate) fn nullable(schema: ObjectBuilder) -> Object {
    let mut object = schema.build();
    if let SchemaType::Type(kind) = object.schema_type.clone() {
        object.schema_type = SchemaType::from_iter([kind, Type::Null]);
    }
    if let Some(words) = object.enum_values.as_mut() {
        words.push(Value::Null);
    }
    object
}

/// Where a record differs from what was sent, or null.
pub(super) fn alterations(meaning: &str) -> RefOr<Schema> {
    let pointer = text().description(Some("Where, as a JSON pointer into the record."));
    let what = set("AlterationKind", Altered::WORDS.iter().copied()).description(Some("How it differs."));
    let place =
        closed().property("pointer", pointer).required("pointer").property("what", what).required("what");
    let list = list_of(place.build()).schema_type(SchemaType::from_iter([Type::Array, Type::Null]));
    Schema::Array(list.description(Some(meaning)).build()).into()
}

/// A schema of the components, by its name.
pub(crate) fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

/// A list.
pub(crate) fn list_of(item: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(item.into())
}

/// An object that has no members but those it names.
pub(crate) fn closed() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Object))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

/// One extension of the document.
pub(crate) fn extension(name: &str, value: Value) -> Option<Extensions> {
    Some([(name, value)].into_iter().collect())
}
