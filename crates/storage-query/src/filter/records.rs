//! The filters of the four record types.

use std::time::Duration;

use storage_models::{Phase, RecordType, Severity, Status, WorkflowPhase};

use super::define::filter;
use super::{DurationRange, MetadataValues};
use crate::TimeBound;

filter! {
    /// Which remediations are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    ///
    /// ```
    /// use storage_models::{Phase, Timestamp};
    /// use storage_query::{AuditFilter, RemediationFilter};
    ///
    /// let built = RemediationFilter::default().namespace("prod").namespace("stage").phase(Phase::Failed);
    /// let read = RemediationFilter::from_pairs([("namespace", "prod,stage"), ("phase", "failed")])?;
    /// assert_eq!(built, read);
    ///
    /// let valid = read.check(Timestamp::now())?;
    /// # Ok::<(), storage_query::InvalidParameters>(())
    /// ```
    RemediationFilter of Remediation by "start_time" and "created_since", "created_until", "updated_since", "updated_until" {
        name: String,
        namespace: String,
        phase: Phase,
        action_type: String,
        target_name: String,
        status: Status,
        environment: String,
        cluster: String,
        remediation_request_id: String,
        alert_name: String,
        alert_fingerprint: String,
        severity: Severity,
        recorded_by: String,
    } and {
        /// How long it took.
        duration: DurationRange ["min_duration", "max_duration"],
        /// What it says under keys of its own.
        metadata: MetadataValues [],
    }
}

impl RemediationFilter {
    /// Accepts these phases and no others.
    pub(crate) fn set_phases(&mut self, phases: &[Phase]) {
        self.values.set(RecordType::Remediation.fields(), "phase", phases);
    }

    /// Says nothing of this field any more.
    pub(crate) fn forget(&mut self, field: &str) {
        self.values.forget(RecordType::Remediation.fields(), field);
    }

    /// Only records that ended and took at least this long.
    #[must_use]
    pub const fn min_duration(mut self, duration: Duration) -> Self {
        self.duration.min = Some(duration);
        self
    }

    /// Only records that ended and took at most this long.
    #[must_use]
    pub const fn max_duration(mut self, duration: Duration) -> Self {
        self.duration.max = Some(duration);
        self
    }

    /// Also accepts this value of this top-level key of `metadata`; see [`MetadataValues`].
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.add(key, value);
        self
    }
}

macro_rules! changed {
    ($($filter:ident),+) => {$(
        impl $filter {
            /// Only records that last changed not before `bound`.
            #[must_use]
            pub fn updated_since(mut self, bound: impl Into<TimeBound>) -> Self {
                self.updated.since = Some(bound.into());
                self
            }

            /// Only records that last changed before `bound`.
            #[must_use]
            pub fn updated_until(mut self, bound: impl Into<TimeBound>) -> Self {
                self.updated.until = Some(bound.into());
                self
            }
        }
    )+};
}

changed!(RemediationFilter, WorkflowFilter);

filter! {
    /// Which analyses are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    AiAnalysisFilter of AiAnalysis by "timestamp" and "created_since", "created_until" {
        remediation_id: i64,
        analysis_type: String,
        model: String,
        recorded_by: String,
    }
}

filter! {
    /// Which workflow runs are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    WorkflowFilter of Workflow by "start_time" and "created_since", "created_until", "updated_since", "updated_until" {
        remediation_id: i64,
        workflow_name: String,
        phase: WorkflowPhase,
        status: Status,
        recorded_by: String,
    }
}

filter! {
    /// Which executions are meant: all of them, unless a field says otherwise; every field that does must
    /// match.
    ExecutionFilter of Execution by "start_time" and "created_since", "created_until" {
        remediation_id: i64,
        action_type: String,
        target_kind: String,
        target_name: String,
        namespace: String,
        status: Status,
        dry_run: bool,
        recorded_by: String,
    }
}
