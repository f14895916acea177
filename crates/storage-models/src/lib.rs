//! Domain types of the audit store, shared by every crate and by other services.
//!
//! The store keeps four kinds of audit record ([`RecordType`]); each has a row type that is read
//! ([`Remediation`], [`AiAnalysis`], [`Workflow`], [`Execution`]) and a type that is written
//! ([`NewRemediation`] and so on, gathered in [`NewRecord`]). [`schema`] holds the diesel tables.
//! The crate does no I/O and links no system library: diesel is used without libpq.
//!
//! | type | is |
//! |---|---|
//! | [`fields`] | what each record type is made of, as data: [`RecordType::fields`] |
//! | [`identifier`] | what becomes of a name before it is stored or compared |
//! | [`Timestamp`] | a UTC instant cut to microseconds, as PostgreSQL keeps it |
//! | [`Month`] | a month of the UTC calendar, which a record's id carries |
//! | [`Json`], [`JsonText`] | JSON whose numbers keep their value, whatever their size |
//! | [`Alterations`], [`escape`] | where a record differs from what was sent, and how its texts are had back |
//! | [`Embedding`] | a vector of exactly 384 finite numbers |
//! | [`IncidentKey`] | what records of one incident have in common |
//! | [`ErrorCode`] | why an operation failed, free of any transport |
//! | [`DatabaseFault`] | what a failed statement means, from what diesel tells of it |

mod database_fault;
mod embedding;
mod enums;
mod error_code;
pub mod escape;
pub mod fields;
pub mod identifier;
mod incident_key;
pub mod json;
mod month;
mod other_word;
mod provenance;
mod record_type;
mod records;
pub mod schema;
mod timestamp;

pub use database_fault::DatabaseFault;
pub use embedding::{Embedding, EmbeddingError, VectorSql, WordsSql};
pub use enums::{Altered, Phase, Severity, Status, UnknownValue, WorkflowPhase};
pub use error_code::ErrorCode;
pub use incident_key::IncidentKey;
pub use json::{Json, JsonError, JsonText};
pub use month::Month;
pub use other_word::OtherWord;
pub use provenance::{Alteration, Alterations, Receipt};
pub use record_type::RecordType;
pub use records::{
    AiAnalysis, Execution, NewAiAnalysis, NewExecution, NewRecord, NewRemediation, NewWorkflow, Record,
    RecordUpdate, Remediation, RemediationUpdate, Workflow, WorkflowUpdate,
};
pub use timestamp::{ParseTimestampError, Timestamp};
