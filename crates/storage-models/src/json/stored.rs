//! How large a document becomes in the database.

use super::Json;
use super::number::Literal;

impl Json {
    /// Bytes of the text that PostgreSQL makes of it as `jsonb`, which is what every reader gets: numbers are written
    /// with all their digits (`1e308` has 309), and a space follows each comma and colon. Nothing is built for it.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        match self {
            Self::Null => 4,
            Self::Bool(flag) => {
                if *flag {
                    4
                } else {
                    5
                }
            }
            Self::Number(literal) => number(literal),
            Self::String(text) => string(text),
            Self::Array(items) => between(items.iter().map(Self::stored_bytes)),
            Self::Object(members) => {
                between(members.iter().map(|(key, value)| string(key) + 2 + value.stored_bytes()))
            }
        }
    }
}

/// Brackets, and a comma with a space between two parts.
fn between(parts: impl ExactSizeIterator<Item = usize>) -> usize {
    let separators = 2 * parts.len().saturating_sub(1);
    2 + separators + parts.sum::<usize>()
}

fn number(literal: &str) -> usize {
    let stored = Literal::of(literal).and_then(|literal| usize::try_from(literal.stored_length()).ok());
    stored.unwrap_or(literal.len())
}

/// `escape_json` in PostgreSQL's source.
fn string(text: &str) -> usize {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' | 8 | b'\t' | b'\n' | 12 | b'\r' => 2,
        0..b' ' => 6,
        _ => 1,
    };
    2 + text.bytes().map(byte).sum::<usize>()
}
