//! The rules for text, applied to what will be stored.

use storage_models::fields::Kind;
use storage_models::{Altered, identifier};
use validator::ValidateLength as _;

use crate::handling::Handling;
use crate::problem::Problem;
use crate::{MAX_FREE_TEXT_BYTES, controls, cut, free_text};

/// A text as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) text: String,
    /// How it differs from what was sent.
    pub(crate) altered: Vec<Altered>,
    /// The whole of it, when it was cut.
    pub(crate) whole: Option<String>,
}

impl Stored {
    const fn as_sent(text: String) -> Self {
        Self { text, altered: Vec::new(), whole: None }
    }

    /// Takes another text instead, if there is one.
    fn becomes(&mut self, text: Option<String>, what: Altered) {
        if let Some(text) = text {
            self.text = text;
            self.altered.push(what);
        }
    }

    fn cut(&mut self, shorten: impl FnOnce(&str) -> String) {
        let short = shorten(&self.text);
        self.whole = Some(std::mem::replace(&mut self.text, short));
        self.altered.push(Altered::Cut);
    }
}

/// An identifier of at most `max` Unicode scalar values, as it is stored.
pub(crate) fn identifier(sent: String, max: u16, handling: Handling) -> Result<Stored, Problem> {
    let mut stored = Stored::as_sent(sent);
    if handling.is_lenient() {
        stored.becomes(controls::remove(&stored.text, is_removable), Altered::ControlsRemoved);
    }
    let clean = identifier::sanitize(&stored.text);
    if let Some(found) = clean.chars().find(|c| identifier::is_forbidden(*c)) {
        let before = stored.text.chars().take_while(|c| c.is_whitespace()).count();
        let within = stored.text.chars().skip(before).position(|c| c == found).unwrap_or_default();
        return Err(Problem::ForbiddenCharacter { found, position: before + within + 1 });
    }
    stored.becomes((clean != stored.text).then_some(clean), Altered::Cleaned);
    if !stored.text.validate_length(None, Some(u64::from(max)), None) {
        if !handling.is_lenient() {
            return Err(Problem::TooLong { max: max.into() });
        }
        stored.cut(|whole| cut::identifier(whole, max.into()));
    }
    Ok(stored)
}

/// A word of a closed set, as it is stored.
pub(crate) fn word(sent: &str, kind: Kind, words: &'static [&'static str]) -> Result<Stored, Problem> {
    let mut stored = Stored::as_sent(sent.to_owned());
    let word = kind.as_stored(sent);
    if !words.contains(&word.as_str()) {
        return Err(Problem::UnknownWord { found: sent.trim().to_owned(), allowed: words });
    }
    stored.becomes((word != sent).then_some(word), Altered::Cleaned);
    Ok(stored)
}

/// The free text of a field, as it is stored. The limit holds for the text before it is escaped. Longer text is refused
/// or cut unread, which bounds the work of judging.
pub(crate) fn free(sent: String, handling: Handling) -> Result<Stored, Problem> {
    let mut stored = Stored::as_sent(sent);
    if handling.is_lenient() {
        stored.becomes(without_controls(&stored.text), Altered::ControlsRemoved);
    }
    if !stored.text.as_bytes().validate_length(None, Some(MAX_FREE_TEXT_BYTES), None) {
        if !handling.is_lenient() {
            return Err(Problem::TooManyBytes { max: MAX_FREE_TEXT_BYTES });
        }
        let max = usize::try_from(MAX_FREE_TEXT_BYTES).unwrap_or(usize::MAX);
        stored.cut(|whole| cut::free_text(whole, max));
    }
    check_characters(&stored.text, free_text::is_control)?;
    let escaped = free_text::escape_active(&stored.text).map_err(|free_text::Unsafe| Problem::UnsafeText)?;
    stored.becomes(escaped, Altered::Escaped);
    Ok(stored)
}

/// A free text without its control characters; `None` when it has none.
pub(crate) fn without_controls(text: &str) -> Option<String> {
    controls::remove(text, |c| free_text::is_control(c) && is_removable(c))
}

/// NUL is refused in every handling.
fn is_removable(c: char) -> bool {
    c.is_control() && c != '\0'
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
