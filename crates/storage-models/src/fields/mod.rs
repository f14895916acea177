//! The fields of each record type, as data: the one place that says what a record is made of.
//!
//! Validation, filters, CSV, OpenAPI, the statements' column lists, the vector index's payload and the metrics' labels
//! read [`RecordType::fields`]. The structs are written by hand; a struct inside `members!` can be read and made by
//! the names of its fields ([`Members`]).

mod columns;
mod field;
mod members;
mod tables;
#[cfg(test)]
mod tests;
mod value;

pub use field::{
    Change, EXAMPLE_ID, Field, Kind, MAX_FREE_TEXT_BYTES, MAX_STORED_TEXT_BYTES, Presence, SetBy,
};
pub(crate) use members::members;
pub use members::{Member, Members};
pub use value::{Constant, FromValue, ToValue, Value};

use crate::RecordType;

impl RecordType {
    /// Its fields, in the order of the columns and of the record's JSON.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::Remediation => tables::REMEDIATION,
            Self::AiAnalysis => tables::AI_ANALYSIS,
            Self::Workflow => tables::WORKFLOW,
            Self::Execution => tables::EXECUTION,
        }
    }

    /// Its field of this name.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The names of its fields with commas between, as a statement selects them.
    #[must_use]
    pub const fn columns(self) -> &'static str {
        match self {
            Self::Remediation => columns::REMEDIATION,
            Self::AiAnalysis => columns::AI_ANALYSIS,
            Self::Workflow => columns::WORKFLOW,
            Self::Execution => columns::EXECUTION,
        }
    }
}
