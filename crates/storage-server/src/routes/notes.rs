//! Notes on the values of a filter, in the answer.

use serde::Serialize;
use storage_query::{AuditFilter, FilterNote};
use utoipa::ToSchema;

/// The header of an answer that has no room beside its records, as it is documented.
pub(super) const HEADER: &str = "X-Filter-Notes";
/// The same as it is sent.
pub(super) const HEADER_NAME: &str = "x-filter-notes";

/// A filter value that the service compares in another form than the given one: the form in which it stores values.
#[derive(Serialize, ToSchema)]
#[schema(as = FilterNote)]
pub(super) struct Note {
    /// The parameter.
    #[schema(examples("namespace"))]
    parameter: String,
    /// The value in the request.
    #[schema(examples(" payments"))]
    given: String,
    /// The value that the service compares with records.
    #[schema(examples("payments"))]
    compared: String,
}

/// The notes of a filter.
pub(super) fn of(filter: &impl AuditFilter) -> Vec<Note> {
    let note =
        |FilterNote { parameter, given, compared, .. }: FilterNote| Note { parameter, given, compared };
    filter.notes().iter().cloned().map(note).collect()
}

/// The parameters that have notes, as a header lists them; `None` without any. The values may be longer than a header.
pub(super) fn named(filter: &impl AuditFilter) -> Option<String> {
    let mut names: Vec<&str> = filter.notes().iter().map(|note| note.parameter.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| names.join(", "))
}
