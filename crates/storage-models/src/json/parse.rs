//! Strict parsing: everything that could not be stored unchanged is a fault with its place.

use super::Json;
use super::error::JsonError;
use super::fault::{JsonFault, JsonPath};
use super::read::Reader;

/// Bytes of a body's limit that allow one value in it. A value takes more in memory than in a text, the smallest ones
/// most.
pub const BYTES_PER_VALUE: usize = 8;

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
    /// When the text is not JSON. JSON that cannot be stored is in [`Parsed::faults`].
    pub fn parse(text: &[u8]) -> Result<Parsed, JsonError> {
        Self::parse_within(text, usize::MAX)
    }

    /// As [`Self::parse`], for a text of at most `values` values: arrays, objects, and their items and members.
    ///
    /// # Errors
    /// When the text is not JSON or holds more values.
    pub fn parse_within(text: &[u8], values: usize) -> Result<Parsed, JsonError> {
        let mut reader = Reader::new(text, 0)?;
        reader.grant(values);
        if reader.token().is_none() {
            return Err(JsonError::Empty);
        }
        let value = reader.value(&JsonPath::Root, 0)?;
        reader.end()?;
        Ok(Parsed { value, faults: reader.take_faults() })
    }
}
