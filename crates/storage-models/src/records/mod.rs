//! The four records: what is read and what is written.

mod ai_analysis;
mod execution;
mod remediation;
mod workflow;

pub use ai_analysis::{AiAnalysis, NewAiAnalysis};
pub use execution::{Execution, NewExecution};
pub use remediation::{NewRemediation, Remediation, RemediationUpdate};
pub use workflow::{NewWorkflow, Workflow, WorkflowUpdate};

use serde::Serialize;

use crate::fields::Members;
use crate::{RecordType, Timestamp};

/// A record of any type that is valid and not yet stored.
#[derive(Debug, Clone, PartialEq)]
pub enum NewRecord {
    /// See [`NewRemediation`].
    Remediation(NewRemediation),
    /// See [`NewAiAnalysis`].
    AiAnalysis(NewAiAnalysis),
    /// See [`NewWorkflow`].
    Workflow(NewWorkflow),
    /// See [`NewExecution`].
    Execution(NewExecution),
}

impl NewRecord {
    /// Which kind it is.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        match self {
            Self::Remediation(_) => RecordType::Remediation,
            Self::AiAnalysis(_) => RecordType::AiAnalysis,
            Self::Workflow(_) => RecordType::Workflow,
            Self::Execution(_) => RecordType::Execution,
        }
    }

    /// The time that decides which monthly partition holds it.
    #[must_use]
    pub const fn partition_time(&self) -> Timestamp {
        match self {
            Self::Remediation(record) => record.start_time,
            Self::AiAnalysis(record) => record.timestamp,
            Self::Workflow(record) => record.start_time,
            Self::Execution(record) => record.start_time,
        }
    }

    /// Bytes of its free texts and metadata once it is stored, which are most of a large record.
    #[must_use]
    pub fn bulk(&self) -> usize {
        match self {
            Self::Remediation(record) => bulk(RecordType::Remediation, record),
            Self::AiAnalysis(record) => bulk(RecordType::AiAnalysis, record),
            Self::Workflow(record) => bulk(RecordType::Workflow, record),
            Self::Execution(record) => bulk(RecordType::Execution, record),
        }
    }

    /// The remediation it belongs to; `None` for a remediation itself.
    #[must_use]
    pub const fn parent(&self) -> Option<i64> {
        match self {
            Self::Remediation(_) => None,
            Self::AiAnalysis(record) => Some(record.remediation_id),
            Self::Workflow(record) => Some(record.remediation_id),
            Self::Execution(record) => Some(record.remediation_id),
        }
    }
}

/// A stored record of any type. Serializes as the record itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Record {
    /// See [`Remediation`].
    Remediation(Remediation),
    /// See [`AiAnalysis`].
    AiAnalysis(AiAnalysis),
    /// See [`Workflow`].
    Workflow(Workflow),
    /// See [`Execution`].
    Execution(Execution),
}

impl Record {
    /// Which kind it is.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        match self {
            Self::Remediation(_) => RecordType::Remediation,
            Self::AiAnalysis(_) => RecordType::AiAnalysis,
            Self::Workflow(_) => RecordType::Workflow,
            Self::Execution(_) => RecordType::Execution,
        }
    }

    /// The number that identifies it among the records of its type.
    #[must_use]
    pub const fn id(&self) -> i64 {
        match self {
            Self::Remediation(record) => record.id,
            Self::AiAnalysis(record) => record.id,
            Self::Workflow(record) => record.id,
            Self::Execution(record) => record.id,
        }
    }

    /// Bytes of its free texts and metadata, which are most of a large record.
    #[must_use]
    pub fn bulk(&self) -> usize {
        match self {
            Self::Remediation(record) => record.bulk(),
            Self::AiAnalysis(record) => bulk(RecordType::AiAnalysis, record),
            Self::Workflow(record) => bulk(RecordType::Workflow, record),
            Self::Execution(record) => bulk(RecordType::Execution, record),
        }
    }

    /// Its version: `updated_at` in microseconds, or `created_at` for types that are never updated.
    #[must_use]
    pub fn version(&self) -> i64 {
        match self {
            Self::Remediation(record) => record.updated_at,
            Self::AiAnalysis(record) => record.created_at,
            Self::Workflow(record) => record.updated_at,
            Self::Execution(record) => record.created_at,
        }
        .micros()
    }
}

/// A valid update of a record of a type that can be updated.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordUpdate {
    /// See [`RemediationUpdate`].
    Remediation(RemediationUpdate),
    /// See [`WorkflowUpdate`].
    Workflow(WorkflowUpdate),
}

/// Bytes of the fields that can make up most of a record.
fn bulk(record_type: RecordType, record: &impl Members) -> usize {
    let bulky = record_type.fields().iter().filter(|field| field.kind.is_bulky());
    bulky.map(|field| record.value(field.name).stored_bytes()).sum()
}
