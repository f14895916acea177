//! Faults of well-formed JSON that a record may not have, with their places.

use std::fmt;

use super::{Json, pointer_to};

/// Faults beyond this many are not listed: a hostile text must not grow by being described.
pub const MAX_FAULTS: usize = 100;

/// Characters of one key in a fault's pointer; the rest of a longer key is left out.
pub const MAX_TOKEN_LENGTH: usize = 256;

/// Something in well-formed JSON that cannot be kept unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFault {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// The kind.
    pub kind: JsonFaultKind,
}

/// The kinds of [`JsonFault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFaultKind {
    /// The same key twice in one object; which one was meant is unknowable.
    DuplicateKey,
    /// A number outside the range of f64.
    NumberOutOfRange,
    /// A number longer than [`super::MAX_NUMBER_LENGTH`], as sent or as stored.
    NumberTooLong,
    /// U+0000, which PostgreSQL cannot store in text.
    NulCharacter,
    /// A string with an escape that is no character, such as half a surrogate pair.
    InvalidString,
    /// Deeper than [`super::MAX_DEPTH`].
    TooDeep,
}

impl JsonFaultKind {
    /// A stable code for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::DuplicateKey => "duplicate_key",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::NumberTooLong => "number_too_long",
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
            Self::NumberTooLong => {
                "the number has more than 1,000 characters, as sent or written without an exponent; send it as a string"
            }
            Self::NulCharacter => "the NUL character cannot be stored",
            Self::InvalidString => "the string holds an escape that is not a character",
            Self::TooDeep => "the value is nested too deeply",
        })
    }
}

/// Where a value stands, as a chain up to the whole text; spelled out only for a fault.
#[derive(Clone, Copy)]
pub(super) enum JsonPath<'a> {
    Root,
    Member(&'a JsonPath<'a>, &'a str),
    Item(&'a JsonPath<'a>, usize),
}

impl JsonPath<'_> {
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

    /// Notes a fault of this place; what stands there instead.
    pub(super) fn fault(&self, kind: JsonFaultKind, faults: &mut Vec<JsonFault>) -> Json {
        if faults.len() < MAX_FAULTS {
            faults.push(JsonFault { pointer: self.pointer(), kind });
        }
        Json::Null
    }
}
