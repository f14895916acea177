//! Which records are meant: one plain struct per record type, and the one function that turns it into SQL.

mod conditions;
mod de;
mod define;
mod digest;
mod duration;
mod extra;
mod metadata;
mod records;
#[cfg(test)]
mod tests;
mod valid;
mod value;
mod values;

pub(crate) use conditions::Conditions;
pub use define::AuditFilter;
pub(crate) use digest::{Digest, digest};
pub use duration::DurationRange;
pub use metadata::MetadataValues;
pub use records::{AiAnalysisFilter, ExecutionFilter, RemediationFilter, WorkflowFilter};
pub use valid::Valid;
pub(crate) use value::check_text;

/// The most values that one field of a filter may list.
pub const MAX_VALUES: usize = 100;

/// The most keys of `metadata` that a filter may name.
pub const MAX_METADATA_KEYS: usize = 10;
