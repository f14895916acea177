//! The rules for text, applied to what will be stored.

use storage_models::fields::Kind;
use storage_models::identifier;
use validator::ValidateLength as _;

use crate::problem::Problem;
use crate::{MAX_FREE_TEXT_BYTES, free_text};

/// An identifier of at most `max` Unicode scalar values, as it is stored.
pub(crate) fn identifier(sent: &str, max: u64) -> Result<String, Problem> {
    let stored = identifier::sanitize(sent);
    if let Some(found) = stored.chars().find(|c| identifier::is_forbidden(*c)) {
        let before = sent.chars().take_while(|c| c.is_whitespace()).count();
        let within = sent.chars().skip(before).position(|c| c == found).unwrap_or_default();
        return Err(Problem::ForbiddenCharacter { found, position: before + within + 1 });
    }
    if stored.validate_length(None, Some(max), None) { Ok(stored) } else { Err(Problem::TooLong { max }) }
}

/// A word of a closed set, as it is stored.
pub(crate) fn word(sent: &str, kind: Kind, words: &'static [&'static str]) -> Result<String, Problem> {
    let stored = kind.as_stored(sent);
    if words.contains(&stored.as_str()) {
        Ok(stored)
    } else {
        Err(Problem::UnknownWord { found: sent.trim().to_owned(), allowed: words })
    }
}

/// What is to be stored instead of the free text of a field; `None` when it is stored as it is. The limit holds for
/// the text before it is escaped. Longer text is refused unread, which bounds the work of judging.
pub(crate) fn free(sent: &str) -> Result<Option<String>, Problem> {
    if !sent.as_bytes().validate_length(None, Some(MAX_FREE_TEXT_BYTES), None) {
        return Err(Problem::TooManyBytes { max: MAX_FREE_TEXT_BYTES });
    }
    check_characters(sent, free_text::is_control)?;
    free_text::escape_active(sent).map_err(|free_text::Unsafe| Problem::UnsafeText)
}

/// Refuses a text for the first of these characters, with its position, counted from 1.
pub(crate) fn check_characters(text: &str, is_forbidden: fn(char) -> bool) -> Result<(), Problem> {
    let mut characters = text.chars().zip(1..);
    let forbidden = characters.find(|(c, _)| is_forbidden(*c));
    forbidden.map_or(Ok(()), |(found, position)| Err(Problem::ForbiddenCharacter { found, position }))
}

/// Whether a value is a string of nothing but white space, which is no value for a required field.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
