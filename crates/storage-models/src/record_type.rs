//! Which of the four kinds a record is.

use std::fmt;

/// The four kinds of audit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// One action on a cluster; the only kind that is embedded and searched by meaning.
    Remediation,
    /// One analysis by a model, of one remediation.
    AiAnalysis,
    /// One workflow run for a remediation.
    Workflow,
    /// One step executed for a remediation.
    Execution,
}

impl RecordType {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Remediation, Self::AiAnalysis, Self::Workflow, Self::Execution];

    /// The last path segment under `/api/v1/audit/`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Remediation => "remediation",
            Self::AiAnalysis => "aianalysis",
            Self::Workflow => "workflow",
            Self::Execution => "execution",
        }
    }

    /// The table that holds it.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Remediation => "remediation_audit",
            Self::AiAnalysis => "ai_analysis_audit",
            Self::Workflow => "workflow_audit",
            Self::Execution => "execution_audit",
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}
