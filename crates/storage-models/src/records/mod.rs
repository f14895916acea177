//! The four record types: for reading and for writing.

mod ai_analysis;
mod bulk;
mod execution;
mod remediation;
mod workflow;

pub use ai_analysis::{AiAnalysis, NewAiAnalysis};
pub use execution::{Execution, NewExecution};
pub use remediation::{NewRemediation, Remediation, RemediationUpdate};
pub use workflow::{NewWorkflow, Workflow, WorkflowUpdate};

use serde::Serialize;

use crate::fields::{Members as _, Value};
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
    /// Makes one of a value for each field that a client may send; `None` where one is missing or of another type.
    pub fn of_values<'v>(
        record_type: RecordType,
        value: impl FnMut(&'static str) -> Value<'v>,
    ) -> Option<Self> {
        match record_type {
            RecordType::Remediation => NewRemediation::of_values(value).map(Self::Remediation),
            RecordType::AiAnalysis => NewAiAnalysis::of_values(value).map(Self::AiAnalysis),
            RecordType::Workflow => NewWorkflow::of_values(value).map(Self::Workflow),
            RecordType::Execution => NewExecution::of_values(value).map(Self::Execution),
        }
    }

    /// The value of one of its fields; [`Value::Null`] if it has no field of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Value<'_> {
        match self {
            Self::Remediation(record) => record.value(name),
            Self::AiAnalysis(record) => record.value(name),
            Self::Workflow(record) => record.value(name),
            Self::Execution(record) => record.value(name),
        }
    }

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
        bulk::bulk(self.record_type(), |name| self.value(name))
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
#[expect(clippy::large_enum_variant, reason = "most records are remediations, which are the largest")]
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

    /// The value of one of its fields; [`Value::Null`] if it has no field of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Value<'_> {
        match self {
            Self::Remediation(record) => record.value(name),
            Self::AiAnalysis(record) => record.value(name),
            Self::Workflow(record) => record.value(name),
            Self::Execution(record) => record.value(name),
        }
    }

    /// Makes one of a value for each field; `None` where one is missing or of another type.
    pub fn of_values<'v>(
        record_type: RecordType,
        value: impl FnMut(&'static str) -> Value<'v>,
    ) -> Option<Self> {
        match record_type {
            RecordType::Remediation => Remediation::of_values(value).map(Self::Remediation),
            RecordType::AiAnalysis => AiAnalysis::of_values(value).map(Self::AiAnalysis),
            RecordType::Workflow => Workflow::of_values(value).map(Self::Workflow),
            RecordType::Execution => Execution::of_values(value).map(Self::Execution),
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
        bulk::bulk(self.record_type(), |name| self.value(name))
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

impl RecordUpdate {
    /// Makes one of a value for each field that may change; `None` where one is missing or of another type, and for a
    /// type whose records never change.
    pub fn of_values<'v>(
        record_type: RecordType,
        value: impl FnMut(&'static str) -> Value<'v>,
    ) -> Option<Self> {
        match record_type {
            RecordType::Remediation => RemediationUpdate::of_values(value).map(Self::Remediation),
            RecordType::Workflow => WorkflowUpdate::of_values(value).map(Self::Workflow),
            RecordType::AiAnalysis | RecordType::Execution => None,
        }
    }

    /// Which kind of record it is for.
    #[must_use]
    pub const fn record_type(&self) -> RecordType {
        match self {
            Self::Remediation(_) => RecordType::Remediation,
            Self::Workflow(_) => RecordType::Workflow,
        }
    }

    /// The new value of one of the fields that may change; [`Value::Null`] if it has no field of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Value<'_> {
        match self {
            Self::Remediation(update) => update.value(name),
            Self::Workflow(update) => update.value(name),
        }
    }
}
