//! Strict parsing: everything that could not be stored unchanged is a fault with its place.

use super::Json;
use super::fault::{JsonFault, Place};
use super::read::Reader;

/// Nesting beyond this is not followed, as most readers of JSON have it. Metadata may be nested less deeply (32); where a
/// digest is to stand for it, it must be read to its end.
pub const MAX_DEPTH: usize = 128;

/// Characters of one number beyond this are refused, as sent and as PostgreSQL writes it, with all its digits.
pub const MAX_NUMBER_LENGTH: i64 = 1_000;

/// Bytes of a body's limit that allow one value in it. A value takes more in memory than in a text, the smallest ones
/// most.
pub const BYTES_PER_VALUE: usize = 8;

/// Why a text was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// There is nothing in it, or white space alone.
    #[error("the text is empty: send one JSON value")]
    Empty,
    /// It is not JSON.
    #[error("malformed JSON at line {line}, column {column}: {reason}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
        /// What was expected or met.
        reason: String,
    },
    /// It holds more values than its reader grants; nothing behind that place was read.
    #[error("more than {most} values, the first of them too many at line {line}, column {column}")]
    TooManyValues {
        /// How many are granted.
        most: usize,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
}

/// A parsed text with everything in it that must be refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The value; a faulty part stands as `null`.
    pub value: Json,
    /// The faults, in the order of the text, the first [`super::MAX_FAULTS`] of them. Empty means that `value` is the
    /// text.
    pub faults: Vec<JsonFault>,
}

impl Json {
    /// Reads one JSON text (RFC 8259) whose size is bounded already, such as one that is stored.
    ///
    /// # Errors
    /// When the text is not JSON. What is JSON but cannot be kept is in [`Parsed::faults`].
    pub fn parse(text: &[u8]) -> Result<Parsed, JsonError> {
        Self::parse_within(text, usize::MAX)
    }

    /// As [`Self::parse`], for a text of at most so many values: arrays, objects, and what is in them.
    ///
    /// # Errors
    /// When the text is not JSON or holds more values.
    pub fn parse_within(text: &[u8], values: usize) -> Result<Parsed, JsonError> {
        let mut reader = Reader::new(text, 0)?;
        reader.grant(values);
        if reader.token().is_none() {
            return Err(JsonError::Empty);
        }
        let value = reader.value(&Place::Root, 0)?;
        reader.end()?;
        Ok(Parsed { value, faults: reader.take_faults() })
    }
}
