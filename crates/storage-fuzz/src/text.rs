//! Text that clients send and others will read.

use storage_models::escape::sent_text;
use storage_models::json::Parsed;
use storage_models::{Json, NewRecord, NewRemediation, RecordType};
use storage_validation::{Handling, MAX_FREE_TEXT_BYTES, ValidRecord};

use crate::receipt::receipt;

/// Takes a text as a name, as free text and within metadata. What is stored is stored again as it is, nothing in a
/// name can open or close markup, what is altered is said, and free text comes back as it was sent. Lenient handling
/// refuses no free text but for U+0000.
pub fn sanitizer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some((stored, altered)) = stored("name", text) {
        assert!(!stored.name.contains(['<', '>', ';']), "{:?}", stored.name);
        assert_eq!(altered, stored.name != text, "{text:?} became {:?}", stored.name);
        again("name", &stored.name, |record| Some(record.name.clone()));
    }
    if let Some((stored, altered)) = stored("error_message", text) {
        let message = stored.error_message.unwrap_or_default();
        assert_eq!(altered, message != text, "{text:?} became {message:?}");
        let sent = sent_text(stored.alterations.as_ref(), "error_message", &message);
        assert_eq!(sent, text, "what was sent does not come back from {message:?}");
        if u64::try_from(message.len()).is_ok_and(|length| length <= MAX_FREE_TEXT_BYTES) {
            again("error_message", &message, |record| record.error_message.clone());
        }
    }
    let is_bent = made("error_message", text, Handling::Lenient).is_some();
    assert_eq!(is_bent, !text.contains('\0'), "{text:?} in lenient handling");
}

/// What has been stored once is stored a second time, unaltered.
fn again(field: &'static str, text: &str, value: fn(&NewRemediation) -> Option<String>) {
    let (twice, altered) = stored(field, text).expect("what was stored is valid");
    assert_eq!(value(&twice).as_deref(), Some(text), "twice is not once");
    assert!(!altered, "{text:?} was altered again");
}

/// The record with `text` in one of its fields, and whether that was altered; none when it is refused.
fn stored(field: &'static str, text: &str) -> Option<(NewRemediation, bool)> {
    let ValidRecord { record, sanitized_fields, .. } = made(field, text, Handling::Strict)?;
    let NewRecord::Remediation(record) = record else { return None };
    let pointer = format!("/{field}");
    Some((record, sanitized_fields.contains(&pointer)))
}

fn made(field: &'static str, text: &str, handling: Handling) -> Option<ValidRecord> {
    let word = |word: &str| Json::String(word.to_owned());
    let mut members = vec![
        ("name", word("a")),
        ("namespace", word("b")),
        ("phase", word("pending")),
        ("action_type", word("c")),
        ("metadata", Json::Object([("text".to_owned(), word(text))].into_iter().collect())),
    ];
    members.retain(|(name, _)| *name != field);
    members.push((field, word(text)));
    let value = Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let parsed = Parsed { value, faults: Vec::new() };
    storage_validation::record(RecordType::Remediation, parsed, &receipt(), handling).ok()
}
