//! The rules for text, applied to what will be stored.

use validator::ValidateLength as _;

use crate::problem::Problem;
use crate::{MAX_FREE_TEXT_BYTES, free_text, identifier};

/// An identifier of at most `max` Unicode scalar values, as it is stored.
pub(crate) fn identifier(sent: &str, max: u64) -> Result<String, Problem> {
    let stored = identifier::sanitize(sent);
    if let Some(c) = stored.chars().find(|c| identifier::is_forbidden(*c)) {
        return Err(Problem::ForbiddenCharacter(c));
    }
    if stored.validate_length(None, Some(max), None) { Ok(stored) } else { Err(Problem::TooLong { max }) }
}

/// A word of a closed set, trimmed.
pub(crate) fn word(sent: &str, words: &'static [&'static str]) -> Result<String, Problem> {
    let stored = sent.trim();
    if words.contains(&stored) {
        Ok(stored.to_owned())
    } else {
        Err(Problem::UnknownWord { found: stored.to_owned(), allowed: words })
    }
}

/// [`free`] for a field, which takes at most [`MAX_FREE_TEXT_BYTES`]. Longer text is refused unread, which
/// bounds the work of sanitizing.
pub(crate) fn bounded_free(sent: &str) -> Result<Option<String>, Problem> {
    check_bytes(sent)?;
    let stored = free(sent)?;
    stored.as_deref().map_or(Ok(()), check_bytes)?;
    Ok(stored)
}

fn check_bytes(text: &str) -> Result<(), Problem> {
    let max = MAX_FREE_TEXT_BYTES;
    if text.as_bytes().validate_length(None, Some(max), None) {
        Ok(())
    } else {
        Err(Problem::TooManyBytes { max })
    }
}

/// What is to be stored instead of a free text; `None` when it is stored as it is.
pub(crate) fn free(sent: &str) -> Result<Option<String>, Problem> {
    check_characters(sent)?;
    let stored = free_text::sanitize(sent).map_err(|free_text::TooComplex| Problem::TooComplex)?;
    if let Some(stored) = &stored {
        // Character references become characters.
        check_characters(stored)?;
    }
    Ok(stored)
}

fn check_characters(text: &str) -> Result<(), Problem> {
    let is_forbidden = |c: &char| *c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    text.chars().find(is_forbidden).map_or(Ok(()), |c| Err(Problem::ForbiddenCharacter(c)))
}

/// Whether a value is a string of nothing but white space, which is no value for a required field.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
