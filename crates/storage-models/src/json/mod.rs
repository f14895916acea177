//! JSON whose numbers keep their value.
//!
//! `serde_json::Value` turns integers beyond 64 bits into floating point and keeps the last of two equal
//! keys; an audit store may do neither. [`Json`] keeps every number as its literal, and [`Json::parse`]
//! reports what it cannot keep, by JSON pointer (RFC 6901).

mod canonical;
mod error;
mod fault;
mod items;
mod keys;
mod number;
mod parse;
mod pointer;
mod read;
mod scan;
mod stored;
#[cfg(test)]
mod tests;
mod text;

pub use error::{JsonError, MAX_DEPTH, MAX_NUMBER_LENGTH};
pub use fault::{JsonFault, JsonFaultKind, MAX_FAULTS, MAX_TOKEN_LENGTH};
pub use items::{ItemLimits, Items};
pub use parse::{BYTES_PER_VALUE, Parsed};
pub use pointer::{is_key_of, pointer_to};
pub use text::JsonText;

use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value. Object members keep their order; numbers keep their literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written, within the range of f64.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, its members in order, no key twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The kind of the value, for error messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// How deeply arrays and objects are nested: 0 for a plain value, 1 for a flat object.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(literal) => {
                RawValue::from_string(literal.clone()).map_err(S::Error::custom)?.serialize(serializer)
            }
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
