//! Metadata: a JSON object of the client's own making.
//!
//! Its strings are free text and are escaped like any other. Its keys are never altered, because two keys
//! could become one and because clients look values up by key; a key that may not be stored is refused.

mod strings;

use storage_models::{Json, JsonText};

use crate::problem::Problem;
use crate::report::Report;
use crate::{MAX_METADATA_BYTES, MAX_METADATA_DEPTH};
use strings::Strings;

/// Checks metadata found at `pointer`, and escapes what is active in it; what is wrong goes into the report.
pub(crate) fn read(mut value: Json, pointer: &str, report: &mut Report) -> Option<JsonText> {
    if let Some(problem) = excess(&value) {
        refuse(&problem, pointer, report);
        return None;
    }
    let strings = Strings::judge(&value, pointer, report);
    strings.escape(&mut value, pointer, report);
    // Escaping makes it larger, and every reader gets it as it is stored.
    if let Some(problem) = too_large(&value) {
        report.problem(pointer, &problem);
        return None;
    }
    // A `Json` is always JSON; were it not, it could not be stored.
    JsonText::try_from(&value).ok()
}

/// Why a document may not be stored; looked at before anything that takes long.
fn excess(value: &Json) -> Option<Problem> {
    let is_deep = value.depth() > MAX_METADATA_DEPTH;
    is_deep.then_some(Problem::TooDeep { max: MAX_METADATA_DEPTH }).or_else(|| too_large(value))
}

fn too_large(value: &Json) -> Option<Problem> {
    let found = value.stored_bytes();
    (found > MAX_METADATA_BYTES).then_some(Problem::TooLarge { found, max: MAX_METADATA_BYTES })
}

/// Says why; unless the parser has said it already.
fn refuse(problem: &Problem, pointer: &str, report: &mut Report) {
    if !report.has_fault_below(pointer, problem.code()) {
        report.problem(pointer, problem);
    }
}
