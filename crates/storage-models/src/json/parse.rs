//! Strict parsing: everything that could not be stored unchanged is a fault with its place.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Json, pointer_to};

/// Nesting beyond this is not followed: a record's metadata (10), the record and a batch around it fit well.
pub const MAX_DEPTH: usize = 16;

/// Digits and signs of one number beyond this are refused; PostgreSQL's `numeric` holds far more.
pub const MAX_NUMBER_LENGTH: usize = 1_000;

/// Faults beyond this many are not listed: a hostile text must not grow by being described.
pub const MAX_FAULTS: usize = 100;

/// Characters of one key in a fault's pointer; the rest of a longer key is left out.
pub const MAX_TOKEN_LENGTH: usize = 256;

/// A text that is not JSON at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at line {line}, column {column}: {reason}")]
pub struct JsonError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in bytes.
    pub column: usize,
    /// What the parser expected or met.
    pub reason: String,
}

/// Something in well-formed JSON that cannot be kept unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFault {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What.
    pub kind: JsonFaultKind,
}

/// The kinds of [`JsonFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFaultKind {
    /// The same key twice in one object; which one was meant is unknowable.
    DuplicateKey,
    /// A number outside the range of f64, or longer than [`MAX_NUMBER_LENGTH`].
    NumberOutOfRange,
    /// U+0000, which PostgreSQL cannot store in text.
    NulCharacter,
    /// A string with an escape that is no character, such as half a surrogate pair.
    InvalidString,
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl JsonFaultKind {
    /// A stable code for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DuplicateKey => "duplicate_key",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::NulCharacter => "nul_character",
            Self::InvalidString => "invalid_string",
            Self::TooDeep => "too_deep",
        }
    }
}

impl fmt::Display for JsonFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateKey => "the key occurs twice in its object",
            Self::NumberOutOfRange => "the number is outside the range of a 64-bit floating point number",
            Self::NulCharacter => "the NUL character cannot be stored",
            Self::InvalidString => "the string holds an escape that is not a character",
            Self::TooDeep => "the value is nested too deeply",
        })
    }
}

/// A parsed text with everything in it that must be refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value; a faulty part stands as `null`.
    pub value: Json,
    /// The faults, in the order of the text, the first [`MAX_FAULTS`] of them. Empty means that `value` is the text.
    pub faults: Vec<JsonFault>,
}

impl Json {
    /// Reads one JSON text (RFC 8259).
    ///
    /// # Errors
    /// When the text is not JSON. What is JSON but cannot be kept is in [`Parsed::faults`].
    pub fn parse(text: &[u8]) -> Result<Parsed, JsonError> {
        let raw: &RawValue = serde_json::from_slice(text).map_err(|error| JsonError {
            line: error.line(),
            column: error.column(),
            reason: reason_of(&error),
        })?;
        let mut faults = Vec::new();
        let value = read(raw.get(), &Place::Root, 0, &mut faults);
        Ok(Parsed { value, faults })
    }
}

/// The parser's sentence without the place, which is given apart.
fn reason_of(error: &serde_json::Error) -> String {
    let sentence = error.to_string();
    sentence.split(" at line ").next().unwrap_or(&sentence).to_owned()
}

/// Where a value stands, as a chain up to the whole text; spelled out only for a fault.
enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, key) => {
                let key: String = key.chars().take(MAX_TOKEN_LENGTH).collect();
                pointer_to(&parent.pointer(), &key)
            }
            Self::Item(parent, index) => pointer_to(&parent.pointer(), &index.to_string()),
        }
    }

    fn fault(&self, kind: JsonFaultKind, faults: &mut Vec<JsonFault>) -> Json {
        if faults.len() < MAX_FAULTS {
            faults.push(JsonFault { pointer: self.pointer(), kind });
        }
        Json::Null
    }
}

fn read(raw: &str, place: &Place<'_>, depth: usize, faults: &mut Vec<JsonFault>) -> Json {
    match raw.as_bytes().first() {
        Some(b'{' | b'[') if depth >= MAX_DEPTH => place.fault(JsonFaultKind::TooDeep, faults),
        Some(b'{') => read_object(raw, place, depth, faults),
        Some(b'[') => read_array(raw, place, depth, faults),
        Some(b'"') => match serde_json::from_str::<String>(raw) {
            Ok(text) if text.contains('\0') => place.fault(JsonFaultKind::NulCharacter, faults),
            Ok(text) => Json::String(text),
            Err(_) => place.fault(JsonFaultKind::InvalidString, faults),
        },
        Some(b't') => Json::Bool(true),
        Some(b'f') => Json::Bool(false),
        Some(b'n') | None => Json::Null,
        Some(_) if in_range(raw) => Json::Number(raw.to_owned()),
        Some(_) => place.fault(JsonFaultKind::NumberOutOfRange, faults),
    }
}

fn read_object(raw: &str, place: &Place<'_>, depth: usize, faults: &mut Vec<JsonFault>) -> Json {
    let Ok(Members(members)) = serde_json::from_str(raw) else {
        // The text is well-formed, so only a key can be at fault.
        return place.fault(JsonFaultKind::InvalidString, faults);
    };
    let mut seen = HashSet::with_capacity(members.len());
    let mut object = Vec::with_capacity(members.len());
    for (key, raw) in members {
        let member = Place::Member(place, &key);
        if key.contains('\0') {
            member.fault(JsonFaultKind::NulCharacter, faults);
        } else if seen.insert(key.clone()) {
            let value = read(raw.get(), &member, depth + 1, faults);
            object.push((key, value));
        } else {
            member.fault(JsonFaultKind::DuplicateKey, faults);
        }
    }
    Json::Object(object)
}

fn read_array(raw: &str, place: &Place<'_>, depth: usize, faults: &mut Vec<JsonFault>) -> Json {
    let items: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
    let read_item =
        |(index, raw): (usize, &&RawValue)| read(raw.get(), &Place::Item(place, index), depth + 1, faults);
    Json::Array(items.iter().enumerate().map(read_item).collect())
}

/// Whether a number's value survives as f64 would hold it: neither infinite nor rounded to nothing.
fn in_range(literal: &str) -> bool {
    let is_zero = || {
        let mantissa = literal.split(['e', 'E']).next().unwrap_or_default();
        !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
    };
    literal.len() <= MAX_NUMBER_LENGTH
        && literal.parse::<f64>().is_ok_and(|value| value.is_finite() && (value != 0.0 || is_zero()))
}

/// An object's members in order, values unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
