//! Which records are meant: one plain struct per record type, and the one function that turns it into SQL.

mod audit_filter;
mod checked_filter;
mod conditions;
mod de;
mod define;
mod digest;
mod duration;
mod extra;
mod field_conditions;
mod fields;
mod filter_conditions;
mod metadata;
mod note;
mod records;
#[cfg(test)]
mod tests;
mod times;
mod value;
mod values;

pub use audit_filter::AuditFilter;
pub use checked_filter::CheckedFilter;
pub(crate) use conditions::Conditions;
pub(crate) use digest::{Digest, digest};
pub use duration::DurationRange;
pub(crate) use fields::Fields;
pub use metadata::MetadataValues;
pub use note::FilterNote;
pub use records::{AiAnalysisFilter, ExecutionFilter, RemediationFilter, WorkflowFilter};
pub(crate) use times::{Range, Times};
pub(crate) use value::check_text;

/// The most values that one field of a filter may list.
pub const MAX_VALUES: usize = 100;

/// The most days of the time of writing for a list that no other filter narrows.
pub const MAX_WRITTEN_DAYS: i64 = 31;

/// The most keys of `metadata` that a filter may name.
pub const MAX_METADATA_KEYS: usize = 10;
