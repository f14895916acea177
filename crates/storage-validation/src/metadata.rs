//! Metadata: a JSON object of the client's own making.
//!
//! Its strings are free text and are escaped like any other. Its keys are never altered, because two keys
//! could become one and because clients look values up by key; a key that may not be stored is refused.
//!
//! What lenient handling cuts from other fields is kept here whole, under keys of ours that begin with [`OURS`].

mod strings;

use storage_models::{Alteration, Altered, Json, JsonText};

use crate::handling::Handling;
use crate::problem::Problem;
use crate::report::Report;
use crate::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH, cut, free_text};
use strings::{Strings, Whole};

/// The prefix of our own keys.
const OURS: &str = "datastorage.";

/// The replacement of metadata that is too large or too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// The record is refused.
    Refused,
    /// A digest stands for it.
    Replaced,
}

/// A document as it is stored, and how it differs from what was sent.
struct Stored {
    document: Json,
    altered: Vec<Alteration>,
}

/// The metadata to store for the input, which is an object or null: active text is escaped, and the cut parts of other
/// fields are added as far as they fit. Faults go into the report.
pub(crate) fn read(
    sent: Json,
    pointer: &str,
    handling: Handling,
    excess: Excess,
    report: &mut Report,
) -> Option<JsonText> {
    let lost = report.take_lost();
    let is_absent = sent == Json::Null;
    if is_absent && lost.is_empty() {
        return None;
    }
    let sent = if is_absent { Json::Object(Vec::new()) } else { sent };
    let original = (excess == Excess::Replaced).then(|| sent.clone());
    let stored = match (too_much(&sent), original) {
        (None, None) => store(sent, &lost, pointer, handling, report),
        (None, Some(original)) => {
            store(sent, &lost, pointer, handling, report).or_else(|problem| match problem {
                Problem::TooLarge { .. } => store_digest(&original, &lost, pointer, report),
                problem => Err(problem),
            })
        }
        (Some(_), Some(original)) => store_digest(&original, &lost, pointer, report),
        (Some(problem), None) => Err(problem),
    };
    match stored {
        Ok(Stored { document: Json::Object(members), .. }) if is_absent && members.is_empty() => None,
        Ok(Stored { document, altered }) => {
            altered.into_iter().for_each(|it| report.altered(it.pointer, it.what));
            // A `Json` is always JSON; were it not, it could not be stored.
            JsonText::try_from(&document).ok()
        }
        // Unless the parser has said so already.
        Err(problem) if report.has_fault_below(pointer, problem.code()) => None,
        Err(problem) => {
            report.problem(pointer, &problem);
            None
        }
    }
}

/// Why a document may not be stored; looked at before anything that takes long.
fn too_much(document: &Json) -> Option<Problem> {
    let is_deep = document.depth() > MAX_METADATA_DEPTH;
    is_deep.then_some(Problem::TooDeep { max: MAX_METADATA_DEPTH }).or_else(|| too_large(document))
}

fn too_large(document: &Json) -> Option<Problem> {
    let found = document.stored_bytes();
    (found > MAX_METADATA_BYTES).then_some(Problem::TooLarge { found, max: MAX_METADATA_BYTES })
}

/// Stores a document with as much as fits of what was lost elsewhere.
fn store(
    mut document: Json,
    lost: &[(&'static str, String)],
    pointer: &str,
    handling: Handling,
    report: &mut Report,
) -> Result<Stored, Problem> {
    let mut altered = Vec::new();
    if handling.is_lenient() {
        altered = strings::remove_controls(&mut document, pointer);
    }
    let strings = Strings::judge(&document, pointer, report);
    let mut wholes = wholes(&document, lost);
    loop {
        let original = (!wholes.is_empty()).then(|| document.clone());
        let (escaped, places) =
            strings.escape(document, &wholes, pointer).map_err(|free_text::Unsafe| Problem::UnsafeText)?;
        // Escaping makes it larger, and every reader gets it as it is stored.
        match (too_large(&escaped), original) {
            (None, _) => {
                let mark = |pointer| Alteration::new(pointer, Altered::Escaped);
                altered.extend(places.into_iter().map(mark));
                return Ok(Stored { document: escaped, altered });
            }
            (Some(problem), None) => return Err(problem),
            (Some(_), Some(original)) => {
                document = original;
                leave_out_largest(&mut wholes);
            }
        }
    }
}

/// The cut parts of other fields, as far as they can fit. They never replace a key of the client.
fn wholes(document: &Json, lost: &[(&'static str, String)]) -> Vec<Whole> {
    let is_small = |(_, text): &&(&str, String)| text.len() <= MAX_METADATA_BYTES;
    let whole = |(field, text): &(&str, String)| Whole {
        key: format!("{OURS}{field}"),
        text: text.clone(),
        is_active: free_text::is_active(text),
    };
    let is_free = |whole: &Whole| match document {
        Json::Object(members) => members.iter().all(|(key, _)| *key != whole.key),
        _ => false,
    };
    lost.iter().filter(is_small).map(whole).filter(is_free).collect()
}

fn leave_out_largest(wholes: &mut Vec<Whole>) {
    let largest = wholes.iter().map(|whole| whole.text.len()).max();
    if let Some(place) = wholes.iter().position(|whole| Some(whole.text.len()) == largest) {
        wholes.remove(place);
    }
}

/// Stores, in place of a document, how large its canonical form (RFC 8785) is, and that form's SHA-256.
fn store_digest(
    document: &Json,
    lost: &[(&'static str, String)],
    pointer: &str,
    report: &mut Report,
) -> Result<Stored, Problem> {
    let form = document.to_rfc8785();
    let digest = Json::Object(vec![
        ("bytes".to_owned(), Json::Number(form.len().to_string())),
        ("sha256".to_owned(), Json::String(cut::sha256(form.as_bytes()))),
    ]);
    let instead = Json::Object(vec![(format!("{OURS}metadata"), digest)]);
    let mut stored = store(instead, lost, pointer, Handling::Lenient, report)?;
    stored.altered.insert(0, Alteration::new(pointer.to_owned(), Altered::Replaced));
    Ok(stored)
}
