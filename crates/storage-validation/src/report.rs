//! Gathers the faults of a record and the alterations.

use std::collections::HashSet;

use storage_models::json::JsonFault;
use storage_models::{Alteration, Altered};

use crate::problem::{Problem, excerpt};
use crate::{FieldError, Invalid};

/// Errors that the client's own keys can cause, kept at most.
const MAX_LISTED: usize = 200;

/// Characters of a pointer kept at most.
pub(crate) const MAX_POINTER: usize = 500;

/// Everything found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    faults: Vec<JsonFault>,
    faulty: HashSet<String>,
    errors: Vec<FieldError>,
    omitted: usize,
    altered: Vec<Alteration>,
    lost: Vec<(&'static str, String)>,
}

impl Report {
    /// Begins with what strict parsing found.
    pub(crate) fn new(faults: Vec<JsonFault>) -> Self {
        let faulty = faults.iter().map(|fault| fault.pointer.clone()).collect();
        Self { faults, faulty, ..Self::default() }
    }

    /// Whether parsing already found a fault at this place, so that its value has no meaning.
    pub(crate) fn is_faulty(&self, pointer: &str) -> bool {
        self.faulty.contains(pointer)
    }

    /// Whether parsing found a fault of that code anywhere below a place.
    pub(crate) fn has_fault_below(&self, pointer: &str, code: &str) -> bool {
        let is_below = |place: &str| place.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
        self.faults.iter().any(|fault| fault.kind.code() == code && is_below(&fault.pointer))
    }

    /// Notes a problem of a field of the type.
    pub(crate) fn problem(&mut self, pointer: &str, problem: &Problem) {
        if !self.is_faulty(pointer) {
            self.errors.push(error(pointer, problem));
        }
    }

    /// Notes a problem of a place that the client named, of which there may be any number.
    pub(crate) fn listed_problem(&mut self, pointer: impl FnOnce() -> String, problem: &Problem) {
        if self.errors.len() < MAX_LISTED {
            self.problem(&pointer(), problem);
        } else {
            self.omitted += 1;
        }
    }

    /// Notes that the stored value at a place differs from the sent one.
    pub(crate) fn altered(&mut self, pointer: String, what: Altered) {
        self.altered.push(Alteration::new(pointer, what));
    }

    /// Notes the whole of a field of which only a part, or nothing, is stored.
    pub(crate) fn lost(&mut self, field: &'static str, whole: String) {
        self.lost.push((field, whole));
    }

    /// Whether anything was lost that has not been taken.
    pub(crate) const fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// The cut parts of fields, which the metadata may keep.
    pub(crate) fn take_lost(&mut self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut self.lost)
    }

    /// The altered places, or everything that is wrong. `rank` orders either by the place they are about.
    pub(crate) fn finish(mut self, rank: impl Fn(&str) -> usize) -> Result<Vec<Alteration>, Invalid> {
        for fault in std::mem::take(&mut self.faults) {
            // Several faults of one place are one error.
            if self.faulty.remove(&fault.pointer) {
                self.listed_problem(|| fault.pointer, &Problem::Unkeepable(fault.kind));
            }
        }
        if self.errors.is_empty() {
            self.altered.sort_by_key(|alteration| rank(&alteration.pointer));
            return Ok(self.altered);
        }
        self.errors.sort_by_key(|error| rank(&error.pointer));
        Err(Invalid::new(self.errors, self.omitted))
    }
}

/// One problem of one place.
pub(crate) fn error(pointer: &str, problem: &Problem) -> FieldError {
    FieldError { pointer: clip(pointer), code: problem.code(), message: problem.message(&name_of(pointer)) }
}

/// How a message names a place: a field by its name, a place in it by its path.
fn name_of(pointer: &str) -> String {
    match pointer.strip_prefix('/') {
        Some(path) => excerpt(path),
        None => "the record".to_owned(),
    }
}

/// A pointer short enough to be sent back.
fn clip(pointer: &str) -> String {
    match pointer.char_indices().nth(MAX_POINTER) {
        Some((end, _)) => format!("{}…", pointer.get(..end).unwrap_or_default()),
        None => pointer.to_owned(),
    }
}
