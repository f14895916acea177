//! Why a text cannot be read, and the limits of a text.

/// Nesting beyond this is not followed, as most readers of JSON have it. Metadata may be nested less deeply (32); where a
/// digest is to stand for it, it must be read to its end.
pub const MAX_DEPTH: usize = 128;

/// Characters of one number beyond this are refused, as sent and as PostgreSQL writes it, with all its digits.
pub const MAX_NUMBER_LENGTH: i64 = 1_000;

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
        /// The expected or the unexpected text.
        reason: String,
    },
    /// It holds more values than its reader grants; nothing behind that place was read.
    #[error("more than {most} values; the first value over the limit is at line {line}, column {column}")]
    TooManyValues {
        /// How many are granted.
        most: usize,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
}
