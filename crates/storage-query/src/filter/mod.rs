//! Which records are meant: one plain struct per record type, and the one function that turns it into SQL.

mod conditions;
mod de;
mod define;
mod records;
#[cfg(test)]
mod tests;
mod valid;
mod value;

pub(crate) use conditions::Conditions;
pub use define::AuditFilter;
pub use records::{AiAnalysisFilter, ExecutionFilter, RemediationFilter, WorkflowFilter};
pub use valid::Valid;

/// The most values that one field of a filter may list.
pub const MAX_VALUES: usize = 100;
