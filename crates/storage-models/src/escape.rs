//! Text in which a browser would run something is stored escaped, and can be had back as it was sent.
//!
//! [`escape`] is undone by [`unescape`]. A stored text alone does not say whether it was escaped: `&lt;b&gt;` may have
//! been sent so. The record's [`Alterations`] name each escaped value, and [`sent_text`] and [`sent_document`] read
//! them.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::{Alterations, Altered, Json};

/// The characters that can make markup of a text, and the references that stand for them.
const REFERENCES: [(char, &str); 3] = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")];

/// The text with `&amp;`, `&lt;` and `&gt;` for `&`, `<` and `>`. As HTML it is text and nothing else.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match REFERENCES.iter().find(|(character, _)| *character == c) {
            Some((_, reference)) => escaped.push_str(reference),
            None => escaped.push(c),
        }
    }
    escaped
}

/// Undoes [`escape`]: replaces the three references in one pass, and nothing else.
#[must_use]
pub fn unescape(text: &str) -> Cow<'_, str> {
    let Some((before, mut rest)) = split_reference(text) else { return Cow::Borrowed(text) };
    let mut plain = String::with_capacity(text.len());
    plain.push_str(before);
    while let Some((character, behind)) = reference_at(rest) {
        plain.push(character);
        let Some((before, next)) = split_reference(behind) else {
            plain.push_str(behind);
            break;
        };
        plain.push_str(before);
        rest = next;
    }
    Cow::Owned(plain)
}

/// The text up to its first reference, and from there on.
fn split_reference(text: &str) -> Option<(&str, &str)> {
    let is_reference = |place: &usize| text.get(*place..).and_then(reference_at).is_some();
    let place = text.match_indices('&').map(|(place, _)| place).find(is_reference)?;
    text.split_at_checked(place)
}

/// The character of the reference at the beginning of the text, and the rest of the text.
fn reference_at(text: &str) -> Option<(char, &str)> {
    REFERENCES
        .iter()
        .find_map(|(character, reference)| text.strip_prefix(reference).map(|behind| (*character, behind)))
}

/// A field of free text as it was before it was escaped, if it was.
#[must_use]
pub fn sent_text<'t>(alterations: Option<&Alterations>, field: &str, stored: &'t str) -> Cow<'t, str> {
    let is_field = |pointer: &str| pointer.strip_prefix('/') == Some(field);
    if escaped_places(alterations).any(is_field) { unescape(stored) } else { Cow::Borrowed(stored) }
}

/// A field of metadata with its escaped strings unescaped.
#[must_use]
pub fn sent_document(alterations: Option<&Alterations>, field: &str, stored: Json) -> Json {
    let mut document = stored;
    let within = |pointer| within(field, pointer);
    if escaped_places(alterations).filter_map(within).any(str::is_empty) {
        unescape_strings(&mut document);
        return document;
    }
    for place in escaped_places(alterations).filter_map(within) {
        if let Some(value) = document.at_mut(place) {
            unescape_strings(value);
        }
    }
    document
}

/// The place in a field that a pointer into its record leads to, as a pointer into the field.
fn within<'p>(field: &str, pointer: &'p str) -> Option<&'p str> {
    let place = pointer.strip_prefix('/')?.strip_prefix(field)?;
    (place.is_empty() || place.starts_with('/')).then_some(place)
}

fn escaped_places(alterations: Option<&Alterations>) -> impl Iterator<Item = &str> {
    let all = alterations.into_iter().flat_map(Alterations::iter);
    all.filter(|alteration| alteration.what == Altered::Escaped).map(|alteration| alteration.pointer.as_str())
}

fn unescape_strings(value: &mut Json) {
    match value {
        Json::String(text) => {
            if let Cow::Owned(plain) = unescape(text) {
                *text = plain;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(unescape_strings),
        Json::Object(members) => members.iter_mut().for_each(|(_, member)| unescape_strings(member)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
