//! The strings of a document: which of them are active, and what is told of them.

use storage_models::json::pointer_to;
use storage_models::{Altered, Json, identifier};

use crate::problem::Problem;
use crate::report::{MAX_POINTER, Report};
use crate::{free_text, text};

/// Active strings that are escaped and named one by one; beyond, and where the place of one takes more than
/// [`MAX_POINTER`] characters to name, all strings are escaped and the whole document is named.
const MAX_NAMED: usize = 100;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Strings {
    /// Whether each is active, in the order in which they stand.
    verdicts: Vec<bool>,
    /// Places of the active ones, [`MAX_NAMED`] and one more at most.
    places: Vec<String>,
}

/// A place in the document; its pointer is spelled only when it is needed, since a long key may stand in
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

impl Strings {
    /// Looks at every string and key of the document found at `pointer`; what may not be stored goes into the report.
    pub(super) fn judge(document: &Json, pointer: &str, report: &mut Report) -> Self {
        let mut strings = Self::default();
        strings.visit(document, &Path::Root(pointer), report);
        strings
    }

    fn visit(&mut self, value: &Json, path: &Path<'_>, report: &mut Report) {
        match value {
            Json::String(text) => self.visit_string(text, path, report),
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(item, &Path::Index(path, index), report);
                }
            }
            Json::Object(members) => {
                for (key, value) in members {
                    self.visit_member(key, value, &Path::Key(path, key), report);
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    fn visit_member(&mut self, key: &str, value: &Json, path: &Path<'_>, report: &mut Report) {
        if let Err(problem) = check_key(key) {
            report.listed_problem(|| path.pointer(), &problem);
            // One place, one error; below it, there are others.
            if matches!(value, Json::String(_)) {
                self.verdicts.push(false);
                return;
            }
        }
        self.visit(value, path, report);
    }

    fn visit_string(&mut self, text: &str, path: &Path<'_>, report: &mut Report) {
        if let Err(problem) = text::check_characters(text, free_text::is_control) {
            report.listed_problem(|| path.pointer(), &problem);
            self.verdicts.push(false);
            return;
        }
        let is_active = free_text::is_active(text);
        self.verdicts.push(is_active);
        if is_active && self.places.len() <= MAX_NAMED {
            self.places.push(path.pointer());
        }
    }

    /// Escapes the active strings of the document that was judged, and notes where.
    pub(super) fn escape(self, document: &mut Json, pointer: &str, report: &mut Report) {
        let is_long = |place: &String| place.chars().nth(MAX_POINTER).is_some();
        let is_whole = self.places.len() > MAX_NAMED || self.places.iter().any(is_long);
        if self.places.is_empty() {
            return;
        }
        let mut chosen = self.verdicts.into_iter().map(|is_active| is_active || is_whole);
        if escape(document, &mut chosen).is_err() {
            report.problem(pointer, &Problem::UnsafeText);
        }
        let places = if is_whole { vec![pointer.to_owned()] } else { self.places };
        places.into_iter().for_each(|place| report.altered(place, Altered::Escaped));
    }
}

/// Escapes those strings of a value that are chosen, in the order in which they stand.
fn escape(value: &mut Json, chosen: &mut impl Iterator<Item = bool>) -> Result<(), free_text::Unsafe> {
    match value {
        Json::String(text) => {
            if chosen.next().unwrap_or_default() {
                *text = free_text::escape_safely(text)?;
            }
            Ok(())
        }
        Json::Array(items) => items.iter_mut().try_for_each(|item| escape(item, chosen)),
        Json::Object(members) => members.iter_mut().try_for_each(|(_, member)| escape(member, chosen)),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn check_key(key: &str) -> Result<(), Problem> {
    text::check_characters(key, identifier::is_forbidden)?;
    if free_text::is_active(key) { Err(Problem::ForbiddenMarkup) } else { Ok(()) }
}
