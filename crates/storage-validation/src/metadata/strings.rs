//! The active strings of a document, and how they are named.

use storage_models::json::pointer_to;
use storage_models::{Alteration, Altered, Json, identifier};

use crate::problem::Problem;
use crate::report::{MAX_POINTER, Report};
use crate::{free_text, text};

/// Strings that are named one by one; beyond, and where the place of one takes more than [`MAX_POINTER`] characters to
/// name, the whole document is named, and if they are active all its strings are escaped.
const MAX_NAMED: usize = 100;

/// The whole of what a field had to lose, under a key of ours.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) key: String,
    pub(super) text: String,
    pub(super) is_active: bool,
}

/// The strings that were found.
#[derive(Debug, Default)]
pub(super) struct Strings {
    /// Whether each is active, in the order in which they stand.
    verdicts: Vec<bool>,
    /// Where the active ones are.
    active: Places,
}

/// Places of strings, [`MAX_NAMED`] and one more at most.
#[derive(Debug, Default, Clone)]
struct Places(Vec<String>);

impl Places {
    fn add(&mut self, path: &Path<'_>) {
        if self.0.len() <= MAX_NAMED {
            self.0.push(path.pointer());
        }
    }

    /// Whether the document is named instead of them.
    fn are_whole(&self) -> bool {
        let is_long = |place: &String| place.chars().nth(MAX_POINTER).is_some();
        self.0.len() > MAX_NAMED || self.0.iter().any(is_long)
    }

    /// The pointers to name for the document at `pointer`.
    fn named(self, pointer: &str) -> Vec<String> {
        if self.are_whole() { vec![pointer.to_owned()] } else { self.0 }
    }
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
        if is_active {
            self.active.add(path);
        }
    }

    /// The document that was judged, found at `pointer`, with what is added to it, active strings escaped; and what of it
    /// is escaped.
    pub(super) fn escape(
        &self,
        mut document: Json,
        added: &[Whole],
        pointer: &str,
    ) -> Result<(Json, Vec<String>), free_text::Unsafe> {
        let mut places = self.active.clone();
        let root = Path::Root(pointer);
        added.iter().filter(|it| it.is_active).for_each(|it| places.add(&Path::Key(&root, &it.key)));
        let is_whole = places.are_whole();
        if let Json::Object(members) = &mut document {
            members.extend(added.iter().map(|it| (it.key.clone(), Json::String(it.text.clone()))));
        }
        let verdicts = self.verdicts.iter().copied().chain(added.iter().map(|it| it.is_active));
        escape(&mut document, &mut verdicts.map(|is_active| is_active || is_whole))?;
        Ok((document, places.named(pointer)))
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

/// Takes the control characters out of every string of the document found at `pointer`.
pub(super) fn remove_controls(document: &mut Json, pointer: &str) -> Vec<Alteration> {
    let mut places = Places::default();
    without_controls(document, &Path::Root(pointer), &mut places);
    let mark = |pointer| Alteration::new(pointer, Altered::ControlsRemoved);
    places.named(pointer).into_iter().map(mark).collect()
}

fn without_controls(value: &mut Json, path: &Path<'_>, places: &mut Places) {
    match value {
        Json::String(text) => {
            if let Some(kept) = text::without_controls(text) {
                *text = kept;
                places.add(path);
            }
        }
        Json::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                without_controls(item, &Path::Index(path, index), places);
            }
        }
        Json::Object(members) => {
            for (key, member) in members {
                without_controls(member, &Path::Key(path, key), places);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
