//! The refusal of a record.

use storage_models::ErrorCode;

/// One thing wrong with one place of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The place, as a JSON pointer (RFC 6901) into the record; empty for the record as a whole. A pointer of
    /// more than 500 characters, which only a client's own keys can make, is cut there and ends in `…`.
    pub pointer: String,
    /// The fault, for programs. The crate's documentation lists the codes.
    pub code: &'static str,
    /// The fault, for people. It repeats at most 100 characters of the input, with control characters escaped.
    pub message: String,
}

/// A record that breaks a rule. Holds everything that is wrong with it, in the order of the type's fields,
/// then what belongs to no field in the order it was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(errors, *omitted))]
pub struct Invalid {
    errors: Vec<FieldError>,
    omitted: usize,
}

impl Invalid {
    /// The caller has at least one error.
    pub(crate) const fn new(errors: Vec<FieldError>, omitted: usize) -> Self {
        Self { errors, omitted }
    }

    /// The faults; never empty.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The faults; never empty.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// The number of errors that [`Self::errors`] does not list. Only unknown fields and metadata can have that many;
    /// the errors of known fields are always listed.
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// The cause in the words that every crate shares.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::Invalid
    }
}

fn summary(errors: &[FieldError], omitted: usize) -> String {
    let mut messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
    let more = format!("and {omitted} more");
    if omitted > 0 {
        messages.push(&more);
    }
    messages.join("; ")
}
