//! What fields and parameters hold, as JSON Schema.

use serde_json::{Value, json};
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
const FREE_TEXT: &str = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*$";
/// As [`FREE_TEXT`], with more than white space in it.
const STATEMENT: &str = concat!(
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*",
    r"[^\s\u0000-\u0008\u000b\u000c\u000e-\u001f]",
    r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*$"
);

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The number of a record.
    Id,
    /// A whole number between two, both included.
    Integer(i64, i64),
    /// A number from 0 to 1.
    Fraction,
    /// True or false.
    Flag,
    /// A time in RFC 3339.
    Time,
    /// One of some words.
    Word(Vec<&'static str>),
    /// A name of so many characters at most.
    Identifier(usize),
    /// Text of so many bytes at most.
    FreeText(usize),
    /// Any text.
    Text,
    /// A JSON object with anything in it.
    Free,
}

impl Kind {
    /// Its schema. A value that is `required` in a request must say something.
    pub(crate) fn schema(&self, required: bool) -> ObjectBuilder {
        let of = |kind: Type| ObjectBuilder::new().schema_type(SchemaType::new(kind));
        match self {
            Self::Id => of(Type::Integer).format(int64()).minimum(Some(1)),
            Self::Integer(low, high) => {
                of(Type::Integer).format(int64()).minimum(Some(*low)).maximum(Some(*high))
            }
            Self::Fraction => of(Type::Number).minimum(Some(0)).maximum(Some(1)),
            Self::Flag => of(Type::Boolean),
            Self::Time => of(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
            Self::Word(all) => words(all.iter().copied()),
            Self::Identifier(max) => of(Type::String).max_length(Some(*max)).pattern(Some(if required {
                NAME
            } else {
                IDENTIFIER
            })),
            Self::FreeText(max) => of(Type::String).max_length(Some(*max)).pattern(Some(if required {
                STATEMENT
            } else {
                FREE_TEXT
            })),
            Self::Text => of(Type::String),
            Self::Free => of(Type::Object).additional_properties(Some(AdditionalProperties::FreeForm(true))),
        }
    }
}

fn int64() -> Option<SchemaFormat> {
    Some(SchemaFormat::KnownFormat(KnownFormat::Int64))
}

/// One of some words.
pub(crate) fn words(all: impl IntoIterator<Item = impl Into<String>>) -> ObjectBuilder {
    let all = all.into_iter().map(|word| Value::String(word.into()));
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(all))
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
    Some([(name, json!(value))].into_iter().collect())
}
