//! Metadata: a JSON object of the client's own making.
//!
//! Its strings are free text and are sanitized like any other. Its keys are never altered, because two keys
//! could become one and because clients look values up by key; a key that may not be stored is refused.

use storage_models::json::pointer_to;
use storage_models::{Altered, Json, JsonText, identifier};

use crate::problem::Problem;
use crate::report::{MAX_POINTER, Report};
use crate::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH, free_text, text};

/// Altered places that are named one by one; beyond, and where a place takes more than [`MAX_POINTER`] characters to name, the
/// whole field is named.
const MAX_NAMED: usize = 100;

/// Checks and sanitizes metadata found at `pointer`; what is wrong goes into the report.
pub(crate) fn read(mut value: Json, pointer: &str, report: &mut Report) -> Option<JsonText> {
    if value.depth() > MAX_METADATA_DEPTH {
        if !report.has_fault_below(pointer, "too_deep") {
            report.problem(pointer, &Problem::TooDeep { max: MAX_METADATA_DEPTH });
        }
        return None;
    }
    // Bounds the work of sanitizing; what is stored is measured below.
    measure(&value, pointer, report)?;
    let mut altered = Vec::new();
    visit(&mut value, &Path::Root(pointer), report, &mut altered);
    if altered.len() > MAX_NAMED || altered.iter().any(|place| place.chars().nth(MAX_POINTER).is_some()) {
        altered = vec![pointer.to_owned()];
    }
    if !altered.is_empty() {
        altered.into_iter().for_each(|place| report.altered(place, Altered::Cleaned));
        measure(&value, pointer, report)?;
    }
    // A `Json` is always JSON; were it not, it could not be stored.
    JsonText::try_from(&value).ok()
}

/// `None` when it would be too large to be read back, which the report then says.
fn measure(value: &Json, pointer: &str, report: &mut Report) -> Option<()> {
    let found = value.stored_bytes();
    if found <= MAX_METADATA_BYTES {
        return Some(());
    }
    report.problem(pointer, &Problem::TooLarge { found, max: MAX_METADATA_BYTES });
    None
}

/// A place in the metadata; its pointer is spelled only when it is needed, since a long key may stand in
/// many of them.
enum Path<'a> {
    Root(&'a str),
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root(pointer) => (*pointer).to_owned(),
            Self::Key(parent, key) => pointer_to(&parent.pointer(), key),
            Self::Index(parent, index) => pointer_to(&parent.pointer(), &index.to_string()),
        }
    }
}

fn visit(value: &mut Json, path: &Path<'_>, report: &mut Report, altered: &mut Vec<String>) {
    match value {
        Json::String(text) => visit_string(text, path, report, altered),
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                visit(item, &Path::Index(path, index), report, altered);
            }
        }
        Json::Object(members) => {
            for (key, value) in members {
                visit_member(key, value, &Path::Key(path, key), report, altered);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn visit_member(
    key: &str,
    value: &mut Json,
    path: &Path<'_>,
    report: &mut Report,
    altered: &mut Vec<String>,
) {
    if let Err(problem) = check_key(key) {
        report.listed_problem(|| path.pointer(), &problem);
        // One place, one error; below it, there are others.
        if matches!(value, Json::String(_)) {
            return;
        }
    }
    visit(value, path, report, altered);
}

fn visit_string(text: &mut String, path: &Path<'_>, report: &mut Report, altered: &mut Vec<String>) {
    match text::free(text) {
        Ok(None) => {}
        Ok(Some(stored)) => {
            *text = stored;
            if altered.len() <= MAX_NAMED {
                altered.push(path.pointer());
            }
        }
        Err(problem) => report.listed_problem(|| path.pointer(), &problem),
    }
}

fn check_key(key: &str) -> Result<(), Problem> {
    if let Some(c) = key.chars().find(|c| identifier::is_forbidden(*c)) {
        return Err(Problem::ForbiddenCharacter(c));
    }
    match free_text::sanitize(key) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(Problem::ForbiddenMarkup),
        Err(free_text::TooComplex) => Err(Problem::TooComplex),
    }
}
