//! Which of a record's values make up the text that is embedded, and how.
//!
//! Chosen by measurement: `docs/decisions/encoder.md` has the figures.

mod excerpt;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::excerpt::excerpt;
use crate::words::{spell_out, split_identifier, split_text};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use storage_models::escape::unescape;
use storage_models::{Alterations, Altered, IncidentKey};

/// Version of [`compose`] and [`compose_query`]: it grows whenever either gives another text for
/// the same input, since vectors of different texts are not to be compared.
pub const COMPOSITION_VERSION: u32 = 2;

/// The values of a remediation record that a composition may use.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordText<'a> {
    /// The record's name; used only when nothing else gives a word.
    pub name: &'a str,
    /// The action, such as `restart-pod`.
    pub action_type: &'a str,
    /// The object of the action.
    pub target_name: Option<&'a str>,
    /// The phase. Not part of the text: filters find it, and in the text it blurs the rest.
    pub phase: &'a str,
    /// The status. Not part of the text, as the phase.
    pub status: &'a str,
    /// The alert behind it, such as `KubePodCrashLooping`.
    pub alert_name: Option<&'a str>,
    /// The severity. Not part of the text, as the phase.
    pub severity: Option<&'a str>,
    /// The error, in a machine's words.
    pub error_message: Option<&'a str>,
    /// The metadata object as JSON; its top-level strings `reason` and `message` are used.
    pub metadata: Option<&'a str>,
    /// Where the record differs from what was sent: what was escaped is read as it was.
    pub alterations: Option<&'a Alterations>,
}

impl RecordText<'_> {
    /// A stored text as it was before it was escaped; `within` is the value that it may be a part of.
    fn sent<'t>(&self, pointer: &str, within: Option<&str>, text: &'t str) -> Cow<'t, str> {
        let is_named = |named: &str| named == pointer || Some(named) == within;
        let mut alterations = self.alterations.into_iter().flat_map(Alterations::iter);
        if alterations.any(|it| it.what == Altered::Escaped && is_named(&it.pointer)) {
            unescape(text)
        } else {
            Cow::Borrowed(text)
        }
    }
}

/// The strings of the metadata that have a meaning.
#[derive(Default, Deserialize)]
struct MetadataTexts {
    reason: Option<Value>,
    message: Option<Value>,
}

/// The text to embed for a record: never empty unless the record's name is blank too.
#[must_use]
pub fn compose(record: &RecordText<'_>) -> String {
    let texts: MetadataTexts =
        record.metadata.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let error = record.sent("/error_message", None, record.error_message.unwrap_or_default());
    let [reason, message] = [("/metadata/reason", &texts.reason), ("/metadata/message", &texts.message)]
        .map(|(pointer, value)| record.sent(pointer, Some("/metadata"), string(value.as_ref())));
    let parts = [
        split_identifier(record.alert_name.unwrap_or_default()),
        split_text(&excerpt(&reason)),
        split_text(&excerpt(&error)),
        split_text(&excerpt(&message)),
        split_identifier(record.action_type),
        split_identifier(record.target_name.unwrap_or_default()),
    ];
    let texts = parts.iter().filter(|part| !part.is_empty()).map(|part| spell_out(part));
    let text = texts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { or_folded(&split_identifier(record.name), record.name) } else { text }
}

/// The incident of a record: the first bytes of the SHA-256 of its text without the action and its object. It depends
/// only on the record's alert, reason, error and message. If the record has none of them, it depends on the name, so
/// that records without information are not one incident.
#[must_use]
pub fn incident_key(record: &RecordText<'_>) -> IncidentKey {
    let text = compose(&RecordText { action_type: "", target_name: None, ..*record });
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut key = [0; IncidentKey::LENGTH];
    key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    IncidentKey::new(key)
}

/// The text to embed for a search.
#[must_use]
pub fn compose_query(query: &str) -> String {
    or_folded(&split_text(query), query)
}

/// `words` spelt out, or when there are none, what they were made of with white space folded.
fn or_folded(words: &str, original: &str) -> String {
    if words.is_empty() {
        original.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        spell_out(words)
    }
}

fn string(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}
